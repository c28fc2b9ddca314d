"""Importing character cards of SillyTavern and TavernAI (V1, V2, V3) as PNG, JSON or CHARX files.

A card comes from a stranger: sizes are limited before anything is decompressed, pictures are drawn anew, texts are
checked like those of a character file, and no address in a card is ever fetched.

Sources: the card specifications V1 and V2 (base64 JSON under the keyword `chara` in a PNG's text chunks) and V3
    (keyword
`ccv3`, preferred; a CHARX file is a zip archive with `card.json` and with assets whose addresses begin with
``embeded://``, which the specification spells like this).
"""

from __future__ import annotations

import base64
import binascii
import io
import json
import lzma
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from bot.characters.card_avatar import make_avatar
from bot.characters.card_conversion import character_from_card, with_changes
from bot.characters.card_extension import parse_extension
from bot.characters.card_fields import card_data
from bot.characters.character import Character
from bot.errors import InputInvalid
from bot.media.png_text_chunks import PNG_SIGNATURE, TextTooLarge, read_text_chunks

MAX_CARD_BYTES = 20_000_000
MAX_JSON_BYTES = 8_000_000
MAX_ZIP_ENTRIES = 5000
_ZIP_ENTRY_SIGNATURE = b"PK\x01\x02"
"""Begins each entry in a zip archive's list of its files."""
_JPEG_SIGNATURE = b"\xff\xd8"
_ARCHIVE_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    NotImplementedError,
    RuntimeError,
    EOFError,
    OSError,
    ValueError,
)
"""What `zipfile` raises for archives that are damaged, encrypted, or compressed in an unknown way."""
_ADVICE = "Export the character again from the program that made it, as PNG or JSON."


@dataclass(frozen=True)
class ImportedCard:
    """A card that was understood."""

    character: Character
    avatar_png: bytes | None
    """The picture as a PNG of at most 512 pixels a side, without metadata; None: the card has no usable one."""
    notes: tuple[str, ...]
    """What was left out or changed, one sentence each."""
    files: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    """Path inside the character's folder -> content: voice samples and reference pictures of a card of ours."""
    workflows: Sequence[Mapping[str, Any]] = ()
    """Shared workflows of a card of ours."""


