"""The kinds of value that the bot writes into a workflow, and the values of one run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from bot.workflows.graph import NodeInput


class InputRole(StrEnum):
    """What a node input is for: which value of a run is written into it.

    A member's value is the field of `InputValues` that is written and the key of a bindings file that names the inputs.
    """

    POSITIVE = "positive"
    NEGATIVE = "negative"
    SEED = "seed"
    WIDTH = "width"
    HEIGHT = "height"
    STEPS = "steps"
    CFG = "cfg"
    TEXT = "text"
    VOICE_SAMPLE = "voice_sample"
    VOICE_TRANSCRIPT = "voice_transcript"
    REFERENCE_IMAGE = "reference_image"
    CHARACTER_NAME = "character_name"


NUMERIC_ROLES = frozenset({InputRole.SEED, InputRole.WIDTH, InputRole.HEIGHT, InputRole.STEPS, InputRole.CFG})


@dataclass(frozen=True, slots=True, kw_only=True)
class InputValues:
    """The values to write into a workflow for one run.

    None leaves an input as the workflow has it; a placeholder then takes its default (`value_injection.inject`).
    """

    positive: str | None = None
    """The prompt."""
    negative: str | None = None
    """The negative prompt."""
    seed: int | None = None
    """0 .. `seed_limit(workflow, object_info)`; larger ones are reduced modulo the limit plus one."""
    width: int | None = None
    """Pixels."""
    height: int | None = None
    """Pixels."""
    steps: int | None = None
    """Sampling steps."""
    cfg: float | None = None
    """Guidance scale."""
    text: str | None = None
    """The text that a TTS node speaks."""
    voice_sample: str | None = None
    """The name that ComfyUI gave the uploaded voice sample, such as `chorus/nova.wav`."""
    voice_transcript: str | None = None
    """The words that are spoken in the voice sample."""
    reference_image: str | None = None
    """The name that ComfyUI gave the uploaded picture."""
    character_name: str | None = None
    overrides: Mapping[str, int | float | str | bool] = field(default_factory=dict[str, int | float | str | bool])
    """Further parameters by name, as `check_overrides` returned them."""
    files: Mapping[NodeInput, str] = field(default_factory=dict[NodeInput, str])
    """What is written into the loaders of pictures, masks, films and sounds, as `file_values` returned it."""

    def value(self, role: InputRole) -> Any:
        """Return the value of a role, or None if this run has none."""
        return getattr(self, role.value)
