"""The media type of a file by its first bytes, and the suffix that belongs to a media type."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF8", "image/gif"),
    (0, b"OggS", "audio/ogg"),
    (0, b"fLaC", "audio/flac"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"\x1a\x45\xdf\xa3", "video/webm"),
    (4, b"ftypM4A", "audio/mp4"),
    (4, b"ftypavif", "image/avif"),
    (4, b"ftypavis", "image/avif"),
    (4, b"ftyphei", "image/heic"),
    (4, b"ftyphev", "image/heic"),
    (4, b"ftypmif1", "image/heic"),
    (4, b"ftypmsf1", "image/heic"),
    (4, b"ftypqt", "video/quicktime"),
    (4, b"ftyp", "video/mp4"),
    (8, b"WEBP", "image/webp"),
    (8, b"WAVE", "audio/wav"),
    (8, b"AVI ", "video/x-msvideo"),
)
"""Offset in bytes, bytes that stand there, media type; the first match counts."""

SUFFIXES: Final = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/webp": ".webp",
    "image/gif": ".gif",
    "image/avif": ".avif",
    "image/heic": ".heic",
    "image/bmp": ".bmp",
    "image/tiff": ".tiff",
    "image/x-exr": ".exr",
    "image/vnd.radiance": ".hdr",
    "audio/ogg": ".ogg",
    "audio/flac": ".flac",
    "audio/mpeg": ".mp3",
    "audio/mp4": ".m4a",
    "audio/wav": ".wav",
    "video/webm": ".webm",
    "video/mp4": ".mp4",
    "video/quicktime": ".mov",
    "video/x-msvideo": ".avi",
}
"""The suffix of a file's name by its media type."""


def detect_media_type(path: Path) -> str | None:
    """What the file's first bytes say it is, of the kinds that ComfyUI's nodes save; None for any other kind.

    The rest of the file may still be damaged: `inspect_image`, `probe_audio` and `probe_video` decode it.
    """
    with path.open("rb") as file:
        return media_type_of_bytes(file.read(64))


def media_type_of_bytes(head: bytes) -> str | None:
    """Return the media type of a file that begins with these bytes (64 are enough); None for any other kind."""
    for offset, signature, media_type in _SIGNATURES:
        if head.startswith(signature, offset):
            return media_type
    # An MPEG audio frame: 11 set bits (sync), then version and layer, of which layer 0 does not exist.
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] & 0x06:
        return "audio/mpeg"
    return None
