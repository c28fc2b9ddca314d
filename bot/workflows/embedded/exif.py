"""EXIF texts of WebP and JPEG files.

ComfyUI writes `prompt:{...}` into the tag Model, and `workflow:{...}` and whatever else into the tags before it, each
with its name in front. A1111's WebUI writes its parameters into the tag UserComment.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

_ASCII: Final = 2
_ONE_BYTE_TYPES: Final = frozenset({1, 2, 7})
"""BYTE, ASCII and UNDEFINED: all three are in use for texts."""
_EXIF_DIRECTORY: Final = 0x8769
_USER_COMMENT: Final = 0x9286
_MAX_ENTRIES = 1_000
_MAX_CHUNKS = 100_000


def read_webp_texts(data: bytes) -> dict[str, bytes]:
    """Return the texts of a WebP file by their keys."""
    offset = 12  # "RIFF", size, "WEBP"
    for _ in range(_MAX_CHUNKS):
        if offset + 8 > len(data):
            break
        size = struct.unpack_from("<I", data, offset + 4)[0]
        if data[offset : offset + 4] == b"EXIF":
            return _exif_texts(data[offset + 8 : offset + 8 + size])
        offset += 8 + size + size % 2
    return {}


def read_jpeg_texts(data: bytes) -> dict[str, bytes]:
    """Return the texts of a JPEG file by their keys."""
    offset = 2
    for _ in range(_MAX_CHUNKS):
        if offset + 4 > len(data) or data[offset] != 0xFF or data[offset + 1] in {0xDA, 0xD9}:
            break
        size = struct.unpack_from(">H", data, offset + 2)[0]
        body = data[offset + 4 : offset + 2 + size]
        if data[offset + 1] == 0xE1 and body.startswith(b"Exif\0\0"):
            return _exif_texts(body)
        offset += 2 + max(size, 2)
    return {}


def _exif_texts(block: bytes) -> dict[str, bytes]:
    tiff = block.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return {}
    texts = dict[str, bytes]()
    directories = [struct.unpack_from(f"{order}I", tiff, 4)[0]]
    for _ in range(2):  # the first directory, and the one with UserComment
        if not directories:
            break
        for tag, kind, value in _entries(tiff, order, directories.pop()):
            if tag == _EXIF_DIRECTORY and len(value) >= 4:
                directories.append(struct.unpack(f"{order}I", value[:4])[0])
            elif tag == _USER_COMMENT and kind in _ONE_BYTE_TYPES:
                texts["parameters"] = _user_comment(value, order)
            elif kind == _ASCII:
                key, colon, text = value.partition(b":")
                if colon and len(key) < 40:
                    texts[key.decode("latin-1")] = text
    return texts


def _entries(tiff: bytes, order: str, start: int) -> Iterator[tuple[int, int, bytes]]:
    """Yield tag, type and value of the entries of a directory; numbers as their bytes."""
    count = struct.unpack_from(f"{order}H", tiff, start)[0]
    for index in range(min(count, _MAX_ENTRIES)):
        offset = start + 2 + 12 * index
        if offset + 12 > len(tiff):
            return
        tag, kind, length = struct.unpack_from(f"{order}HHI", tiff, offset)
        value = tiff[offset + 8 : offset + 12]
        if kind in _ONE_BYTE_TYPES and length > 4:
            at = struct.unpack(f"{order}I", value)[0]
            value = tiff[at : at + length]
        yield tag, kind, value


def _user_comment(value: bytes, order: str) -> bytes:
    """The comment in UTF-8. Its first eight bytes name the encoding; programs disagree on the order of UTF-16 bytes."""
    text = value[8:]
    if not value.startswith(b"UNICODE\0"):
        return text if value[:8] in {b"ASCII\0\0\0", bytes(8)} else value
    if text[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return text.decode("utf-16", "replace").encode()
    if b"\0" in text[:2]:
        order = ">" if text[:1] == b"\0" else "<"
    return text.decode("utf-16-le" if order == "<" else "utf-16-be", "replace").encode()
