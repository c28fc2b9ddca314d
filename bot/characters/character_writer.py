"""Writing a new character's files: all of them or none, and never over those of another character."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

import yaml

from bot.characters.card_import import ImportedCard
from bot.characters.character import MAX_ID_LENGTH, Character
from bot.errors import ConfigError, InputInvalid
from bot.yaml_documents import parse_yaml, validate_document

MAX_NUMBER = 1000
"""The largest number that is added to an id that is taken."""


def write_character(card: ImportedCard, folder: Path, taken: Collection[str] = ()) -> Path:
    """Write `<id>.yaml`, `<id>/avatar.png` and the card's other files to `folder`; return the first path. Blocking.

    An id that is taken, by `taken` or by files in the folder, gets a number: `luna-2`.

    Args:
        card: The imported card.
        folder: A folder of character files; it is made if it does not exist.
        taken: Ids that cannot be used.

    Raises:
        InputInvalid: Every number is taken, or the character could not be read from the file again.
        OSError: The files cannot be written; then none is left behind.

    """
    _check_readable(card.character)
    folder.mkdir(parents=True, exist_ok=True)
    character, assets = _reserve_id(card.character, folder, taken)
    try:
        if card.avatar_png is not None:
            (assets / "avatar.png").write_bytes(card.avatar_png)
        for name, content in card.files.items():
            (assets / name).parent.mkdir(exist_ok=True)
            (assets / name).write_bytes(content)
        target = folder / f"{character.id}.yaml"
        _write_at_once(target, to_yaml(character))
    except BaseException:  # half a character is not left behind, whatever ended the writing; raised again
        shutil.rmtree(assets, ignore_errors=True)
        raise
    return target


def to_yaml(character: Character) -> str:
    """Return the content of a character's file: the keys that differ from their defaults, in the model's order."""
    content = character.model_dump(mode="json", exclude_defaults=True)
    dumped: str = yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
    return dumped


def _check_readable(character: Character) -> None:
    """Refuse a character whose file could not be read: one of letters of three bytes may be too large, for example."""
    try:
        document = parse_yaml(to_yaml(character).encode(), name=f"{character.id}.yaml")
        validate_document(Character, document)
    except ConfigError as error:
        raise InputInvalid(
            f"The card cannot be kept as a character file: {error.message}",
            advice="Share a card with shorter texts and fewer memories.",
        ) from error


def _reserve_id(character: Character, folder: Path, taken: Collection[str]) -> tuple[Character, Path]:
    """Reserve an id by making its folder, so that of two imports at once the second gets the next number."""
    for number in range(1, MAX_NUMBER):
        suffix = "" if number == 1 else f"-{number}"
        name = character.id[: MAX_ID_LENGTH - len(suffix)].rstrip("-_") + suffix
        if name in taken or any((folder / f"{name}{ending}").exists() for ending in (".yaml", ".yml")):
            continue
        try:
            (folder / name).mkdir()
        except FileExistsError:
            continue
        return character.model_copy(update={"id": name}), folder / name
    raise InputInvalid("There are too many characters of that name.", advice="Rename some of them first.")


def _write_at_once(target: Path, text: str) -> None:
    """Write the whole text to another file, then link it: a hard link fails where a rename would replace a file."""
    handle, name = tempfile.mkstemp(prefix=".", suffix=".part", dir=target.parent)
    part = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        part.chmod(0o644)
        try:
            os.link(part, target)
        except FileExistsError:
            raise
        except OSError:  # a file system without hard links (exFAT, some network shares)
            _write_exclusively(target, text)
    finally:
        part.unlink(missing_ok=True)


def _write_exclusively(target: Path, text: str) -> None:
    with target.open("x", encoding="utf-8", newline="\n") as file:
        try:
            file.write(text)
            file.flush()
        except OSError:
            target.unlink()
            raise


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as `|` blocks, which people can edit."""


def _represent_text(dumper: yaml.SafeDumper, value: str) -> Any:
    # Where a block cannot hold a text (a line that ends in a space), the emitter itself falls back to quotes.
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)  # pyright: ignore[reportUnknownMemberType]


_Dumper.add_representer(str, _represent_text)
