"""Model files in a graph, compared with what is installed."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.workflows.graph import Graph, Target, class_type, inputs
from bot.workflows.object_info import InputSpec, ObjectInfo, file_combos, input_spec, looks_like_model, offers_files


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A model that a node loads. `installed` is None where no `/object_info` says."""

    target: Target
    name: str
    installed: bool | None = None
    nearest: tuple[str, ...] = ()


def model_files(graph: Graph, nodes: Iterable[str], object_info: ObjectInfo | None = None) -> Iterator[ModelFile]:
    """Each input of the nodes that names a model: a file name in a combo, or (no `/object_info`) anywhere."""
    for node_id in nodes:
        node_class, given = class_type(graph, node_id), inputs(graph, node_id)
        if object_info is None or node_class not in object_info:
            for name, value in given.items():
                if looks_like_model(value):
                    yield ModelFile(Target(node_id, name), value)
            continue
        for name, spec in _model_inputs(object_info, node_class, given):
            value = given.get(name)
            if not isinstance(value, str) or not value or not (spec.choices or looks_like_model(value)):
                continue
            target, choices = Target(node_id, name), spec.choices or ()
            if installed_name(value, choices) is not None:
                yield ModelFile(target, value, installed=True)
            else:
                yield ModelFile(target, value, installed=False, nearest=nearest_names(value, choices))


def installed_name(value: str, choices: Sequence[Any]) -> str | None:
    """How the server writes this file: itself, or with the other system's separators (Windows' backslashes)."""
    if value in choices:
        return value
    wanted = value.replace("\\", "/")
    return next((choice for choice in choices if isinstance(choice, str) and choice.replace("\\", "/") == wanted), None)


def installed_spelling(graph: Graph, object_info: ObjectInfo) -> Iterator[tuple[Target, str]]:
    """Inputs whose file is installed under the other system's separators, and the name the server accepts."""
    for node_id in graph:
        given = inputs(graph, node_id)
        for name, spec in _model_inputs(object_info, class_type(graph, node_id), given):
            value = given.get(name)
            if not isinstance(value, str) or not ("\\" in value or "/" in value):
                continue
            spelling = installed_name(value, spec.choices or ())
            if spelling is not None and spelling != value:
                yield Target(node_id, name), spelling


def _model_inputs(
    object_info: ObjectInfo, node_class: str, given: Mapping[str, Any]
) -> Iterable[tuple[str, InputSpec]]:
    """Inputs that choose a model file, also those that an option of a dynamic combo brings along."""
    combos = file_combos(object_info, node_class)
    dotted = [name for name in given if "." in name]
    if not dotted:
        return combos.items()
    specs = {name: input_spec(object_info, node_class, name) for name in dotted}
    return [*combos.items(), *((name, spec) for name, spec in specs.items() if spec is not None and offers_files(spec))]


def nearest_names(value: str, choices: Iterable[Any], at_most: int = 3, *, cutoff: float = 0.4) -> tuple[str, ...]:
    """The most similar names, compared without folders, case and separators; best first, none below `cutoff`."""
    by_key: dict[str, str] = {}
    for choice in choices:
        if isinstance(choice, str):
            by_key.setdefault(_bare(choice), choice)
    keys = difflib.get_close_matches(_bare(value), list(by_key), n=at_most, cutoff=cutoff)
    return tuple(by_key[key] for key in keys)


def _bare(name: str) -> str:
    return name.replace("\\", "/").rsplit("/", 1)[-1].casefold()
