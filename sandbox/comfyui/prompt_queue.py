"""The queue and the history of one server instance, as ComfyUI keeps them."""

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
    """One queued prompt. Ordered by number, then id, so that the heap's raw order is ComfyUI's."""

    number: float
    prompt_id: str
    graph: dict[str, Any] = field(compare=False)
    extra_data: dict[str, Any] = field(compare=False)
    outputs: list[str] = field(compare=False)
    secrets: dict[str, Any] = field(compare=False, default_factory=dict[str, Any])
    """Keys of `extra_data` that nodes may see and clients may not."""

    def as_list(self) -> list[Any]:
        """As `/queue` and `/history` show it."""
        return [self.number, self.prompt_id, self.graph, self.extra_data, self.outputs]


class PromptQueue:
    """Many threads put and ask; one worker takes.

    Args:
        changed: Called (under the lock) after each change, with the number of prompts left.

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
        """Running and pending, of everybody."""
        with self._lock:
            return len(self._heap) + (self.running is not None)

    def put(self, item: QueueItem) -> None:
        """Queue it."""
        with self._lock:
            heapq.heappush(self._heap, item)
            self._changed(self.remaining)
            self._not_empty.notify_all()

    def take(self) -> QueueItem | None:
        """The next prompt, which runs from now on; None when there are flags to look at, or nothing more will come."""
        with self._not_empty:
            while not self._heap and not self._closed and not self._flags:
                self._not_empty.wait()
            if self._closed or not self._heap:
                return None
            self.running = heapq.heappop(self._heap)
            self._changed(self.remaining)
            return self.running

    def done(self, entry: dict[str, Any] | None) -> None:
        """The running prompt ended; `entry` goes into the history (None: it is forgotten)."""
        with self._lock:
            item, self.running = self.running, None
            if item is not None and entry is not None:
                if len(self._history) > HISTORY_LIMIT:
                    self._history.pop(next(iter(self._history)))
                self._history[item.prompt_id] = {"prompt": item.as_list(), **entry}
            self._changed(self.remaining)

    def close(self) -> None:
        """Nothing more will run."""
        with self._not_empty:
            self._closed = True
            self._heap.clear()
            self._not_empty.notify_all()

    @property
    def closed(self) -> bool:
        """No more prompts will be handed out."""
        return self._closed

    def snapshot(self) -> tuple[list[list[Any]], list[list[Any]]]:
        """Running and pending as `/queue` shows them; pending in raw heap order."""
        with self._lock:
            running = [self.running.as_list()] if self.running is not None else []
            return running, [item.as_list() for item in self._heap]

    def delete(self, prompt_id: str) -> bool:
        """Take one pending prompt of that id out."""
        with self._lock:
            for index, item in enumerate(self._heap):
                if item.prompt_id == prompt_id:
                    del self._heap[index]
                    heapq.heapify(self._heap)
                    self._changed(self.remaining)
                    return True
            return False

    def clear(self) -> None:
        """Take out everybody's pending prompts."""
        with self._lock:
            self._heap.clear()
            self._changed(self.remaining)

    def is_running(self, prompt_id: str) -> bool:
        """That prompt runs now."""
        with self._lock:
            return self.running is not None and self.running.prompt_id == prompt_id

    def history(self, prompt_id: str | None = None) -> dict[str, Any]:
        """One entry (or none), or all of them, oldest first."""
        with self._lock:
            if prompt_id is None:
                return dict(self._history)
            entry = self._history.get(prompt_id)
            return {} if entry is None else {prompt_id: copy.deepcopy(entry)}

    def delete_history(self, prompt_id: str | None = None) -> None:
        """Delete an entry of the history, or all."""
        with self._lock:
            if prompt_id is None:
                self._history.clear()
            else:
                self._history.pop(prompt_id, None)

    def set_flag(self, name: str) -> None:
        """Ask the worker for something after the running prompt (`unload_models`, `free_memory`)."""
        with self._not_empty:
            self._flags[name] = True
            self._not_empty.notify_all()

    def take_flags(self) -> dict[str, bool]:
        """What was asked of the worker; asked once."""
        with self._lock:
            flags, self._flags = self._flags, {}
            return flags