def import_card(data: bytes, filename: str) -> ImportedCard:
    """Read a card. Blocking (Pillow): call it off the event loop.

    Args:
        data: The whole file.
        filename: Names the character where the card does not; it is never used as a path.

    Raises:
        InputInvalid: The file is empty, too large, damaged, or no character card.

    """
    if len(data) > MAX_CARD_BYTES:
        raise InputInvalid(f"The card is larger than {MAX_CARD_BYTES // 1_000_000} MB.", advice=_ADVICE)
    if not data:
        raise InputInvalid("The file is empty.", advice=_ADVICE)
    if data.startswith(PNG_SIGNATURE):
        card, picture = _card_of_png(data), data
    elif zipfile.is_zipfile(io.BytesIO(data)):
        card, picture = _card_and_icon_of_charx(data)
    elif data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{":
        card = _parse_json(data)
        picture = _icon_in_json(card)
    else:
        raise InputInvalid(
            "That is not a character card: expected a PNG with an embedded card, a JSON file or a CHARX file.",
            advice="Pictures lose their card when they are converted or copied; share the original file.",
        )
    avatar, avatar_notes = make_avatar(picture) if picture is not None else (None, [])
    inner: Any = card.get("data")
    own = parse_extension(cast("Mapping[str, Any]", inner)) if isinstance(inner, Mapping) else None
    if own is not None:
        character = with_changes(own.character, card_data(own.character), card, filename)
        return ImportedCard(character, avatar, tuple(avatar_notes), own.files, own.workflows)
    character, notes = character_from_card(card, filename)
    return ImportedCard(character, avatar, (*notes, *avatar_notes))


def _card_of_png(data: bytes) -> dict[str, Any]:
    # A base64 text is a third longer than what it encodes.
    try:
        texts = read_text_chunks(data, wanted={"ccv3", "chara"}, max_bytes=MAX_JSON_BYTES * 4 // 3 + 4)
    except TextTooLarge as error:
        raise InputInvalid(
            "The card's text is too large.", advice="Share a card without pictures inside its text."
        ) from error
    encoded = texts.get("ccv3") or texts.get("chara")
    if encoded is None:
        raise InputInvalid(
            "That picture has no character card inside.",
            advice="Pictures lose their card when they are converted or copied; share the original file.",
        )
    if encoded.lstrip()[:1] == b"{":  # some programs leave the base64 out
        return _parse_json(encoded)
    try:
        decoded = base64.b64decode(b"".join(encoded.split()).translate(bytes.maketrans(b"-_", b"+/")) + b"==")
    except (binascii.Error, ValueError) as error:
        raise InputInvalid("The card inside that picture is damaged.", advice=_ADVICE) from error
    return _parse_json(decoded)


def _card_and_icon_of_charx(data: bytes) -> tuple[dict[str, Any], bytes | None]:
    # Counted before the archive is opened, since `zipfile` makes an object of half a kilobyte for every entry.
    if data.count(_ZIP_ENTRY_SIGNATURE) > MAX_ZIP_ENTRIES:
        raise InputInvalid("The archive holds too many files.", advice=_ADVICE)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            by_name = {entry.filename: entry for entry in archive.infolist()}
            if "card.json" not in by_name:
                raise InputInvalid("That archive has no card.json: it is not a character card.", advice=_ADVICE)
            card = _parse_json(_unzip(archive, by_name["card.json"], MAX_JSON_BYTES))
            scheme, _, path = _icon_uri(card).partition("://")
            if scheme in {"embeded", "embedded"} and path in by_name:
                return card, _unzip(archive, by_name[path], MAX_CARD_BYTES)
            # A CHARX file may begin with a JPEG, which is then its picture.
            return card, _icon_in_json(card) or (data if data.startswith(_JPEG_SIGNATURE) else None)
    except _ARCHIVE_ERRORS as error:
        raise InputInvalid("The archive is damaged or encrypted.", advice=_ADVICE) from error


def _unzip(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, limit: int) -> bytes:
    """The size that the archive states may be wrong, so reading stops at the limit."""
    with archive.open(entry) as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise InputInvalid(f"A file in the archive is larger than {limit // 1_000_000} MB.", advice=_ADVICE)
    return content


def _parse_json(data: bytes) -> dict[str, Any]:
    if len(data) > MAX_JSON_BYTES:
        raise InputInvalid(f"The card's text is larger than {MAX_JSON_BYTES // 1_000_000} MB.", advice=_ADVICE)
    try:
        value: Any = json.loads(data.decode("utf-8-sig", errors="replace"))
    except (ValueError, RecursionError) as error:
        raise InputInvalid("The card is not readable JSON.", advice=_ADVICE) from error
    if not isinstance(value, dict):
        raise InputInvalid("The card is not a character: expected a JSON object.", advice=_ADVICE)
    return cast("dict[str, Any]", value)


def _icon_uri(card: Mapping[str, Any]) -> str:
    """The address of a V3 card's main icon; empty where it has none."""
    data = card.get("data")
    assets: Any = cast("dict[str, Any]", data).get("assets") if isinstance(data, dict) else None
    entries = cast("list[Any]", assets) if isinstance(assets, list) else []
    icons = [
        cast("dict[str, Any]", entry)
        for entry in entries[:MAX_ZIP_ENTRIES]
        if isinstance(entry, dict) and cast("dict[str, Any]", entry).get("type") == "icon"
    ]
    icons.sort(key=lambda icon: icon.get("name") != "main")
    return str(icons[0].get("uri", "")) if icons else ""


def _icon_in_json(card: Mapping[str, Any]) -> bytes | None:
    """The picture that stands in the card itself as a `data:` address."""
    data = card.get("data")
    inner = cast("dict[str, Any]", data) if isinstance(data, dict) else {}
    for value in (_icon_uri(card), inner.get("avatar"), card.get("avatar")):
        head, _, encoded = value.partition(",") if isinstance(value, str) else ("", "", "")
        if head.startswith("data:image/") and head.endswith(";base64"):
            try:
                return base64.b64decode(encoded)
            except (binascii.Error, ValueError):
                return None
    return None
