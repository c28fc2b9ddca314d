"""The names of well-known parameters, which are the same whatever a node pack calls its inputs."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping

WELL_KNOWN_NAMES = (
    "prompt", "negative", "seed", "size", "width", "height", "aspect", "steps", "cfg", "guidance", "sampler",
    "scheduler", "denoise", "start_step", "end_step", "batch", "model", "vae", "clip", "lora",
    "strength", "shift", "length", "fps",
)  # fmt: skip
"""In the order in which they are offered. `size` and `aspect` stand for `width` and `height` together."""

_SPELLINGS: Mapping[str, str] = {
    "positive": "prompt",
    "positive_prompt": "prompt",
    "text": "prompt",
    "negative_prompt": "negative",
    "noise_seed": "seed",
    "w": "width",
    "h": "height",
    "ar": "aspect",
    "ratio": "aspect",
    "aspect_ratio": "aspect",
    "resolution": "size",
    "step": "steps",
    "cfg_scale": "cfg",
    "guidance_scale": "guidance",
    "sampler_name": "sampler",
    "denoising": "denoise",
    "denoising_strength": "denoise",
    "start_at_step": "start_step",
    "end_at_step": "end_step",
    "batch_size": "batch",
    "ckpt": "model",
    "ckpt_name": "model",
    "checkpoint": "model",
    "unet": "model",
    "unet_name": "model",
    "vae_name": "vae",
    "clip_name": "clip",
    "lora_name": "lora",
    "loras": "lora",
    "lora_strength": "strength",
    "strength_model": "strength",
    "frames": "length",
    "num_frames": "length",
    "seconds": "length",
    "duration": "length",
    "frame_rate": "fps",
}
LORA_NAME = re.compile(r"lora[1-9]?\d?")
"""`lora`, and `lora2`, `lora3`, ... for further ones."""


def canonical_name(name: str) -> str:
    """Return the well-known name for a spelling in use, such as `sampler_name`; any other name in lower case."""
    lower = name.strip().lower().replace("-", "_").replace(" ", "_")
    return _SPELLINGS.get(lower, lower)


def is_well_known(name: str) -> bool:
    """Whether the name, in the spelling of `canonical_name`, is that of a well-known parameter."""
    return name in WELL_KNOWN_NAMES or bool(LORA_NAME.fullmatch(name))


def nearest_well_known(name: str) -> str:
    """Return the well-known name that is most similar."""
    return difflib.get_close_matches(canonical_name(name), WELL_KNOWN_NAMES, n=1, cutoff=0)[0]
