"""Text, number and conditioning nodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from sandbox.comfyui.node_context import NodeContext
from sandbox.comfyui.node_results import Inputs, NodeResult
from sandbox.comfyui.nodes_loading import pass_on
from sandbox.comfyui.values import Conditioning


def _encode(*names: str) -> Callable[[NodeContext, Inputs], NodeResult]:
    """A node function that encodes the texts of several inputs; the same text in two of them counts once."""

    def run(context: NodeContext, inputs: Inputs) -> NodeResult:
        del context
        texts = dict.fromkeys(str(inputs[name]).strip() for name in names)
        return NodeResult((Conditioning(", ".join(each for each in texts if each)),))

    return run


def _zero_out(context: NodeContext, inputs: Inputs) -> NodeResult:
    del context
    return NodeResult((replace(inputs["conditioning"], zeroed=True),))


def _combine(context: NodeContext, inputs: Inputs) -> NodeResult:
    del context
    first: Conditioning = inputs["conditioning_1"]
    second: Conditioning = inputs["conditioning_2"]
    texts = [each.text for each in (first, second) if each.text and not each.zeroed]
    return NodeResult((Conditioning(", ".join(texts)),))


def _concatenate(context: NodeContext, inputs: Inputs) -> NodeResult:
    del context
    return NodeResult((inputs["delimiter"].join((inputs["string_a"], inputs["string_b"])),))


def _preview_any(context: NodeContext, inputs: Inputs) -> NodeResult:
    del context
    value: Any = inputs["source"]
    text = value if isinstance(value, str) else str(value)
    return NodeResult((text,), {"text": [text]})


RUNNERS: Mapping[str, Callable[[NodeContext, Inputs], NodeResult]] = {
    "CLIPTextEncode": _encode("text"),
    "CLIPTextEncodeFlux": _encode("clip_l", "t5xxl"),
    "CLIPTextEncodeSDXL": _encode("text_g", "text_l"),
    "FluxGuidance": pass_on("conditioning"),
    "ConditioningZeroOut": _zero_out,
    "ConditioningCombine": _combine,
    "PrimitiveString": pass_on("value"),
    "PrimitiveStringMultiline": pass_on("value"),
    "PrimitiveInt": pass_on("value"),
    "PrimitiveFloat": pass_on("value"),
    "StringConcatenate": _concatenate,
    "PreviewAny": _preview_any,
}
