"""The waveform of a Discord voice message, and the length of audio, measured while its samples are decoded."""

from __future__ import annotations

import base64
from itertools import pairwise

from bot.media.pcm import SAMPLE_WIDTH, pcm_segment

WAVEFORM_SAMPLE_RATE = 8_000
"""Samples per second that `WaveformMeter` takes: enough for loudness, and exact to 1/8 ms for lengths."""

_WINDOW_BYTES = WAVEFORM_SAMPLE_RATE // 10 * SAMPLE_WIDTH
"""100 ms: Discord allows one value of a waveform per 100 ms at most."""

_MAX_VALUES = 256
_SILENT_AMPLITUDE = 32
"""Of 32,768, which is -60 dBFS. Audio that is never louder counts as silent, and its waveform is all zeros."""
_CURVE = 0.7
"""Exponent on the amplitude: with 1, quiet parts of speech would hardly be visible."""


class WaveformMeter:
    """Takes mono 16-bit samples at `WAVEFORM_SAMPLE_RATE`, in chunks of any length; keeps one loudness per 100 ms.

    A chunk of 64 KiB takes under a millisecond, so it may be fed on the event loop.
    """

    def __init__(self) -> None:
        self._loudness: list[int] = []
        self._incomplete_window = b""
        self._byte_count = 0
        self._peak = 0

    def feed(self, samples: bytes) -> None:
        """Measure the next chunk."""
        self._byte_count += len(samples)
        data = self._incomplete_window + samples
        whole = len(data) - len(data) % _WINDOW_BYTES
        self._incomplete_window = data[whole:]
        for start in range(0, whole, _WINDOW_BYTES):
            self._loudness.append(self._measure(data[start : start + _WINDOW_BYTES]))

    @property
    def duration_seconds(self) -> float:
        """The length of everything that was fed."""
        return self._byte_count / (WAVEFORM_SAMPLE_RATE * SAMPLE_WIDTH)

    @property
    def silent(self) -> bool:
        """No sample so far was louder than -60 dBFS."""
        return self._peak <= _SILENT_AMPLITUDE

    def waveform(self) -> str:
        """Discord's form: base64 of 1 to 256 bytes, each the loudness (root mean square) of an equal stretch of time.

        255 is the loudest stretch. There is at most one byte per 100 ms.
        """
        last = self._incomplete_window
        loudness = self._loudness or [self._measure(last[: len(last) // SAMPLE_WIDTH * SAMPLE_WIDTH])]
        count = min(len(loudness), _MAX_VALUES)
        bounds = [index * len(loudness) // count for index in range(count + 1)]
        stretches = [_root_mean_square(loudness[start:end]) for start, end in pairwise(bounds)]
        loudest = max(stretches)
        if self.silent or not loudest:
            return base64.b64encode(bytes(count)).decode()
        return base64.b64encode(bytes(round(255 * (value / loudest) ** _CURVE) for value in stretches)).decode()

    def _measure(self, samples: bytes) -> int:
        if not samples:
            return 0
        window = pcm_segment(samples, WAVEFORM_SAMPLE_RATE)
        self._peak = max(self._peak, window.max)
        return window.rms


def _root_mean_square(windows: list[int]) -> float:
    """That of windows of equal length, which is that of the whole stretch."""
    return float((sum(value * value for value in windows) / len(windows)) ** 0.5)
