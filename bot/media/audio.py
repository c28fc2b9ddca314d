"""Audio files, measured and transcoded by ffmpeg: what ComfyUI returns (flac, mp3, opus, wav) and what people attach.

Failures become `BadMedia` with a sentence for people; what ffmpeg says is never shown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bot.media.atomic_write import replace_atomically
from bot.media.errors import BadMedia
from bot.media.ffmpeg import Ffmpeg, check_not_empty, input_file, output_file
from bot.media.media_types import detect_media_type
from bot.media.pcm import load_pydub
from bot.media.waveform import WAVEFORM_SAMPLE_RATE, WaveformMeter

FIRST_AUDIO_STREAM: Final = ["-map", "0:a:0", "-map_metadata", "-1", "-map_chapters", "-1"]
"""The first audio stream of a file, without tags: ComfyUI writes the whole graph into them."""
OPUS: Final = ["-ac", "1", "-ar", "48000", "-c:a", "libopus", "-f", "ogg"]
MP3: Final = ["-ac", "1", "-ar", "44100", "-c:a", "libmp3lame", "-f", "mp3"]

_WAVEFORM_SAMPLES = ["-map", "0:a:0", "-ac", "1", "-ar", str(WAVEFORM_SAMPLE_RATE), "-f", "s16le", "pipe:1"]


@dataclass(frozen=True)
class AudioInfo:
    """An audio file, decoded to its end. `waveform` has Discord's form: base64 of 1 to 256 bytes of loudness."""

    media_type: str
    duration_seconds: float
    waveform: str
    silent: bool


async def probe_audio(path: Path, *, ffmpeg: Ffmpeg) -> AudioInfo:
    """Decode the first audio stream of a file to its end, which tells its exact length and that it can be played.

    Raises:
        BadMedia: The file is empty, is not audio, or has no audio stream.
        EncoderFailed: ffmpeg is missing, too slow, or ended with another error.

    """
    await check_not_empty(path)
    return await encode_and_measure(path, [], described=path, ffmpeg=ffmpeg)


async def transcode_to_ogg(source: Path, target: Path, *, bitrate: int = 64_000, ffmpeg: Ffmpeg) -> AudioInfo:
    """Write `target` as OGG/Opus, mono, 48 kHz, which is what Discord's clients send as voice messages.

    Encodes and measures in one run. The target appears whole or not at all.

    Args:
        source: Audio, or a video with an audio stream.
        target: Where to write.
        bitrate: In bits per second.
        ffmpeg: The program to run.

    Raises:
        BadMedia: The source is empty, is not audio, or has no audio stream.
        EncoderFailed: ffmpeg is missing, too slow, or ended with another error.
        OSError: The disk is full, or the folder is not writable.

    """
    return await _transcode(source, target, [*OPUS, "-b:a", str(bitrate)], ffmpeg)


async def transcode_to_mp3(source: Path, target: Path, *, bitrate: int = 96_000, ffmpeg: Ffmpeg) -> AudioInfo:
    """Like `transcode_to_ogg`, but mono MP3 at 44.1 kHz, for players that cannot play Opus."""
    return await _transcode(source, target, [*MP3, "-b:a", str(bitrate)], ffmpeg)


async def encode_and_measure(
    source: Path, output: Sequence[str], *, described: Path, ffmpeg: Ffmpeg, max_seconds: float | None = None
) -> AudioInfo:
    """One run of ffmpeg that writes an output, if any, and decodes the first audio stream for the waveform.

    Args:
        source: The file to read.
        output: The arguments of the output; empty: only measure.
        described: The file whose media type is told: the output, or the source where there is none.
        ffmpeg: The program to run.
        max_seconds: Measure no more than so much.

    Raises:
        BadMedia: There is no audio in the source that can be decoded.
        EncoderFailed: ffmpeg is missing, too slow, or ended with another error.
        OSError: The disk is full.

    """
    meter = WaveformMeter()
    cut = [] if max_seconds is None else ["-t", f"{max_seconds:.3f}"]
    arguments = ["-v", "error", *input_file(source), *output, *cut, *_WAVEFORM_SAMPLES]
    await asyncio.to_thread(load_pydub)
    try:
        await ffmpeg.run(arguments, on_output=meter.feed)
    except BadMedia as error:
        raise BadMedia("There is no sound in that file that can be played.") from error
    if not meter.duration_seconds:
        raise BadMedia("There is no sound in that file.")
    media_type = await asyncio.to_thread(detect_media_type, described)
    return AudioInfo(media_type or "application/octet-stream", meter.duration_seconds, meter.waveform(), meter.silent)


async def _transcode(source: Path, target: Path, codec: Sequence[str], ffmpeg: Ffmpeg) -> AudioInfo:
    await check_not_empty(source)
    with replace_atomically(target) as temporary:
        output = [*FIRST_AUDIO_STREAM, *codec, *output_file(temporary)]
        return await encode_and_measure(source, output, described=temporary, ffmpeg=ffmpeg)
