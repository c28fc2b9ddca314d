"""Small graphs in API format for these tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def node(class_type: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs}


def solid_image(**changes: Any) -> dict[str, Any]:
    """EmptyImage to SaveImage."""
    size = {"width": 32, "height": 32, "batch_size": 1, "color": 255, **changes}
    return {"1": node("EmptyImage", **size), "2": node("SaveImage", images=["1", 0], filename_prefix="t/img")}


def text_to_image(
    text: str = "a cat", *, seed: int = 1, steps: int = 4, size: int = 64, **changes: Any
) -> dict[str, Any]:
    """Text to image."""
    sampler = {"cfg": 7.0, "sampler_name": "euler", "scheduler": "normal", "denoise": 1.0, **changes}
    links = {"model": ["4", 0], "positive": ["6", 0], "negative": ["7", 0], "latent_image": ["5", 0]}
    return {
        "3": node("KSampler", seed=seed, steps=steps, **sampler, **links),
        "4": node("CheckpointLoaderSimple", ckpt_name="tiny_random_sd15.safetensors"),
        "5": node("EmptyLatentImage", width=size, height=size, batch_size=1),
        "6": node("CLIPTextEncode", text=text, clip=["4", 1]),
        "7": node("CLIPTextEncode", text="bad", clip=["4", 1]),
        "8": node("VAEDecode", samples=["3", 0], vae=["4", 2]),
        "9": node("SaveImage", filename_prefix="sd/cat", images=["8", 0]),
    }


def with_sandbox_node(graph: Mapping[str, Any], class_type: str = "SandboxSleep") -> dict[str, Any]:
    """The graph of `solid_image` with one of the sandbox's own nodes before its SaveImage."""
    return {
        **graph,
        "9": node(class_type, anything=["1", 0], seconds=0.0),
        "2": node("SaveImage", images=["9", 0], filename_prefix="t/held"),
    }
