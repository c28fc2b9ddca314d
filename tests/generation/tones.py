"""A node that "speaks" a tone whose length says how long the text was; as quick as a test needs it."""

import math
import struct
from typing import Any

from sandbox.comfyui import StandInComfyUI
from sandbox.comfyui.node_context import NodeContext
from sandbox.comfyui.node_results import Inputs, NodeResult
from sandbox.comfyui.node_types import NodeType, node_info
from sandbox.comfyui.values import Audio

RATE = 22_050


def seconds_of(text: str) -> float:
    """How long the tone is: 0.02 s a character."""
    return 0.02 * len(text)


def install(server: StandInComfyUI) -> None:
    """Add `ToneTTS`; it takes a 32-bit seed and, if wired, a reference voice."""
    required: dict[str, Any] = {
        "text": ("STRING", {"multiline": True}),
        "seed": ("INT", {"default": 0, "min": 0, "max": 2**32 - 1}),
    }
    description = node_info("ToneTTS", required=required, optional={"voice": ("AUDIO",)}, outputs=["AUDIO"])
    server.nodes["ToneTTS"] = NodeType(description, _speak)


def _speak(context: NodeContext, inputs: Inputs) -> NodeResult:
    del context
    pitch = 200 + inputs["seed"] % 200
    count = round(seconds_of(inputs["text"]) * RATE)
    samples = (round(9000 * math.sin(2 * math.pi * pitch * n / RATE)) for n in range(count))
    return NodeResult((Audio(struct.pack(f"<{count}h", *samples), RATE),))
