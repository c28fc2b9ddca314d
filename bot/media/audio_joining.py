"""Joining several audio files into one, with pauses between them and their loudness matched."""

from __future__ import annotations

import asyncio
import math
import statistics
import tempfile
import wave
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.media.atomic_write import replace_atomically
from bot.media.audio import AudioInfo, probe_audio, transcode_to_mp3, transcode_to_ogg
from bot.media.errors import BadMedia
from bot.media.ffmpeg import Ffmpeg, input_file, output_file
from bot.media.pcm import SAMPLE_WIDTH, pcm_segment, silence

_RATE = 48_000
_RAW = ["-f", "s16le", "-ar", str(_RATE), "-ac", "1"]
_CHUNK_BYTES = _RATE * SAMPLE_WIDTH * 2
"""Two seconds: what pydub gets at a time, because it holds the GIL."""
_WINDOW_BYTES = _RATE * SAMPLE_WIDTH // 5
"""200 ms: the stretch of time over which loudness is measured."""
_FULL_SCALE = 32_768
_AUDIBLE_SHARE = 0.003
"""Of full scale, which is -50 dBFS. Quieter windows are pauses and do not count for the loudness of a voice."""
_MAX_GAIN_DB = 9.0
_HEADROOM_DB = 1.0


async def join_audio(
    sources: Sequence[Path], target: Path, pause_ms: int = 250, *, bitrate: int = 64_000, ffmpeg: Ffmpeg
) -> AudioInfo:
    """Write the sources one after another to `target`, mono.

    Each source is amplified to the median loudness of all, by at most 9 dB and never so much that it clips. The result
    is as long as the sources and the pauses between them, to within 50 ms.

    Args:
        sources: Audio files.
        target: `.ogg` (Opus), `.mp3` or `.wav`; the suffix chooses the format.
        pause_ms: Silence between two sources.
        bitrate: In bits per second; not for WAV.
        ffmpeg: The program to run.

    Raises:
        BadMedia: A source is not audio.
        EncoderFailed: ffmpeg is missing, too slow, or ended with another error.
        ValueError: There are no sources, or the target has another suffix.
        OSError: The disk is full.

    """
    suffix = target.suffix.lower()
    if not sources or suffix not in {".ogg", ".mp3", ".wav"}:
        raise ValueError("joining needs sources, and a target of .ogg, .mp3 or .wav")
    with tempfile.TemporaryDirectory(prefix="chorus-join-") as name:
        folder = Path(name)
        decoded = [await _decode(path, folder / f"{index}.raw", ffmpeg) for index, path in enumerate(sources)]
        joined = target if suffix == ".wav" else folder / "joined.wav"
        await asyncio.to_thread(_write_joined, decoded, joined, pause_ms)
        match suffix:
            case ".ogg":
                return await transcode_to_ogg(joined, target, bitrate=bitrate, ffmpeg=ffmpeg)
            case ".mp3":
                return await transcode_to_mp3(joined, target, bitrate=bitrate, ffmpeg=ffmpeg)
            case _:
                return await probe_audio(joined, ffmpeg=ffmpeg)


async def _decode(path: Path, target: Path, ffmpeg: Ffmpeg) -> Path:
    try:
        await ffmpeg.run(["-v", "error", *input_file(path), "-map", "0:a:0", *_RAW, *output_file(target)])
    except BadMedia as error:
        raise BadMedia("A part of the speech is not sound that can be played.") from error
    return target


def _write_joined(sources: Sequence[Path], target: Path, pause_ms: int) -> None:
    """Write WAV from files of raw samples. Blocks."""
    volumes = [_measure(path) for path in sources]
    audible = [volume.loudness for volume in volumes if volume.loudness is not None]
    common_loudness = statistics.median(audible) if audible else 0.0
    pause = silence(pause_ms, _RATE).raw_data
    with replace_atomically(target) as temporary, wave.open(str(temporary), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(SAMPLE_WIDTH)
        out.setframerate(_RATE)
        for index, (path, volume) in enumerate(zip(sources, volumes, strict=True)):
            if index:
                out.writeframesraw(pause)
            gain = volume.gain_to(common_loudness)
            for samples in _read_samples(path, _CHUNK_BYTES):
                out.writeframesraw(pcm_segment(samples, _RATE).apply_gain(gain).raw_data)


@dataclass(frozen=True)
class _Volume:
    """How loud a source is, in dBFS: 0 is the loudest that can be stored.

    `loudness` is that of what is audible (None: nothing is), `peak` that of the loudest sample.
    """

    loudness: float | None
    peak: float

    def gain_to(self, loudness: float) -> float:
        """The amplification in dB that brings the source to that loudness, as far as it may be amplified."""
        if self.loudness is None:
            return 0.0
        wanted = max(-_MAX_GAIN_DB, min(_MAX_GAIN_DB, loudness - self.loudness))
        return min(wanted, max(0.0, -_HEADROOM_DB - self.peak))


def _measure(path: Path) -> _Volume:
    powers: list[float] = []
    peak = 0
    for samples in _read_samples(path, _WINDOW_BYTES):
        window = pcm_segment(samples, _RATE)
        peak = max(peak, window.max)
        if window.rms >= _FULL_SCALE * _AUDIBLE_SHARE:
            powers.append((window.rms / _FULL_SCALE) ** 2)
    loudness = 10 * math.log10(statistics.fmean(powers)) if powers else None
    return _Volume(loudness, 20 * math.log10(max(peak, 1) / _FULL_SCALE))


def _read_samples(path: Path, size: int) -> Iterator[bytes]:
    """The file in chunks of so many bytes, without half a sample at its end."""
    with path.open("rb") as file:
        while samples := file.read(size):
            yield samples[: len(samples) // SAMPLE_WIDTH * SAMPLE_WIDTH]
