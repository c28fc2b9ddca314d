"""An unfinished job in memory. What must survive a restart is in the database; this is the rest."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.comfyui.prompt_state import Outcome
from bot.domain.attempts import Attempt, AttemptState, CollectedFile
from bot.domain.jobs import Job, JobKind, NodeTime
from bot.errors import ChorusError, ErrorCategory


@dataclass(frozen=True)
class PreparedPart:
    """A part of a job that can be submitted: its attempt is stored and its input files are uploaded.

    Attributes:
        attempt: As stored.
        graph: What is queued.
        extra_data: What ComfyUI is told beside the graph.

    """

    attempt: Attempt
    graph: Mapping[str, Any]
    extra_data: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class NotSubmitted:
    """POST /prompt certainly did not queue anything."""


@dataclass(frozen=True)
class Refused:
    """ComfyUI refused the graph (HTTP 400). `stale_inputs`: it no longer has a file that was uploaded earlier."""

    error: ChorusError
    stale_inputs: bool = False


AttemptResult = Outcome | NotSubmitted | Refused


@dataclass(frozen=True)
class ExecutedPart:
    """How an attempt ended.

    Attributes:
        attempt: Which one.
        result: Its end.
        seconds: Of execution; None if ComfyUI was never seen to run it.
        node_times: Of the nodes that ran; empty if not every event was received.

    """

    attempt: Attempt
    result: AttemptResult
    seconds: float | None = None
    node_times: tuple[NodeTime, ...] = ()


@dataclass(eq=False)
class ActiveJob:
    """A job that waits, runs, or whose files are being fetched.

    Attributes:
        job: As stored last.
        pending_parts: Parts that are neither collected nor submitted.
        collected: Files on our disk, by part.
        part_seconds: Execution time of each collected part.
        node_times: Of the nodes of all collected parts, as far as this process has seen them.
        next_attempt_number: The number that the next attempt of a part gets.
        executing_parts: How many parts ComfyUI has.
        background_tasks: How many tasks fetch or process files of the job.
        executing_since: Monotonic time at which ComfyUI began with the part that runs.
        ended: The job has ended in the database. What still runs for it is stopped and its result is thrown away.
        stop_requested: Set when the job has ended: interrupt its prompt.
        rewriting: Lets the language model write the prompt; until it is done, the queue passes the job over.
        preparation: Prepares the next part; its result is None if the job ended meanwhile.
        repeats: How often a part was run again, by what went wrong.
        upload_retries: How often input files were uploaded again.
        missing_file_retries: How often a part was run again because ComfyUI no longer had its output file.
        nodes_to_rerun: Nodes whose cached result must not be used by the next attempt.
        notes: Sentences for the person beside the result.

    """

    job: Job
    pending_parts: set[int] = field(default_factory=set[int])
    collected: dict[int, tuple[CollectedFile, ...]] = field(default_factory=dict[int, tuple[CollectedFile, ...]])
    part_seconds: dict[int, float] = field(default_factory=dict[int, float])
    node_times: list[NodeTime] = field(default_factory=list[NodeTime])
    next_attempt_number: dict[int, int] = field(default_factory=dict[int, int])
    executing_parts: int = 0
    background_tasks: int = 0
    executing_since: float | None = None
    ended: bool = False
    stop_requested: asyncio.Event = field(default_factory=asyncio.Event)
    rewriting: asyncio.Task[None] | None = None
    preparation: asyncio.Task[PreparedPart | None] | None = None
    repeats: dict[ErrorCategory, int] = field(default_factory=dict[ErrorCategory, int])
    upload_retries: int = 0
    missing_file_retries: int = 0
    nodes_to_rerun: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list[str])

    def take_repeat(self, category: ErrorCategory, limits: Mapping[ErrorCategory, int]) -> bool:
        """Count one more run of a part after a failure of that kind; False: it was run again often enough."""
        used = self.repeats.get(category, 0)
        if used >= limits[category]:
            return False
        self.repeats[category] = used + 1
        return True

    @property
    def part_count(self) -> int:
        """How many ComfyUI prompts the job takes: one per chunk of text for speech, else one."""
        return part_count(self.job)

    @property
    def all_collected(self) -> bool:
        """Every part is on our disk."""
        return len(self.collected) == self.part_count

    @property
    def prepared(self) -> bool:
        """The next part can be submitted at once."""
        return self.preparation is not None and self.preparation.done()

    @property
    def idle(self) -> bool:
        """Neither ComfyUI nor a background task works for it."""
        return not self.executing_parts and not self.background_tasks

    @property
    def execution_seconds(self) -> float | None:
        """Of all collected parts together; None if none was seen to run."""
        return sum(self.part_seconds.values()) if self.part_seconds else None

    def new_attempt_number(self, part: int) -> int:
        """An attempt number of the part that was never used."""
        n = self.next_attempt_number.get(part, 0)
        self.next_attempt_number[part] = n + 1
        return n

    def add_note(self, sentence: str) -> None:
        """Add a sentence for the person, unless it is there already."""
        if sentence not in self.notes:
            self.notes.append(sentence)


def part_count(job: Job) -> int:
    """How many ComfyUI prompts the job takes: one per chunk of text for speech, else one."""
    return max(1, len(job.request.text_parts)) if job.request.kind is JobKind.AUDIO else 1


def new_active_job(job: Job) -> ActiveJob:
    """A job that was just accepted: all of its parts are pending."""
    return ActiveJob(job, pending_parts=set(range(part_count(job))))


def restored_active_job(
    job: Job, attempts: Sequence[Attempt], intact: Mapping[int, tuple[CollectedFile, ...]]
) -> ActiveJob:
    """An unfinished job of a process before this one.

    Args:
        job: As stored.
        attempts: All of its attempts.
        intact: Collected files by part, as far as they are still on the disk.

    """
    active = ActiveJob(job)
    active.collected.update(intact)
    open_parts = {attempt.part for attempt in attempts if attempt.state.open}
    active.pending_parts = set(range(active.part_count)) - intact.keys() - open_parts
    for attempt in attempts:
        known = active.next_attempt_number.get(attempt.part, 0)
        active.next_attempt_number[attempt.part] = max(known, attempt.n + 1)
        if attempt.state is AttemptState.LOST:
            active.repeats[ErrorCategory.NETWORK] = active.repeats.get(ErrorCategory.NETWORK, 0) + 1
        if attempt.part in intact and attempt.state is AttemptState.SUCCEEDED and attempt.execution_seconds:
            active.part_seconds[attempt.part] = attempt.execution_seconds
    return active
