"""The lines in which jobs wait, one for each priority, and which of them is served next. Pure."""

from __future__ import annotations

from collections.abc import Hashable
from enum import IntEnum
from typing import Final

from bot.domain.jobs import GenerationRequest
from bot.generation.fair_line import FairLine, Pick, QueuedJob

BATCH_IN_A_ROW: Final = 4
"""People with batches take turns, so many jobs each: a model that only one of them uses is not loaded anew for every
picture."""
MAX_SINGLE_IN_A_ROW: Final = 10
"""After so many jobs of higher priority one of a waiting batch has its turn, so that a busy bot does not starve it."""


class Priority(IntEnum):
    """What is served first; the lowest number is the highest priority."""

    LIVE_SPEECH = 0
    """Speech of a conversation that goes on now."""
    TALK = 1
    """A picture that a character decided to send."""
    SINGLE = 2
    """A wish of a person."""
    BATCH = 3
    """One of several pictures of a plan."""


def priority_of(request: GenerationRequest) -> Priority:
    """The line in which a job of the request waits."""
    if request.live:
        return Priority.LIVE_SPEECH
    if request.batch_id is not None:
        return Priority.BATCH
    if request.message_id is not None and request.derivation is None:
        return Priority.TALK
    return Priority.SINGLE


class QueueLines:
    """All lines.

    A line is served when those above it are empty, and once whenever so many jobs of other lines went before it as its
    patience says: with its age each job gets its turn.

    Args:
        max_live_in_a_row: The patience of pictures.

    """

    def __init__(self, max_live_in_a_row: int) -> None:
        self._patience = {
            Priority.TALK: max_live_in_a_row,
            Priority.SINGLE: max_live_in_a_row,
            Priority.BATCH: MAX_SINGLE_IN_A_ROW,
        }
        self._lines = {priority: FairLine() for priority in Priority}
        self._lines[Priority.BATCH] = FairLine(BATCH_IN_A_ROW)
        self._passed = dict.fromkeys(Priority, 0)
        """How many jobs of other lines were served since the last one of each line that had one waiting."""
        self._last_model: dict[str | None, Hashable] = {}
        """By ComfyUI server."""

    def copy(self) -> QueueLines:
        """The same lines; what is taken from them stays in these."""
        other = QueueLines(self._patience[Priority.TALK])
        other._lines = {priority: line.copy() for priority, line in self._lines.items()}
        other._passed = dict(self._passed)
        other._last_model = dict(self._last_model)
        if len(self._last_model) == 1:
            other._last_model[None] = next(iter(self._last_model.values()))
        return other

    def line_of(self, entry: QueuedJob) -> FairLine:
        """The line in which the job waits, or would."""
        return self._lines[priority_of(entry.job.request)]

    def remove(self, entry: QueuedJob) -> None:
        """Take out a job that was cancelled."""
        priority = priority_of(entry.job.request)
        self._lines[priority].remove(entry)
        self._reset_if_empty(priority)

    def pick(self, server: str | None) -> QueuedJob | None:
        """The entry that the ComfyUI server would be given now; server None: the first of all. It stays in its line."""
        found = self._pick(server)
        return None if found is None else found[1].entry

    def take(self, server: str | None) -> QueuedJob | None:
        """Remove and return `pick(server)`, and count it for the turns."""
        found = self._pick(server)
        if found is None:
            return None
        priority, pick = found
        self._lines[priority].serve(pick)
        self._last_model[server] = pick.entry.model
        self._passed[priority] = 0
        for other, line in self._lines.items():
            if other is not priority and len(line):
                self._passed[other] += 1
        self._reset_if_empty(priority)
        return pick.entry

    def _pick(self, server: str | None) -> tuple[Priority, Pick] | None:
        best: tuple[Priority, Pick] | None = None
        best_overdue = -1
        for priority, line in self._lines.items():
            if not len(line):
                continue
            overdue = self._passed[priority] - self._patience.get(priority, self._passed[priority] + 1)
            if best is not None and overdue <= best_overdue:
                continue
            pick = line.pick(server, self._last_model.get(server))
            if pick is not None:
                best, best_overdue = (priority, pick), max(overdue, -1)
        return best

    def _reset_if_empty(self, priority: Priority) -> None:
        if not len(self._lines[priority]):
            self._passed[priority] = 0
