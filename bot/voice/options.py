"""The settings of voices, as the composition root passes them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class VoiceOptions:
    """`voice` of the configuration; a character's own `voice` keys take precedence.

    Attributes:
        data_dir: The data folder, under which voice samples are stored.
        max_chars: Longer speech is shortened at the end of a sentence.
        max_chunk_chars: Longer text is spoken in several chunks, each by a ComfyUI prompt of its own.
        read_actions: Whether *asterisk actions* are spoken.
        max_sample_bytes: Larger voice samples are refused.
        max_sample_seconds: Longer voice samples are refused.

    """

    data_dir: Path
    max_chars: int = 2000
    max_chunk_chars: int = 400
    read_actions: Literal["skip", "read"] = "skip"
    max_sample_bytes: int = 50_000_000
    max_sample_seconds: float = 600.0
