"""What a run reported, as files and texts.

`outputs[node][key]` is a list of dicts, strings or bools. The key is no media type: video comes under `images`
(SaveVideo, SaveWEBM), `gifs` (VHS_VideoCombine) or others, so a file is whatever has a `filename`, and its extension
says what it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from bot.comfyui.events import as_list, as_object
from bot.comfyui.models import FileType, Media, OutputFile

_EXTENSIONS: Mapping[Media, frozenset[str]] = {
    Media.IMAGE: frozenset({".png", ".jpg", ".jpeg", ".webp", ".gif", ".apng", ".bmp", ".tif", ".tiff", ".avif"}),
    Media.AUDIO: frozenset({".flac", ".mp3", ".opus", ".ogg", ".oga", ".wav", ".m4a", ".aac", ".aiff"}),
    Media.VIDEO: frozenset({".mp4", ".webm", ".mkv", ".mov", ".avi", ".m4v", ".mpg", ".mpeg", ".ogv"}),
}
_TYPES: Mapping[object, FileType] = {"output": "output", "temp": "temp", "input": "input"}
_ORDER: tuple[FileType, ...] = ("output", "temp", "input")


def media_of(filename: str) -> Media:
    """By extension; `OTHER` for latents, 3D, text, EXR and what is unknown."""
    suffix = PurePosixPath(filename.lower()).suffix
    return next((media for media, suffixes in _EXTENSIONS.items() if suffix in suffixes), Media.OTHER)


def files_of(outputs: Mapping[str, Any]) -> tuple[OutputFile, ...]:
    """Every file of every node, once each; saved ones first, else as the server lists them."""
    found: dict[tuple[str, str, str], OutputFile] = {}
    for node_id, output in outputs.items():
        for file in _files_of_node(str(node_id), as_object(output)):
            found.setdefault((file.type, file.subfolder, file.filename), file)
    return tuple(sorted(found.values(), key=lambda file: _ORDER.index(file.type)))


def texts_of(outputs: Mapping[str, Any]) -> tuple[str, ...]:
    """The strings under `text` (PreviewAny, SaveText), of any length."""
    lists = (as_list(as_object(output).get("text")) for output in outputs.values())
    return tuple(text for texts in lists for text in texts if isinstance(text, str))


def _files_of_node(node_id: str, output: Mapping[str, Any]) -> Iterator[OutputFile]:
    animated = any(value is True for value in as_list(output.get("animated")))
    for values in output.values():
        for value in as_list(values):
            entry = as_object(value)
            filename, subfolder = entry.get("filename"), entry.get("subfolder")
            if not isinstance(filename, str) or not filename:
                continue
            yield OutputFile(
                filename=filename,
                subfolder=subfolder if isinstance(subfolder, str) else "",
                type=_TYPES.get(entry.get("type", "output"), "output"),
                node_id=node_id,
                media=media_of(filename),
                animated=animated,
            )
