"""The queue and the history of one server instance."""

from __future__ import annotations

import copy
import heapq
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

HISTORY_LIMIT = 10_000


@dataclass(slots=True, order=True)
class QueueItem:
    """A queued prompt. Ordered by number and id, so that the order of the heap is that of ComfyUI's."""

    number: float
    prompt_id: str
    graph: dict[str, Any] = field(compare=False)
    extra_data: dict[str, Any] = field(compare=False)
    outputs: list[str] = field(compare=False)
    """The ids of the output nodes to run."""
    secrets: dict[str, Any] = field(compare=False, default_factory=dict[str, Any])
    """Keys of `extra_data` that nodes get but that clients are not shown."""

    def as_list(self) -> list[Any]:
        """The prompt as `/queue` and `/history` show it."""
        return [self.number, self.prompt_id, self.graph, self.extra_data, self.outputs]


class PromptQueue:
    """Thread-safe; one worker takes prompts from it.

    Args:
        changed: Called after each change, while the lock is held, with the number of prompts that are left.

    """

    def __init__(self, changed: Callable[[int], None]) -> None:
        self._changed = changed
        self._lock = threading.RLock()
        self._not_empty = threading.Condition(self._lock)
        self._heap: list[QueueItem] = []
        self._history: dict[str, dict[str, Any]] = {}
        self._flags: dict[str, bool] = {}
        self._closed = False
        self.running: QueueItem | None = None

    @property
    def remaining(self) -> int:
        """The number of running and pending prompts, of all clients."""
        with self._lock:
            return len(self._heap) + (self.running is not None)

    def put(self, item: QueueItem) -> None:
        """Queue a prompt."""
        with self._lock:
            heapq.heappush(self._heap, item)
            self._changed(self.remaining)
            self._not_empty.notify_all()

    def take(self) -> QueueItem | None:
        """Wait for the next prompt and make it the running one. None if flags were set or the queue was closed."""
        with self._not_empty:
            while not self._heap and not self._closed and not self._flags:
                self._not_empty.wait()
            if self._closed or not self._heap:
                return None
            self.running = heapq.heappop(self._heap)
            self._changed(self.remaining)
            return self.running

    def done(self, entry: dict[str, Any] | None) -> None:
        """The running prompt has ended; `entry` is added to the history, unless it is None."""
        with self._lock:
            item, self.running = self.running, None
            if item is not None and entry is not None:
                if len(self._history) > HISTORY_LIMIT:
                    self._history.pop(next(iter(self._history)))
                self._history[item.prompt_id] = {"prompt": item.as_list(), **entry}
            self._changed(self.remaining)

    def close(self) -> None:
        """Hand out no more prompts."""
        with self._not_empty:
            self._closed = True
            self._heap.clear()
            self._not_empty.notify_all()

    @property
    def closed(self) -> bool:
        """Whether no more prompts are handed out."""
        return self._closed

    def snapshot(self) -> tuple[list[list[Any]], list[list[Any]]]:
        """The running and the pending prompts as `/queue` shows them; the pending ones in the order of the heap."""
        with self._lock:
            running = [self.running.as_list()] if self.running is not None else []
            return running, [item.as_list() for item in self._heap]

    def delete(self, prompt_id: str) -> bool:
        """Remove one pending prompt with this id; whether there was one."""
        with self._lock:
            for index, item in enumerate(self._heap):
                if item.prompt_id == prompt_id:
                    del self._heap[index]
                    heapq.heapify(self._heap)
                    self._changed(self.remaining)
                    return True
            return False

    def clear(self) -> None:
        """Remove all pending prompts, of all clients."""
        with self._lock:
            self._heap.clear()
            self._changed(self.remaining)

    def is_running(self, prompt_id: str) -> bool:
        """Whether that prompt is the running one."""
        with self._lock:
            return self.running is not None and self.running.prompt_id == prompt_id

    def history(self, prompt_id: str | None = None) -> dict[str, Any]:
        """The history entries by prompt id, oldest first; with an id only that one."""
        with self._lock:
            if prompt_id is None:
                return dict(self._history)
            entry = self._history.get(prompt_id)
            return {} if entry is None else {prompt_id: copy.deepcopy(entry)}

    def delete_history(self, prompt_id: str | None = None) -> None:
        """Remove one history entry, or all."""
        with self._lock:
            if prompt_id is None:
                self._history.clear()
            else:
                self._history.pop(prompt_id, None)

    def set_flag(self, name: str) -> None:
        """Set a flag for the worker to handle after the running prompt: `unload_models` or `free_memory`."""
        with self._not_empty:
            self._flags[name] = True
            self._not_empty.notify_all()

    def take_flags(self) -> dict[str, bool]:
        """The flags that are set; clears them."""
        with self._lock:
            flags, self._flags = self._flags, {}
            return flags
