"""What the composition root tells this room, as one value."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class VoiceOptions:
    """The configuration's `voice`; a character's own keys go first.

    Attributes:
        data_dir: Samples added through Discord and converted ones of the host lie under it.
        max_chars: Longer speech is shortened at a sentence.
        max_chunk_chars: Longer text is spoken in several ComfyUI prompts.
        read_actions: Whether *asterisk actions* are spoken.
        max_sample_bytes: Larger voice samples are refused unopened.
        max_sample_seconds: Longer ones are refused.

    """

    data_dir: Path
    max_chars: int = 2000
    max_chunk_chars: int = 400
    read_actions: Literal["skip", "read"] = "skip"
    max_sample_bytes: int = 50_000_000
    max_sample_seconds: float = 600.0
