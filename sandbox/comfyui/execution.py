"""Executing one prompt: its nodes in order, with the results that are cached."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.comfyui.event_log import EventLog
from sandbox.comfyui.execution_control import ExecutionControl
from sandbox.comfyui.execution_events import ExecutionEvents
from sandbox.comfyui.execution_list import ExecutionList
from sandbox.comfyui.faults import Faults
from sandbox.comfyui.graphs import is_link
from sandbox.comfyui.node_context import NodeContext
from sandbox.comfyui.node_results import Inputs, InterruptedProcessingError, NodeResult
from sandbox.comfyui.node_types import Installation, NodeType
from sandbox.comfyui.options import StandInOptions
from sandbox.comfyui.prompt_queue import QueueItem
from sandbox.comfyui.result_cache import CacheKeys, ResultCache
from sandbox.comfyui.sockets import ClientSockets
from sandbox.comfyui.values import ExecutionBlocker


@dataclass
class ExecutionServices:
    """What the executions of one server instance share."""

    installed: Installation
    options: StandInOptions
    faults: Faults
    sockets: ClientSockets
    log: EventLog
    control: ExecutionControl
    cache: ResultCache = field(default_factory=ResultCache)


class Execution:
    """The execution of one prompt, in the worker thread."""

    def __init__(self, services: ExecutionServices, item: QueueItem) -> None:
        self.events = ExecutionEvents(services.sockets, services.log, item)
        self._services = services
        self._item = item
        self._graph: dict[str, Any] = item.graph
        self._keys = CacheKeys(item.graph, services.installed)
        self._results: dict[str, NodeResult] = {}
        self._executed: list[str] = []
        """The nodes that ran, without those whose results were cached."""
        self._ui: dict[str, Mapping[str, Any]] = {}
        """The `outputs` of the history entry."""

    def run(self) -> dict[str, Any]:
        """Execute the prompt and return its history entry without `prompt`.

        Raises:
            InstanceKilledError: The server instance was killed.

        """
        self.events.execution_started()
        self.events.execution_cached([node_id for node_id in self._graph if self._cached_result(node_id) is not None])
        success = self._run_nodes()
        if success:
            self.events.execution_succeeded()
        self._services.sockets.executing_node = None
        reported_success = success or self._services.faults.errors_as_success
        return {
            "outputs": {node_id: dict(ui) for node_id, ui in self._ui.items()},
            "status": {
                "status_str": "success" if reported_success else "error",
                "completed": reported_success,
                "messages": self.events.messages,
            },
            "meta": {
                node_id: {"node_id": node_id, "display_node": node_id, "parent_node": None, "real_node_id": node_id}
                for node_id in self._ui
            },
        }

    def _run_nodes(self) -> bool:
        pending = ExecutionList(self._graph, self._services.installed.nodes, self._results.__contains__)
        for output in self._item.outputs:
            pending.add(output)
        while (node_id := pending.next()) is not None:
            try:
                self._run_node(node_id)
            except InterruptedProcessingError:
                self.events.execution_interrupted(node_id, self._executed)
                return False
            except Exception as error:  # noqa: BLE001 - a node may raise anything; that is an execution_error
                self.events.execution_failed(node_id, error, self._executed, list(self._results))
                return False
            pending.done(node_id)
        return True

    def _run_node(self, node_id: str) -> None:
        cached = self._cached_result(node_id)
        if cached is not None:
            self._keep_ui(node_id, cached)
            self.events.node_output(node_id, cached)
            self.events.node_finished(node_id)
            return
        node = self._services.installed.nodes[self._graph[node_id]["class_type"]]
        self.events.node_started(node_id)
        self._services.control.wait(0)
        self._services.control.wait_at_breakpoint(self._item.prompt_id, node.class_type, 0)
        result = self._call(node_id, node)
        self._keep_ui(node_id, result)
        if result.ui is not None:
            self.events.node_output(node_id, result)
        self._results[node_id] = result
        self._services.cache.put(self._keys.key(node_id), result)
        self.events.node_finished(node_id)
        self._executed.append(node_id)

    def _call(self, node_id: str, node: NodeType) -> NodeResult:
        inputs = self._resolve_links(node_id)
        for value in inputs.values():
            if isinstance(value, ExecutionBlocker):
                if value.message is not None:
                    self.events.execution_blocked(node_id, value.message, self._executed)
                return NodeResult(tuple(ExecutionBlocker(None) for _ in node.output_types))
        message = self._services.faults.failing_nodes.get(node.class_type)
        if message is not None:
            raise RuntimeError(message)
        services = self._services
        context = NodeContext(
            node_id=node_id,
            folders=services.installed.folders,
            options=services.options,
            faults=services.faults,
            control=services.control,
            events=self.events,
            item=self._item,
        )
        return node.run(context, inputs)

    def _resolve_links(self, node_id: str) -> Inputs:
        inputs: Mapping[str, Any] = self._graph[node_id]["inputs"]
        return {
            name: self._results[value[0]].outputs[value[1]] if is_link(value) else value
            for name, value in inputs.items()
        }

    def _keep_ui(self, node_id: str, result: NodeResult) -> None:
        if result.ui is not None:
            self._ui[node_id] = result.ui

    def _cached_result(self, node_id: str) -> NodeResult | None:
        """The node's result in this execution, or the one in the cache, or None."""
        if node_id in self._results:
            return self._results[node_id]
        result = self._services.cache.get(self._keys.key(node_id))
        if result is not None:
            self._results[node_id] = result
        return result
