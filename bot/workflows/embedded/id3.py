"""ID3v2 tags of MP3 files: the frames TXXX, which hold a name and a text."""

from __future__ import annotations

from typing import Final

_MAX_FRAMES = 10_000
_ENCODINGS: Final = ("latin-1", "utf-16", "utf-16-be", "utf-8")


def read_id3_texts(data: bytes) -> dict[str, bytes]:
    """Return the named texts of an ID3v2.3 or ID3v2.4 tag, in UTF-8."""
    if data[:3] != b"ID3" or len(data) < 10 or data[3] not in {3, 4}:
        return {}
    version, flags = data[3], data[5]
    body = data[10 : 10 + _syncsafe(data[6:10])]
    if flags & 0x80 and version == 3:
        body = body.replace(b"\xff\x00", b"\xff")  # unsynchronisation
    offset = 0
    if flags & 0x40:  # an extended header
        offset = _syncsafe(body[:4]) if version == 4 else 4 + int.from_bytes(body[:4], "big")
    texts = dict[str, bytes]()
    for _ in range(_MAX_FRAMES):
        if offset + 10 > len(body) or not body[offset]:
            break
        size = body[offset + 4 : offset + 8]
        length = _syncsafe(size) if version == 4 else int.from_bytes(size, "big")
        if body[offset : offset + 4] == b"TXXX":
            content = body[offset + 10 : offset + 10 + length]
            if version == 4 and body[offset + 9] & 0x02:
                content = content.replace(b"\xff\x00", b"\xff")
            name, text = _named_text(content)
            texts[name[:40]] = text.encode()
        offset += 10 + length
    return texts


def _syncsafe(number: bytes) -> int:
    """Seven bits of each byte."""
    value = 0
    for byte in number:
        value = value << 7 | byte & 0x7F
    return value


def _named_text(content: bytes) -> tuple[str, str]:
    encoding = _ENCODINGS[content[0]] if content and content[0] < len(_ENCODINGS) else "latin-1"
    name, _, text = content[1:].decode(encoding, "replace").partition("\0")
    return name.removeprefix("\ufeff"), text.removeprefix("\ufeff")
