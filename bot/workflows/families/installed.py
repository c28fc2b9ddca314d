"""Which families the files of a ComfyUI server belong to: by name, by their metadata, by their size."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.workflows.families.family import FAMILIES, ModelFamily
from bot.workflows.object_info import ObjectInfo, input_spec, looks_like_model

CHECKPOINTS, DIFFUSION_MODELS = "checkpoints", "diffusion_models"
"""Folders of ComfyUI."""
_LOADERS = {CHECKPOINTS: ("CheckpointLoaderSimple", "ckpt_name"), DIFFUSION_MODELS: ("UNETLoader", "unet_name")}
_NO_PICTURE_MODEL = re.compile(
    r"wan|ltx|hunyuan|svd|mochi|cosmos|animatediff|ace_?-?step|stable_?-?audio|audio|refiner|inpaint|upscal|hunyuan3d"
    r"|cascade|edit|kontext|fill|controlnet|radiance|video"
)
"""Names of models that make films, sound or shapes, or need a picture: none of them is guessed to be SDXL."""


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What a server says about model files, beside their names in `/object_info`.

    Attributes:
        metadata: File name -> `__metadata__` of the file, as `GET /view_metadata/{folder}` returns it.
        sizes: File name -> bytes, from `GET /experiment/models/{folder}`.

    """

    metadata: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    sizes: Mapping[str, int] = field(default_factory=dict[str, int])


def base_name(file: str) -> str:
    """Return a file's name without its folder, in lower case."""
    return file.replace("\\", "/").rsplit("/", 1)[-1].lower()


def choices_of(object_info: ObjectInfo, node_class: str, input_name: str) -> list[str]:
    """Return the files that an input of a loader offers; empty where the server does not have the class."""
    spec = input_spec(object_info, node_class, input_name)
    return [str(choice) for choice in (spec.choices if spec is not None else None) or () if looks_like_model(choice)]


def installed_files(object_info: ObjectInfo) -> Iterator[tuple[str, str]]:
    """Yield `(folder, file)` for every checkpoint and diffusion model."""
    for folder, (node_class, input_name) in _LOADERS.items():
        for name in choices_of(object_info, node_class, input_name):
            yield folder, name


def unrecognized_models(object_info: ObjectInfo) -> list[tuple[str, str]]:
    """Return `(folder, file)` of the files whose names tell no family, so that their metadata is of interest."""
    return [(folder, name) for folder, name in installed_files(object_info) if family_by_name(name) is None]


def family_by_name(file: str) -> ModelFamily | None:
    """Return the family that a file name tells; None: it tells none."""
    name = base_name(file)
    return next(
        (one for one in FAMILIES if re.search(one.pattern, name) and not re.search(one.excluded, name)),
        None,
    )


def family_of(folder: str, file: str, facts: ModelFacts) -> ModelFamily | None:
    """Return the family of an installed file; None: it is not known.

    The name goes first, because most files have no metadata, and those that were merged have that of one of the files
    that they were made from.
    """
    if (named := family_by_name(file)) is not None:
        return named
    architecture = str(facts.metadata.get(file, {}).get("modelspec.architecture", "")).lower()
    if architecture:
        return next((one for one in FAMILIES if re.search(one.architecture, architecture)), None)
    gigabytes = facts.sizes.get(file, 0) / 1e9
    if folder != CHECKPOINTS or makes_no_picture(file):
        return None
    return next((one for one in FAMILIES if any(low <= gigabytes <= high for low, high in one.bytes)), None)


def makes_no_picture(file: str) -> bool:
    """Whether a name is that of a model which makes no picture of a text."""
    return bool(_NO_PICTURE_MODEL.search(base_name(file)))
