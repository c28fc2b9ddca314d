"""Reading a character file, `characters/<id>.yaml`, and what its folder `characters/<id>/` holds."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from bot.characters.character import Character
from bot.file_hash import sha256_of_file
from bot.yaml_documents import KeyPath, YamlDocument, dotted_key, known_keys, read_yaml, validate_document

AVATAR_NAMES = tuple(f"avatar.{suffix}" for suffix in ("png", "jpg", "jpeg", "webp", "gif"))
MAX_AVATAR_BYTES = 10_000_000
"""Larger avatars have no digest, so that a change of such a file is not noticed."""
_COMPUTED = {name for name, field in Character.model_fields.items() if field.exclude}
"""Fields that a file cannot set."""


@dataclass(frozen=True)
class CharacterFile:
    """A character file that was read."""

    character: Character
    notes: tuple[str, ...]
    """Sentences for the owner: keys that are not used, files that do not exist."""


def read_character(path: Path, *, guild_id: int | None = None) -> CharacterFile:
    """Read a character file and look through the character's folder.

    Args:
        path: The file; its name is the id where the file has none.
        guild_id: The only guild in which the character is visible; None: everywhere.

    Raises:
        ConfigError: The file cannot be read or a key has a wrong value; the error names file, line and key.

    """
    document = read_yaml(path)
    data = {key: value for key, value in document.data.items() if key not in _COMPUTED}
    data.setdefault("id", path.stem)
    _adopt_chorus_engine_keys(data)
    character = validate_document(Character, YamlDocument(document.name, data, document.lines))
    folder = path.parent / character.id
    avatar = _find_avatar(character, path.parent, folder)
    names = character.visual_identity.reference_images
    references = [file_inside(folder, name) or file_inside(path.parent, name) for name in names]
    update: dict[str, Any] = {
        "folder": folder,
        "guild_id": guild_id,
        "avatar_path": avatar,
        "avatar_sha256": _avatar_sha256(avatar) if avatar else None,
        "reference_paths": tuple(reference for reference in references if reference is not None),
    }
    notes = [*_notes_on_unused_keys(document), *_notes_on_missing_files(character, avatar, references)]
    return CharacterFile(character.model_copy(update=update), tuple(f"{path.name}: {note}" for note in notes))


def file_inside(folder: Path, name: str) -> Path | None:
    """Return the file of that name in `folder`; None if there is none or the name leads out of the folder."""
    try:
        path = (folder / name.replace("\\", "/")).resolve()
        return path if path.is_relative_to(folder.resolve()) and path.is_file() else None
    except (OSError, ValueError):  # the name is too long or holds a NUL
        return None


def _adopt_chorus_engine_keys(data: dict[str, Any]) -> None:
    """Chorus Engine names the workflow of the voice in `voice.tts_provider.comfyui.workflow_name`."""
    value: Any = data
    for key in ("voice", "tts_provider", "comfyui", "workflow_name"):
        value = cast("dict[str, Any]", value).get(key) if isinstance(value, dict) else None
    if isinstance(value, str) and not data.get("default_audio_workflow"):
        data["default_audio_workflow"] = value


def _find_avatar(character: Character, parent: Path, folder: Path) -> Path | None:
    if character.profile_image:
        named = file_inside(folder, character.profile_image) or file_inside(parent, character.profile_image)
        if named is not None:
            return named
    return next((folder / name for name in AVATAR_NAMES if (folder / name).is_file()), None)


def _avatar_sha256(path: Path) -> str | None:
    """The hash of the avatar; None where it cannot be read, or is larger than an avatar may be."""
    try:
        return sha256_of_file(path) if path.stat().st_size <= MAX_AVATAR_BYTES else None
    except OSError:
        return None


def _notes_on_unused_keys(document: YamlDocument) -> list[str]:
    """One note for each key that is probably misspelt, and one that lists all keys that are not used."""
    known = set(known_keys(Character))
    unused = list(_unknown_keys(document.data, (), known))
    notes: list[str] = []
    for path in unused:
        neighbours = {str(key[-1]) for key in known if key[:-1] == path[:-1]}
        near = difflib.get_close_matches(str(path[-1]), neighbours, n=1, cutoff=0.8)
        if near and (*path[:-1], near[0]) not in document.lines:
            line, meant = document.lines.get(path, 1), dotted_key((*path[:-1], near[0]))
            notes.append(f"line {line}: `{dotted_key(path)}` is not used; did you mean `{meant}`?")
    if unused:
        notes.append("not used here: " + ", ".join(dotted_key(path) for path in unused))
    return notes


def _unknown_keys(data: dict[str, Any], prefix: KeyPath, known: set[KeyPath]) -> Iterable[KeyPath]:
    sections = {path[:-1] for path in known}
    for key, value in data.items():
        path = (*prefix, key)
        if path not in known:
            yield path
        elif isinstance(value, dict) and path in sections:
            yield from _unknown_keys(cast("dict[str, Any]", value), path, known)


def _notes_on_missing_files(character: Character, avatar: Path | None, references: list[Path | None]) -> list[str]:
    notes: list[str] = []
    if character.profile_image and (avatar is None or avatar.name != Path(character.profile_image).name):
        notes.append(f"`profile_image` names no file in the folder {character.id}/")
    names = character.visual_identity.reference_images
    missing = [name for name, path in zip(names, references, strict=True) if path is None]
    if missing:
        notes.append(
            f"`visual_identity.reference_images` names no file in the folder {character.id}/: {', '.join(missing)}"
        )
    return notes
