"""The text chunks of a PNG, without Pillow: only the wanted ones are unpacked, and never past a limit."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Collection

from bot.errors import InputInvalid

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_CHUNKS = 100_000
_TEXT = {b"tEXt", b"zTXt", b"iTXt"}


def png_texts(data: bytes, *, wanted: Collection[str], max_bytes: int) -> dict[str, bytes]:
    """Keyword (lower case) -> text as bytes, of `tEXt`, `zTXt` and `iTXt` alike; of repeated keywords the last.

    Checksums are not compared: card editors exist that write wrong ones, and base64 and JSON tell damage anyway.
    Raises InputInvalid where a wanted text unpacks to more than `max_bytes`.
    """
    # Unpacked at the end, and of each keyword one: a thousand chunks of just under the limit are a bomb too.
    packed: dict[str, tuple[bytes, bytes]] = {}
    offset = len(PNG_SIGNATURE)
    for _ in range(MAX_CHUNKS):
        if offset + 8 > len(data):
            break
        length, kind = struct.unpack_from(">I4s", data, offset)
        body = data[offset + 8 : offset + 8 + length]
        if len(body) < length or kind == b"IEND":
            break
        if kind in _TEXT:
            keyword, _, rest = body.partition(b"\0")
            name = keyword[:80].decode("latin-1").strip().lower()
            if name in wanted:
                packed[name] = kind, rest
        offset += 12 + length
    unpacked = {name: _unpack(kind, rest, max_bytes) for name, (kind, rest) in packed.items()}
    return {name: text for name, text in unpacked.items() if text is not None}


def _unpack(kind: bytes, rest: bytes, limit: int) -> bytes | None:
    if kind == b"tEXt":
        return _capped(rest, limit)
    if kind == b"zTXt":
        return _inflate(rest[1:], limit)
    # iTXt: compression flag and method, then language and translated keyword, each ended by a zero.
    compressed = rest[:1] == b"\x01"
    parts = rest[2:].split(b"\0", 2)
    if len(parts) < 3:
        return None
    return _inflate(parts[2], limit) if compressed else _capped(parts[2], limit)


def _inflate(data: bytes, limit: int) -> bytes | None:
    unpacker = zlib.decompressobj()
    try:
        text = unpacker.decompress(data, limit + 1)
    except zlib.error:
        return None
    return _capped(text, limit)


def _capped(text: bytes, limit: int) -> bytes:
    if len(text) > limit:
        raise InputInvalid("The card's text is too large.", advice="Share a card without pictures inside its text.")
    return text
