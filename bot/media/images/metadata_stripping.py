"""Removing the metadata of an image file without encoding the image again.

ComfyUI writes the whole graph into its files: PNG text chunks `prompt` and `workflow`, or, in WebP, the EXIF tags Make
and Model. The chunks (PNG, WebP), segments (JPEG) or blocks (GIF) of metadata are left out and all others are copied,
so the compressed pixels stay byte for byte the same. What is needed to show the image right is kept: color profiles,
animation, and a photo's orientation.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from PIL import ExifTags, Image

from bot.media.errors import BadMedia, UnsupportedMedia
from bot.media.images.opening import open_image

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_METADATA = {b"tEXt", b"zTXt", b"iTXt", b"tIME", b"eXIf"}
_WEBP_METADATA = {b"EXIF", b"XMP "}
_VP8X_EXIF_AND_XMP = 0x08 | 0x04
"""Flags in the VP8X chunk of WebP: the file has EXIF, or XMP."""

_JPEG_APP1, _JPEG_APP13, _JPEG_COMMENT, _JPEG_SCAN = 0xE1, 0xED, 0xFE, 0xDA
_GIF_COMMENT, _GIF_APPLICATION = 0xFE, 0xFF


def strip_metadata(path: Path, *, max_pixels: int) -> bytes:
    """The bytes of a PNG, WebP, JPEG or GIF file without text, EXIF, XMP, comments and times.

    Raises:
        UnsupportedMedia: The file has another format, whose metadata is not known.
        TooManyPixels: The image has more than `max_pixels`.
        BadMedia: The file is damaged.

    """
    with open_image(path, max_pixels=max_pixels) as image:
        image_format = image.format
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    data = path.read_bytes()
    try:
        match image_format:
            case "PNG":
                return _strip_png(data)
            case "WEBP":
                return _strip_webp(data)
            case "JPEG" | "MPO":
                return _strip_jpeg(data, orientation)
            case "GIF":
                return _strip_gif(data)
            case _:
                raise UnsupportedMedia("The metadata of that kind of file cannot be removed.")
    except IndexError as error:
        raise BadMedia("That picture is damaged or cut off.") from error


def _strip_png(data: bytes) -> bytes:
    kept = [_PNG_SIGNATURE]
    at = len(_PNG_SIGNATURE)
    while at + 12 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4])
        name = data[at + 4 : at + 8]
        if name not in _PNG_METADATA:
            kept.append(data[at:end])
        at = end
        if name == b"IEND":  # bytes after the end are not part of the image
            break
    return b"".join(kept)


def _strip_webp(data: bytes) -> bytes:
    kept: list[bytes] = []
    at = 12
    end = min(len(data), 8 + int.from_bytes(data[4:8], "little"))
    while at + 8 <= end:
        name = data[at : at + 4]
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        after = at + 8 + size + size % 2
        chunk = data[at:after]
        if name == b"VP8X":
            chunk = chunk[:8] + bytes([chunk[8] & ~_VP8X_EXIF_AND_XMP]) + chunk[9:]
        if name not in _WEBP_METADATA:
            kept.append(chunk)
        at = after
    body = b"WEBP" + b"".join(kept)
    return b"RIFF" + len(body).to_bytes(4, "little") + body


def _strip_jpeg(data: bytes, orientation: int) -> bytes:
    kept = [data[:2]]
    orientation_missing = orientation != 1
    for marker, segment in _jpeg_segments(data):
        if orientation_missing and marker != 0xE0:  # EXIF comes after the segment of JFIF, before everything else
            kept.append(_orientation_segment(orientation))
            orientation_missing = False
        if marker not in {_JPEG_APP1, _JPEG_APP13, _JPEG_COMMENT}:
            kept.append(segment)
    return b"".join(kept)


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The marker and the bytes of each segment; the last one is the scan with everything after it."""
    at = 2
    while at + 4 <= len(data):
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        if marker == _JPEG_SCAN:
            yield marker, data[at:]
            return
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4])
        yield marker, data[at:end]
        at = end


def _orientation_segment(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    body = exif.tobytes()
    return b"\xff\xe1" + (len(body) + 2).to_bytes(2) + body


def _strip_gif(data: bytes) -> bytes:
    at = 13 + _gif_color_table_size(data[10])
    kept = [data[:at]]
    while at < len(data) and data[at] != 0x3B:
        if data[at] == 0x21:
            end = _gif_blocks_end(data, at + 2)
            looping = data[at + 3 : at + 14] in {b"NETSCAPE2.0", b"ANIMEXTS1.0"}
            if data[at + 1] != _GIF_COMMENT and (data[at + 1] != _GIF_APPLICATION or looping):
                kept.append(data[at:end])
        else:
            end = _gif_blocks_end(data, at + 11 + _gif_color_table_size(data[at + 9]))
            kept.append(data[at:end])
        at = end
    kept.append(b"\x3b")
    return b"".join(kept)


def _gif_color_table_size(flags: int) -> int:
    """Bytes of the color table that the flags of a GIF header announce; 0: there is none."""
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _gif_blocks_end(data: bytes, at: int) -> int:
    """The position after the blocks that begin at `at`: each has its size in its first byte, and size 0 ends them."""
    while data[at]:
        at += data[at] + 1
    return at + 1
