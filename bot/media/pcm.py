"""Raw audio samples (PCM) as segments of pydub, which measures and amplifies them.

pydub 0.25 looks for an ffmpeg on PATH while it is imported and warns when there is none, so it is imported late and its
warning is silenced; nothing here needs that ffmpeg, because files are decoded before. Its arithmetic holds the GIL, so
it gets a few seconds of samples at a time, never a whole file.
"""

from __future__ import annotations

import functools
import importlib
import warnings
from typing import Any, Protocol, cast

SAMPLE_WIDTH = 2
"""Bytes of a sample: signed 16-bit, little-endian."""


class AudioSegment(Protocol):
    """What is used here of `pydub.AudioSegment`, which has no type annotations.

    `rms` (root mean square) and `max` (the loudest sample) are amplitudes from 0 to 32,768; `raw_data` is the samples.
    """

    rms: int
    max: int
    raw_data: bytes

    def apply_gain(self, volume_change: float) -> AudioSegment:
        """The same samples, louder by so many dB."""
        ...


def load_pydub() -> None:
    """Import pydub if it is not imported yet. Takes some 20 ms: call it in a thread before samples are measured."""
    _pydub_audio_segment()


@functools.cache
def _pydub_audio_segment() -> Any:
    # A lasting filter for this package alone, because `catch_warnings` would affect other threads for a while.
    warnings.filterwarnings("ignore", module=r"(.*[/\\])?pydub\b")
    return importlib.import_module("pydub").AudioSegment


def pcm_segment(samples: bytes, rate: int) -> AudioSegment:
    """Mono samples, `rate` of them per second, as a segment."""
    made = _pydub_audio_segment()(data=samples, sample_width=SAMPLE_WIDTH, frame_rate=rate, channels=1)
    return cast("AudioSegment", made)


def silence(milliseconds: int, rate: int) -> AudioSegment:
    """A segment of silence, mono."""
    return cast("AudioSegment", _pydub_audio_segment().silent(duration=milliseconds, frame_rate=rate))
