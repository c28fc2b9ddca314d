"""Metadata of MP4 and QuickTime files: the boxes `meta` with `keys` and `ilst`, and the older comment.

ffmpeg, and with it ComfyUI, writes any key into `moov/udta/meta` or `moov/meta` when told to use metadata tags.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

_MAX_BOXES = 10_000
_COMMENT: Final = b"\xa9cmt"


def read_mp4_texts(data: bytes) -> dict[str, bytes]:
    """Return the metadata of the film by key; iTunes' comment as `comment`."""
    texts = dict[str, bytes]()
    for kind, start, end in _boxes(data, 0, len(data)):
        if kind != b"moov":
            continue
        for inner, inner_start, inner_end in _boxes(data, start, end):
            if inner == b"meta":
                texts |= _meta_texts(data, inner_start, inner_end)
            elif inner == b"udta":
                for last, last_start, last_end in _boxes(data, inner_start, inner_end):
                    if last == b"meta":
                        texts |= _meta_texts(data, last_start, last_end)
    return texts


def _boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield type, start and end of the content of the boxes in a part of the file."""
    for _ in range(_MAX_BOXES):
        if start + 8 > end:
            return
        size, kind = struct.unpack_from(">I4s", data, start)
        header = 8
        if size == 1 and start + 16 <= end:
            size, header = struct.unpack_from(">Q", data, start + 8)[0], 16
        elif size == 0:
            size = end - start
        if size < header:
            return
        yield kind, start + header, min(start + size, end)
        start += size


def _meta_texts(data: bytes, start: int, end: int) -> dict[str, bytes]:
    # In MP4 four bytes of version and flags come before the boxes, in QuickTime none.
    if data[start + 4 : start + 8] != b"hdlr":
        start += 4
    keys = list[str]()
    texts = dict[str, bytes]()
    for kind, inner_start, inner_end in _boxes(data, start, end):
        if kind == b"keys":
            # Version and flags, the number of keys, then boxes with the name of a key as content.
            keys = [data[at:to][:60].decode("latin-1") for _, at, to in _boxes(data, inner_start + 8, inner_end)]
        elif kind == b"ilst":
            for name, item_start, item_end in _boxes(data, inner_start, inner_end):
                index = int.from_bytes(name, "big") - 1
                key = "comment" if name == _COMMENT else keys[index] if 0 <= index < len(keys) else None
                value = _item_text(data, item_start, item_end)
                if key is not None and value is not None:
                    texts[key] = value
    return texts


def _item_text(data: bytes, start: int, end: int) -> bytes | None:
    for kind, at, to in _boxes(data, start, end):
        if kind == b"data":
            return data[at + 8 : to]  # after the type of the value and the language
    return None
