"""Converting what somebody gives as a voice sample to the form in which samples are kept and sent to ComfyUI."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from bot.media.atomic_write import replace_atomically
from bot.media.audio import FIRST_AUDIO_STREAM, encode_and_measure
from bot.media.errors import BadMedia
from bot.media.ffmpeg import Ffmpeg, check_not_empty, output_file

_RECOMMENDED_SECONDS = (3.0, 30.0)
_WAV = ["-ac", "1", "-ar", "48000", "-c:a", "pcm_s16le"]


@dataclass(frozen=True)
class VoiceSampleInfo:
    """A converted voice sample; `warnings` are sentences for the person who added it."""

    duration_seconds: float
    warnings: tuple[str, ...] = ()


async def convert_voice_sample(
    source: Path, target: Path, *, max_bytes: int, max_seconds: float, ffmpeg: Ffmpeg
) -> VoiceSampleInfo:
    """Write `target` as mono WAV, 16 bit, 48 kHz, from an audio file or from the audio of a video.

    Raises:
        BadMedia: The source is larger than `max_bytes` (then it is not opened), longer than `max_seconds`, empty,
            silent, or not audio.
        EncoderFailed: ffmpeg is missing, too slow, or ended with another error.
        OSError: The disk is full.

    """
    size = (await asyncio.to_thread(source.stat)).st_size
    if size > max_bytes:
        raise BadMedia(
            f"That file is too large for a voice sample ({size / 1e6:.0f} MB; at most {max_bytes / 1e6:.0f} MB).",
            advice="Cut it to the 3 to 30 seconds that show the voice best.",
        )
    await check_not_empty(source)
    with replace_atomically(target) as temporary:
        # One second more than allowed tells that it is too long, so that two hours are never decoded.
        cut = max_seconds + 1
        wav = ["-t", f"{cut:.3f}", *FIRST_AUDIO_STREAM, *_WAV, "-fflags", "+bitexact", "-f", "wav"]
        info = await encode_and_measure(
            source, [*wav, *output_file(temporary)], described=temporary, ffmpeg=ffmpeg, max_seconds=cut
        )
        if info.duration_seconds > max_seconds:
            raise BadMedia(
                f"That is too long for a voice sample (at most {max_seconds:.0f} seconds).",
                advice="Cut it to the 3 to 30 seconds that show the voice best.",
            )
        if info.silent:
            raise BadMedia("There is nothing to hear in that file.")
    return VoiceSampleInfo(info.duration_seconds, _warnings(info.duration_seconds))


def _warnings(seconds: float) -> tuple[str, ...]:
    shortest, longest = _RECOMMENDED_SECONDS
    if seconds < shortest:
        return (f"The sample lasts only {seconds:.1f} s; voices are copied best from 3 to 30 s.",)
    if seconds > longest:
        return (f"The sample lasts {seconds:.0f} s; voices are copied best from 3 to 30 s, and more is slower.",)
    return ()
