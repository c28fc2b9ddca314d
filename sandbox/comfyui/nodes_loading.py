"""Loader nodes. No file is loaded: the values are file names, with the LoRAs that were applied."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from sandbox.comfyui.node_context import NodeContext
from sandbox.comfyui.node_results import Inputs, NodeResult
from sandbox.comfyui.values import Model, Upscaler


def _checkpoint(context: NodeContext, inputs: Inputs) -> NodeResult:
    context.wait(context.options.load_seconds)
    model = Model(inputs["ckpt_name"])
    return NodeResult((model, model, model))


def _single(name: str) -> Callable[[NodeContext, Inputs], NodeResult]:
    def run(context: NodeContext, inputs: Inputs) -> NodeResult:
        context.wait(context.options.load_seconds)
        return NodeResult((Model(inputs[name]),))

    return run


def _lora(context: NodeContext, inputs: Inputs) -> NodeResult:
    context.wait(context.options.load_seconds)
    model: Model = inputs["model"]
    return NodeResult((replace(model, loras=(*model.loras, inputs["lora_name"])), inputs["clip"]))


def _lora_model_only(context: NodeContext, inputs: Inputs) -> NodeResult:
    context.wait(context.options.load_seconds)
    model: Model = inputs["model"]
    return NodeResult((replace(model, loras=(*model.loras, inputs["lora_name"])),))


def _upscaler(context: NodeContext, inputs: Inputs) -> NodeResult:
    context.wait(context.options.load_seconds)
    name: str = inputs["model_name"]
    factor = re.search(r"(?<![0-9])([1-8])x|x([1-8])(?![0-9])", name, re.IGNORECASE)
    return NodeResult((Upscaler(name, int(factor.group(1) or factor.group(2)) if factor else 2),))


def pass_on(name: str) -> Callable[[NodeContext, Inputs], NodeResult]:
    """A node function that returns the input `name` unchanged."""

    def run(context: NodeContext, inputs: Inputs) -> NodeResult:
        del context
        return NodeResult((inputs[name],))

    return run


RUNNERS: Mapping[str, Callable[[NodeContext, Inputs], NodeResult]] = {
    "CheckpointLoaderSimple": _checkpoint,
    "UNETLoader": _single("unet_name"),
    "CLIPLoader": _single("clip_name"),
    "DualCLIPLoader": _single("clip_name1"),
    "TripleCLIPLoader": _single("clip_name1"),
    "VAELoader": _single("vae_name"),
    "LoraLoader": _lora,
    "LoraLoaderModelOnly": _lora_model_only,
    "UpscaleModelLoader": _upscaler,
    "CLIPSetLastLayer": pass_on("clip"),
    "ModelSamplingAuraFlow": pass_on("model"),
    "ModelSamplingSD3": pass_on("model"),
    "ModelSamplingFlux": pass_on("model"),
}
