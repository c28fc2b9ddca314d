"""The files and texts that the nodes of a prompt reported.

ComfyUI reports them as `outputs[node_id][key]`, a list of objects, strings or booleans. The key does not tell the kind
of a file: video stands under `images` (SaveVideo, SaveWEBM), `gifs` (VHS_VideoCombine) or other keys. So every object
with a `filename` counts as a file, and the extension of its name tells its kind.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Any, Literal, TypeAlias

from bot.comfyui.json_values import as_list, as_object

FileType: TypeAlias = Literal["output", "temp", "input"]
"""ComfyUI's folder: saved files, files of preview nodes (deleted when the server restarts), uploaded files."""


class MediaKind(StrEnum):
    """What a file holds, told by its extension."""

    IMAGE = "image"
    AUDIO = "audio"
    VIDEO = "video"
    OTHER = "other"


@dataclass(frozen=True)
class OutputFile:
    """One file that a node reported.

    Attributes:
        filename: The server's name, unchecked: to be sent back in `GET /view`, never to be used as a local path.
        subfolder: The server's folder below the one that `type` names, unchecked like `filename`.
        type: ComfyUI's folder.
        node_id: The node that reported the file.
        media: What the file holds.
        animated: The node marked its output as `animated` (webp, png and mp4 files of the Save nodes).

    """

    filename: str
    subfolder: str
    type: FileType
    node_id: str
    media: MediaKind
    animated: bool = False

    @property
    def suffix(self) -> str:
        """The extension in lower case with its dot, safe in a local name; `.bin` where it has other characters."""
        suffix = PurePosixPath(self.filename.lower()).suffix
        return suffix if re.fullmatch(r"\.[a-z0-9]{1,8}", suffix) else ".bin"


_EXTENSIONS: Mapping[MediaKind, frozenset[str]] = {
    MediaKind.IMAGE: frozenset({".png", ".jpg", ".jpeg", ".webp", ".gif", ".apng", ".bmp", ".tif", ".tiff", ".avif"}),
    MediaKind.AUDIO: frozenset({".flac", ".mp3", ".opus", ".ogg", ".oga", ".wav", ".m4a", ".aac", ".aiff"}),
    MediaKind.VIDEO: frozenset({".mp4", ".webm", ".mkv", ".mov", ".avi", ".m4v", ".mpg", ".mpeg", ".ogv"}),
}
_TYPES: Mapping[str, FileType] = {"output": "output", "temp": "temp", "input": "input"}
_TYPE_ORDER: tuple[FileType, ...] = ("output", "temp", "input")


def media_kind(filename: str) -> MediaKind:
    """The kind of file that an extension stands for; `OTHER` for latents, 3D models, texts and unknown ones."""
    suffix = PurePosixPath(filename.lower()).suffix
    return next((media for media, suffixes in _EXTENSIONS.items() if suffix in suffixes), MediaKind.OTHER)


def parse_output_files(outputs: Mapping[str, Any]) -> tuple[OutputFile, ...]:
    """Every file of every node, once each: type `output` first, then `temp`, then `input`; else in the given order."""
    found: dict[tuple[str, str, str], OutputFile] = {}
    for node_id, output in outputs.items():
        for file in _files_of_node(str(node_id), as_object(output)):
            found.setdefault((file.type, file.subfolder, file.filename), file)
    return tuple(sorted(found.values(), key=lambda file: _TYPE_ORDER.index(file.type)))


def parse_output_texts(outputs: Mapping[str, Any]) -> tuple[str, ...]:
    """The strings under the key `text` (nodes PreviewAny and SaveText)."""
    lists = (as_list(as_object(output).get("text")) for output in outputs.values())
    return tuple(text for texts in lists for text in texts if isinstance(text, str))


def prefer_saved(files: Sequence[OutputFile], *media: MediaKind) -> tuple[OutputFile, ...]:
    """The saved files of these kinds; where nothing was saved, the temporary ones (PreviewImage, PreviewAudio)."""
    wanted = [file for file in files if file.media in media]
    saved = tuple(file for file in wanted if file.type == "output")
    return saved or tuple(file for file in wanted if file.type == "temp")


def _files_of_node(node_id: str, output: Mapping[str, Any]) -> Iterator[OutputFile]:
    animated = any(value is True for value in as_list(output.get("animated")))
    for values in output.values():
        for value in as_list(values):
            entry = as_object(value)
            filename, subfolder, folder = entry.get("filename"), entry.get("subfolder"), entry.get("type")
            if not isinstance(filename, str) or not filename:
                continue
            yield OutputFile(
                filename=filename,
                subfolder=subfolder if isinstance(subfolder, str) else "",
                type=_TYPES.get(folder, "output") if isinstance(folder, str) else "output",
                node_id=node_id,
                media=media_kind(filename),
                animated=animated,
            )
