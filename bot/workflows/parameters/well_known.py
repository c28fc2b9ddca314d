"""Which inputs are well-known parameters, by the input's name and the node's class."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from bot.workflows.input_roles import InputRole
from bot.workflows.parameters.parameter import ParameterGroup

_ANY = re.compile("")
_SAMPLING = re.compile(r"sampl|schedul|guider|sigmas|efficient|\bk_?diff|wan|hunyuan|ltx|flux|ace", re.IGNORECASE)
_LATENT = re.compile(
    r"latent|(?:image|first\w*|frame|text|control|camera|audio|sound)_?to_?video|img2vid|imgtovideo|videocondition"
    r"|empty_?(?:embeds|video)|image_?embeds|empty\w*video|efficient loader|infinitetalk|vace|animate",
    re.IGNORECASE,
)
_MODEL_LOADER = re.compile(
    r"checkpoint|ckpt|unet|diffusion_?model|efficient loader"
    r"|(?:wan|hunyuan|hyvideo|ltx|flux|cogvideo|mochi)\w*modelloader",
    re.IGNORECASE,
)
_NOT_MODEL_LOADER = re.compile(r"vae|clip|encoder|upscale|lora|control|audio", re.IGNORECASE)
_VAE_LOADER = re.compile(r"vae\w*load|load\w*vae|efficient loader|checkpoint", re.IGNORECASE)
_CLIP_LOADER = re.compile(r"clip\w*load|load\w*clip|text_?encoder|t5\w*load", re.IGNORECASE)
_CLIP_VISION = re.compile(r"vision", re.IGNORECASE)
_LORA_LOADER = re.compile(r"lora|efficient loader", re.IGNORECASE)
_CONTROL = re.compile(r"control_?net|t2i_?adapter|ip_?adapter|redux|style_?model|canny|depth|pose", re.IGNORECASE)
_REPEATED_FRAMES = re.compile(r"^repeat_?images?_?batch$", re.IGNORECASE)
_FILM = re.compile(r"video|vhs_|film|frame|rife|animate|wan|ltx|hunyuan|svd", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class WellKnownRule:
    """Inputs of one well-known parameter."""

    name: str
    group: ParameterGroup
    input_name: re.Pattern[str]
    """Matched against the whole input name in lower case."""
    node_class: re.Pattern[str] = _ANY
    not_class: re.Pattern[str] | None = None
    text: bool = False
    """Whether the value is a text (a choice, a file), else a number."""
    sampling: bool = False
    """Whether it steers a sampler; of several samplers the main ones count."""

    def matches(self, node_class: str, input_name: str) -> bool:
        """Whether the rule is about that input of that class."""
        return (
            bool(self.input_name.fullmatch(input_name.lower()))
            and bool(self.node_class.search(node_class))
            and not (self.not_class and self.not_class.search(node_class))
        )


def _rule(name: str, group: ParameterGroup, input_name: str, **more: object) -> WellKnownRule:
    return WellKnownRule(name, group, re.compile(input_name), **more)  # pyright: ignore[reportArgumentType]


_SAMPLER = ParameterGroup.SAMPLER
RULES = (
    _rule("sampler", _SAMPLER, r"sampler(?:_name)?", node_class=_SAMPLING, text=True, sampling=True),
    _rule("scheduler", _SAMPLER, r"scheduler(?:_name)?", node_class=_SAMPLING, text=True, sampling=True),
    _rule("denoise", _SAMPLER, r"denois(?:e|ing)(?:_strength)?", node_class=_SAMPLING, sampling=True),
    _rule("start_step", _SAMPLER, r"start_(?:at_)?step", node_class=_SAMPLING, sampling=True),
    _rule("end_step", _SAMPLER, r"(?:end_(?:at_)?|last_)step", node_class=_SAMPLING, sampling=True),
    _rule("shift", _SAMPLER, r"(?:max_|flow_)?shift"),
    _rule("batch", ParameterGroup.SIZE, r"batch(?:_size)?", node_class=_LATENT),
    _rule("length", ParameterGroup.FILM, r"length|num_frames|(?:video_)?frames|video_length|seconds|duration",
          node_class=_LATENT),
    _rule("length", ParameterGroup.FILM, r"amount", node_class=_REPEATED_FRAMES),
    _rule("fps", ParameterGroup.FILM, r"fps|frame_rate|framerate"),
    _rule("model", ParameterGroup.MODEL, r"ckpt_name|unet_name|model(?:_name)?|base_ckpt_name", text=True,
          node_class=_MODEL_LOADER, not_class=_NOT_MODEL_LOADER),
    _rule("vae", ParameterGroup.MODEL, r"vae(?:_name)?|model_name", node_class=_VAE_LOADER, text=True),
    _rule("clip", ParameterGroup.MODEL, r"clip(?:_name)?1?|text_encoder1?|t5_?(?:name|model)|model_name",
          node_class=_CLIP_LOADER, not_class=_CLIP_VISION, text=True),
    _rule("lora", ParameterGroup.LORAS, r"lora(?:_name)?(?:_0?1)?", node_class=_LORA_LOADER, text=True),
    _rule("strength", ParameterGroup.LORAS, r"(?:lora_)?(?:model_)?strength(?:_model|_clip)?|lora_strength",
          node_class=_LORA_LOADER),
)  # fmt: skip
"""A place of an earlier rule is not one of a later rule."""

CONTROL_STRENGTH = _rule("strength", ParameterGroup.CONTROL, r"strength|weight|conditioning_scale", node_class=_CONTROL)
"""What `strength` means in a workflow without LoRAs."""

ROLE_NAMES: Mapping[InputRole, str] = {
    InputRole.POSITIVE: "prompt",
    InputRole.NEGATIVE: "negative",
    InputRole.SEED: "seed",
    InputRole.WIDTH: "width",
    InputRole.HEIGHT: "height",
    InputRole.STEPS: "steps",
    InputRole.CFG: "cfg",
}
"""The roles whose values are well-known parameters; those of the others are uploaded files and spoken text."""

ROLE_GROUPS: Mapping[InputRole, ParameterGroup] = {
    InputRole.POSITIVE: ParameterGroup.PROMPT,
    InputRole.NEGATIVE: ParameterGroup.PROMPT,
    InputRole.TEXT: ParameterGroup.PROMPT,
    InputRole.WIDTH: ParameterGroup.SIZE,
    InputRole.HEIGHT: ParameterGroup.SIZE,
    InputRole.SEED: ParameterGroup.SAMPLER,
    InputRole.STEPS: ParameterGroup.SAMPLER,
    InputRole.CFG: ParameterGroup.SAMPLER,
}

ROLE_INPUTS: Mapping[InputRole, re.Pattern[str]] = {
    InputRole.SEED: re.compile(r"(?:\w+_)?seed"),
    InputRole.WIDTH: re.compile(r"(?:\w+_)?width"),
    InputRole.HEIGHT: re.compile(r"(?:\w+_)?height"),
    InputRole.STEPS: re.compile(r"steps"),
    InputRole.CFG: re.compile(r"cfg|guidance"),
}
"""Names of the inputs that take a role's number through links; their limits count for it."""


def group_of_class(node_class: str) -> ParameterGroup:
    """Return the group in which other inputs of a class are shown."""
    for pattern, group in (
        (_LORA_LOADER, ParameterGroup.LORAS),
        (_CONTROL, ParameterGroup.CONTROL),
        (re.compile(r"sampl|schedul|guider|noise|sigmas|guidance", re.IGNORECASE), ParameterGroup.SAMPLER),
        (_MODEL_LOADER, ParameterGroup.MODEL),
        (re.compile(r"(?:vae|clip)\w*load", re.IGNORECASE), ParameterGroup.MODEL),
        (re.compile(r"^empty\w*latent", re.IGNORECASE), ParameterGroup.SIZE),
        (re.compile(r"text\w*encode|prompt", re.IGNORECASE), ParameterGroup.PROMPT),
        (_FILM, ParameterGroup.FILM),
    ):
        if pattern.search(node_class):
            return group
    return ParameterGroup.OTHER
