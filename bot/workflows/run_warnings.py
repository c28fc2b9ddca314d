"""What will probably go wrong with a workflow, found before its first run: values, and models that do not fit."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from bot.workflows.families import family_by_name
from bot.workflows.graph import Graph, NodeInput, class_type, inputs, is_link, node_title
from bot.workflows.input_roles import InputRole
from bot.workflows.model_files import model_files, nearest_names
from bot.workflows.object_info import InputSpec, ObjectInfo, chosen_input_spec, offers_models
from bot.workflows.workflow import Workflow

MAX_WARNINGS = 8
_ALWAYS_WRITTEN = (InputRole.POSITIVE, InputRole.NEGATIVE, InputRole.SEED, InputRole.TEXT)
Metadata = Mapping[str, Mapping[str, Any]]
"""File name -> `__metadata__` of a safetensors file, as `GET /view_metadata/{folder}` returns it."""
_LONGEST = 60
_UPLOADS = ("image_upload", "audio_upload", "video_upload", "file_upload", "animated_image_upload")
_GROUPS: tuple[tuple[str, str, str], ...] = (
    ("FLUX.2", r"flux_?-?\.?2|klein", r"flux-?_?2"),
    ("FLUX.1", r"flux|krea", r"flux"),
    ("Qwen-Image", r"qwen", r"qwen"),
    ("Z-Image", r"z_?-?image|(?:^|[^a-z])zit(?:[^a-z]|$)", r"z-?_?image"),
    ("Wan", r"(?:^|[^a-z])wan[^a-z]?[12]", r"wan"),
    ("LTX", r"ltx", r"ltx"),
    ("SD 3", r"sd_?-?3(?:\.5|5|_medium|[^0-9]|$)", r"stable-diffusion-(?:v?3|3)|sd3"),
    ("SDXL", r"sd_?xl|pony|illustrious|noob|(?:^|[^a-z])xl(?:[^a-z]|$)", r"stable-diffusion-xl|sdxl"),
    ("SD 1.5", r"sd_?-?v?1[._-]?5|(?:^|[^a-z])sd15|v1-?5", r"stable-diffusion-v1|sd_v1|sd_1\.?5"),
)
"""Models whose LoRAs fit each other: how people call them, a pattern of the names of LoRAs, and one of what the
metadata calls the model (`modelspec.architecture`, `ss_base_model_version`), all in lower case."""
_GROUP_OF_FAMILY = (
    ("sdxl", "SDXL"), ("z_image", "Z-Image"), ("flux1", "FLUX.1"), ("flux2", "FLUX.2"), ("sd35", "SD 3"),
    ("qwen", "Qwen-Image"), ("sd15", "SD 1.5"),
)  # fmt: skip


def run_warnings(workflow: Workflow, object_info: ObjectInfo, metadata: Metadata | None = None) -> tuple[str, ...]:
    """Return a sentence for each thing that looks wrong, at most `MAX_WARNINGS`.

    Missing nodes and models are no warnings: `validate_installed` finds those.

    Args:
        workflow: The workflow, adapted to the server.
        object_info: The body of `GET /object_info`.
        metadata: Of the model files, as far as it was asked for.

    """
    found = [*_values(workflow, object_info), *_unfit_loras(workflow, object_info, metadata or {})]
    return tuple(dict.fromkeys(found))[:MAX_WARNINGS]


def lora_files(workflow: Workflow, object_info: ObjectInfo) -> list[str]:
    """Return the LoRAs that a workflow loads and the server has."""
    return [name for name, _ in _loras(workflow, object_info)]


def _values(workflow: Workflow, object_info: ObjectInfo) -> Iterator[str]:
    """Values that ComfyUI will refuse; what the bot writes itself is left out."""
    written = {place for role in _ALWAYS_WRITTEN for place in workflow.analysis.inputs_for(role)}
    for node_id in workflow.graph:
        if node_id not in workflow.analysis.reachable_nodes:
            continue
        node_class, given = class_type(workflow.graph, node_id), inputs(workflow.graph, node_id)
        for name, value in given.items():
            if is_link(value) or NodeInput(node_id, name) in written:
                continue
            spec = chosen_input_spec(object_info, node_class, name, given)
            problem = None if spec is None else _problem(value, spec)
            if problem is not None:
                yield f'{name} of "{_title(workflow.graph, node_id)}" {problem}'


def _problem(value: object, spec: InputSpec) -> str | None:
    if spec.type in {"INT", "FLOAT"} and isinstance(value, (int, float)) and not isinstance(value, bool):
        least, most = spec.options.get("min"), spec.options.get("max")
        below = isinstance(least, (int, float)) and value < least
        above = isinstance(most, (int, float)) and value > most
        return f"is {value:g}; ComfyUI takes {least} to {most}." if below or above else None
    if spec.type != "COMBO" or not spec.choices or not isinstance(value, str):
        return None
    if offers_models(spec) or any(spec.options.get(key) for key in _UPLOADS) or value in spec.choices:
        return None
    near = nearest_names(value, spec.choices)
    hint = f" The nearest: {', '.join(near)}." if near else ""
    return f'is "{value[:_LONGEST]}", which ComfyUI does not offer.{hint}'


def _unfit_loras(workflow: Workflow, object_info: ObjectInfo, metadata: Metadata) -> Iterator[str]:
    """LoRAs that were made for other models than any that the workflow loads."""
    bases = [
        file.name
        for file in model_files(workflow.graph, workflow.analysis.reachable_nodes, object_info)
        if file.node_input.input_name in {"ckpt_name", "unet_name"}
    ]
    groups = {_group_of_base(name, metadata) for name in bases}
    if not groups or None in groups:
        return
    for name, node_id in _loras(workflow, object_info):
        group = _group_of_lora(name, metadata)
        if group is not None and group not in groups:
            known = " and ".join(sorted(str(one) for one in groups))
            title = _title(workflow.graph, node_id)
            yield f'The LoRA {name[-_LONGEST:]} of "{title}" seems to be made for {group}, and the model is {known}.'


def _loras(workflow: Workflow, object_info: ObjectInfo) -> Iterator[tuple[str, str]]:
    for file in model_files(workflow.graph, workflow.analysis.reachable_nodes, object_info):
        if "lora" in file.node_input.input_name.lower() and file.installed:
            yield file.name, file.node_input.node_id


def _group_of_base(name: str, metadata: Metadata) -> str | None:
    family = family_by_name(name)
    if family is None:
        return _group_in_metadata(name, metadata)
    return next((group for prefix, group in _GROUP_OF_FAMILY if family.name.startswith(prefix)), None)


def _group_of_lora(name: str, metadata: Metadata) -> str | None:
    """The metadata goes first: it is written by the program that trained the LoRA."""
    if (told := _group_in_metadata(name, metadata)) is not None:
        return told
    file = name.replace("\\", "/").lower()
    return next((group for group, pattern, _ in _GROUPS if re.search(pattern, file)), None)


def _group_in_metadata(name: str, metadata: Metadata) -> str | None:
    known = metadata.get(name, {})
    told = f"{known.get('modelspec.architecture', '')} {known.get('ss_base_model_version', '')}".lower()
    return next((group for group, _, pattern in _GROUPS if re.search(pattern, told)), None)


def _title(graph: Graph, node_id: str) -> str:
    return node_title(graph, node_id)[:_LONGEST]
