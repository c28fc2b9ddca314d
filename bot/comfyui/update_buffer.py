"""Updates of a prompt that its watcher has not taken yet."""

from __future__ import annotations

import asyncio
from collections import deque

from bot.comfyui.execution_updates import ExecutionUpdate, NodeProgress, PreviewFrame, Queued


class UpdateBuffer:
    """A queue for one consumer. A slow consumer gets only the newest preview, queue position and progress of a node."""

    def __init__(self) -> None:
        self._updates: deque[ExecutionUpdate] = deque()
        self._changed = asyncio.Event()
        self._closed = False

    def put(self, update: ExecutionUpdate) -> None:
        """Add an update, and drop older ones that it replaces."""
        match update:
            case PreviewFrame() | Queued():
                replaced = [old for old in self._updates if type(old) is type(update)]
            case NodeProgress(node_id=node_id):
                replaced = [old for old in self._updates if isinstance(old, NodeProgress) and old.node_id == node_id]
            case _:
                replaced = []
        for old in replaced:
            self._updates.remove(old)
        self._updates.append(update)
        self._changed.set()

    def close(self) -> None:
        """No further update will come; those that are left can still be taken."""
        self._closed = True
        self._changed.set()

    async def get(self) -> ExecutionUpdate | None:
        """The next update, waiting for it; None when the buffer is closed and empty."""
        while not self._updates:
            if self._closed:
                return None
            self._changed.clear()
            await self._changed.wait()
        return self._updates.popleft()
