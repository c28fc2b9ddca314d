"""Nodes for masks: made, changed, given to a latent, and used to put pictures together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps

from sandbox.comfyui.node_context import NodeContext
from sandbox.comfyui.node_results import Inputs, NodeResult
from sandbox.comfyui.nodes_loading import pass_on
from sandbox.comfyui.pixels import mapped, resize
from sandbox.comfyui.values import Images, Latent

_GREY = (127, 127, 127)
"""What ComfyUI puts where there is no picture yet."""


def _set_noise_mask(context: NodeContext, inputs: Inputs) -> NodeResult:
    del context
    return NodeResult((_with_mask(inputs["samples"], inputs["mask"]),))


def _with_mask(latent: Latent, mask: Images) -> Latent:
    return Latent(latent.width, latent.height, latent.batch, latent.images, mask[0])


def _encoded(pixels: Images) -> Latent:
    width, height = pixels[0].width // 8 * 8, pixels[0].height // 8 * 8
    return Latent(width, height, len(pixels), tuple(each.crop((0, 0, width, height)) for each in pixels))


def _encode_for_inpaint(context: NodeContext, inputs: Inputs) -> NodeResult:
    del context
    pixels: Images = inputs["pixels"]
    mask = _grown(inputs["mask"][0], inputs["grow_mask_by"])
    hidden = tuple(_hidden(each, mask) for each in pixels)
    return NodeResult((_with_mask(_encoded(hidden), (mask,)),))


def _inpaint_conditioning(context: NodeContext, inputs: Inputs) -> NodeResult:
    del context
    latent = _encoded(inputs["pixels"])
    if inputs["noise_mask"]:
        latent = _with_mask(latent, inputs["mask"])
    return NodeResult((inputs["positive"], inputs["negative"], latent))


def _hidden(picture: Image.Image, mask: Image.Image) -> Image.Image:
    """The picture, grey where the mask is white."""
    fitted = resize(mask, picture.size, Image.Resampling.BILINEAR)
    return Image.composite(Image.new("RGB", picture.size, _GREY), picture, fitted)


def _composite(context: NodeContext, inputs: Inputs) -> NodeResult:
    del context
    destinations: Images = inputs["destination"]
    sources: Images = inputs["source"]
    masks: Images | None = inputs.get("mask")
    made: list[Image.Image] = []
    for number, destination in enumerate(destinations):
        source = sources[number % len(sources)]
        if inputs["resize_source"]:
            source = resize(source, destination.size, Image.Resampling.BILINEAR)
        mask = Image.new("L", source.size, 255) if masks is None else masks[number % len(masks)]
        result = destination.copy()
        fitted = resize(mask, source.size, Image.Resampling.BILINEAR)
        result.paste(source, (inputs["x"], inputs["y"]), fitted)
        made.append(result)
    return NodeResult((tuple(made),))


def _pad(context: NodeContext, inputs: Inputs) -> NodeResult:
    del context
    images: Images = inputs["image"]
    left, top, right, bottom = (inputs[side] for side in ("left", "top", "right", "bottom"))
    width, height = images[0].size
    size = (width + left + right, height + top + bottom)
    made: list[Image.Image] = []
    for each in images:
        canvas = Image.new("RGB", size, _GREY)
        canvas.paste(each, (left, top))
        made.append(canvas)
    mask = Image.new("L", size, 255)
    mask.paste(_feathered((width, height), (left, top, right, bottom), inputs["feathering"]), (left, top))
    return NodeResult((tuple(made), (mask,)))


def _feathered(size: tuple[int, int], sides: tuple[int, int, int, int], feathering: int) -> Image.Image:
    """How much a sampler may change of the picture itself: ever less away from the sides where it was padded."""
    width, height = size
    mask = Image.new("L", size, 0)
    if not 0 < feathering * 2 < min(size):
        return mask
    left, top, right, bottom = sides
    draw = ImageDraw.Draw(mask)
    for distance in range(feathering):
        box = (
            distance if left else 0, distance if top else 0,
            width - 1 - (distance if right else 0), height - 1 - (distance if bottom else 0),
        )  # fmt: skip
        draw.rectangle(box, fill=round(255 * ((feathering - distance) / feathering) ** 2))
    inner = (
        feathering if left else 0, feathering if top else 0,
        width - 1 - (feathering if right else 0), height - 1 - (feathering if bottom else 0),
    )  # fmt: skip
    draw.rectangle(inner, fill=0)
    return mask


def _grown(mask: Image.Image, pixels: int) -> Image.Image:
    if pixels > 0:
        return mask.filter(ImageFilter.MaxFilter(2 * pixels + 1))
    return mask.filter(ImageFilter.MinFilter(1 - 2 * pixels)) if pixels else mask


def _threshold(mask: Image.Image, inputs: Inputs) -> Image.Image:
    limit: float = inputs["value"] * 255
    return mapped(mask, [255 if value > limit else 0 for value in range(256)])


def _of_channel(picture: Image.Image, inputs: Inputs) -> Image.Image:
    channel = {"red": "R", "green": "G", "blue": "B", "alpha": "A"}[inputs["channel"]]
    return picture.convert("RGBA").getchannel(channel)


def _for_each(
    name: str, change: Callable[[Image.Image, Inputs], Image.Image]
) -> Callable[[NodeContext, Inputs], NodeResult]:
    def run(context: NodeContext, inputs: Inputs) -> NodeResult:
        del context
        given: Any = inputs[name]
        return NodeResult((tuple(change(each, inputs) for each in given),))

    return run


RUNNERS: Mapping[str, Callable[[NodeContext, Inputs], NodeResult]] = {
    "SetLatentNoiseMask": _set_noise_mask,
    "VAEEncodeForInpaint": _encode_for_inpaint,
    "InpaintModelConditioning": _inpaint_conditioning,
    "DifferentialDiffusion": pass_on("model"),
    "ImageCompositeMasked": _composite,
    "ImagePadForOutpaint": _pad,
    "ThresholdMask": _for_each("mask", _threshold),
    "GrowMask": _for_each("mask", lambda mask, inputs: _grown(mask, inputs["expand"])),
    "InvertMask": _for_each("mask", lambda mask, _inputs: ImageChops.invert(mask)),
    "MaskToImage": _for_each("mask", lambda mask, _inputs: ImageOps.colorize(mask, "black", "white")),
    "ImageToMask": _for_each("image", _of_channel),
}
