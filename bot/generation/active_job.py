"""A job under way, as the process sees it. The store has what must survive; this is the rest."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.comfyui.models import Outcome
from bot.domain.attempts import Attempt, AttemptState, CollectedFile
from bot.domain.jobs import Job, JobKind
from bot.errors import ChorusError


@dataclass(frozen=True)
class Prepared:
    """A part of a job, ready to be submitted: its attempt is committed, its inputs are uploaded."""

    attempt: Attempt
    graph: Mapping[str, Any]


@dataclass(frozen=True)
class NotArrived:
    """POST /prompt certainly did not queue anything."""


@dataclass(frozen=True)
class Refused:
    """ComfyUI refused the graph; `stale_inputs`: because an uploaded file is no longer there."""

    error: ChorusError
    stale_inputs: bool = False


Result = Outcome | NotArrived | Refused


@dataclass(eq=False)
class ActiveJob:
    """One unfinished job.

    Attributes:
        todo: Parts that are neither collected nor with ComfyUI.
        collected: What is on our disk, by part.
        executing: Parts that ComfyUI has.
        collecting: Parts that are being downloaded.
        over: The job has ended; what still runs for it runs for nobody.

    """

    job: Job
    todo: set[int] = field(default_factory=set[int])
    collected: dict[int, tuple[CollectedFile, ...]] = field(default_factory=dict[int, tuple[CollectedFile, ...]])
    seconds: dict[int, float] = field(default_factory=dict[int, float])
    next_n: dict[int, int] = field(default_factory=dict[int, int])
    executing: int = 0
    collecting: int = 0
    executing_since: float | None = None
    over: bool = False
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    preparation: asyncio.Task[Prepared | None] | None = None
    losses: int = 0
    memory_retries: int = 0
    upload_retries: int = 0
    gone_retries: int = 0
    gone_nodes: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list[str])

    @property
    def parts(self) -> int:
        """How many ComfyUI prompts the job takes."""
        return parts_of(self.job)

    @property
    def complete(self) -> bool:
        """Every part is collected."""
        return len(self.collected) == self.parts

    @property
    def ready(self) -> bool:
        """The next part can be submitted at once."""
        return self.preparation is not None and self.preparation.done()

    @property
    def idle(self) -> bool:
        """Nothing runs for it anywhere."""
        return not self.executing and not self.collecting

    def number(self, part: int) -> int:
        """A repeat number for the part that was never used."""
        n = self.next_n.get(part, 0)
        self.next_n[part] = n + 1
        return n

    def note(self, sentence: str) -> None:
        """Something the person should know beside the result; said once."""
        if sentence not in self.notes:
            self.notes.append(sentence)


def parts_of(job: Job) -> int:
    """One prompt per piece of text for speech, one for everything else."""
    return max(1, len(job.request.text_parts)) if job.request.kind is JobKind.AUDIO else 1


def resumed(job: Job, attempts: Sequence[Attempt], intact: Mapping[int, tuple[CollectedFile, ...]]) -> ActiveJob:
    """The run of a stored job. `intact`: collected files by part, as far as they are still on the disk."""
    run = ActiveJob(job)
    run.collected.update(intact)
    open_parts = {attempt.part for attempt in attempts if attempt.state.open}
    run.todo = set(range(run.parts)) - intact.keys() - open_parts
    for attempt in attempts:
        run.next_n[attempt.part] = max(run.next_n.get(attempt.part, 0), attempt.n + 1)
        run.losses += attempt.state is AttemptState.LOST
        if attempt.part in intact and attempt.state is AttemptState.SUCCEEDED and attempt.execution_seconds:
            run.seconds[attempt.part] = attempt.execution_seconds
    return run
