"""Sound files: measured, transcoded, fitted to a limit, made into voice samples. Every one goes through ffmpeg.

What ComfyUI returns (flac, mp3, opus, wav) and what people attach is read alike. Sizes and errors are judged here so
that callers get a `BadMedia` with a sentence, never ffmpeg's own words.
"""

from __future__ import annotations

import asyncio
import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.errors import OutputTooLarge
from bot.media.errors import BadMedia
from bot.media.ffmpeg import Ffmpeg, input_file, output_file
from bot.media.files import replacing
from bot.media.loudness import METER_RATE, LoudnessMeter
from bot.media.segments import load_pydub
from bot.media.sniffing import sniff_media_type

BUNDLED = Ffmpeg()

_SOUND = ["-map", "0:a:0", "-map_metadata", "-1", "-map_chapters", "-1"]
"""The first sound of a file without its tags: ComfyUI writes the whole graph into them."""

_METER = ["-map", "0:a:0", "-ac", "1", "-ar", str(METER_RATE), "-f", "s16le", "pipe:1"]
_OPUS = ["-ac", "1", "-ar", "48000", "-c:a", "libopus", "-f", "ogg"]
_MP3 = ["-ac", "1", "-ar", "44100", "-c:a", "libmp3lame", "-f", "mp3"]

_LOWEST_BITRATE = {"audio/ogg": 6_000, "audio/mpeg": 32_000}
"""Bits per second below which the codec does not go at the rates above."""
_HIGHEST_BITRATE = 128_000
_CONTAINER_SHARE = 0.93
"""What is left of a limit for the sound itself, after Ogg pages or MP3 headers."""

RECOMMENDED_SAMPLE_SECONDS = (3.0, 30.0)
_SAMPLE_RATE = 48_000


@dataclass(frozen=True)
class AudioInfo:
    """A sound file as decoded to its end. `waveform` is Discord's form: base64 of 1 to 256 bytes of loudness."""

    media_type: str
    duration_seconds: float
    waveform: str
    silent: bool


@dataclass(frozen=True)
class FittedAudio:
    """Sound to post. `note` says what was done to it, None if it is byte for byte the file."""

    data: bytes
    suffix: str
    media_type: str
    note: str | None = None


@dataclass(frozen=True)
class SampleInfo:
    """A voice sample made ready; `warnings` are sentences for the person who added it."""

    duration_seconds: float
    warnings: tuple[str, ...] = ()


async def probe(path: Path, *, ffmpeg: Ffmpeg = BUNDLED) -> AudioInfo:
    """Decode a file's first sound to its end: its exact length, its loudness, and the proof that it can be played.

    Raises:
        BadMedia: Empty, not sound, or without any.
        EncoderFailed: ffmpeg is missing, too slow, or failed otherwise.

    """
    await _refuse_empty(path)
    return await _measured(path, [], path, ffmpeg)


async def waveform(path: Path, *, ffmpeg: Ffmpeg = BUNDLED) -> str:
    """Base64 of up to 256 bytes of real loudness (as `AudioInfo.waveform`, which saves decoding twice)."""
    return (await probe(path, ffmpeg=ffmpeg)).waveform


async def transcode_to_ogg(source: Path, target: Path, *, bitrate: int = 64_000, ffmpeg: Ffmpeg = BUNDLED) -> AudioInfo:
    """Write `target` as OGG/Opus, mono, 48 kHz (what Discord's clients send as voice messages); return what it is.

    Encoded and measured in one pass. The target appears whole or not at all; `bitrate` is bits per second.

    Raises:
        BadMedia, EncoderFailed: As `probe`.
        OSError: The disk is full, or the folder is not writable.

    """
    return await _encode(source, target, [*_OPUS, "-b:a", str(bitrate)], ffmpeg)


async def transcode_to_mp3(source: Path, target: Path, *, bitrate: int = 96_000, ffmpeg: Ffmpeg = BUNDLED) -> AudioInfo:
    """As `transcode_to_ogg`, as mono MP3 at 44.1 kHz: for people whose players know nothing else."""
    return await _encode(source, target, [*_MP3, "-b:a", str(bitrate)], ffmpeg)


async def fit_audio(path: Path, limit_bytes: int, *, ffmpeg: Ffmpeg = BUNDLED) -> FittedAudio:
    """The sound in at most `limit_bytes`: as it is if it fits, else at the bitrate that does, as MP3 or OGG/Opus.

    MP3 stays MP3 while its lowest bitrate allows it; everything else becomes OGG/Opus.

    Raises:
        BadMedia, EncoderFailed: As `probe`.
        OutputTooLarge: Even Opus at 6 kbit/s is too much.

    """
    info = await probe(path, ffmpeg=ffmpeg)
    size = (await asyncio.to_thread(path.stat)).st_size
    if size <= limit_bytes:
        return FittedAudio(await asyncio.to_thread(path.read_bytes), path.suffix, info.media_type)
    affordable = limit_bytes * 8 * _CONTAINER_SHARE / max(info.duration_seconds, 0.1)
    kinds = ["audio/mpeg", "audio/ogg"] if info.media_type == "audio/mpeg" else ["audio/ogg"]
    for media_type in kinds:
        bitrate = min(float(_HIGHEST_BITRATE), affordable)
        while bitrate >= _LOWEST_BITRATE[media_type]:
            data = await _at_bitrate(path, media_type, int(bitrate), ffmpeg)
            if len(data) <= limit_bytes:
                note = f"Encoded at {math.ceil(bitrate / 1000)} kbit/s to fit the size limit here."
                return FittedAudio(data, ".mp3" if media_type == "audio/mpeg" else ".ogg", media_type, note)
            bitrate *= min(0.9, limit_bytes / len(data) * 0.97)
    raise OutputTooLarge


