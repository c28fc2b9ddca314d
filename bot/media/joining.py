"""Several pieces of speech made into one: a short pause between them, their levels matched."""

from __future__ import annotations

import asyncio
import math
import statistics
import tempfile
import wave
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.media.audio import BUNDLED, AudioInfo, probe, transcode_to_mp3, transcode_to_ogg
from bot.media.errors import BadMedia
from bot.media.ffmpeg import Ffmpeg, input_file, output_file
from bot.media.files import replacing
from bot.media.segments import SAMPLE_WIDTH, segment, silence

_RATE = 48_000
_CHUNK = _RATE * SAMPLE_WIDTH * 2
"""Two seconds: what pydub gets at a time, so that it never holds the GIL for long."""
_STRETCH = _RATE * SAMPLE_WIDTH // 5
"""A fifth of a second: loudness is judged over so much."""
_FULL = 32_768
_AUDIBLE = 0.003
"""Of full scale (-50 dBFS): quieter stretches are pauses and say nothing about how loud a voice speaks."""
_MOST_GAIN_DB = 9.0
_HEADROOM_DB = 1.0
_RAW = ["-f", "s16le", "-ar", str(_RATE), "-ac", "1"]


async def join(
    parts: Sequence[Path],
    target: Path,
    pause_ms: int = 250,
    *,
    bitrate: int = 64_000,
    ffmpeg: Ffmpeg = BUNDLED,
) -> AudioInfo:
    """Write the parts one after another to `target`: `.ogg` (Opus), `.mp3` or `.wav`, by its suffix; mono.

    Each part is brought to the parts' median loudness, by at most 9 dB and never into clipping. The result is as long
    as the parts and the pauses between them, to within 50 ms. `bitrate` is bits per second, not of WAV.

    Raises:
        BadMedia: A part is no sound.
        EncoderFailed: ffmpeg is missing, too slow, or failed.
        ValueError: No parts, or another suffix.
        OSError: The disk is full.

    """
    suffix = target.suffix.lower()
    if not parts or suffix not in {".ogg", ".mp3", ".wav"}:
        raise ValueError("joining needs parts, and a target of .ogg, .mp3 or .wav")
    with tempfile.TemporaryDirectory(prefix="chorus-join-") as name:
        folder = Path(name)
        decoded = [await _decode(path, folder / f"{index}.raw", ffmpeg) for index, path in enumerate(parts)]
        whole = target if suffix == ".wav" else folder / "whole.wav"
        await asyncio.to_thread(_write_joined, decoded, whole, pause_ms)
        match suffix:
            case ".ogg":
                return await transcode_to_ogg(whole, target, bitrate=bitrate, ffmpeg=ffmpeg)
            case ".mp3":
                return await transcode_to_mp3(whole, target, bitrate=bitrate, ffmpeg=ffmpeg)
            case _:
                return await probe(whole, ffmpeg=ffmpeg)


async def _decode(path: Path, target: Path, ffmpeg: Ffmpeg) -> Path:
    try:
        await ffmpeg.run(["-v", "error", *input_file(path), "-map", "0:a:0", *_RAW, *output_file(target)])
    except BadMedia as error:
        raise BadMedia("A part of the speech is not sound that can be played.") from error
    return target


def _write_joined(parts: Sequence[Path], target: Path, pause_ms: int) -> None:
    levels = [_level(path) for path in parts]
    voiced = [level.loudness for level in levels if level.loudness is not None]
    aim = statistics.median(voiced) if voiced else 0.0
    pause = silence(pause_ms, _RATE).raw_data
    with replacing(target) as part, wave.open(str(part), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(SAMPLE_WIDTH)
        out.setframerate(_RATE)
        for index, (path, level) in enumerate(zip(parts, levels, strict=True)):
            if index:
                out.writeframesraw(pause)
            gain = level.gain_to(aim)
            for samples in _chunks(path, _CHUNK):
                out.writeframesraw(segment(samples, _RATE).apply_gain(gain).raw_data)


@dataclass(frozen=True)
class _Level:
    loudness: float | None
    """dBFS of what is audible; None for silence."""
    peak: float
    """dBFS of the loudest sample."""

    def gain_to(self, aim: float) -> float:
        if self.loudness is None:
            return 0.0
        wanted = max(-_MOST_GAIN_DB, min(_MOST_GAIN_DB, aim - self.loudness))
        return min(wanted, max(0.0, -_HEADROOM_DB - self.peak))


def _level(path: Path) -> _Level:
    squares: list[float] = []
    peak = 0
    for samples in _chunks(path, _STRETCH):
        stretch = segment(samples, _RATE)
        peak = max(peak, stretch.max)
        if stretch.rms >= _FULL * _AUDIBLE:
            squares.append((stretch.rms / _FULL) ** 2)
    loudness = 10 * math.log10(statistics.fmean(squares)) if squares else None
    return _Level(loudness, 20 * math.log10(max(peak, 1) / _FULL))


def _chunks(path: Path, size: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        while samples := file.read(size):
            yield samples[: len(samples) // SAMPLE_WIDTH * SAMPLE_WIDTH]
