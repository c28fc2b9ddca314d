"""Runs one prompt: which node next, and what of it is cached."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from PIL import Image

from sandbox.comfyui.event_log import EventLog
from sandbox.comfyui.execution_events import ExecutionEvents
from sandbox.comfyui.execution_list import ExecutionList, is_link
from sandbox.comfyui.faults import Faults
from sandbox.comfyui.folders import Folders
from sandbox.comfyui.node_types import Inputs, Installation, InterruptedProcessingError, NodeResult, NodeType
from sandbox.comfyui.options import StandInOptions
from sandbox.comfyui.prompt_queue import QueueItem
from sandbox.comfyui.sockets import ClientSockets
from sandbox.comfyui.values import ExecutionBlocker

CACHE_LIMIT = 192
"""Results kept between prompts. Pictures are shared by the nodes that pass them on, so this is some tens of them."""


class ExecutionControl(Protocol):
    """How time passes for a node: waiting that an interrupt, or a test, can end."""

    def wait(self, seconds: float) -> None:
        """Wait; raises InterruptedProcessingError when somebody interrupts."""
        ...

    def wait_at_breakpoint(self, prompt_id: str, class_type: str, step: float) -> None:
        """Wait for as long as a test wants this node to hang at this step (0: at its start); raises as `wait`."""
        ...


@dataclass
class ExecutionServices:
    """What executions share. The cache: hash of everything a result came from (node ids do not count) -> result."""

    installed: Installation
    options: StandInOptions
    faults: Faults
    sockets: ClientSockets
    log: EventLog
    control: ExecutionControl
    cache: OrderedDict[str, NodeResult] = field(default_factory=OrderedDict[str, NodeResult])

    @property
    def folders(self) -> Folders:
        """Where files are."""
        return self.installed.folders


class Execution:
    """One prompt from `execution_start` to its end. Lives in the worker's thread."""

    def __init__(self, services: ExecutionServices, item: QueueItem) -> None:
        self.events = ExecutionEvents(services.sockets, services.log, item)
        self._services = services
        self._item = item
        self._graph: dict[str, Any] = item.graph
        self._results: dict[str, NodeResult] = {}
        self._executed: list[str] = []
        self._ui: dict[str, Mapping[str, Any]] = {}
        self._keys: dict[str, str] = {}

    def run(self) -> dict[str, Any]:
        """Do it. Returns the history entry without its `prompt`."""
        self.events.execution_started()
        self.events.execution_cached([each for each in self._graph if self._lookup(each) is not None])
        success = self._run_nodes()
        if success:
            self.events.execution_succeeded()
        self._services.sockets.executing_node = None
        said = success or self._services.faults.errors_as_success
        return {
            "outputs": {each: dict(ui) for each, ui in self._ui.items()},
            "status": {
                "status_str": "success" if said else "error",
                "completed": said,
                "messages": self.events.messages,
            },
            "meta": {
                each: {"node_id": each, "display_node": each, "parent_node": None, "real_node_id": each}
                for each in self._ui
            },
        }

    def _run_nodes(self) -> bool:
        plan = ExecutionList(self._graph, self._services.installed.nodes, self._results.__contains__)
        for output in self._item.outputs:
            plan.add(output)
        while (node_id := plan.next()) is not None:
            try:
                self._run_node(node_id)
            except InterruptedProcessingError:
                self.events.execution_interrupted(node_id, self._executed)
                return False
            except Exception as error:  # noqa: BLE001 - a node may raise anything; that is an execution_error
                self.events.execution_failed(node_id, error, self._executed, list(self._results))
                return False
            plan.done(node_id)
        return True

    def _run_node(self, node_id: str) -> None:
        known = self._lookup(node_id)
        if known is not None:
            self._keep_output(node_id, known)
            self.events.node_output(node_id, known)
            self.events.node_finished(node_id)
            return
        node = self._type(node_id)
        self.events.node_started(node_id)
        self._services.control.wait(0)
        self._services.control.wait_at_breakpoint(self._item.prompt_id, node.class_type, 0)
        result = self._call(node_id, node)
        self._keep_output(node_id, result)
        if result.ui is not None:
            self.events.node_output(node_id, result)
        self._results[node_id] = result
        self._store(node_id, result)
        self.events.node_finished(node_id)
        self._executed.append(node_id)

    def _keep_output(self, node_id: str, result: NodeResult) -> None:
        if result.ui is not None:
            self._ui[node_id] = result.ui

    def _call(self, node_id: str, node: NodeType) -> NodeResult:
        inputs = self._resolved(node_id)
        for value in inputs.values():
            if isinstance(value, ExecutionBlocker):
                if value.message is not None:
                    self.events.execution_blocked(node_id, value.message, self._executed)
                return NodeResult(tuple(ExecutionBlocker(None) for _ in node.output_types))
        message = self._services.faults.failing_nodes.get(node.class_type)
        if message is not None:
            raise RuntimeError(message)
        return node.run(_Context(self._services, self.events, self._item, node_id), inputs)

    def _resolved(self, node_id: str) -> Inputs:
        given: Mapping[str, Any] = self._graph[node_id]["inputs"]
        return {
            name: self._results[value[0]].outputs[value[1]] if is_link(value) else value
            for name, value in given.items()
        }

    def _type(self, node_id: str) -> NodeType:
        return self._services.installed.nodes[self._graph[node_id]["class_type"]]

    # -- the cache

    def _lookup(self, node_id: str) -> NodeResult | None:
        if node_id in self._results:
            return self._results[node_id]
        key = self._key(node_id)
        result = self._services.cache.get(key)
        if result is not None:
            self._services.cache.move_to_end(key)
            self._results[node_id] = result
        return result

    def _store(self, node_id: str, result: NodeResult) -> None:
        cache = self._services.cache
        cache[self._key(node_id)] = result
        while len(cache) > CACHE_LIMIT:
            cache.popitem(last=False)

    def _key(self, node_id: str) -> str:
        waiting = [node_id]
        while waiting:
            current = waiting[-1]
            inputs: Mapping[str, Any] = self._graph[current].get("inputs", {})
            sources = [value[0] for value in inputs.values() if is_link(value) and value[0] in self._graph]
            missing = [each for each in sources if each not in self._keys and each not in waiting]
            if missing:
                waiting.extend(missing)
                continue
            waiting.pop()
            if current not in self._keys:
                self._keys[current] = self._hash(current, inputs)
        return self._keys[node_id]

    def _hash(self, node_id: str, inputs: Mapping[str, Any]) -> str:
        """Of a node's class, literals, input files and, by their keys, of what it is linked to."""
        node = self._type(node_id)
        files = node.fingerprint(self._services.folders, inputs) if node.fingerprint is not None else ""
        named = {
            name: ["link", self._keys.get(value[0]), value[1]] if is_link(value) else ["value", value]
            for name, value in sorted(inputs.items())
        }
        return hashlib.sha256(json.dumps([node.class_type, files, named], default=str).encode()).hexdigest()


class _Context:
    """What a node sees of its execution (`node_types.NodeContext`)."""

    def __init__(self, services: ExecutionServices, events: ExecutionEvents, item: QueueItem, node_id: str) -> None:
        self._services = services
        self._events = events
        self._prompt_id = item.prompt_id
        self.node_id = node_id
        self.class_type = str(item.graph[node_id]["class_type"])
        self.graph: Mapping[str, Any] = item.graph
        self.extra_data: Mapping[str, Any] = {**item.extra_data, **item.secrets}
        self.folders = services.folders
        self.options = services.options
        self.faults = services.faults

    @property
    def wants_previews(self) -> bool:
        """Previews are on, for this prompt too, and somebody listens."""
        method = self.extra_data.get("preview_method")
        on = self.options.previews if method in {None, "default"} else method != "none"
        return on and self._services.sockets.has_listener(self._events.client)

    def progress(self, value: float, maximum: float, preview: Image.Image | None = None) -> None:
        """Report a step."""
        self._services.control.wait(0)
        self._events.node_progress(self.node_id, value, maximum, preview)
        self._services.control.wait_at_breakpoint(self._prompt_id, self.class_type, value)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self._services.control.wait(seconds)