async def to_mono_wav(
    source: Path, target: Path, *, max_bytes: int, max_seconds: float, ffmpeg: Ffmpeg = BUNDLED
) -> SampleInfo:
    """Make a voice sample of a file that somebody gave: mono WAV, 16 bit, 48 kHz. Of a video, its sound.

    Raises:
        BadMedia: Too large (`max_bytes`, judged before it is opened), too long, empty, silent, or not sound at all.
        EncoderFailed: ffmpeg is missing, too slow, or failed otherwise.
        OSError: The disk is full.

    """
    size = (await asyncio.to_thread(source.stat)).st_size
    if size > max_bytes:
        raise BadMedia(
            f"That file is too large for a voice sample ({size / 1e6:.0f} MB; at most {max_bytes / 1e6:.0f} MB).",
            advice="Cut it to the 3 to 30 seconds that show the voice best.",
        )
    await _refuse_empty(source)
    with replacing(target) as part:
        # A second more than allowed is enough to know, and no two hours are ever decoded.
        wav = ["-t", f"{max_seconds + 1:.3f}", *_SOUND, "-ac", "1", "-ar", str(_SAMPLE_RATE), "-c:a", "pcm_s16le"]
        info = await _measured(
            source, [*wav, "-fflags", "+bitexact", "-f", "wav", *output_file(part)], part, ffmpeg, until=max_seconds + 1
        )
        if info.duration_seconds > max_seconds:
            raise BadMedia(
                f"That is too long for a voice sample (at most {max_seconds:.0f} seconds).",
                advice="Cut it to the 3 to 30 seconds that show the voice best.",
            )
        if info.silent:
            raise BadMedia("There is nothing to hear in that file.")
    return SampleInfo(info.duration_seconds, _sample_warnings(info.duration_seconds))


def _sample_warnings(seconds: float) -> tuple[str, ...]:
    shortest, longest = RECOMMENDED_SAMPLE_SECONDS
    if seconds < shortest:
        return (f"The sample lasts only {seconds:.1f} s; voices are copied best from 3 to 30 s.",)
    if seconds > longest:
        return (f"The sample lasts {seconds:.0f} s; voices are copied best from 3 to 30 s, and more is slower.",)
    return ()


async def _encode(source: Path, target: Path, codec: Sequence[str], ffmpeg: Ffmpeg) -> AudioInfo:
    await _refuse_empty(source)
    with replacing(target) as part:
        return await _measured(source, [*_SOUND, *codec, *output_file(part)], part, ffmpeg)


async def _at_bitrate(source: Path, media_type: str, bitrate: int, ffmpeg: Ffmpeg) -> bytes:
    codec = [*_MP3, "-abr", "1"] if media_type == "audio/mpeg" else [*_OPUS, "-vbr", "constrained"]
    with tempfile.TemporaryDirectory(prefix="chorus-fit-") as folder:
        target = Path(folder) / "fitted"
        await ffmpeg.run([*input_file(source), *_SOUND, *codec, "-b:a", str(bitrate), *output_file(target)])
        return await asyncio.to_thread(target.read_bytes)


async def _measured(
    source: Path, output: Sequence[str], described: Path, ffmpeg: Ffmpeg, *, until: float | None = None
) -> AudioInfo:
    """Run one ffmpeg that makes `output` (if any) and decodes for the meter beside it."""
    meter = LoudnessMeter()
    cut = [] if until is None else ["-t", f"{until:.3f}"]
    arguments = ["-v", "error", *input_file(source), *output, *cut, *_METER]
    await asyncio.to_thread(load_pydub)
    try:
        await ffmpeg.run(arguments, on_output=meter.feed)
    except BadMedia as error:
        raise BadMedia("There is no sound in that file that can be played.") from error
    if not meter.duration_seconds:
        raise BadMedia("There is no sound in that file.")
    media_type = await asyncio.to_thread(sniff_media_type, described)
    return AudioInfo(media_type or "application/octet-stream", meter.duration_seconds, meter.waveform(), meter.silent)


async def _refuse_empty(path: Path) -> None:
    if not (await asyncio.to_thread(path.stat)).st_size:
        raise BadMedia("That file is empty.")
