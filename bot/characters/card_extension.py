"""Our own part of a character card, `data.extensions.chorus`: what the card formats have no fields for.

Other programs keep extensions that they do not know (card specification V2), so a card that was only passed on or
edited elsewhere becomes the same character again, with the changes made there.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

from pydantic import ValidationError

from bot.characters.character import Character
from bot.media.media_types import media_type_of_bytes

KEY: Final = "chorus"
_VERSION: Final = 1
MAX_FILES: Final = 12
MAX_FILES_BYTES: Final = 5_000_000
"""Of all files together; a card's text may have 8 MB, and base64 makes a third more of them."""
MAX_WORKFLOWS: Final = 10
_VOICE_FILE: Final = re.compile(r"voice/[A-Za-z0-9][\w .-]{0,60}\.(?:wav|flac|mp3|ogg|opus|m4a|txt)")
_PICTURE_FILE: Final = re.compile(r"[A-Za-z0-9][\w .-]{0,60}\.(?:png|jpe?g|webp|gif)", re.IGNORECASE)
_MAX_TRANSCRIPT_BYTES: Final = 20_000


@dataclass(frozen=True)
class CardExtension:
    """What a card of ours brings.

    Attributes:
        character: All keys of the character's file.
        files: Path inside the character's folder -> content: voice samples and reference pictures.
        workflows: Shared workflows: `prompt` and `chorus`, as `bot.workflows.embedded` reads them.

    """

    character: Character
    files: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    workflows: Sequence[Mapping[str, Any]] = ()


def encode_extension(extension: CardExtension) -> dict[str, Any]:
    """The value of `data.extensions.chorus`. The name of the avatar's file is left out: the card is the avatar."""
    keys = extension.character.model_dump(mode="json", exclude_defaults=True, exclude={"profile_image"})
    return {
        "version": _VERSION,
        "character": keys,
        "files": {path: base64.b64encode(data).decode() for path, data in extension.files.items()},
        "workflows": [dict(workflow) for workflow in extension.workflows],
    }


def parse_extension(data: Mapping[str, Any]) -> CardExtension | None:
    """Read our part of a card's `data`; None: there is none, or it cannot be used. Files that are damaged are left out.

    Never raises: the rest of the card is usable without it.
    """
    extensions = data.get("extensions")
    found: Any = cast("Mapping[str, Any]", extensions).get(KEY) if isinstance(extensions, Mapping) else None
    if not isinstance(found, Mapping):
        return None
    fields = cast("Mapping[str, Any]", found)
    keys = fields.get("character")
    if fields.get("version") != _VERSION or not isinstance(keys, Mapping):
        return None
    computed = {name for name, each in Character.model_fields.items() if each.exclude} | {"profile_image"}
    given = {name: value for name, value in cast("Mapping[str, Any]", keys).items() if name not in computed}
    try:
        character = Character.model_validate(given)
    except ValidationError:
        return None
    return CardExtension(character, _files(fields.get("files")), _workflows(fields.get("workflows")))


def _files(value: Any) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    total = 0
    given: Mapping[Any, Any] = cast("Mapping[Any, Any]", value) if isinstance(value, Mapping) else {}
    for path, encoded in list(given.items())[:MAX_FILES]:
        if not isinstance(path, str) or not isinstance(encoded, str) or not fits_card(path):
            continue
        try:
            content = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            continue
        total += len(content)
        if total <= MAX_FILES_BYTES and is_what_it_says(path, content):
            found[path] = content
    return found


def fits_card(path: str) -> bool:
    """The path is one of a voice sample, of its transcript, or of a picture in the character's folder."""
    return bool(_VOICE_FILE.fullmatch(path) or _PICTURE_FILE.fullmatch(path)) and ".." not in path


def is_what_it_says(path: str, content: bytes) -> bool:
    """The content is sound, a picture or text, as the name says."""
    if path.endswith(".txt"):
        return len(content) <= _MAX_TRANSCRIPT_BYTES and b"\0" not in content
    media_type = media_type_of_bytes(content[:64]) or ""
    if path.startswith("voice/"):
        return media_type.startswith(("audio/", "video/mp4")) or (path.endswith(".mp3") and content[:1] == b"\xff")
    return media_type.startswith("image/") and path.lower() != "avatar.png"


def _workflows(value: Any) -> tuple[Mapping[str, Any], ...]:
    given = cast("list[Any]", value) if isinstance(value, list) else []
    return tuple(cast("Mapping[str, Any]", each) for each in given[:MAX_WORKFLOWS] if isinstance(each, Mapping))
