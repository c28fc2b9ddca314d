"""The texts that ComfyUI and programs like it write into media files."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Final

from bot.media.media_types import media_type_of_bytes
from bot.media.png_text_chunks import TextTooLarge, read_text_chunks
from bot.workflows.embedded.exif import read_jpeg_texts, read_webp_texts
from bot.workflows.embedded.id3 import read_id3_texts
from bot.workflows.embedded.matroska import read_matroska_texts
from bot.workflows.embedded.mp4 import read_mp4_texts
from bot.workflows.embedded.shared_workflow import CHUNK
from bot.workflows.embedded.vorbis_comments import read_flac_texts, read_ogg_texts
from bot.workflows.errors import NotAGraph

KEYS: Final = frozenset({"prompt", "workflow", "parameters", "comment", CHUNK})
"""`prompt` is a graph in the API format, `workflow` one in the UI format; `parameters` is a text of A1111's WebUI.
`comment` holds JSON with `prompt` and `workflow` in films of VideoHelperSuite; `chorus` is what a shared workflow
brings beside its graph."""

MAX_TEXT_BYTES = 16 * 2**20


def _png(data: bytes) -> dict[str, bytes]:
    try:
        return read_text_chunks(data, wanted=KEYS, max_bytes=MAX_TEXT_BYTES)
    except TextTooLarge as error:
        raise NotAGraph(f"A text in the picture is larger than {MAX_TEXT_BYTES // 2**20} MB.") from error


_READERS: Mapping[str, Callable[[bytes], dict[str, bytes]]] = {
    "image/png": _png,
    "image/webp": read_webp_texts,
    "image/jpeg": read_jpeg_texts,
    "audio/flac": read_flac_texts,
    "audio/ogg": read_ogg_texts,
    "audio/mpeg": read_id3_texts,
    "audio/mp4": read_mp4_texts,
    "video/mp4": read_mp4_texts,
    "video/quicktime": read_mp4_texts,
    "video/webm": read_matroska_texts,
}


def read_media_metadata(data: bytes) -> dict[str, str] | None:
    """Return the texts of a media file by their keys, those of `KEYS` only.

    Args:
        data: The whole file: PNG, WebP, JPEG, FLAC, Ogg (Opus, Vorbis), MP3, MP4, QuickTime, WebM or Matroska.

    Returns:
        The texts, possibly none; None where the file is of no such kind.

    Raises:
        NotAGraph: A text is larger than 16 MB.

    """
    reader = _READERS.get(media_type_of_bytes(data[:64]) or "")
    if reader is None:
        return None
    try:
        found = reader(data)
    except (struct.error, IndexError):  # cut off in the middle of a header
        return {}
    texts = dict[str, str]()
    for key, value in found.items():
        if key.lower() in KEYS:
            if len(value) > MAX_TEXT_BYTES:
                raise NotAGraph(f"A text in the file is larger than {MAX_TEXT_BYTES // 2**20} MB.")
            texts[key.lower()] = _decoded(value).strip("\0 \r\n\t")
    return texts


def _decoded(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")  # the encoding of PNG's `tEXt`
