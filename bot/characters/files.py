"""From a character's file to a `Character`, with its folder looked through."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from bot.characters.character import Character
from bot.file_hash import sha256_of_file
from bot.yaml_documents import Document, KeyPath, build, dotted_key, known_keys, read_yaml

AVATAR_NAMES = tuple(f"avatar.{suffix}" for suffix in ("png", "jpg", "jpeg", "webp", "gif"))
SAMPLE_SUFFIXES = (".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a")
MAX_AVATAR_BYTES = 10_000_000
_OURS = {"folder", "guild_id", "avatar_path", "avatar_sha256", "reference_paths"}


@dataclass(frozen=True)
class CharacterFile:
    """A file that was read: the character, and what its owner should know."""

    character: Character
    notes: tuple[str, ...]


@dataclass(frozen=True)
class HostSample:
    """A voice sample in `characters/<id>/voice/`: `<name>.wav` with `<name>.txt`, its transcript, beside it."""

    name: str
    path: Path
    transcript: str


def read_character(path: Path, *, guild_id: int | None = None) -> CharacterFile:
    """Read one file; the id is the file's name where it is left out. Raises ConfigError."""
    document = read_yaml(path)
    data = {key: value for key, value in document.data.items() if key not in _OURS}
    data.setdefault("id", path.stem)
    _adopt_chorus_engine(data)
    character = build(Character, Document(document.name, data, document.lines))
    folder = path.parent / character.id
    avatar = _avatar(character, path.parent, folder)
    references = [
        _inside(folder, name) or _inside(path.parent, name) for name in character.visual_identity.reference_images
    ]
    update: dict[str, Any] = {
        "folder": folder,
        "guild_id": guild_id,
        "avatar_path": avatar,
        "avatar_sha256": _avatar_sha256(avatar) if avatar else None,
        "reference_paths": tuple(reference for reference in references if reference is not None),
    }
    notes = [*_unused(document), *_missing(character, avatar, references)]
    return CharacterFile(character.model_copy(update=update), tuple(f"{path.name}: {note}" for note in notes))


def host_samples(character: Character) -> list[HostSample]:
    """The samples in the character's own folder, the default one first. Reads the disk."""
    if character.folder is None:
        return []
    voice = character.voice
    chosen = _inside(character.folder, voice.voice_sample) if voice.voice_sample else None
    found = sorted(path for path in (character.folder / "voice").glob("*") if path.suffix.lower() in SAMPLE_SUFFIXES)
    if chosen is not None and chosen not in found:
        found.append(chosen)
    found.sort(key=lambda path: (path != chosen, path.stem != "default", path.name))
    return [
        HostSample(path.stem, path, _transcript(path, voice.voice_transcript if path == chosen else ""))
        for path in found
    ]


def _transcript(sample: Path, given: str) -> str:
    if given:
        return given
    try:
        return sample.with_suffix(".txt").read_text("utf-8-sig").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _adopt_chorus_engine(data: dict[str, Any]) -> None:
    """Chorus Engine names a voice's fallback workflow deep inside `voice.tts_provider`."""
    value: Any = data
    for key in ("voice", "tts_provider", "comfyui", "workflow_name"):
        value = cast("dict[str, Any]", value).get(key) if isinstance(value, dict) else None
    if isinstance(value, str) and not data.get("default_audio_workflow"):
        data["default_audio_workflow"] = value


def _inside(folder: Path, name: str) -> Path | None:
    """The file of that name in `folder`, or None; a name that leads out of the folder names nothing."""
    try:
        path = (folder / name.replace("\\", "/")).resolve()
        return path if path.is_relative_to(folder.resolve()) and path.is_file() else None
    except (OSError, ValueError):  # names too long, or with a NUL, for this file system
        return None


def _avatar(character: Character, parent: Path, folder: Path) -> Path | None:
    if character.profile_image:
        named = _inside(folder, character.profile_image) or _inside(parent, character.profile_image)
        if named is not None:
            return named
    return next((folder / name for name in AVATAR_NAMES if (folder / name).is_file()), None)


def _avatar_sha256(path: Path) -> str | None:
    """The hash of the avatar; None where it cannot be read, or is larger than an avatar may be."""
    try:
        return sha256_of_file(path) if path.stat().st_size <= MAX_AVATAR_BYTES else None
    except OSError:
        return None


def _unused(document: Document) -> list[str]:
    """One line for all keys that mean nothing here, and one for each that looks like a slip of the pen."""
    known = {path for path in known_keys(Character) if path[0] not in _OURS}
    unused = list(_unknown(document.data, (), known))
    notes: list[str] = []
    for path in unused:
        neighbours = {str(key[-1]) for key in known if key[:-1] == path[:-1]}
        near = difflib.get_close_matches(str(path[-1]), neighbours, n=1, cutoff=0.8)
        if near and (*path[:-1], near[0]) not in document.lines:
            line = document.lines.get(path, 1)
            notes.append(
                f"line {line}: `{dotted_key(path)}` is not used; did you mean `{dotted_key((*path[:-1], near[0]))}`?"
            )
    if unused:
        notes.append("not used here: " + ", ".join(dotted_key(path) for path in unused))
    return notes


def _unknown(data: dict[str, Any], prefix: KeyPath, known: set[KeyPath]) -> Iterable[KeyPath]:
    sections = {path[:-1] for path in known}
    for key, value in data.items():
        path = (*prefix, key)
        if path not in known:
            yield path
        elif isinstance(value, dict) and path in sections:
            yield from _unknown(cast("dict[str, Any]", value), path, known)


def _missing(character: Character, avatar: Path | None, references: list[Path | None]) -> list[str]:
    notes: list[str] = []
    if character.profile_image and (avatar is None or avatar.name != Path(character.profile_image).name):
        notes.append(f"`profile_image` names no file in the folder {character.id}/")
    names = character.visual_identity.reference_images
    lost = [name for name, path in zip(names, references, strict=True) if path is None]
    if lost:
        notes.append(
            f"`visual_identity.reference_images` names no file in the folder {character.id}/: {', '.join(lost)}"
        )
    return notes
