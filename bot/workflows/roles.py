"""The values a workflow can take, by name."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """A value of a run; the member's value is the field of `Injection` and the key of a bindings file."""

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


NUMERIC_ROLES = frozenset({Role.SEED, Role.WIDTH, Role.HEIGHT, Role.STEPS, Role.CFG})
