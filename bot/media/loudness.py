"""How loud sound is over time, measured while it streams by."""

from __future__ import annotations

import base64
from itertools import pairwise

from bot.media.segments import SAMPLE_WIDTH, segment

METER_RATE = 8_000
"""Samples per second that a meter is fed with: enough for loudness, and for lengths to an eighth of a millisecond."""

_WINDOW = METER_RATE // 10 * SAMPLE_WIDTH
"""Bytes in 100 ms: Discord wants at most one sample of a waveform per 100 ms."""

_MAX_SAMPLES = 256
_QUIET = 32
"""Of 32,768 (-60 dBFS): what is never louder is silence, and not drawn as if it were loud."""
_CURVE = 0.7
"""Exponent on the amplitude: 1 would show speech as a few spikes, as ears do not."""


class LoudnessMeter:
    """Takes mono 16-bit samples at `METER_RATE`, in pieces of any length; keeps one number per 100 ms.

    A piece of 64 KiB takes under a millisecond, so it may be fed on the event loop.
    """

    def __init__(self) -> None:
        self._levels: list[int] = []
        self._rest = b""
        self._bytes = 0
        self.peak = 0
        """The loudest sample so far, 0 to 32,768."""

    def feed(self, samples: bytes) -> None:
        """Measure the next piece."""
        self._bytes += len(samples)
        data = self._rest + samples
        whole = len(data) - len(data) % _WINDOW
        self._rest = data[whole:]
        for at in range(0, whole, _WINDOW):
            self._levels.append(self._measure(data[at : at + _WINDOW]))

    @property
    def duration_seconds(self) -> float:
        """Of everything that was fed."""
        return self._bytes / (METER_RATE * SAMPLE_WIDTH)

    @property
    def silent(self) -> bool:
        """Nothing was ever louder than -60 dBFS."""
        return self.peak <= _QUIET

    def waveform(self) -> str:
        """Discord's form: base64 of 1 to 256 bytes, each the loudness (root mean square) of an equal stretch of time.

        255 is the loudest stretch. There is at most one byte per 100 ms.
        """
        levels = self._levels or [self._measure(self._rest[: len(self._rest) // SAMPLE_WIDTH * SAMPLE_WIDTH])]
        count = min(len(levels), _MAX_SAMPLES)
        borders = [index * len(levels) // count for index in range(count + 1)]
        stretches = [_mean(levels[start:end]) for start, end in pairwise(borders)]
        loudest = max(stretches)
        if self.silent or not loudest:
            return base64.b64encode(bytes(count)).decode()
        return base64.b64encode(bytes(round(255 * (level / loudest) ** _CURVE) for level in stretches)).decode()

    def _measure(self, samples: bytes) -> int:
        if not samples:
            return 0
        window = segment(samples, METER_RATE)
        self.peak = max(self.peak, window.max)
        return window.rms


def _mean(levels: list[int]) -> float:
    """The root mean square of stretches of equal length, which is that of the whole."""
    return float((sum(level * level for level in levels) / len(levels)) ** 0.5)
