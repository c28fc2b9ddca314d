"""Exporting a character as a card that SillyTavern and programs like it open: a PNG with V2 and V3 inside.

Sources: the card specifications V2 (base64 JSON in the text chunk `chara`) and V3 (`ccv3`, preferred by readers).
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from PIL import Image, ImageDraw, ImageFont, PngImagePlugin

from bot.characters.card_avatar import make_avatar
from bot.characters.card_extension import KEY, CardExtension, encode_extension
from bot.characters.card_fields import card_data
from bot.characters.card_import import MAX_JSON_BYTES
from bot.characters.character import Character
from bot.errors import InputInvalid

_PLATE: Final = (400, 600)
_FONT_SIZE: Final = 160


def export_card(extension: CardExtension, avatar: Path | None) -> bytes:
    """Return the card as a PNG. Blocking (Pillow).

    Args:
        extension: The character, with the files and workflows that go with it.
        avatar: The character's picture; None, or one that cannot be read: a plate with the first letter of the name.

    Raises:
        InputInvalid: The card would be too large to be imported again.

    """
    data = card_data(extension.character)
    # Readers that know V3 prefer it, so the files stand there only once.
    small = encode_extension(CardExtension(extension.character))
    v2 = _card("chara_card_v2", "2.0", data | {"extensions": {KEY: small}})
    v3_data: dict[str, Any] = data | {
        "group_only_greetings": list[str](),
        "extensions": {KEY: encode_extension(extension)},
    }
    v3 = _card("chara_card_v3", "3.0", v3_data)
    if len(v3) > MAX_JSON_BYTES:
        raise InputInvalid(
            "The card would be too large to be imported again.",
            advice="Export it without its voice, its reference pictures or its workflows.",
        )
    chunks = PngImagePlugin.PngInfo()
    chunks.add_text("chara", base64.b64encode(v2).decode())
    chunks.add_text("ccv3", base64.b64encode(v3).decode())
    out = io.BytesIO()
    _picture(extension.character, avatar).save(out, "PNG", pnginfo=chunks)
    return out.getvalue()


def _card(spec: str, version: str, data: Mapping[str, Any]) -> bytes:
    return json.dumps({"spec": spec, "spec_version": version, "data": data}).encode()


def _picture(character: Character, avatar: Path | None) -> Image.Image:
    try:
        encoded = make_avatar(avatar.read_bytes())[0] if avatar is not None else None
    except OSError:  # removed meanwhile
        encoded = None
    if encoded is not None:
        return Image.open(io.BytesIO(encoded))
    plate = Image.new("RGB", _PLATE, (49, 51, 56))
    letter = character.name[0].upper() if character.name[0].isascii() else "?"
    font = ImageFont.load_default(_FONT_SIZE)
    ImageDraw.Draw(plate).text((_PLATE[0] // 2, _PLATE[1] // 2), letter, font=font, fill=(219, 222, 225), anchor="mm")
    return plate
