"""`GET /queue`: the prompts of all clients that run or wait on a server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.comfyui.json_values import as_list, as_object


@dataclass(frozen=True)
class QueuedPrompt:
    """One entry. `number` is its priority, the smallest first; `client_id` is that of whoever submitted it."""

    prompt_id: str
    number: float
    client_id: str | None


@dataclass(frozen=True)
class QueueSnapshot:
    """All entries; `pending` in the order in which they will run."""

    running: tuple[QueuedPrompt, ...]
    pending: tuple[QueuedPrompt, ...]

    def position(self, prompt_id: str) -> int | None:
        """The place of a waiting prompt, 1 being the next to run; None if it does not wait."""
        return next((n for n, entry in enumerate(self.pending, 1) if entry.prompt_id == prompt_id), None)

    def find_running(self, prompt_id: str) -> QueuedPrompt | None:
        """The entry of a prompt that runs now; None if it does not run."""
        return next((entry for entry in self.running if entry.prompt_id == prompt_id), None)


def parse_queue(body: Mapping[str, Any]) -> QueueSnapshot:
    """The answer as a value. ComfyUI sends `queue_pending` as the raw list of a heap, so it is sorted here."""
    running = tuple(parse_queue_item(item) for item in as_list(body.get("queue_running")))
    pending = [parse_queue_item(item) for item in as_list(body.get("queue_pending"))]
    return QueueSnapshot(running, tuple(sorted(pending, key=lambda entry: entry.number)))


def parse_queue_item(item: object) -> QueuedPrompt:
    """`[number, prompt_id, graph, extra_data, output node ids]`, as it stands in `/queue` and in `/history`."""
    number, prompt_id, _, extra = (as_list(item) + [None] * 4)[:4]
    client_id = as_object(extra).get("client_id")
    return QueuedPrompt(
        prompt_id=str(prompt_id),
        number=number if isinstance(number, int | float) else 0,
        client_id=client_id if isinstance(client_id, str) else None,
    )
