"""Who is next. Pure: no I/O, no clock, no tasks.

Order of acceptance, but live speech goes before waiting pictures (it answers somebody now), at most so many times in a
row: then the oldest waiting picture has its turn. A job that goes on (the next part of a long speech, a repeat) goes to
the front of its own line.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from bot.domain.jobs import Job


@dataclass
class _Place:
    job: Job
    server: str | None = None
    """The server that prepares it; no other one takes it."""
    counts: bool = True
    """False for a job that goes on: it was counted when it came."""


class FairQueue:
    """The waiting jobs of all servers.

    Args:
        max_live_in_a_row: See `GenerationSettings`.

    """

    def __init__(self, max_live_in_a_row: int = 3) -> None:
        self._most = max_live_in_a_row
        self._live = deque[_Place]()
        self._others = deque[_Place]()
        self._streak = 0

    def __len__(self) -> int:
        return len(self._live) + len(self._others)

    def __contains__(self, job_id: UUID) -> bool:
        return any(place.job.id == job_id for place in (*self._live, *self._others))

    def push(self, job: Job) -> None:
        """Append a newly accepted job."""
        self._line(job).append(_Place(job))

    def push_front(self, job: Job) -> None:
        """Put a job that goes on before all others of its line."""
        self._line(job).appendleft(_Place(job, counts=False))

    def next_for(self, server: str) -> Job | None:
        """The job that server would be given now; it stays in the queue."""
        place = self._pick(server, self._live, self._others, self._streak)
        return None if place is None else place.job

    def claim(self, job_id: UUID, server: str) -> None:
        """That server prepares the job: from now on `next_for` offers it to no other."""
        for place in (*self._live, *self._others):
            if place.job.id == job_id:
                place.server = server

    def take(self, server: str) -> Job | None:
        """Remove and return `next_for(server)`."""
        place = self._pick(server, self._live, self._others, self._streak)
        if place is None:
            return None
        self._streak = self._streak_after(place, self._others, self._streak)
        self._line(place.job).remove(place)
        return place.job

    def remove(self, job_id: UUID) -> bool:
        """Take a job out (cancelled); False if it does not wait."""
        for line in (self._live, self._others):
            for place in line:
                if place.job.id == job_id:
                    line.remove(place)
                    return True
        return False

    def order(self) -> Iterator[Job]:
        """All waiting jobs in the order they would be served by one server, if nothing else came."""
        live, others, streak = deque(self._live), deque(self._others), self._streak
        while place := self._pick(None, live, others, streak):
            streak = self._streak_after(place, others, streak)
            (live if place.job.request.live else others).remove(place)
            yield place.job

    def waiting(self, requester_id: int | None = None) -> int:
        """How many accepted jobs wait for their first turn: all, or those one person asked for (no live speech)."""
        if requester_id is None:
            return sum(place.counts for place in (*self._live, *self._others))
        return sum(place.counts and place.job.request.requester_id == requester_id for place in self._others)

    def _line(self, job: Job) -> deque[_Place]:
        return self._live if job.request.live else self._others

    def _pick(self, server: str | None, live: deque[_Place], others: deque[_Place], streak: int) -> _Place | None:
        speech, other = _first(live, server), _first(others, server)
        if speech is None or other is None:
            return speech or other
        return speech if streak < self._most else other

    @staticmethod
    def _streak_after(place: _Place, others: deque[_Place], streak: int) -> int:
        return streak + 1 if place.job.request.live and others else 0


def _first(line: deque[_Place], server: str | None) -> _Place | None:
    return next((place for place in line if server is None or place.server in {None, server}), None)
