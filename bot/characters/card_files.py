"""The files of a character that go into its card: voice samples, and reference pictures without metadata."""

from __future__ import annotations

from pathlib import Path

from bot.characters.card_extension import MAX_FILES, MAX_FILES_BYTES, fits_card, is_what_it_says
from bot.characters.character import Character
from bot.characters.voice_sample_files import voice_sample_files
from bot.media.errors import BadMedia
from bot.media.images.metadata_stripping import strip_metadata


def card_files(
    character: Character, *, voice: bool, references: bool, max_pixels: int
) -> tuple[dict[str, bytes], list[str]]:
    """Return path inside the character's folder -> content, and a sentence for each file left out. Blocking.

    Args:
        character: As read from its file.
        voice: Whether its voice samples are wanted, with their transcripts.
        references: Whether its reference pictures are wanted.
        max_pixels: The largest picture that is opened.

    """
    wanted: list[Path] = []
    if voice:
        for sample in voice_sample_files(character):
            wanted += [
                sample.path,
                *([transcript] if (transcript := sample.path.with_suffix(".txt")).is_file() else []),
            ]
    if references:
        wanted += character.reference_paths
    found: dict[str, bytes] = {}
    notes: list[str] = []
    for path in dict.fromkeys(wanted):
        name = _name_in_folder(path, character)
        try:
            is_picture = path in character.reference_paths
            content = strip_metadata(path, max_pixels=max_pixels) if is_picture else path.read_bytes()
        except (OSError, BadMedia):
            notes.append(f"{path.name[:60]} cannot be read and was left out.")
            continue
        total = sum(map(len, found.values())) + len(content)
        if len(found) >= MAX_FILES or total > MAX_FILES_BYTES:
            notes.append(f"{path.name[:60]} was left out: a card holds {MAX_FILES_BYTES // 1_000_000} MB of files.")
        elif name is None or not is_what_it_says(name, content):
            notes.append(f"{path.name[:60]} was left out: its name or its kind cannot be in a card.")
        else:
            found[name] = content
    return found, notes


def _name_in_folder(path: Path, character: Character) -> str | None:
    if character.folder is None:
        return None
    try:
        name = path.resolve().relative_to(character.folder.resolve()).as_posix()
    except ValueError:  # beside the folder
        name = path.name
    return name if fits_card(name) else None
