"""Video nodes: mp4 and mkv through ffmpeg, animated WebP through Pillow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from PIL import Image

from sandbox.comfyui.ffmpeg_files import read_video, write_video
from sandbox.comfyui.node_context import NodeContext
from sandbox.comfyui.node_results import Inputs, NodeResult
from sandbox.comfyui.nodes_image import metadata, output_reference
from sandbox.comfyui.values import Images, Video

_WEBP_METHODS = {"default": 4, "fastest": 0, "slowest": 6}
_EXIF_MODEL = 0x0110
"""The EXIF tag of `prompt`; further metadata goes to the tags before it, as in ComfyUI."""


def _load(context: NodeContext, inputs: Inputs) -> NodeResult:
    path = context.folders.input_path(inputs["file"])
    if path is None:
        raise FileNotFoundError(2, "No such file or directory", inputs["file"])
    return NodeResult((read_video(path),))


def _create(context: NodeContext, inputs: Inputs) -> NodeResult:
    del context
    return NodeResult((Video(inputs["images"], inputs["fps"], inputs.get("audio")),))


def _save(context: NodeContext, inputs: Inputs) -> NodeResult:
    video_format = inputs.get("format")
    if not isinstance(video_format, str) or video_format not in {"auto", "mp4", "mkv", "webm"}:
        msg = "SaveVideo.execute() missing 1 required positional argument: 'format'"
        raise TypeError(msg)
    if video_format == "webm":
        msg = "the sandbox writes mp4 and mkv only"
        raise ValueError(msg)
    video: Video = inputs["video"]
    suffix = "_.mkv" if video_format == "mkv" else "_.mp4"
    [path] = context.folders.save_paths(inputs["filename_prefix"], "output", suffix, 1, size=video.frames[0].size)
    write_video(video, path, metadata(context))
    return NodeResult((video,), {"images": [output_reference(context, path, "output")], "animated": [True]})


def _save_webp(context: NodeContext, inputs: Inputs) -> NodeResult:
    images: Images = inputs["images"]
    [path] = context.folders.save_paths(inputs["filename_prefix"], "output", "_.webp", 1, size=images[0].size)
    exif = Image.Exif()
    for number, (key, text) in enumerate(metadata(context).items()):
        exif[_EXIF_MODEL - number] = f"{key}:{text}"
    images[0].save(
        path,
        format="WEBP",
        save_all=True,
        append_images=images[1:],
        duration=round(1000 / inputs["fps"]),
        lossless=inputs["lossless"],
        quality=inputs["quality"],
        method=_WEBP_METHODS[inputs["method"]],
        exif=exif,
    )
    ui: dict[str, Any] = {"images": [output_reference(context, path, "output")]}
    if len(images) > 1:
        ui["animated"] = [True]
    return NodeResult((images,), ui)


RUNNERS: Mapping[str, Callable[[NodeContext, Inputs], NodeResult]] = {
    "LoadVideo": _load,
    "CreateVideo": _create,
    "SaveVideo": _save,
    "SaveAnimatedWEBP": _save_webp,
}
