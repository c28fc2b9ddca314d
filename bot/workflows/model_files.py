"""The model files that a graph loads, compared with those that the ComfyUI server has."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.workflows.graph import Graph, NodeInput, class_type, inputs
from bot.workflows.object_info import InputSpec, ObjectInfo, input_spec, looks_like_model, model_inputs, offers_models


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A model file that a node loads."""

    node_input: NodeInput
    name: str
    """As the workflow has it, with folders."""
    installed: bool | None = None
    """None: not known, because there is no `/object_info` or it does not know the node's class."""
    nearest: tuple[str, ...] = ()
    """The most similar installed names, where this one is not installed."""


def model_files(graph: Graph, nodes: Iterable[str], object_info: ObjectInfo | None = None) -> Iterator[ModelFile]:
    """Yield each input of the nodes that names a model file.

    Args:
        graph: The workflow's graph.
        nodes: Ids of the nodes to look at.
        object_info: The body of `GET /object_info`: model inputs are the combos that list model files. Without it every
            text with the extension of a model file counts.

    """
    for node_id in nodes:
        node_class, given = class_type(graph, node_id), inputs(graph, node_id)
        if object_info is None or node_class not in object_info:
            for name, value in given.items():
                if looks_like_model(value):
                    yield ModelFile(NodeInput(node_id, name), value)
            continue
        for name, spec in _model_inputs(object_info, node_class, given):
            value = given.get(name)
            if not isinstance(value, str) or not value or not (spec.choices or looks_like_model(value)):
                continue
            node_input, choices = NodeInput(node_id, name), spec.choices or ()
            if installed_name(value, choices) is not None:
                yield ModelFile(node_input, value, installed=True)
            else:
                yield ModelFile(node_input, value, installed=False, nearest=nearest_names(value, choices))


def installed_name(value: str, choices: Sequence[Any]) -> str | None:
    r"""Return the server's spelling of a model file's name, or None if it does not have the file.

    ComfyUI compares names as text, and on Windows it lists folders with backslashes: `a\b.pt` and `a/b.pt` are one
    file.
    """
    if value in choices:
        return value
    wanted = value.replace("\\", "/")
    return next((choice for choice in choices if isinstance(choice, str) and choice.replace("\\", "/") == wanted), None)


def respelled_model_files(graph: Graph, object_info: ObjectInfo) -> Iterator[tuple[NodeInput, str]]:
    """Yield each input whose model file the server spells with other path separators, and the server's spelling."""
    for node_id in graph:
        given = inputs(graph, node_id)
        for name, spec in _model_inputs(object_info, class_type(graph, node_id), given):
            value = given.get(name)
            if not isinstance(value, str) or not ("\\" in value or "/" in value):
                continue
            spelling = installed_name(value, spec.choices or ())
            if spelling is not None and spelling != value:
                yield NodeInput(node_id, name), spelling


def nearest_names(value: str, choices: Iterable[Any], at_most: int = 3, *, cutoff: float = 0.4) -> tuple[str, ...]:
    """Return the names most similar to `value`, best first, compared without folders and case.

    Args:
        value: The name that does not exist.
        choices: The names that do; what is no text is skipped.
        at_most: How many to return.
        cutoff: The smallest similarity, from 0 (anything) to 1 (equal), as `difflib.get_close_matches` measures it.

    """
    by_key: dict[str, str] = {}
    for choice in choices:
        if isinstance(choice, str):
            by_key.setdefault(_file_name(choice), choice)
    keys = difflib.get_close_matches(_file_name(value), list(by_key), n=at_most, cutoff=cutoff)
    return tuple(by_key[key] for key in keys)


def _model_inputs(
    object_info: ObjectInfo, node_class: str, given: Mapping[str, Any]
) -> Iterable[tuple[str, InputSpec]]:
    """The class's inputs that choose a model file, with those (`format.codec`) of the chosen dynamic combo options."""
    combos = model_inputs(object_info, node_class)
    dotted = [name for name in given if "." in name]
    if not dotted:
        return combos.items()
    specs = {name: input_spec(object_info, node_class, name) for name in dotted}
    dynamic = ((name, spec) for name, spec in specs.items() if spec is not None and offers_models(spec))
    return [*combos.items(), *dynamic]


def _file_name(name: str) -> str:
    return name.replace("\\", "/").rsplit("/", 1)[-1].casefold()
