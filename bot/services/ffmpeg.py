"""The ffmpeg that the owner configured."""

from __future__ import annotations

from bot.media.ffmpeg import Ffmpeg
from bot.settings import Settings


def configured_ffmpeg(settings: Settings) -> Ffmpeg:
    """The program that `voice.ffmpeg` names; where it names none, the one that came with the installation."""
    path = settings.voice.ffmpeg
    return Ffmpeg(str(path) if path is not None else None)
