"""Image nodes; pictures are read, changed and written with Pillow."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from PIL import Image, ImageFilter, ImageOps, PngImagePlugin

from sandbox.comfyui.folders import Folders, FolderType
from sandbox.comfyui.node_context import NodeContext
from sandbox.comfyui.node_results import Inputs, NodeResult
from sandbox.comfyui.pixels import resize
from sandbox.comfyui.values import Images, Upscaler

_RESAMPLING = {
    "nearest-exact": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "area": Image.Resampling.BOX,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "bislerp": Image.Resampling.BICUBIC,
}


def check_file(folders: Folders, value: Any, media: str) -> Mapping[str, str]:
    """What is wrong with a LoadImage or LoadAudio value, by input name. Links are not checked."""
    if value is None or isinstance(value, list) or folders.input_path(value) is not None:
        return {}
    return {media: f"Invalid {media} file: {value}"}


def resized(picture: Image.Image, size: tuple[int, int], method: str, *, center: bool = False) -> Image.Image:
    """A picture in another size; `center` crops it to the new aspect ratio first."""
    if center:
        return ImageOps.fit(picture, size, _RESAMPLING[method])
    return resize(picture, size, _RESAMPLING[method])


def save_pictures(context: NodeContext, pictures: Images, prefix: str, folder_type: FolderType) -> list[dict[str, str]]:
    """Write PNG files with the graph in their metadata, and return how outputs refer to them."""
    level = 4 if folder_type == "output" else 1
    paths = context.folders.save_paths(prefix, folder_type, "_.png", len(pictures), size=pictures[0].size)
    for picture, path in zip(pictures, paths, strict=True):
        picture.save(path, format="PNG", pnginfo=_png_info(context), compress_level=level)
    return [output_reference(context, path, folder_type) for path in paths]


def output_reference(context: NodeContext, path: Path, folder_type: FolderType) -> dict[str, str]:
    """A saved file as outputs refer to it, or with a hostile filename if a fault is set."""
    reference = context.folders.reference(path, folder_type)
    if context.faults.hostile_filenames:
        reference["filename"] = context.faults.hostile_filenames.pop(0)
    return reference


def metadata(context: NodeContext) -> dict[str, str]:
    """The metadata that ComfyUI writes into files: `prompt` (the graph as JSON) and the keys of `extra_pnginfo`."""
    if not context.options.metadata:
        return {}
    extra: Mapping[str, Any] = context.extra_data.get("extra_pnginfo") or {}
    return {"prompt": json.dumps(context.graph), **{key: json.dumps(value) for key, value in extra.items()}}


def _png_info(context: NodeContext) -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    for key, text in metadata(context).items():
        info.add_text(key, text)
    return info


def _empty(context: NodeContext, inputs: Inputs) -> NodeResult:
    del context
    color: int = inputs["color"]
    picture = Image.new("RGB", (inputs["width"], inputs["height"]), (color >> 16 & 255, color >> 8 & 255, color & 255))
    return NodeResult(((picture,) * inputs["batch_size"],))


def _load(context: NodeContext, inputs: Inputs) -> NodeResult:
    path = context.folders.input_path(inputs["image"])
    if path is None:
        raise FileNotFoundError(2, "No such file or directory", inputs["image"])
    with Image.open(path) as opened:
        turned = ImageOps.exif_transpose(opened)
        alpha = turned.convert("RGBA").getchannel("A")
        picture = turned.convert("RGB")
    return NodeResult(((picture,), (ImageOps.invert(alpha),)))


def _load_mask(context: NodeContext, inputs: Inputs) -> NodeResult:
    path = context.folders.input_path(inputs["image"])
    if path is None:
        raise FileNotFoundError(2, "No such file or directory", inputs["image"])
    with Image.open(path) as opened:
        channel = opened.convert("RGBA").getchannel(
            {"alpha": "A", "red": "R", "green": "G", "blue": "B"}[inputs["channel"]]
        )
    return NodeResult(((ImageOps.invert(channel) if inputs["channel"] == "alpha" else channel,),))


def _save(context: NodeContext, inputs: Inputs) -> NodeResult:
    images: Images = inputs["images"]
    return NodeResult((images,), {"images": save_pictures(context, images, inputs["filename_prefix"], "output")})


def _preview(context: NodeContext, inputs: Inputs) -> NodeResult:
    images: Images = inputs["images"]
    return NodeResult((images,), {"images": save_pictures(context, images, context.folders.temp_prefix, "temp")})


def _for_each(
    change: Callable[[Image.Image, Inputs], Image.Image], name: str = "image"
) -> Callable[[NodeContext, Inputs], NodeResult]:
    def run(context: NodeContext, inputs: Inputs) -> NodeResult:
        del context
        return NodeResult((tuple(change(each, inputs) for each in inputs[name]),))

    return run


def _scale(picture: Image.Image, inputs: Inputs) -> Image.Image:
    width: int = inputs["width"] or round(picture.width * inputs["height"] / picture.height)
    height: int = inputs["height"] or round(picture.height * inputs["width"] / picture.width)
    return resized(picture, (width, height), inputs["upscale_method"], center=inputs["crop"] == "center")


def _scale_by(picture: Image.Image, inputs: Inputs) -> Image.Image:
    factor: float = inputs["scale_by"]
    return resized(picture, (round(picture.width * factor), round(picture.height * factor)), inputs["upscale_method"])


def _scale_to_pixels(picture: Image.Image, inputs: Inputs) -> Image.Image:
    factor = (inputs["megapixels"] * 1024 * 1024 / (picture.width * picture.height)) ** 0.5
    step: int = inputs["resolution_steps"]
    size = (round(picture.width * factor / step) * step, round(picture.height * factor / step) * step)
    return resized(picture, size, inputs["upscale_method"])


def _blur(picture: Image.Image, inputs: Inputs) -> Image.Image:
    return picture.filter(ImageFilter.GaussianBlur(min(inputs["sigma"], inputs["blur_radius"])))


def _crop(picture: Image.Image, inputs: Inputs) -> Image.Image:
    left, top = min(inputs["x"], picture.width - 1), min(inputs["y"], picture.height - 1)
    return picture.crop(
        (left, top, min(left + inputs["width"], picture.width), min(top + inputs["height"], picture.height))
    )


def _batch(context: NodeContext, inputs: Inputs) -> NodeResult:
    del context
    first: Images = inputs["image1"]
    second: Images = inputs["image2"]
    fitted = (ImageOps.fit(each, first[0].size, Image.Resampling.BILINEAR) for each in second)
    return NodeResult(((*first, *fitted),))


def _repeat(context: NodeContext, inputs: Inputs) -> NodeResult:
    del context
    images: Images = inputs["image"]
    return NodeResult((images * inputs["amount"],))


def _upscale(context: NodeContext, inputs: Inputs) -> NodeResult:
    upscaler: Upscaler = inputs["upscale_model"]
    images: Images = inputs["image"]
    upscaled: list[Image.Image] = []
    for number, picture in enumerate(images, 1):
        size = (picture.width * upscaler.factor, picture.height * upscaler.factor)
        upscaled.append(resize(picture, size).filter(ImageFilter.UnsharpMask(2, 60, 2)))
        context.progress(number, len(images))
    return NodeResult((tuple(upscaled),))


RUNNERS: Mapping[str, Callable[[NodeContext, Inputs], NodeResult]] = {
    "EmptyImage": _empty,
    "LoadImage": _load,
    "LoadImageMask": _load_mask,
    "SaveImage": _save,
    "PreviewImage": _preview,
    "ImageScale": _for_each(_scale),
    "ImageScaleBy": _for_each(_scale_by),
    "ImageScaleToTotalPixels": _for_each(_scale_to_pixels),
    "ImageInvert": _for_each(lambda picture, _inputs: ImageOps.invert(picture)),
    "ImageBlur": _for_each(_blur),
    "ImageCrop": _for_each(_crop),
    "ImageBatch": _batch,
    "RepeatImageBatch": _repeat,
    "ImageUpscaleWithModel": _upscale,
}
