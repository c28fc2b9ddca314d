"""Families of image models: how their files are called, which further files they need, and how they are sampled.

The numbers are those of ComfyUI's own templates and of the models' cards. The file names are patterns, searched in a
file's name without its folder, in lower case.
"""

from __future__ import annotations

from dataclasses import dataclass

_SQUARE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class TextEncoders:
    """The text encoders of a model that comes without them.

    Attributes:
        loader: `CLIPLoader`, `DualCLIPLoader` or `TripleCLIPLoader`.
        type: The `type` of the loader; empty: it has none.
        files: A pattern for each file, and the file to name where there is none.

    """

    loader: str
    type: str
    files: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFamily:
    """One family; its variants that are sampled otherwise are families of their own."""

    name: str
    title: str
    """As people call it."""
    pattern: str
    """Of the names of its files."""
    excluded: str = r"(?!)"
    """Of names that match `pattern` and are other models: refiners, edit models, ..."""
    architecture: str = r"(?!)"
    """Of `modelspec.architecture` in the metadata of a file, in lower case."""
    bytes: tuple[tuple[float, float], ...] = ()
    """Sizes of checkpoints of unknown name, in GB from - to."""
    pixels: int = _SQUARE
    """Width x height that it was trained for."""
    latent: str = "EmptySD3LatentImage"
    steps: int
    cfg: float
    """1: there is no negative prompt."""
    sampler: str = "euler"
    scheduler: str = "simple"
    """`flux2`: a node `Flux2Scheduler`, else a scheduler of `KSampler`."""
    guidance: float | None = None
    """Of a node `FluxGuidance`; None: it has none."""
    shift: float | None = None
    """Of a node `ModelSamplingAuraFlow`; None: as the model has it."""
    encoders: TextEncoders | None = None
    """None: it comes as a checkpoint with everything in it."""
    checkpoint_without_encoders: str = r"(?!)"
    """Of checkpoints that have no text encoders inside."""
    vae: tuple[str, str] | None = None
    """A pattern, and the file to name where there is none."""
    written_for: bool = False
    """The workflows with `MODEL_PLACEHOLDER` have the numbers of this family: it keeps them."""


_T5 = (r"t5xxl|t5-?v1_1-xxl", "t5xxl_fp8_e4m3fn_scaled.safetensors")
_CLIP_L = (r"clip_?l\b|clip_l|vit-?l-14", "clip_l.safetensors")
_CLIP_G = (r"clip_?g", "clip_g.safetensors")
_QWEN_4B = (r"qwen_?-?3_?-?4b", "qwen_3_4b.safetensors")
_QWEN_8B = (r"qwen_?-?3_?-?8b", "qwen_3_8b_fp8mixed.safetensors")
_MISTRAL = (r"mistral", "mistral_3_small_flux2_fp8.safetensors")
_AE = (r"^ae\.|flux_?-?1?_?vae|flux1?.*ae\.|^ae_", "ae.safetensors")
_FLUX2_VAE = (r"flux_?-?2.*vae|full_encoder_small_decoder", "flux2-vae.safetensors")
_FLUX1_ENCODERS = TextEncoders("DualCLIPLoader", "flux", (_CLIP_L, _T5))
_SD3_ENCODERS = TextEncoders("TripleCLIPLoader", "", (_CLIP_L, _CLIP_G, _T5))
_FLUX1 = r"flux(?!.{0,3}2)|krea"
_NOT_FLUX1 = r"fill|canny|depth|kontext|redux|chroma|flux_?-?\.?2|klein|lora|controlnet|krea_?-?2"
_NOT_TEXT_TO_IMAGE = r"edit|layered|control|inpaint|fun"
_SDXL = (
    r"xl|pony|illustrious|noob|animagine|juggernaut(?!.*(?:flux|sd15))|wai[-_]|hassaku|autismmix|zavychroma|albedo"
    r"|copax|prefect|mistoon|nova(?:anime|furry|reality)"
)
_NOT_SDXL = r"refiner|inpaint|t5xxl|flux|sd_?1\.?5|cascade"
_SD15 = (
    r"sd_?-?v?1[._-]?[45]|v1-?5|v1-4|stable-?diffusion-?v?1|tiny_random_sd15|dreamshaper_?[3-8]|realistic_?vision"
    r"|deliberate|epic_?realism|absolutereality|anything-?_?v[345]|counterfeit|majicmix|rev_?animated|meinamix"
    r"|abyssorange|chilloutmix|cyberrealistic_v[1-9]|photon_v1|analog-?diffusion|openjourney|protogen|lyriel|toonyou"
)

