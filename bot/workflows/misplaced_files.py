"""Files in the folder of workflows that are never read because of their place or name, and where they belong."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from bot.domain.jobs import JobKind
from bot.workflows.workflow import SHARED

_KINDS = {kind.value: kind for kind in JobKind}
_USUAL_NAMES = {
    "images": JobKind.IMAGE, "img": JobKind.IMAGE, "picture": JobKind.IMAGE, "pictures": JobKind.IMAGE,
    "sound": JobKind.AUDIO, "speech": JobKind.AUDIO, "tts": JobKind.AUDIO, "voice": JobKind.AUDIO,
    "film": JobKind.VIDEO, "films": JobKind.VIDEO, "movie": JobKind.VIDEO, "videos": JobKind.VIDEO,
}  # fmt: skip


class MisplacedFile(NamedTuple):
    """A workflow file that is not used.

    Attributes:
        path: Where it is, relative to the folder of workflows.
        place: Where it belongs, likewise.

    """

    path: Path
    place: Path


def misplaced_files(root: Path, character_ids: Collection[str]) -> Iterator[MisplacedFile]:
    """Yield every JSON file that lies where the library does not look, in the order of their paths. Blocking.

    Args:
        root: The folder of workflows.
        character_ids: Of the characters that exist; a folder is named like one of them, or `_shared`.

    Raises:
        OSError: The folder cannot be listed.

    """
    owners = {owner.casefold(): owner for owner in (*character_ids, SHARED)}
    for path in sorted(root.rglob("*")):
        relative = path.relative_to(root)
        if path.suffix.lower() != ".json" or not path.is_file() or any(p.startswith(".") for p in relative.parts):
            continue
        place = _place(relative, owners)
        if place != relative:
            yield MisplacedFile(relative, place)


def _place(relative: Path, owners: dict[str, str]) -> Path:
    *folders, name = relative.parts
    owner = folders[0] if folders else SHARED
    owner = owners.get(owner.casefold(), owner)
    known = [found for folder in folders[1:] if (found := _kind(folder)) is not None]
    kind = known[0] if known else JobKind.IMAGE
    if len(folders) > 1 and not known:  # a folder of the person's own: the name says what it held
        name = f"{folders[-1]}-{name}"
    return Path(owner, kind.value, name[: -len(".json")] + ".json")


def _kind(folder: str) -> JobKind | None:
    lowered = folder.casefold()
    return _KINDS.get(lowered) or _USUAL_NAMES.get(lowered)
