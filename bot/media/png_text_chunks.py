"""Reading the text chunks of a PNG file, without decoding its picture.

Only the wanted texts are decompressed, and never beyond a limit, since a small chunk can hold gigabytes.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Collection

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_CHUNKS = 100_000
_TEXT_CHUNKS = {b"tEXt", b"zTXt", b"iTXt", b"comf"}
"""`comf` is a chunk of ComfyUI's SaveAnimatedPNG, built like `tEXt`."""
_MAX_KEYWORD_BYTES = 80


class TextTooLarge(ValueError):
    """A wanted text is larger than allowed."""


def read_text_chunks(data: bytes, *, wanted: Collection[str], max_bytes: int) -> dict[str, bytes]:
    """Return the texts of a PNG file by keyword.

    `tEXt`, `zTXt`, `iTXt` and `comf` chunks are read; of several chunks with one keyword the last counts. Checksums
    are not compared, because there are card editors that write wrong ones.

    Args:
        data: The whole file.
        wanted: The keywords to read, in lower case; other chunks are skipped.
        max_bytes: The largest size of a text after decompression.

    Raises:
        TextTooLarge: A wanted text is larger.

    """
    # Decompressed after the loop, one chunk per keyword: a thousand chunks of just under the limit are too much, too.
    compressed: dict[str, tuple[bytes, bytes]] = {}
    offset = len(PNG_SIGNATURE)
    for _ in range(MAX_CHUNKS):
        if offset + 8 > len(data):
            break
        length, kind = struct.unpack_from(">I4s", data, offset)
        body = data[offset + 8 : offset + 8 + length]
        if len(body) < length or kind == b"IEND":
            break
        if kind in _TEXT_CHUNKS:
            keyword, _, rest = body.partition(b"\0")
            name = keyword[:_MAX_KEYWORD_BYTES].decode("latin-1").strip().lower()
            if name in wanted:
                compressed[name] = kind, rest
        offset += 12 + length
    texts = {name: _text_of(kind, rest, max_bytes) for name, (kind, rest) in compressed.items()}
    return {name: text for name, text in texts.items() if text is not None}


def _text_of(kind: bytes, rest: bytes, limit: int) -> bytes | None:
    """The text of a chunk's body after the keyword; None where the chunk is damaged."""
    if kind in {b"tEXt", b"comf"}:
        return _checked_size(rest, limit)
    if kind == b"zTXt":
        return _decompressed(rest[1:], limit)
    # iTXt: compression flag and method (one byte each), then language and translated keyword, each ended by a zero.
    is_compressed = rest[:1] == b"\x01"
    parts = rest[2:].split(b"\0", 2)
    if len(parts) < 3:
        return None
    return _decompressed(parts[2], limit) if is_compressed else _checked_size(parts[2], limit)


def _decompressed(data: bytes, limit: int) -> bytes | None:
    decompressor = zlib.decompressobj()
    try:
        text = decompressor.decompress(data, limit + 1)
    except zlib.error:
        return None
    return _checked_size(text, limit)


def _checked_size(text: bytes, limit: int) -> bytes:
    if len(text) > limit:
        raise TextTooLarge
    return text
