"""Passes the newest update of each job to everybody who watches it. A slow watcher skips updates and delays nobody."""

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
    """The newest update of each job that is active or watched."""

    def __init__(self) -> None:
        self._topics: dict[UUID, _Topic] = {}

    def publish(self, job_id: UUID, update: JobUpdate) -> None:
        """Replace what the watchers of the job see next. Never waits. Nothing is accepted after `Ended`."""
        topic = self._topics.setdefault(job_id, _Topic())
        if isinstance(topic.latest, Ended) or topic.latest == update:
            return
        topic.latest = update
        for watcher in topic.watchers:
            watcher.set()
        if isinstance(update, Ended) and not topic.watchers:
            del self._topics[job_id]

    def is_watched(self, job_id: UUID) -> bool:
        """Whether anybody watches the job."""
        topic = self._topics.get(job_id)
        return topic is not None and bool(topic.watchers)

    async def watch(self, job_id: UUID) -> AsyncGenerator[JobUpdate]:
        """The current update, then the newest one whenever it changed; the generator ends after `Ended`."""
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
            ended = topic.latest is None or isinstance(topic.latest, Ended)
            if ended and not topic.watchers and self._topics.get(job_id) is topic:
                del self._topics[job_id]
