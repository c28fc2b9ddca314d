"""The WebSocket messages of one execution, and those of them that the history keeps."""

from __future__ import annotations

import io
import time
import traceback
from collections.abc import Mapping, Sequence
from typing import Any

from PIL import Image, ImageOps

from sandbox.comfyui.event_log import EventLog
from sandbox.comfyui.graphs import is_link
from sandbox.comfyui.node_results import NodeResult, OutOfMemoryError
from sandbox.comfyui.prompt_queue import QueueItem
from sandbox.comfyui.sockets import ClientSockets

PREVIEW_SIZE = 512
"""The longer side of previews, in pixels."""

_MEMORY_TIP = (
    "This error means you ran out of memory on your GPU.\n\nTIPS: If the workflow worked before you might have "
    "accidentally set the batch_size to a large number."
)


class ExecutionEvents:
    """Sends the messages of one execution to the client that submitted the prompt.

    Without a client id some of them go to all clients, as in ComfyUI.
    """

    def __init__(self, sockets: ClientSockets, log: EventLog, item: QueueItem) -> None:
        client = item.extra_data.get("client_id")
        self.client = client if isinstance(client, str) else None
        self.messages: list[list[Any]] = []
        """The `messages` in the history entry's status."""
        self._sockets = sockets
        self._log = log
        self._graph: Mapping[str, Any] = item.graph
        self._prompt_id = item.prompt_id
        self._progress: dict[str, dict[str, Any]] = {}
        sockets.executing_client, sockets.executing_node = self.client, None

    @property
    def has_listener(self) -> bool:
        """Whether the client that submitted the prompt is connected; without a client id, whether any client is."""
        return self._sockets.has_listener(self.client)

    # -- the prompt

    def execution_started(self) -> None:
        """Send `execution_start`."""
        self._status_event("execution_start", {"prompt_id": self._prompt_id})

    def execution_cached(self, nodes: Sequence[str]) -> None:
        """Send `execution_cached`, also if no node is cached."""
        self._status_event("execution_cached", {"nodes": list(nodes), "prompt_id": self._prompt_id})

    def execution_succeeded(self) -> None:
        """Send `execution_success`."""
        self._status_event("execution_success", {"prompt_id": self._prompt_id})

    def execution_interrupted(self, node_id: str, executed: Sequence[str]) -> None:
        """Send `execution_interrupted`; without a client id it goes to all clients."""
        self._status_event("execution_interrupted", self._node_position(node_id, executed), to_all=True)

    def execution_failed(self, node_id: str, error: Exception, executed: Sequence[str], current: Sequence[str]) -> None:
        """Send `execution_error` with the traceback and the inputs of the node.

        Args:
            node_id: The node that raised.
            error: What it raised.
            executed: The nodes that ran before.
            current: The nodes that have results.

        """
        tip = _MEMORY_TIP if isinstance(error, OutOfMemoryError) else ""
        inputs: Mapping[str, Any] = self._graph[node_id]["inputs"]
        data = {
            **self._node_position(node_id, executed),
            "exception_message": f"{error}\n{tip}",
            "exception_type": _exception_type(error),
            "traceback": traceback.format_tb(error.__traceback__),
            "current_inputs": {name: [_json_value(value)] for name, value in inputs.items() if not is_link(value)},
            "current_outputs": list(current),
        }
        self._status_event("execution_error", data)

    def execution_blocked(self, node_id: str, message: str, executed: Sequence[str]) -> None:
        """Send an `execution_error` for a blocked node.

        The execution goes on, and the history does not keep the message.
        """
        data: dict[str, Any] = {
            **self._node_position(node_id, executed),
            "exception_message": f"Execution Blocked: {message}",
            "exception_type": "ExecutionBlocked",
            "traceback": [],
            "current_inputs": [],
            "current_outputs": [],
        }
        self._sockets.event("execution_error", data, self.client)

    def executing_ended(self) -> None:
        """Send `executing` without a node: the prompt has ended and its history entry exists."""
        if self.client is not None:
            self._sockets.event("executing", {"node": None, "prompt_id": self._prompt_id}, self.client)

    # -- nodes

    def node_started(self, node_id: str) -> None:
        """Send `progress_state` and `executing`: a node runs."""
        state = self._progress.setdefault(node_id, {})
        state |= {"value": 0.0, "max": 1.0, "state": "running"}
        self._send_progress()
        if self.client is not None:
            self._sockets.executing_node = node_id
            data = {"node": node_id, "display_node": node_id, "prompt_id": self._prompt_id}
            self._sockets.event("executing", data, self.client)
        self._log.add("node", self._prompt_id, node=node_id, class_type=self._graph[node_id]["class_type"])

    def node_finished(self, node_id: str) -> None:
        """Send `progress_state`: a node has its result, because it ran or from the cache."""
        state = self._progress.setdefault(node_id, {"value": 0, "max": 1, "state": "finished"})
        state |= {"value": state["max"], "state": "finished"}
        self._send_progress()

    def node_output(self, node_id: str, result: NodeResult) -> None:
        """Send `executed` with what the node shows (its `ui`)."""
        if self.client is not None:
            data = {
                "node": node_id,
                "display_node": node_id,
                "output": None if result.ui is None else dict(result.ui),
                "prompt_id": self._prompt_id,
            }
            self._sockets.event("executed", data, self.client)

    def node_progress(self, node_id: str, value: float, maximum: float, preview: Image.Image | None) -> None:
        """Send `progress_state`, `progress` and a preview, in the order that depends on the client's feature flags."""
        self._progress[node_id] = {"value": value, "max": maximum, "state": "running"}
        self._send_progress()
        jpeg = _jpeg(preview) if preview is not None else None
        with_metadata = self._sockets.takes_metadata(self.client)
        if jpeg is not None and with_metadata:
            self._sockets.preview(jpeg, self._node_reference(node_id), self.client)
        progress = {"value": value, "max": maximum, "prompt_id": self._prompt_id, "node": node_id}
        self._sockets.event("progress", progress, self.client)
        if jpeg is not None and not with_metadata:
            self._sockets.preview(jpeg, None, self.client)
        self._log.add("step", self._prompt_id, node=node_id, value=value, max=maximum)

    def _status_event(self, event: str, data: dict[str, Any], *, to_all: bool = False) -> None:
        message = {**data, "timestamp": int(time.time() * 1000)}
        self.messages.append([event, message])
        self._log.add(event, self._prompt_id, **{key: value for key, value in data.items() if key != "prompt_id"})
        if self.client is not None or to_all:
            self._sockets.event(event, message, self.client)

    def _node_position(self, node_id: str, executed: Sequence[str]) -> dict[str, Any]:
        class_type = self._graph[node_id]["class_type"]
        return {
            "prompt_id": self._prompt_id,
            "node_id": node_id,
            "node_type": class_type,
            "executed": list(executed),
        }

    def _node_reference(self, node_id: str) -> dict[str, Any]:
        return {
            "node_id": node_id,
            "prompt_id": self._prompt_id,
            "display_node_id": node_id,
            "parent_node_id": None,
            "real_node_id": node_id,
        }

    def _send_progress(self) -> None:
        nodes = {node_id: {**state, **self._node_reference(node_id)} for node_id, state in self._progress.items()}
        self._sockets.event("progress_state", {"prompt_id": self._prompt_id, "nodes": nodes}, self.client)


def _exception_type(error: Exception) -> str:
    if isinstance(error, OutOfMemoryError):
        return "torch.OutOfMemoryError"
    kind = type(error)
    if kind.__module__.startswith("sandbox."):
        return "Exception"
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _json_value(value: Any) -> Any:
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def _jpeg(picture: Image.Image) -> bytes:
    contained = ImageOps.contain(picture.convert("RGB"), (PREVIEW_SIZE, PREVIEW_SIZE), Image.Resampling.BILINEAR)
    buffer = io.BytesIO()
    contained.save(buffer, format="JPEG", quality=95)
    return buffer.getvalue()
