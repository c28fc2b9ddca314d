"""The type and the limits of a literal, from `/object_info` if the server describes it, else from the value itself."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.workflows import name_patterns as patterns
from bot.workflows.object_info import InputSpec, looks_like_model, offers_models
from bot.workflows.parameters.parameter import ParameterType, ParameterValue

_LONGEST_LINE = 80
_FILE_NAME_INPUT = "filename_prefix"
"""The input of ComfyUI's save nodes; it may hold folders, so people may only give a plain name."""
_LORA_NAME = re.compile(r"lora", re.IGNORECASE)
_UPLOADS = {
    "image_upload": ParameterType.PICTURE,
    "animated_image_upload": ParameterType.PICTURE,
    "audio_upload": ParameterType.SOUND,
    "video_upload": ParameterType.FILM,
    "file_upload": ParameterType.PICTURE,
}
_MEDIA_EXTENSIONS = (
    (re.compile(r"\.(?:png|jpe?g|webp|bmp|gif|tiff?|exr)(?: \[\w+\])?$", re.IGNORECASE), ParameterType.PICTURE),
    (re.compile(r"\.(?:wav|mp3|flac|ogg|opus|m4a)(?: \[\w+\])?$", re.IGNORECASE), ParameterType.SOUND),
    (re.compile(r"\.(?:mp4|webm|mkv|mov|avi)(?: \[\w+\])?$", re.IGNORECASE), ParameterType.FILM),
)
_FALLBACK_LIMITS: Mapping[str, tuple[int | float, int | float]] = {
    "width": (16, 16_384),
    "height": (16, 16_384),
    "steps": (1, 10_000),
    "cfg": (0, 100),
    "guidance": (0, 100),
    "denoise": (0, 1),
    "start_step": (0, 10_000),
    "end_step": (0, 10_000),
    "batch": (1, 4096),
    "strength": (-100, 100),
    "shift": (0, 100),
    "length": (1, 16_384),
    "fps": (1, 120),
}
"""Where no server describes the input: those of ComfyUI's own nodes."""
_LARGEST_SEED = 2**32 - 1
"""Where no server describes the input: many nodes take no more than 32 bits."""


@dataclass(frozen=True, slots=True)
class ValueLimits:
    """What values an input takes."""

    type: ParameterType
    minimum: int | float | None = None
    maximum: int | float | None = None
    step: int | float | None = None
    choices: Sequence[ParameterValue] | None = None


def limits_of_spec(spec: InputSpec, name: str) -> ValueLimits | None:
    """Return the limits that the server declares; None for types of custom nodes that say nothing.

    Args:
        spec: The input's description.
        name: The input's name.

    """
    match spec.type:
        case "INT" | "FLOAT":
            return _limits_of_number(spec, name)
        case "BOOLEAN":
            return ValueLimits(ParameterType.SWITCH)
        case "STRING" if name == _FILE_NAME_INPUT:
            return ValueLimits(ParameterType.FILE_NAME)
        case "STRING":
            return ValueLimits(ParameterType.LONG_TEXT if spec.options.get("multiline") else ParameterType.TEXT)
        case "COMBO" | "COMFY_DYNAMICCOMBO_V3":
            choices = None if spec.choices is None else [c for c in spec.choices if isinstance(c, (int, float, str))]
            return ValueLimits(_type_of_combo(spec, name), choices=choices)
        case _:
            return None


def _limits_of_number(spec: InputSpec, name: str) -> ValueLimits:
    low, high = _number(spec.options.get("min")), _number(spec.options.get("max"))
    if spec.type == "FLOAT":
        return ValueLimits(ParameterType.NUMBER, low, high, _unit(spec.options))
    if patterns.SEED_NAME.match(name.lower()):
        return ValueLimits(ParameterType.SEED, 0, high if high and high > 0 else _LARGEST_SEED)
    step = _number(spec.options.get("step"))
    return ValueLimits(ParameterType.INTEGER, low, high, step if step and step > 1 else None)


def limits_of_value(value: ParameterValue, name: str, well_known: str | None = None) -> ValueLimits:
    """Return what can be told from the workflow's own value.

    Args:
        value: The value.
        name: The input's name.
        well_known: The parameter's well-known name, if it has one.

    """
    if isinstance(value, bool):
        return ValueLimits(ParameterType.SWITCH)
    if isinstance(value, str) and name == _FILE_NAME_INPUT:
        return ValueLimits(ParameterType.FILE_NAME)
    if isinstance(value, str):
        return ValueLimits(_type_of_text(value, name, well_known))
    if patterns.SEED_NAME.match(name.lower()):
        return ValueLimits(ParameterType.SEED, 0, _LARGEST_SEED)
    whole = isinstance(value, int) and well_known not in {"cfg", "guidance", "denoise", "strength", "shift", "fps"}
    low, high = _FALLBACK_LIMITS.get(well_known or "", (None, None))
    return ValueLimits(ParameterType.INTEGER if whole else ParameterType.NUMBER, low, high)


def _type_of_text(value: str, name: str, well_known: str | None) -> ParameterType:
    if looks_like_model(value):
        return ParameterType.LORA if _LORA_NAME.search(name) else ParameterType.MODEL
    media = next((found for pattern, found in _MEDIA_EXTENSIONS if len(value) < 500 and pattern.search(value)), None)
    if media is not None:
        return media
    if well_known in {"sampler", "scheduler", "model", "vae", "clip", "lora"}:
        return ParameterType.CHOICE
    long = len(value) > _LONGEST_LINE or "\n" in value or well_known in {"prompt", "negative"}
    return ParameterType.LONG_TEXT if long else ParameterType.TEXT


def fallback_limits(well_known: str) -> ValueLimits | None:
    """Return the limits of a well-known number whose place holds a placeholder; None for anything else."""
    if well_known == "seed":
        return ValueLimits(ParameterType.SEED, 0, _LARGEST_SEED)
    if well_known not in _FALLBACK_LIMITS:
        return None
    kind = ParameterType.NUMBER if well_known in {"cfg", "guidance", "denoise"} else ParameterType.INTEGER
    return ValueLimits(kind, *_FALLBACK_LIMITS[well_known])


def narrowed(limits: ValueLimits, other: ValueLimits) -> ValueLimits:
    """Return the limits of a value that two inputs take; of two lists the first, since both list the same files."""
    if limits.type is not other.type:
        return limits
    lows = [low for low in (limits.minimum, other.minimum) if low is not None]
    highs = [high for high in (limits.maximum, other.maximum) if high is not None]
    steps = [step for step in (limits.step, other.step) if step is not None]
    return ValueLimits(
        limits.type,
        max(lows, default=None),
        min(highs, default=None),
        max(steps, default=None),
        limits.choices if limits.choices is not None else other.choices,
    )


def _type_of_combo(spec: InputSpec, name: str) -> ParameterType:
    upload = next((found for option, found in _UPLOADS.items() if spec.options.get(option)), None)
    if upload is not None:
        return upload
    if spec.type == "COMBO" and spec.choices is not None and offers_models(spec):
        return ParameterType.LORA if _LORA_NAME.search(name) else ParameterType.MODEL
    return ParameterType.CHOICE


def _unit(options: Mapping[str, Any]) -> float | None:
    """The unit to which ComfyUI's editor rounds a number: `round`, else the precision of `step`."""
    rounding = _number(options.get("round")) if options.get("round") is not True else None
    if rounding and rounding > 0:
        return rounding
    step = _number(options.get("step"))
    if options.get("round") is False or not step or step <= 0:
        return None
    return float(10.0 ** -max(-math.floor(math.log10(step)), 0))


def _number(value: object) -> int | float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return value