FAMILIES: tuple[ModelFamily, ...] = (
    ModelFamily(
        name="sdxl_turbo", title="SDXL Turbo", pattern=r"sd_?xl_turbo", pixels=512 * 512, latent="EmptyLatentImage",
        steps=4, cfg=1.0, sampler="euler_ancestral", scheduler="sgm_uniform",
        architecture="stable-diffusion-xl.*turbo",
    ),
    ModelFamily(
        name="sdxl_fast", title="SDXL, few steps", pattern=rf"(?=.*(?:{_SDXL}))(?=.*(?:turbo|lightning|hyper|lcm|dmd))",
        excluded=_NOT_SDXL, latent="EmptyLatentImage", steps=8, cfg=2.0, scheduler="sgm_uniform",
    ),
    ModelFamily(
        name="sdxl", title="SDXL", pattern=_SDXL, excluded=rf"{_NOT_SDXL}|turbo|lightning|hyper|lcm|dmd",
        architecture=r"stable-diffusion-xl(?!.*(?:refiner|inpaint))", bytes=((6.2, 7.3),), latent="EmptyLatentImage",
        steps=28, cfg=6.5, sampler="dpmpp_2m", scheduler="karras", written_for=True,
    ),
    ModelFamily(
        name="z_image_turbo", title="Z-Image Turbo", pattern=r"z_?-?image.*turbo|(?:^|[^a-z])zit(?:[^a-z]|$)",
        excluded=_NOT_TEXT_TO_IMAGE, architecture=r"z-?_?image.*turbo", steps=8, cfg=1.0, sampler="res_multistep",
        shift=3.0, encoders=TextEncoders("CLIPLoader", "lumina2", (_QWEN_4B,)), vae=_AE,
    ),
    ModelFamily(
        name="flux1_schnell", title="FLUX.1 schnell", pattern=rf"(?=.*(?:{_FLUX1}))(?=.*schnell)", excluded=_NOT_FLUX1,
        architecture=r"flux[-.]?1-schnell", steps=4, cfg=1.0, encoders=_FLUX1_ENCODERS, vae=_AE,
    ),
    ModelFamily(
        name="flux1", title="FLUX.1 dev", pattern=_FLUX1, excluded=rf"{_NOT_FLUX1}|schnell",
        architecture=r"flux[-.]?1-dev(?!.*(?:fill|canny|depth|kontext))", bytes=((16.5, 17.5),), steps=20, cfg=1.0,
        guidance=3.5, encoders=_FLUX1_ENCODERS, vae=_AE,
    ),
    ModelFamily(
        name="flux2_klein_9b", title="FLUX.2 klein 9B", pattern=r"klein.*9b", excluded=r"base|kv|lora",
        latent="EmptyFlux2LatentImage", steps=4, cfg=1.0, scheduler="flux2",
        encoders=TextEncoders("CLIPLoader", "flux2", (_QWEN_8B,)), vae=_FLUX2_VAE,
    ),
    ModelFamily(
        name="flux2_klein", title="FLUX.2 klein 4B", pattern=r"klein", excluded=r"base|9b|lora",
        latent="EmptyFlux2LatentImage", steps=4, cfg=1.0, scheduler="flux2",
        encoders=TextEncoders("CLIPLoader", "flux2", (_QWEN_4B,)), vae=_FLUX2_VAE,
    ),
    ModelFamily(
        name="flux2_klein_base_9b", title="FLUX.2 klein base 9B", pattern=r"klein.*base.*9b", excluded=r"lora",
        latent="EmptyFlux2LatentImage", steps=20, cfg=5.0, scheduler="flux2",
        encoders=TextEncoders("CLIPLoader", "flux2", (_QWEN_8B,)), vae=_FLUX2_VAE,
    ),
    ModelFamily(
        name="flux2_klein_base", title="FLUX.2 klein base 4B", pattern=r"klein.*base", excluded=r"9b|lora",
        latent="EmptyFlux2LatentImage", steps=20, cfg=5.0, scheduler="flux2",
        encoders=TextEncoders("CLIPLoader", "flux2", (_QWEN_4B,)), vae=_FLUX2_VAE,
    ),
    ModelFamily(
        name="chroma", title="Chroma", pattern=r"chroma(?!.*radiance)", excluded=r"zavychroma|xl|control|lora",
        architecture=r"chroma(?!.*radiance)", steps=26, cfg=3.5, scheduler="beta", shift=1.0,
        encoders=TextEncoders("CLIPLoader", "chroma", (_T5,)), vae=_AE,
    ),
    ModelFamily(
        name="sd35_turbo", title="SD 3.5 large turbo", pattern=r"sd3\.?5.*turbo", excluded="control", steps=4, cfg=1.0,
        scheduler="sgm_uniform", encoders=_SD3_ENCODERS, checkpoint_without_encoders=r"^(?!.*(?:incl|fp8_scaled))",
    ),
    ModelFamily(
        name="sd35", title="SD 3.5", pattern=r"sd_?-?3(?:\.5|5|_medium)|stable-?diffusion-?3",
        excluded=r"turbo|control", architecture=r"stable-diffusion-v?3",
        steps=20, cfg=4.0,
        scheduler="sgm_uniform", encoders=_SD3_ENCODERS, checkpoint_without_encoders=r"^(?!.*(?:incl|fp8_scaled))",
    ),
    ModelFamily(
        name="qwen_image", title="Qwen-Image", pattern=r"qwen_?-?image", excluded=_NOT_TEXT_TO_IMAGE,
        architecture=r"qwen-?_?image(?!.*edit)", pixels=1328 * 1328, steps=20, cfg=4.0, shift=3.1,
        encoders=TextEncoders(
            "CLIPLoader", "qwen_image", ((r"qwen_?-?2\.5_?-?vl", "qwen_2.5_vl_7b_fp8_scaled.safetensors"),)
        ),
        vae=(r"qwen_?-?image.*vae", "qwen_image_vae.safetensors"),
    ),
    ModelFamily(
        name="z_image", title="Z-Image", pattern=r"z_?-?image", excluded=rf"{_NOT_TEXT_TO_IMAGE}|turbo",
        architecture=r"z-?_?image(?!.*turbo)", steps=25, cfg=4.0, sampler="res_multistep", shift=3.0,
        encoders=TextEncoders("CLIPLoader", "lumina2", (_QWEN_4B,)), vae=_AE,
    ),
    ModelFamily(
        name="flux2", title="FLUX.2 dev", pattern=r"flux_?-?\.?2", excluded=r"klein|lora|vae",
        architecture=r"flux[-.]?2-dev", latent="EmptyFlux2LatentImage", steps=20, cfg=1.0, guidance=4.0,
        scheduler="flux2", encoders=TextEncoders("CLIPLoader", "flux2", (_MISTRAL,)), vae=_FLUX2_VAE,
    ),
    ModelFamily(
        name="sd15", title="SD 1.5", pattern=_SD15, excluded=r"xl|inpaint|control|flux|refiner",
        architecture=r"stable-diffusion-v1(?!.*inpaint)", bytes=((1.6, 2.4), (3.8, 4.4), (5.2, 5.6)), pixels=512 * 512,
        latent="EmptyLatentImage", steps=25, cfg=7.0, sampler="dpmpp_2m", scheduler="karras",
    ),
)  # fmt: skip
"""In the order in which they are preferred where several are installed."""
