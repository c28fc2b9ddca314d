"""Model files in a graph, compared with what is installed."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from bot.workflows.graph import Graph, Target, class_type, inputs
from bot.workflows.object_info import InputSpec, ObjectInfo, input_spec

_MODEL_FILE = re.compile(
    r"\.(?:safetensors|sft|ckpt|pt|pth|pkl|bin|gguf|onnx|engine|torchscript|nemo|yaml|vae)$", re.IGNORECASE
)
_UPLOADS = ("image_upload", "audio_upload", "video_upload", "file_upload", "animated_image_upload")


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A model that a node loads. `installed` is None where no `/object_info` says."""

    target: Target
    name: str
    installed: bool | None = None
    nearest: tuple[str, ...] = ()


def looks_like_model(value: object) -> bool:
    """Whether a literal names a model file (by its extension)."""
    return isinstance(value, str) and len(value) < 500 and bool(_MODEL_FILE.search(value))


def model_files(graph: Graph, nodes: Iterable[str], object_info: ObjectInfo | None = None) -> Iterator[ModelFile]:
    """Each input of the nodes that names a model: a file name in a combo, or (no `/object_info`) anywhere."""
    for node_id in nodes:
        node_class = class_type(graph, node_id)
        for name, value in inputs(graph, node_id).items():
            if not isinstance(value, str) or not value:
                continue
            target = Target(node_id, name)
            if object_info is None or node_class not in object_info:
                if looks_like_model(value):
                    yield ModelFile(target, value)
                continue
            spec = input_spec(object_info, node_class, name)
            if spec is None or spec.choices is None or not _offers_models(spec, value):
                continue
            if installed_name(value, spec.choices) is not None:
                yield ModelFile(target, value, installed=True)
            else:
                yield ModelFile(target, value, installed=False, nearest=nearest_names(value, spec.choices))


def installed_name(value: str, choices: Sequence[Any]) -> str | None:
    """How the server writes this file: itself, or with the other system's separators (Windows' backslashes)."""
    if value in choices:
        return value
    wanted = value.replace("\\", "/")
    return next((choice for choice in choices if isinstance(choice, str) and choice.replace("\\", "/") == wanted), None)


def installed_spelling(graph: Graph, object_info: ObjectInfo) -> Iterator[tuple[Target, str]]:
    """Inputs whose file is installed under the other system's separators, and the name the server accepts."""
    for node_id in graph:
        node_class = class_type(graph, node_id)
        for name, value in inputs(graph, node_id).items():
            if not isinstance(value, str) or not ("\\" in value or "/" in value) or len(value) > 500:
                continue
            spec = input_spec(object_info, node_class, name)
            if spec is None or spec.choices is None or value in spec.choices:
                continue
            spelling = installed_name(value, spec.choices)
            if spelling is not None:
                yield Target(node_id, name), spelling


def nearest_names(value: str, choices: Iterable[Any], at_most: int = 3) -> tuple[str, ...]:
    """The most similar names, compared without folders, case and separators; best first."""
    by_key: dict[str, str] = {}
    for choice in choices:
        if isinstance(choice, str):
            by_key.setdefault(_bare(choice), choice)
    keys = difflib.get_close_matches(_bare(value), list(by_key), n=at_most, cutoff=0.4)
    return tuple(by_key[key] for key in keys)


def _bare(name: str) -> str:
    return name.replace("\\", "/").rsplit("/", 1)[-1].casefold()


def _offers_models(spec: InputSpec, value: str) -> bool:
    """A combo of files that are not uploaded per run; a combo with nothing installed is judged by the value."""
    if any(spec.options.get(key) for key in _UPLOADS):
        return False
    return any(looks_like_model(choice) for choice in spec.choices or ()) or looks_like_model(value)
