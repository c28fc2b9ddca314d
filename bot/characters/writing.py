"""An imported card becomes files: all of them or none, and never over another character."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

import yaml

from bot.characters.cards import ImportedCard
from bot.characters.character import Character
from bot.errors import InputInvalid

MAX_NAMESAKES = 1000


def write_character(card: ImportedCard, folder: Path, taken: Collection[str] = ()) -> Path:
    """Write `<id>.yaml` and `<id>/avatar.png` to `folder`; the path of the former.

    Where the id is in use, in `taken` or on disk, a number is added to it: `luna-2`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    character, assets = _claim(card.character, folder, taken)
    try:
        if card.avatar_png is not None:
            (assets / "avatar.png").write_bytes(card.avatar_png)
        target = folder / f"{character.id}.yaml"
        _publish(target, to_yaml(character))
    except BaseException:  # half a character is not left behind, whatever ended the writing; raised again
        shutil.rmtree(assets, ignore_errors=True)
        raise
    return target


def to_yaml(character: Character) -> str:
    """The character's file: only what differs from the defaults, in the model's order."""
    content = character.model_dump(mode="json", exclude_defaults=True)
    dumped: str = yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
    return dumped


def _claim(character: Character, folder: Path, taken: Collection[str]) -> tuple[Character, Path]:
    """Making the asset folder is what reserves an id: of two imports at once, one gets the next number."""
    for number in range(1, MAX_NAMESAKES):
        suffix = "" if number == 1 else f"-{number}"
        name = character.id[: 50 - len(suffix)].rstrip("-_") + suffix
        if name in taken or any((folder / f"{name}{ending}").exists() for ending in (".yaml", ".yml")):
            continue
        try:
            (folder / name).mkdir()
        except FileExistsError:
            continue
        return character.model_copy(update={"id": name}), folder / name
    raise InputInvalid("There are too many characters of that name.", advice="Rename some of them first.")


def _publish(target: Path, text: str) -> None:
    """Whole at once, and never over a file that is there: a hard link refuses where a rename would replace."""
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
            _write_new(target, text)
    finally:
        part.unlink(missing_ok=True)


def _write_new(target: Path, text: str) -> None:
    with target.open("x", encoding="utf-8", newline="\n") as file:
        try:
            file.write(text)
            file.flush()
        except OSError:
            target.unlink()
            raise


class _Dumper(yaml.SafeDumper):
    """Long texts as `|` blocks, which people can edit."""


def _text(dumper: yaml.SafeDumper, value: str) -> Any:
    # A block cannot hold a line that ends in a space, nor begin with one; the emitter falls back to quotes by itself.
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)  # pyright: ignore[reportUnknownMemberType]


_Dumper.add_representer(str, _text)
