"""Choosing the model to draw with among those that a server has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from bot.errors import MissingModel
from bot.workflows.families.family import FAMILIES, ModelFamily, TextEncoders
from bot.workflows.families.installed import (
    CHECKPOINTS,
    ModelFacts,
    base_name,
    choices_of,
    family_of,
    installed_files,
    makes_no_picture,
)
from bot.workflows.object_info import ObjectInfo

DOWNLOAD_ADVICE = (
    "The smallest that works is Stable Diffusion 1.5, 2.1 GB: download"
    " https://huggingface.co/Comfy-Org/stable-diffusion-v1-5-archive/resolve/main/v1-5-pruned-emaonly-fp16.safetensors"
    " into ComfyUI's folder models/checkpoints and restart ComfyUI."
)
_OFFICIAL = re.compile(r"^(?:sd_xl_base|v1-5-pruned|flux1-|z_image|qwen_image|chroma1-hd|sd3\.5|flux2|flux-2)")
_NO_FACTS = ModelFacts()


@dataclass(frozen=True, slots=True)
class InstalledModel:
    """A model and the files that it needs beside it.

    Attributes:
        family: How it is sampled.
        file: As the server spells it.
        checkpoint: Whether it is loaded as a checkpoint, else as a diffusion model.
        encoders: Text encoders in the order of the family; empty: they are in the checkpoint.
        vae: None: it is in the checkpoint.
        guessed: Nothing tells the family; it is taken for the most common one.

    """

    family: ModelFamily
    file: str
    checkpoint: bool
    encoders: tuple[str, ...] = ()
    vae: str | None = None
    guessed: bool = False


@dataclass(frozen=True, slots=True)
class _Incomplete:
    family: ModelFamily
    file: str
    missing: tuple[str, ...]
    """`file (folder)` of each file that is not there."""


def choose_model(object_info: ObjectInfo, facts: ModelFacts = _NO_FACTS, wanted: str | None = None) -> InstalledModel:
    """Return the model to draw with.

    Args:
        object_info: The body of `GET /object_info`: it lists the installed files.
        facts: What is known of files whose names tell no family.
        wanted: A file name, without folder and extension if unique, or the name of a family; the owner or the person
            wants it. None, or nothing of that name: the first family of `FAMILIES` that is complete.

    Raises:
        MissingModel: There is no model that is known, or it lacks a text encoder or VAE.

    """
    found = list(_candidates(object_info, facts))
    complete = [one for one in found if isinstance(one, InstalledModel)]
    if wanted:
        chosen = [one for one in found if _is_wanted(one.family, one.file, wanted)]
        ready = [one for one in chosen if isinstance(one, InstalledModel)]
        if ready:
            return min(ready, key=_preference)
        if chosen and isinstance(chosen[0], _Incomplete):
            raise _incomplete([chosen[0]])
    if complete:
        return min(complete, key=_preference)
    raise _incomplete([one for one in found if isinstance(one, _Incomplete)])


def _candidates(object_info: ObjectInfo, facts: ModelFacts) -> Iterator[InstalledModel | _Incomplete]:
    for folder, file in installed_files(object_info):
        family = family_of(folder, file, facts)
        if family is not None:
            yield _with_files(family, file, folder == CHECKPOINTS, object_info)
        elif folder == CHECKPOINTS and not makes_no_picture(file):
            guess = next(one for one in FAMILIES if one.written_for)
            yield InstalledModel(guess, file, checkpoint=True, guessed=True)


def _with_files(
    family: ModelFamily, file: str, checkpoint: bool, object_info: ObjectInfo
) -> InstalledModel | _Incomplete:
    needed, vae_pattern = family.encoders, None if checkpoint else family.vae
    if checkpoint and not re.search(family.checkpoint_without_encoders, base_name(file)):
        needed = None
    if not checkpoint and (family.encoders is None or family.vae is None):
        return _Incomplete(family, file, (f"{file} (models/checkpoints; it lies in models/diffusion_models)",))
    missing: list[str] = []
    encoders = tuple(_encoders(needed, object_info, missing)) if needed is not None else ()
    vae = None
    if vae_pattern is not None:
        pattern, default = vae_pattern
        vae = _matching(choices_of(object_info, "VAELoader", "vae_name"), pattern)
        if vae is None:
            missing.append(f"{default} (models/vae)")
    if missing:
        return _Incomplete(family, file, tuple(missing))
    return InstalledModel(family, file, checkpoint, encoders, vae)


def _encoders(needed: TextEncoders, object_info: ObjectInfo, missing: list[str]) -> Iterator[str]:
    name = "clip_name" if needed.loader == "CLIPLoader" else "clip_name1"
    choices = choices_of(object_info, needed.loader, name)
    for pattern, default in needed.files:
        file = _matching(choices, pattern)
        if file is None:
            missing.append(f"{default} (models/text_encoders)")
        else:
            yield file


def _matching(choices: list[str], pattern: str) -> str | None:
    """The file whose name matches; of several, one that lies in no folder, with the shortest name."""
    found = [choice for choice in choices if re.search(pattern, base_name(choice))]
    return min(found, key=lambda one: (base_name(one) != one.lower(), len(one), one), default=None)


def _preference(model: InstalledModel) -> tuple[bool, int, bool, bool, str]:
    order = FAMILIES.index(model.family)
    name = base_name(model.file)
    return model.guessed, order, not _OFFICIAL.search(name), name != model.file.lower(), model.file


def _is_wanted(family: ModelFamily, file: str, wanted: str) -> bool:
    name = base_name(wanted)
    return name in {base_name(file), base_name(file).rsplit(".", 1)[0], family.name, family.title.lower()}


def _incomplete(found: list[_Incomplete]) -> MissingModel:
    if not found:
        return MissingModel("ComfyUI has no model to draw with.", advice=DOWNLOAD_ADVICE)
    first = min(found, key=lambda one: (len(one.missing), FAMILIES.index(one.family)))
    return MissingModel(
        f'ComfyUI has {first.family.title} ("{first.file[:120]}"), but not what it needs beside it:'
        f" {', '.join(first.missing)}.",
        advice=f"Put that in place and restart ComfyUI. Or: {DOWNLOAD_ADVICE[0].lower()}{DOWNLOAD_ADVICE[1:]}",
    )
