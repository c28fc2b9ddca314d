"""Jobs of one priority in fair order: Discord servers take turns, and the people within each. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from typing import Final

from bot.domain.jobs import Job

SAME_MODEL_WINDOW: Final = 2
"""Of the next so many people of this round, one whose job needs the model of the last job goes first, and the one who
was passed over has the next turn. With more, the slowest person waits longer than 1.5 times the median."""


@dataclass(eq=False)
class QueuedJob:
    """A waiting job.

    Attributes:
        job: As it was when it began to wait.
        server: The ComfyUI server that prepares the job; no other one takes it.
        ready: False while the job's prompt is being written: it keeps its place, and the others go ahead.
        is_new: False for a job that was served before: it counted against the limits when it was accepted.

    """

    job: Job
    server: str | None = None
    ready: bool = True
    is_new: bool = True

    @property
    def model(self) -> Hashable:
        """Equal for jobs that need the same models: the workflow version, and the LoRAs that were asked for."""
        return self.job.workflow_hash, self.job.request.overrides.get("lora")

    def may_go_to(self, server: str | None) -> bool:
        """Whether the ComfyUI server may take it; None: any."""
        return server is None or (self.ready and self.server in {None, server})


@dataclass(eq=False)
class _Person:
    """One person's jobs in the order of acceptance; `round` is the one in which the next of them is served."""

    round: int
    entries: deque[QueuedJob] = field(default_factory=deque[QueuedJob])
    in_turn: int = 0
    """How many jobs were served in the present turn."""
    was_passed_over: bool = False
    """Another person went first in this round, because of the model."""


@dataclass(eq=False)
class _Guild:
    """The people of one Discord server who have waiting jobs; the first has the next turn."""

    people: dict[int, _Person] = field(default_factory=dict[int, _Person])


@dataclass(frozen=True)
class Pick:
    """An entry that is to be served, and where it stands."""

    entry: QueuedJob
    guild_id: int | None
    person_id: int


class FairLine:
    """Waiting jobs of one priority.

    Args:
        jobs_per_turn: How many jobs a person has served before the next one's turn.

    """

    def __init__(self, jobs_per_turn: int = 1) -> None:
        self._jobs_per_turn = jobs_per_turn
        self._guilds: dict[int | None, _Guild] = {}
        self._claimed: list[QueuedJob] = []
        """What ComfyUI servers prepare; each goes before the others, so that no second one is prepared in its place."""
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def copy(self) -> FairLine:
        """The same line; what is served of it stays in this one."""
        other = FairLine(self._jobs_per_turn)
        other._size = self._size
        other._claimed = list(self._claimed)
        for guild_id, guild in self._guilds.items():
            people = {key: replace(one, entries=deque(one.entries)) for key, one in guild.people.items()}
            other._guilds[guild_id] = _Guild(people)
        return other

    def append(self, entry: QueuedJob) -> None:
        """Behind the other jobs of its requester. A person without waiting jobs gets a turn after those who wait."""
        self._person(entry).entries.append(entry)
        self._size += 1

    def prepend(self, entry: QueuedJob) -> None:
        """A job that was served before: in front of all."""
        person = self._person(entry)
        person.entries.appendleft(entry)
        self._size += 1
        guild_id, person_id = _place(entry.job)
        guild = self._guilds.pop(guild_id)
        self._guilds = {guild_id: guild, **self._guilds}
        person.round = min(one.round for one in guild.people.values())
        del guild.people[person_id]
        guild.people = {person_id: person, **guild.people}

    def claim(self, entry: QueuedJob, server: str) -> None:
        """The ComfyUI server prepares the job: it is the next one for that server, and for no other."""
        if entry.server is None:
            self._claimed.append(entry)
        entry.server = server

    def remove(self, entry: QueuedJob) -> None:
        """Take a job out that was cancelled; turns stay as they are."""
        self._forget_claim(entry)
        guild_id, person_id = _place(entry.job)
        person = self._guilds[guild_id].people[person_id]
        person.entries.remove(entry)
        self._size -= 1
        self._drop_if_empty(guild_id, person_id)

    def pick(self, server: str | None, last_model: Hashable) -> Pick | None:
        """What the ComfyUI server would be given now; it stays in the line.

        Args:
            server: A ComfyUI server; None: the first of all.
            last_model: `QueuedJob.model` of what that server ran last.

        """
        for entry in self._claimed:
            if entry.may_go_to(server):
                return Pick(entry, *_place(entry.job))
        for guild_id, guild in self._guilds.items():
            if found := _pick_of_guild(guild, server, last_model):
                return Pick(found[1], guild_id, found[0])
        return None

    def serve(self, pick: Pick) -> None:
        """Remove what was picked; the turn goes on to the next person and the next Discord server."""
        self._forget_claim(pick.entry)
        guild = self._guilds[pick.guild_id]
        person = guild.people[pick.person_id]
        first = next(iter(guild.people.values()))
        first.was_passed_over = first is not person
        person.entries.remove(pick.entry)
        self._size -= 1
        person.in_turn += 1
        if person.in_turn < self._jobs_per_turn and person.entries:
            return
        person.in_turn = 0
        first_round = next(iter(guild.people.values())).round
        person.round = max(person.round, first_round) + 1
        guild.people[pick.person_id] = guild.people.pop(pick.person_id)
        self._guilds[pick.guild_id] = self._guilds.pop(pick.guild_id)
        self._drop_if_empty(pick.guild_id, pick.person_id)

    def _forget_claim(self, entry: QueuedJob) -> None:
        if entry.server is not None:
            self._claimed.remove(entry)

    def _person(self, entry: QueuedJob) -> _Person:
        guild_id, person_id = _place(entry.job)
        guild = self._guilds.setdefault(guild_id, _Guild())
        if person_id not in guild.people:
            last = next(reversed(guild.people.values()), None)
            guild.people[person_id] = _Person(last.round if last else 0)
        return guild.people[person_id]

    def _drop_if_empty(self, guild_id: int | None, person_id: int) -> None:
        guild = self._guilds[guild_id]
        if not guild.people[person_id].entries:
            del guild.people[person_id]
        if not guild.people:
            del self._guilds[guild_id]


def _pick_of_guild(guild: _Guild, server: str | None, last_model: Hashable) -> tuple[int, QueuedJob] | None:
    """The first person's first job, or that of another one of the same round which needs the model of the last job."""
    first: tuple[int, QueuedJob] | None = None
    round_ = looked_at = 0
    for person_id, person in guild.people.items():
        if first is not None and (person.round > round_ or looked_at >= SAME_MODEL_WINDOW):
            break
        entry = next((one for one in person.entries if one.may_go_to(server)), None)
        if entry is None:
            continue
        looked_at += 1
        if entry.model == last_model:
            return person_id, entry
        if first is None:
            first, round_ = (person_id, entry), person.round
            if person.in_turn or person.was_passed_over or not entry.is_new:  # a turn or a job that goes on
                break
    return first


def _place(job: Job) -> tuple[int | None, int]:
    return job.request.origin.guild_id, job.request.requester_id
