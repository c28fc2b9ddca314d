"""Tags of WebM and Matroska files: the elements Segment, Tags, Tag, SimpleTag."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

_SEGMENT: Final = 0x18538067
_TAGS: Final = 0x1254C367
_TAG: Final = 0x7373
_SIMPLE_TAG: Final = 0x67C8
_NAME: Final = 0x45A3
_TEXT: Final = 0x4487
_MAX_ELEMENTS = 200_000


def read_matroska_texts(data: bytes) -> dict[str, bytes]:
    """Return the tags by their names; ffmpeg writes these in capitals."""
    texts = dict[str, bytes]()
    for segment in _elements(data, (0, len(data)), _SEGMENT):
        for tags in _elements(data, segment, _TAGS):
            for tag in _elements(data, tags, _TAG):
                for simple in _elements(data, tag, _SIMPLE_TAG):
                    name = next(_elements(data, simple, _NAME), None)
                    text = next(_elements(data, simple, _TEXT), None)
                    if name is not None and text is not None:
                        key = data[slice(*name)][:40].decode("utf-8", "replace")
                        texts.setdefault(key, data[slice(*text)])
    return texts


def _elements(data: bytes, within: tuple[int, int], wanted: int) -> Iterator[tuple[int, int]]:
    """Yield start and end of the content of the elements with that id in a part of the file."""
    offset, end = within
    for _ in range(_MAX_ELEMENTS):
        if offset >= end:
            return
        identifier, offset = _number(data, offset, keep_marker=True)
        size, offset = _number(data, offset, keep_marker=False)
        # An unknown size (of a live stream) reaches to the end.
        stop = end if size is None else min(offset + size, end)
        if identifier == wanted:
            yield offset, stop
        offset = stop


def _number(data: bytes, offset: int, *, keep_marker: bool) -> tuple[int | None, int]:
    """A number of 1 to 8 bytes, and the offset after it; None: all bits are set, which means unknown.

    The first set bit of the first byte says how many bytes there are.
    """
    length = 9 - data[offset].bit_length()
    if length > 8:
        return 0, offset + 1
    value = int.from_bytes(data[offset : offset + length], "big")
    if not keep_marker:
        value &= (1 << 7 * length) - 1
        if value == (1 << 7 * length) - 1:
            return None, offset + length
    return value, offset + length
