"""pydub, loaded late and quietly, given raw samples only.

Two things about pydub 0.25: it looks for an ffmpeg on PATH while being imported and warns when there is none (ours is
in a wheel, and decoding is done before pydub sees anything), and its arithmetic holds the GIL, so it gets seconds of
sound at a time, never a file.
"""

from __future__ import annotations

import functools
import importlib
import warnings
from typing import Any, Protocol, cast

SAMPLE_WIDTH = 2
"""Bytes of a sample: signed 16-bit, little-endian."""


class Segment(Protocol):
    """The part of `pydub.AudioSegment` that is used here. Levels are dBFS: 0 is the loudest, -inf is silence."""

    rms: int
    max: int
    raw_data: bytes

    def apply_gain(self, volume_change: float) -> Segment:
        """Louder by so many dB."""
        ...


def load_pydub() -> None:
    """Import pydub if it is not yet (some 20 ms): in a thread, before samples are measured on the event loop."""
    _audio_segment()


@functools.cache
def _audio_segment() -> Any:
    # Narrow and lasting, because `catch_warnings` would be felt by every other thread in the meantime.
    warnings.filterwarnings("ignore", module=r"(.*[/\\])?pydub\b")
    return importlib.import_module("pydub").AudioSegment


def segment(samples: bytes, rate: int) -> Segment:
    """Mono samples (16 bit, `rate` per second) as a pydub segment."""
    made = _audio_segment()(data=samples, sample_width=SAMPLE_WIDTH, frame_rate=rate, channels=1)
    return cast("Segment", made)


def silence(milliseconds: int, rate: int) -> Segment:
    """So much of nothing."""
    return cast("Segment", _audio_segment().silent(duration=milliseconds, frame_rate=rate))
