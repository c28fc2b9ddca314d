"""Character cards as people share them: SillyTavern/TavernAI V1, V2 and V3 as PNG, JSON or CHARX, made a `Character`.

Nothing in a card is believed: sizes are capped before anything is decompressed, pictures are drawn anew without their
metadata, texts go through the character's own model, and no address in a card is ever fetched.

Sources: the card specifications V1/V2 (`chara` in a PNG's text) and V3 (`ccv3`, preferred; CHARX is a zip with
`card.json` and assets under ``embeded://``, spelt so).
"""

from __future__ import annotations

import base64
import binascii
import io
import json
import struct
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from PIL import Image, ImageOps

from bot.characters._png_text import PNG_SIGNATURE, png_texts
from bot.characters.card_fields import character_from_card
from bot.characters.character import Character
from bot.errors import InputInvalid

MAX_CARD_BYTES = 20_000_000
MAX_JSON_BYTES = 8_000_000
MAX_PIXELS = 40_000_000
AVATAR_SIZE = 512
"""Pixels of the longer side; Discord shows 128 at most."""
MAX_AVATAR_BYTES = 1_500_000
MAX_ZIP_ENTRIES = 5000
_ADVICE = "Export the character again from the program that made it, as PNG or JSON."


@dataclass(frozen=True)
class ImportedCard:
    """A card that was understood."""

    character: Character
    avatar_png: bytes | None
    """The picture, at most 512 pixels a side, without metadata."""
    notes: tuple[str, ...]
    """What was left out or changed, one sentence each."""


def import_card(data: bytes, filename: str) -> ImportedCard:
    """Read a card. Blocking (Pillow): call it off the event loop.

    Args:
        data: The whole file.
        filename: Names the character where the card does not; never used as a path.

    Raises:
        InputInvalid: With the reason, in one sentence.

    """
    if len(data) > MAX_CARD_BYTES:
        raise InputInvalid(f"The card is larger than {MAX_CARD_BYTES // 1_000_000} MB.", advice=_ADVICE)
    if not data:
        raise InputInvalid("The file is empty.", advice=_ADVICE)
    if data.startswith(PNG_SIGNATURE):
        card, picture = _from_png(data), data
    elif zipfile.is_zipfile(io.BytesIO(data)):
        card, picture = _from_charx(data)
    elif data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{":
        card = _parse_json(data)
        picture = _data_uri_icon(card)
    else:
        raise InputInvalid(
            "That is not a character card: expected a PNG with an embedded card, a JSON file or a CHARX file.",
            advice="Pictures lose their card when they are converted or copied; share the original file.",
        )
    avatar, notes = _avatar(picture) if picture is not None else (None, [])
    character, more = character_from_card(card, filename)
    return ImportedCard(character, avatar, (*more, *notes))


def _from_png(data: bytes) -> dict[str, Any]:
    # A base64 text is a third longer than what it holds.
    texts = png_texts(data, wanted={"ccv3", "chara"}, max_bytes=MAX_JSON_BYTES * 4 // 3 + 4)
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


def _from_charx(data: bytes) -> tuple[dict[str, Any], bytes | None]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            if len(entries) > MAX_ZIP_ENTRIES:
                raise InputInvalid("The archive holds too many files.", advice=_ADVICE)
            names = {entry.filename: entry for entry in entries}
            if "card.json" not in names:
                raise InputInvalid("That archive has no card.json: it is not a character card.", advice=_ADVICE)
            card = _parse_json(_unzip(archive, names["card.json"], MAX_JSON_BYTES))
            icon = _icon_uri(card)
            picture = _data_uri_icon(card) or (
                data if data.startswith(b"\xff\xd8") else None
            )  # a JPEG with a zip behind
            scheme, _, path = icon.partition("://")
            if scheme in {"embeded", "embedded"} and path in names:
                picture = _unzip(archive, names[path], MAX_CARD_BYTES)
            return card, picture
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise InputInvalid("The archive is damaged or encrypted.", advice=_ADVICE) from error


def _unzip(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, limit: int) -> bytes:
    """The stated size may lie, so reading stops at the limit whatever it says."""
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
    """The main icon's address in a V3 card, or an empty text."""
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


def _data_uri_icon(card: Mapping[str, Any]) -> bytes | None:
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


def _avatar(data: bytes) -> tuple[bytes | None, list[str]]:
    """The picture drawn anew: no metadata, no animation, nothing of the original's bytes."""
    try:
        with warnings.catch_warnings():
            # We look at the size ourselves before a pixel is decoded.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "WEBP", "GIF")) as picture:
                if picture.width * picture.height > MAX_PIXELS:
                    return None, ["The picture is too large to be the avatar."]
                picture.draft("RGB", (AVATAR_SIZE * 2, AVATAR_SIZE * 2))
                picture.load()  # a second attempt at damaged pixels would pass, as black
                upright = _upright(picture)
                mode = "RGBA" if upright.has_transparency_data else "RGB"
                upright = upright.convert(mode)
                upright.thumbnail((AVATAR_SIZE, AVATAR_SIZE), Image.Resampling.LANCZOS)
                return _encode(upright), []
    except Exception:  # noqa: BLE001 - Pillow's decoders raise anything on hostile bytes; the character is usable without
        return None, ["The picture is damaged, so the character has no avatar yet."]


def _upright(picture: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(picture)
    except (struct.error, ValueError, TypeError, KeyError, OSError, SyntaxError):  # cut or invented EXIF
        return picture


def _encode(picture: Image.Image) -> bytes:
    # A new image, since Pillow would write the old one's text chunks and colour profile again.
    clean = Image.new(picture.mode, picture.size)
    clean.paste(picture)
    while True:
        target = io.BytesIO()
        clean.save(target, "PNG", optimize=True)
        if target.tell() <= MAX_AVATAR_BYTES or max(clean.size) <= 64:
            return target.getvalue()
        clean.thumbnail((max(clean.size) * 3 // 4, max(clean.size) * 3 // 4), Image.Resampling.LANCZOS)
