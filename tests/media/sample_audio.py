"""Audio and video files made for the tests by the ffmpeg that comes with Chorus."""

from __future__ import annotations

import base64
from pathlib import Path

from bot.media.ffmpeg import Ffmpeg, output_file

FFMPEG = Ffmpeg()
"""The one that comes with Chorus."""

_TREMOLO = "sine=frequency=300:duration={seconds},tremolo=f=1.3:d=0.9"


async def sound(path: Path, seconds: float = 2.0, *, volume: float = 1.0, rate: int = 22_050) -> Path:
    """A tone whose loudness rises and falls, in the format of the suffix."""
    source = _TREMOLO.format(seconds=seconds) + f",volume={volume}"
    await FFMPEG.run(
        ["-f", "lavfi", "-i", source, "-ar", str(48_000 if path.suffix == ".opus" else rate), *output_file(path)]
    )
    return path


async def video(path: Path, seconds: float = 1.0, *, with_sound: bool = False) -> Path:
    """Ten frames a second of a test pattern."""
    tone = ["-f", "lavfi", "-i", _TREMOLO.format(seconds=seconds)] if with_sound else []
    pattern = ["-f", "lavfi", "-i", f"testsrc=duration={seconds}:size=320x240:rate=10"]
    tags = ["-metadata", "comment=secret graph"]
    await FFMPEG.run([*pattern, *tone, *tags, *output_file(path)])
    return path


def waveform_values(waveform: str) -> list[int]:
    return list(base64.b64decode(waveform, validate=True))
