"""`NodeContext`: what a running node may use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from PIL import Image

from sandbox.comfyui.execution_control import ExecutionControl
from sandbox.comfyui.execution_events import ExecutionEvents
from sandbox.comfyui.faults import Faults
from sandbox.comfyui.folders import Folders
from sandbox.comfyui.options import StandInOptions
from sandbox.comfyui.prompt_queue import QueueItem


@dataclass(frozen=True)
class NodeContext:
    """The prompt that a node belongs to, the server's folders, options and faults, and reporting progress."""

    node_id: str
    folders: Folders
    options: StandInOptions
    faults: Faults
    control: ExecutionControl
    events: ExecutionEvents
    item: QueueItem

    @property
    def class_type(self) -> str:
        """The node's class_type."""
        return str(self.graph[self.node_id]["class_type"])

    @property
    def graph(self) -> Mapping[str, Any]:
        """The graph of the whole prompt."""
        return self.item.graph

    @property
    def extra_data(self) -> Mapping[str, Any]:
        """The prompt's `extra_data` as it was submitted, with the keys that clients are not shown."""
        return {**self.item.extra_data, **self.item.secrets}

    @property
    def wants_previews(self) -> bool:
        """Whether previews are on for this prompt and its client is connected."""
        method = self.extra_data.get("preview_method")
        enabled = self.options.previews if method in {None, "default"} else method != "none"
        return enabled and self.events.has_listener

    def progress(self, value: float, maximum: float, preview: Image.Image | None = None) -> None:
        """Report step `value` of `maximum`, with a preview picture if there is one; raises as `wait` does."""
        self.control.wait(0)
        self.events.node_progress(self.node_id, value, maximum, preview)
        self.control.wait_at_breakpoint(self.item.prompt_id, self.class_type, value)

    def wait(self, seconds: float) -> None:
        """Wait for that many seconds.

        Raises:
            InterruptedProcessingError: The prompt was interrupted.
            InstanceKilledError: The instance was killed.

        """
        self.control.wait(seconds)
