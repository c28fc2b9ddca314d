"""Sampler and latent nodes. A sampler draws an image from prompt and seed (`fake_images`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from PIL import Image, ImageFilter, ImageOps

from sandbox.comfyui.fake_images import ImageParameters, draw_image
from sandbox.comfyui.node_context import NodeContext
from sandbox.comfyui.node_results import Inputs, NodeResult, OutOfMemoryError
from sandbox.comfyui.nodes_image import resized
from sandbox.comfyui.nodes_loading import pass_on
from sandbox.comfyui.pixels import resize
from sandbox.comfyui.values import Conditioning, Guider, Images, Latent, Noise, Sigmas

_PREVIEW = (384, 384)


def out_of_memory_error() -> OutOfMemoryError:
    """An error in the words of the CUDA allocator."""
    return OutOfMemoryError(
        "CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has a total capacity of 8.00 GiB of which 1.23 GiB "
        "is free. (simulated by the sandbox)"
    )


def _sample(context: NodeContext, guider: Guider, seed: int, sigmas: Sigmas, latent: Latent) -> Latent:
    if context.faults.take_out_of_memory():
        raise out_of_memory_error()
    parameters = ImageParameters(
        positive="" if guider.positive.zeroed else guider.positive.text,
        negative="" if guider.negative.zeroed else guider.negative.text,
        seed=seed,
        cfg=guider.cfg,
        steps=sigmas.steps,
    )
    pictures: list[Image.Image] = []
    for number in range(latent.batch):
        picture = draw_image(replace(parameters, seed=seed + number), (latent.width, latent.height))
        if latent.images and sigmas.denoise < 1:
            source = ImageOps.fit(latent.images[number % len(latent.images)].convert("RGB"), picture.size)
            picture = Image.blend(source, picture, max(0.0, sigmas.denoise))
        if latent.images and latent.mask is not None:
            picture = _masked(latent.images[number % len(latent.images)], picture, latent.mask)
        pictures.append(picture)
        context.wait(0)
    _report_steps(context, pictures[0], sigmas.steps)
    return replace(latent, images=tuple(pictures))


def _masked(source: Image.Image, picture: Image.Image, mask: Image.Image) -> Image.Image:
    """The source with the new picture where the mask is white.

    The source is blurred a little: what a VAE has encoded and decoded is never quite what it was.
    """
    kept = ImageOps.fit(source.convert("RGB"), picture.size).filter(ImageFilter.GaussianBlur(0.6))
    return Image.composite(picture, kept, resize(mask, picture.size, Image.Resampling.BILINEAR))


def _report_steps(context: NodeContext, picture: Image.Image, steps: int) -> None:
    """Report every sampler step, with previews that get sharper."""
    small = noise = None
    if context.wants_previews:
        small = ImageOps.contain(picture, _PREVIEW, Image.Resampling.BILINEAR)
        noise = _noise(small.size)
    for number in range(1, steps + 1):
        context.wait(context.options.step_seconds)
        preview = None
        if small is not None and noise is not None:
            done = number / steps
            blurred = small.filter(ImageFilter.GaussianBlur(8 * (1 - done)))
            preview = Image.blend(noise, blurred, done)
        context.progress(number, steps, preview)


def _noise(size: tuple[int, int]) -> Image.Image:
    """Coloured noise for previews. It is not seeded, because previews are not compared."""
    small = (max(1, size[0] // 8), max(1, size[1] // 8))
    bands = [Image.effect_noise(small, 90) for _ in range(3)]
    return resize(Image.merge("RGB", bands), size, Image.Resampling.BILINEAR)


def _ksampler(context: NodeContext, inputs: Inputs) -> NodeResult:
    guider = Guider(inputs["positive"], inputs["negative"], inputs["cfg"])
    sigmas = Sigmas(inputs["steps"], inputs["denoise"])
    return NodeResult((_sample(context, guider, inputs["seed"], sigmas, inputs["latent_image"]),))


def _ksampler_advanced(context: NodeContext, inputs: Inputs) -> NodeResult:
    guider = Guider(inputs["positive"], inputs["negative"], inputs["cfg"])
    steps: int = inputs["steps"]
    start, end = min(inputs["start_at_step"], steps), min(inputs["end_at_step"], steps)
    latent: Latent = inputs["latent_image"]
    if inputs["add_noise"] == "disable" and latent.images:  # a second stage finishes what the first began
        _report_steps(context, latent.images[0], max(1, end - start))
        return NodeResult((latent,))
    sigmas = Sigmas(max(1, end - start), (steps - start) / steps)
    return NodeResult((_sample(context, guider, inputs["noise_seed"], sigmas, latent),))


def _sampler_custom_advanced(context: NodeContext, inputs: Inputs) -> NodeResult:
    noise: Noise = inputs["noise"]
    done = _sample(context, inputs["guider"], noise.seed, inputs["sigmas"], inputs["latent_image"])
    return NodeResult((done, done))


def _empty_latent(context: NodeContext, inputs: Inputs) -> NodeResult:
    del context
    return NodeResult((Latent(inputs["width"] // 8 * 8, inputs["height"] // 8 * 8, inputs["batch_size"]),))


def _decode(context: NodeContext, inputs: Inputs) -> NodeResult:
    del context
    latent: Latent = inputs["samples"]
    grey = Image.new("RGB", (latent.width, latent.height), (127, 127, 127)) if not latent.images else None
    return NodeResult((latent.images if grey is None else (grey,) * latent.batch,))


def _encode(context: NodeContext, inputs: Inputs) -> NodeResult:
    del context
    pixels: Images = inputs["pixels"]
    width, height = pixels[0].width // 8 * 8, pixels[0].height // 8 * 8
    cut = tuple(each.crop((0, 0, width, height)) for each in pixels)
    return NodeResult((Latent(width, height, len(cut), cut),))


def _repeat_batch(context: NodeContext, inputs: Inputs) -> NodeResult:
    del context
    latent: Latent = inputs["samples"]
    amount: int = inputs["amount"]
    return NodeResult((replace(latent, batch=latent.batch * amount, images=latent.images * amount),))


def _resize(latent: Latent, width: int, height: int, method: str, *, center: bool = False) -> NodeResult:
    images = tuple(resized(each, (width, height), method, center=center) for each in latent.images)
    return NodeResult((replace(latent, width=width, height=height, images=images),))


def _upscale_latent(context: NodeContext, inputs: Inputs) -> NodeResult:
    del context
    latent: Latent = inputs["samples"]
    width: int = inputs["width"] or latent.width
    height: int = inputs["height"] or latent.height
    return _resize(latent, width, height, inputs["upscale_method"], center=inputs["crop"] == "center")


def _upscale_latent_by(context: NodeContext, inputs: Inputs) -> NodeResult:
    del context
    latent: Latent = inputs["samples"]
    width, height = (round(side * inputs["scale_by"] / 8) * 8 for side in (latent.width, latent.height))
    return _resize(latent, width, height, inputs["upscale_method"])


def _guider(context: NodeContext, inputs: Inputs) -> NodeResult:
    del context
    positive: Conditioning = inputs["conditioning"] if "conditioning" in inputs else inputs["positive"]
    negative: Conditioning = inputs.get("negative") or Conditioning("")
    return NodeResult((Guider(positive, negative, inputs.get("cfg", 1.0)),))


def _split_sigmas(context: NodeContext, inputs: Inputs) -> NodeResult:
    del context
    sigmas: Sigmas = inputs["sigmas"]
    return NodeResult((sigmas, replace(sigmas, denoise=inputs["denoise"])))


def _constant(make: Callable[[Inputs], Any]) -> Callable[[NodeContext, Inputs], NodeResult]:
    def run(context: NodeContext, inputs: Inputs) -> NodeResult:
        del context
        return NodeResult((make(inputs),))

    return run


RUNNERS: Mapping[str, Callable[[NodeContext, Inputs], NodeResult]] = {
    "KSampler": _ksampler,
    "KSamplerAdvanced": _ksampler_advanced,
    "SamplerCustomAdvanced": _sampler_custom_advanced,
    "RandomNoise": _constant(lambda inputs: Noise(inputs["noise_seed"])),
    "BasicGuider": _guider,
    "CFGGuider": _guider,
    "BasicScheduler": _constant(lambda inputs: Sigmas(inputs["steps"], inputs["denoise"])),
    "Flux2Scheduler": _constant(lambda inputs: Sigmas(inputs["steps"])),
    "SplitSigmasDenoise": _split_sigmas,
    "KSamplerSelect": pass_on("sampler_name"),
    "EmptyLatentImage": _empty_latent,
    "EmptySD3LatentImage": _empty_latent,
    "EmptyFlux2LatentImage": _empty_latent,
    "RepeatLatentBatch": _repeat_batch,
    "LatentUpscale": _upscale_latent,
    "LatentUpscaleBy": _upscale_latent_by,
    "VAEDecode": _decode,
    "VAEDecodeTiled": _decode,
    "VAEEncode": _encode,
}
