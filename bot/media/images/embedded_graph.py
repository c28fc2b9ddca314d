"""ComfyUI's prompt and workflow, which its save nodes write into image files.

In PNG they are text chunks `prompt` and `workflow`. In WebP (and in the JPEG files written here) they are EXIF tags:
`Model` is "prompt:" and JSON, `Make` is "workflow:" and JSON, as ComfyUI's SaveAnimatedWEBP writes them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from PIL import ExifTags, Image, PngImagePlugin

_EXIF_TAGS = {"prompt": ExifTags.Base.Model, "workflow": ExifTags.Base.Make}


def read_embedded_texts(image: Image.Image) -> dict[str, str]:
    """All text chunks of a PNG by their keys; `prompt` and `workflow` of another format, where they are JSON."""
    if isinstance(image, PngImagePlugin.PngImageFile):
        return {key: str(value) for key, value in image.text.items()}
    found: dict[str, str] = {}
    exif = image.getexif()
    for tag in _EXIF_TAGS.values():
        key, colon, value = str(exif.get(tag, "")).partition(":")
        if colon and _to_ascii(value):
            found[key] = value
    return found


def png_text_chunks(texts: Mapping[str, str]) -> PngImagePlugin.PngInfo:
    """The texts as chunks for Pillow's PNG encoder."""
    chunks = PngImagePlugin.PngInfo()
    for key, value in texts.items():
        chunks.add_text(key, value)
    return chunks


def exif_of(texts: Mapping[str, str]) -> bytes:
    """`prompt` and `workflow` as an EXIF block for Pillow's WebP and JPEG encoders; b"" where there is neither."""
    exif = Image.Exif()
    for key, tag in _EXIF_TAGS.items():
        if (value := _to_ascii(texts.get(key, ""))) is not None:
            exif[tag] = f"{key}:{value}"
    return exif.tobytes() if len(exif) else b""


def _to_ascii(text: str) -> str | None:
    """The same JSON in ASCII, because EXIF holds nothing else; None where the text is not JSON."""
    try:
        return json.dumps(json.loads(text))
    except ValueError:
        return None
