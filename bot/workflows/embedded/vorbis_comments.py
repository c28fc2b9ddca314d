"""Vorbis comments, `KEY=value` in UTF-8, of FLAC files and of Opus and Vorbis in Ogg."""

from __future__ import annotations

import struct
from typing import Final

_COMMENT_BLOCK: Final = 4
_MAX_COMMENTS = 10_000
_MAX_PAGES = 10_000
_HEADERS = (b"OpusTags", b"\x03vorbis")


def read_flac_texts(data: bytes) -> dict[str, bytes]:
    """Return the comments of a FLAC file by their keys."""
    offset = 4  # "fLaC"
    for _ in range(_MAX_COMMENTS):
        if offset + 4 > len(data):
            break
        kind, size = data[offset], int.from_bytes(data[offset + 1 : offset + 4], "big")
        if kind & 0x7F == _COMMENT_BLOCK:
            return _comments(data[offset + 4 : offset + 4 + size])
        if kind & 0x80:  # the last block
            break
        offset += 4 + size
    return {}


def read_ogg_texts(data: bytes) -> dict[str, bytes]:
    """Return the comments of an Ogg file by their keys: those of its second packet, which may take many pages."""
    packet = bytearray()
    packets = 0
    offset = 0
    for _ in range(_MAX_PAGES):
        if data[offset : offset + 4] != b"OggS" or offset + 27 > len(data):
            break
        sizes = data[offset + 27 : offset + 27 + data[offset + 26]]
        at = offset + 27 + len(sizes)
        for size in sizes:
            if packets == 1:
                packet += data[at : at + size]
            at += size
            if size < 255:  # the last part of a packet
                packets += 1
                if packets == 2:
                    return _comments_of_packet(bytes(packet))
        offset = at
    return {}


def _comments_of_packet(packet: bytes) -> dict[str, bytes]:
    for header in _HEADERS:
        if packet.startswith(header):
            return _comments(packet[len(header) :])
    return {}


def _comments(block: bytes) -> dict[str, bytes]:
    vendor = struct.unpack_from("<I", block)[0]
    count = struct.unpack_from("<I", block, 4 + vendor)[0]
    offset = 8 + vendor
    texts = dict[str, bytes]()
    for _ in range(min(count, _MAX_COMMENTS)):
        if offset + 4 > len(block):
            break
        size = struct.unpack_from("<I", block, offset)[0]
        key, _, value = block[offset + 4 : offset + 4 + size].partition(b"=")
        texts[key[:40].decode("latin-1")] = value
        offset += 4 + size
    return texts
