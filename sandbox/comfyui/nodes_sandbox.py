"""Nodes for tests (failing, waiting, out of memory, blocking), and two nodes of ComfyUI-Easy-Use."""

from __future__ import annotations

from typing import Any

from sandbox.comfyui.node_context import NodeContext
from sandbox.comfyui.node_results import Inputs, NodeResult
from sandbox.comfyui.node_types import NodeType, node_info
from sandbox.comfyui.nodes_loading import pass_on
from sandbox.comfyui.nodes_sampling import out_of_memory_error
from sandbox.comfyui.values import ExecutionBlocker

_PASS: tuple[Any, ...] = ("*",)


def nodes() -> list[NodeType]:
    """The four `Sandbox...` nodes, `easy cleanGpuUsed` and `easy clearCacheAll`."""
    message = ("STRING", {"default": "boom: SandboxFail always fails"})
    seconds = ("FLOAT", {"default": 5.0, "min": 0.0, "max": 3600.0, "step": 0.1})
    reason = ("STRING", {"default": "blocked by SandboxBlocked"})
    return [
        _node("SandboxFail", _fail, optional={"message": message}),
        _node("SandboxSleep", _sleep, required={"seconds": seconds}),
        _node("SandboxOutOfMemory", _out_of_memory),
        _node("SandboxBlocked", _block, required={"message": reason}),
        *[
            NodeType(
                node_info(
                    name,
                    required={"anything": ("*", {})},
                    outputs=["*"],
                    output_node=True,
                    title=title,
                    category="EasyUse/Logic",
                    module="custom_nodes.ComfyUI-Easy-Use",
                ),
                pass_on("anything"),
            )
            for name, title in (("easy cleanGpuUsed", "Clean VRAM Used"), ("easy clearCacheAll", "Clear Cache All"))
        ],
    ]


def _node(
    name: str, run: Any, required: dict[str, Any] | None = None, optional: dict[str, Any] | None = None
) -> NodeType:
    return NodeType(
        node_info(name, required={"anything": _PASS, **(required or {})}, optional=optional, outputs=["*"]), run
    )


def _fail(context: NodeContext, inputs: Inputs) -> NodeResult:
    del context
    raise RuntimeError(inputs.get("message", "boom: SandboxFail always fails"))


def _sleep(context: NodeContext, inputs: Inputs) -> NodeResult:
    context.wait(inputs["seconds"])
    return NodeResult((inputs["anything"],))


def _out_of_memory(context: NodeContext, inputs: Inputs) -> NodeResult:
    del context, inputs
    raise out_of_memory_error()


def _block(context: NodeContext, inputs: Inputs) -> NodeResult:
    del context
    return NodeResult((ExecutionBlocker(inputs["message"] or None),))
