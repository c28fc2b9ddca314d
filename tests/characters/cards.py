"""Cards made here, in every form people share."""

from __future__ import annotations

import base64
import io
import json
import struct
import zipfile
import zlib
from typing import Any

from PIL import Image


def v1(**fields: Any) -> dict[str, Any]:
    return {
        "name": "Luna",
        "description": "{{char}} keeps a lighthouse. She trusts {{user}}.",
        "personality": "calm, wry",
        "scenario": "A storm is coming.",
        "first_mes": "Come in, {{user}}!",
        "mes_example": "<START>\n{{user}}: Is it far?\n{{char}}: Far enough, {{user}}.",
    } | fields


def v2(**fields: Any) -> dict[str, Any]:
    data = v1() | {
        "creator_notes": "Not for the model.",
        "system_prompt": "{{original}}Write as {{char}}.",
        "post_history_instructions": "Stay brief.",
        "alternate_greetings": ["Hi.", "Ho."],
        "tags": ["calm"],
        "creator": "tests",
        "character_version": "1",
        "extensions": {},
        "character_book": {
            "entries": [
                {
                    "keys": ["lamp"],
                    "content": "The lamp is green.",
                    "enabled": True,
                    "insertion_order": 2,
                    "constant": True,
                },
                {
                    "keys": ["cat"],
                    "content": "The cat is Ahab.",
                    "enabled": True,
                    "insertion_order": 1,
                    "constant": True,
                },
                {"keys": ["sea"], "content": "Only on a keyword.", "enabled": True, "insertion_order": 3},
                {"keys": ["x"], "content": "Switched off.", "enabled": False, "insertion_order": 4, "constant": True},
            ]
        },
    }
    return {"spec": "chara_card_v2", "spec_version": "2.0", "data": data | fields}


def v3(**fields: Any) -> dict[str, Any]:
    data = v2()["data"] | {"nickname": "Lu", "group_only_greetings": [], "assets": []}
    return {"spec": "chara_card_v3", "spec_version": "3.0", "data": data | fields}


def picture(size: tuple[int, int] = (400, 600), form: str = "PNG", colour: str = "teal") -> bytes:
    target = io.BytesIO()
    Image.new("RGB", size, colour).save(target, form)
    return target.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_with(*chunks: bytes, base: bytes | None = None) -> bytes:
    """The chunks just before IEND."""
    plain = base or picture()
    return plain[:-12] + b"".join(chunks) + plain[-12:]


def encoded(card: dict[str, Any]) -> bytes:
    return base64.b64encode(json.dumps(card).encode())


def text_chunk(keyword: str, text: bytes, kind: bytes = b"tEXt") -> bytes:
    name = keyword.encode()
    body = {
        b"tEXt": name + b"\0" + text,
        b"zTXt": name + b"\0\0" + zlib.compress(text),
        b"iTXt": name + b"\0\1\0\0\0" + zlib.compress(text),
        b"itxt": name + b"\0\0\0\0\0" + text,
    }[kind]
    return chunk(b"iTXt" if kind == b"itxt" else kind, body)


def png_card(card: dict[str, Any], keyword: str = "chara", kind: bytes = b"tEXt") -> bytes:
    return png_with(text_chunk(keyword, encoded(card), kind))


def charx(card: dict[str, Any] | bytes, files: dict[str, bytes] | None = None) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("card.json", card if isinstance(card, bytes) else json.dumps(card))
        for name, data in (files or {}).items():
            archive.writestr(name, data)
    return target.getvalue()
