"""Response bodies that are not what their content type says."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Mapping

from sandbox.comfyui.faults import ViewFault

_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def decompression_bomb(width: int = 60_000, height: int = 60_000) -> bytes:
    """A PNG of some kilobytes whose header says 3.6 billion pixels.

    Only its first rows are there, so that it is cheap to make; a decoder that does not check the size allocates
    gigabytes before it notices.
    """
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes((1 + 3 * width) * 20), 9)
    return _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")


def html_page() -> bytes:
    """A proxy's error page."""
    return b"<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body>502 Bad Gateway</body></html>"


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


FAULTY_BODIES: Mapping[ViewFault, Callable[[], bytes]] = {
    ViewFault.HTML: html_page,
    ViewFault.EMPTY: bytes,
    ViewFault.BOMB: decompression_bomb,
}
