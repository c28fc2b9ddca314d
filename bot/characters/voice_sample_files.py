"""The voice samples in a character's own folder, `characters/<id>/voice/`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bot.characters.character import Character
from bot.characters.character_files import file_inside

SAMPLE_SUFFIXES = (".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a")


@dataclass(frozen=True)
class VoiceSampleFile:
    """A recording `<name>.wav` (or another format), with its transcript in `<name>.txt` beside it."""

    name: str
    path: Path
    transcript: str
    """Empty where there is no transcript."""


def voice_sample_files(character: Character) -> list[VoiceSampleFile]:
    """Return the samples in the character's folder, the default one first. Blocking.

    The default sample is the one that `voice.voice_sample` names, else the one named `default`.
    """
    if character.folder is None:
        return []
    voice = character.voice
    chosen = file_inside(character.folder, voice.voice_sample) if voice.voice_sample else None
    found = sorted(path for path in (character.folder / "voice").glob("*") if path.suffix.lower() in SAMPLE_SUFFIXES)
    if chosen is not None and chosen not in found:
        found.append(chosen)
    found.sort(key=lambda path: (path != chosen, path.stem != "default", path.name))
    return [
        VoiceSampleFile(path.stem, path, _transcript(path, voice.voice_transcript if path == chosen else ""))
        for path in found
    ]


def _transcript(sample: Path, given: str) -> str:
    if given:
        return given
    try:
        return sample.with_suffix(".txt").read_text("utf-8-sig").strip()
    except (OSError, UnicodeDecodeError):
        return ""
