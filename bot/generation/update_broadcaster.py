"""Who watches what: each watcher sees the newest update, however slow it is, and never slows the job."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from uuid import UUID

from bot.domain.job_updates import Ended, JobUpdate


class _Topic:
    def __init__(self) -> None:
        self.latest: JobUpdate | None = None
        self.watchers = set[asyncio.Event]()


class UpdateBroadcaster:
    """The newest update of each job that is under way or watched."""

    def __init__(self) -> None:
        self._topics: dict[UUID, _Topic] = {}

    def publish(self, job_id: UUID, update: JobUpdate) -> None:
        """Replace what watchers will see next; no await, no copy per watcher. After `Ended` nothing is accepted."""
        topic = self._topics.setdefault(job_id, _Topic())
        if isinstance(topic.latest, Ended) or topic.latest == update:
            return
        topic.latest = update
        for watcher in topic.watchers:
            watcher.set()
        if isinstance(update, Ended) and not topic.watchers:
            del self._topics[job_id]

    def is_watched(self, job_id: UUID) -> bool:
        """Whether anybody would see an update."""
        topic = self._topics.get(job_id)
        return topic is not None and bool(topic.watchers)

    def latest(self, job_id: UUID) -> JobUpdate | None:
        """What a new watcher would see first."""
        topic = self._topics.get(job_id)
        return None if topic is None else topic.latest

    async def watch(self, job_id: UUID) -> AsyncGenerator[JobUpdate]:
        """The current update, then the newest one whenever it changed; ends after `Ended`."""
        topic = self._topics.setdefault(job_id, _Topic())
        changed = asyncio.Event()
        topic.watchers.add(changed)
        seen: JobUpdate | None = None
        try:
            while not isinstance(seen, Ended):
                if topic.latest is not None and topic.latest is not seen:
                    seen = topic.latest
                    yield seen
                    continue
                changed.clear()
                await changed.wait()
        finally:
            topic.watchers.discard(changed)
            over = topic.latest is None or isinstance(topic.latest, Ended)
            if over and not topic.watchers and self._topics.get(job_id) is topic:
                del self._topics[job_id]
