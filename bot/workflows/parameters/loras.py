"""LoRAs that a person names: written into the workflow's own loaders, or loaders are inserted for them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

from bot.errors import InputInvalid
from bot.workflows.graph import Graph, NodeInput, class_type, inputs, is_link, node_order, node_title
from bot.workflows.model_files import installed_name
from bot.workflows.object_info import ObjectInfo, input_spec
from bot.workflows.parameters.parameter import OpenTo, Parameter, ParameterGroup, ParameterType, ParameterValue
from bot.workflows.parameters.value_check import checked_value

_LOADER_CLASS = re.compile(r"lora|efficient loader", re.IGNORECASE)
_MODEL_STRENGTH = ("strength_model", "lora_model_strength", "model_strength", "strength", "lora_strength")
_CLIP_STRENGTH = ("strength_clip", "lora_clip_strength", "clip_strength")
_STRENGTHS = re.compile(
    r"^(?P<name>[^:].*?)(?::(?P<model>[+-]?\d{0,4}(?:\.\d{1,6})?))?(?::(?P<clip>[+-]?\d{0,4}(?:\.\d{1,6})?))?$"
)
_LARGEST_STRENGTH = 100.0
MAX_LORAS = 10


class LoraChoice(NamedTuple):
    """A LoRA and how strongly it is applied to the model and to the text encoder."""

    name: str
    model_strength: float | None
    """None: as the loader has it, or 1 in an inserted one."""
    clip_strength: float | None


@dataclass(slots=True)
class LoraChanges:
    """What has to be written into a graph."""

    values: dict[NodeInput, Any] = field(default_factory=dict[NodeInput, Any])
    """Literals and links of nodes that exist."""
    nodes: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    """New nodes."""


def installed_loras(object_info: ObjectInfo | None) -> list[str]:
    """Return the LoRAs that the server has; empty if it was not asked yet."""
    spec = input_spec(object_info, "LoraLoader", "lora_name") or input_spec(
        object_info, "LoraLoaderModelOnly", "lora_name"
    )
    return [str(choice) for choice in (spec.choices if spec is not None else None) or ()]


def parse_lora(text: str) -> LoraChoice:
    """Return the LoRA of `name`, `name:0.8` or `name:0.8:0.6` (model and text encoder).

    Raises:
        InputInvalid: There is no name, or a strength is beyond 100.

    """
    match = _STRENGTHS.fullmatch(text.strip())
    if match is None or len(text) > 300:
        raise InputInvalid("A LoRA needs a name.", advice="Write `lora=name:0.8`.")
    strengths = [float(match[key]) if match[key] not in {None, "", "+", "-"} else None for key in ("model", "clip")]
    if any(one is not None and abs(one) > _LARGEST_STRENGTH for one in strengths):
        raise InputInvalid("The strength of a LoRA is from -100 to 100.", advice="Write `lora=name:0.8`.")
    return LoraChoice(match["name"].strip(), *strengths)


def lora_changes(
    graph: Graph, reachable: frozenset[str], wanted: Sequence[LoraChoice], object_info: ObjectInfo | None
) -> LoraChanges:
    """Return what makes a graph use the LoRAs.

    A LoRA that a loader has already keeps its loader; others take the loaders that are left, in order, and where there
    are too few, loaders are inserted behind the loader of the model.

    Args:
        graph: The workflow's graph.
        reachable: Ids of the nodes that an output depends on.
        wanted: The LoRAs.
        object_info: The body of `GET /object_info`, if known: it lists the LoRAs.

    Raises:
        InputInvalid: The server does not have a LoRA (the nearest are named), or loaders have to be inserted and the
            graph has several models or text encoders.

    """
    if len(wanted) > MAX_LORAS:
        raise InputInvalid(f"More than {MAX_LORAS} LoRAs cannot be used at once.")
    changes = LoraChanges()
    free = list(_loaders(graph, reachable))
    left: list[LoraChoice] = []
    for choice in wanted:
        named = choice._replace(name=_installed(graph, free, choice.name, object_info))
        own = next((place for place in free if _same_file(_value(graph, place), named.name)), None)
        if own is None:
            left.append(named)
        else:
            free.remove(own)
            changes.values |= _written(graph, own, named)
    for choice, place in zip(left, free, strict=False):
        changes.values |= _written(graph, place, choice)
    if further := left[len(free) :]:
        _insert(graph, reachable, further, object_info, changes)
    return changes


def _loaders(graph: Graph, reachable: frozenset[str]) -> Iterator[NodeInput]:
    """The inputs that name a LoRA, where one of the usual strengths stands beside it."""
    for node_id in sorted(reachable, key=node_order):
        given = inputs(graph, node_id)
        if not _LOADER_CLASS.search(class_type(graph, node_id)):
            continue
        if isinstance(given.get("lora_name"), str) and any(name in given for name in _MODEL_STRENGTH):
            yield NodeInput(node_id, "lora_name")


def _installed(graph: Graph, loaders: Sequence[NodeInput], name: str, object_info: ObjectInfo | None) -> str:
    if object_info is None:
        return name
    classes = [*(class_type(graph, place.node_id) for place in loaders), "LoraLoader", "LoraLoaderModelOnly"]
    specs = (input_spec(object_info, node_class, "lora_name") for node_class in classes)
    choices = next((spec.choices for spec in specs if spec is not None and spec.choices is not None), None)
    if choices is None:
        return name
    if not choices:
        raise InputInvalid("ComfyUI has no LoRA.", advice="The owner can put one into ComfyUI's folder of LoRAs.")
    known = installed_name(name, choices)
    parameter = Parameter(
        name="lora", label="LoRA", type=ParameterType.LORA, default=None, places=(), group=ParameterGroup.LORAS,
        open_to=OpenTo.EVERYONE, choices=cast("Sequence[ParameterValue]", choices),
    )  # fmt: skip
    return known if known is not None else str(checked_value(parameter, name))


def _written(graph: Graph, place: NodeInput, choice: LoraChoice) -> dict[NodeInput, Any]:
    values: dict[NodeInput, Any] = {place: choice.name}
    given = inputs(graph, place.node_id)
    clip = choice.clip_strength if choice.clip_strength is not None else choice.model_strength
    for names, strength in ((_MODEL_STRENGTH, choice.model_strength), (_CLIP_STRENGTH, clip)):
        name = next((name for name in names if isinstance(given.get(name), (int, float))), None)
        if name is not None and strength is not None:
            values[NodeInput(place.node_id, name)] = strength
    return values


def _insert(
    graph: Graph,
    reachable: frozenset[str],
    wanted: Sequence[LoraChoice],
    object_info: ObjectInfo | None,
    changes: LoraChanges,
) -> None:
    models = _sources(graph, reachable, "model", "MODEL", object_info)
    clips = _sources(graph, reachable, "clip", "CLIP", object_info)
    if len(models) != 1 or len(clips) > 1:
        raise _not_insertable(graph, models, clips)
    (model,) = models
    clip = next(iter(clips), None)
    model_link, clip_link = list(model), list(clip) if clip is not None else None
    for n, choice in enumerate(wanted, 1):
        node_id = next(
            name for at in range(n, len(graph) + n + 1) if (name := f"lora_{at}") not in {*graph, *changes.nodes}
        )
        strength = 1.0 if choice.model_strength is None else choice.model_strength
        given: dict[str, Any] = {"lora_name": choice.name, "strength_model": strength, "model": model_link}
        if clip_link is not None:
            given |= {"strength_clip": strength if choice.clip_strength is None else choice.clip_strength}
            given |= {"clip": clip_link}
        node_class = "LoraLoaderModelOnly" if clip_link is None else "LoraLoader"
        changes.nodes[node_id] = {"class_type": node_class, "inputs": given, "_meta": {"title": f"LoRA {n}"}}
        model_link = [node_id, 0]
        clip_link = None if clip_link is None else [node_id, 1]
    changes.values |= dict.fromkeys(models[model], model_link)
    if clip is not None:
        changes.values |= dict.fromkeys(clips[clip], clip_link)


def _sources(
    graph: Graph, reachable: frozenset[str], name: str, output: str, object_info: ObjectInfo | None
) -> dict[tuple[str, int], list[NodeInput]]:
    """Output (node id, slot) of a loader -> the inputs that take the model (the text encoder) from it."""
    found: dict[tuple[str, int], list[NodeInput]] = {}
    for node_id in sorted(reachable, key=node_order):
        for input_name, value in inputs(graph, node_id).items():
            if input_name.lower() != name or not is_link(value) or value[0] not in graph:
                continue
            source = value[0]
            if is_link(inputs(graph, source).get(name)) or not _gives(graph, source, value[1], output, object_info):
                continue
            found.setdefault((source, value[1]), []).append(NodeInput(node_id, input_name))
    return found


def _gives(graph: Graph, node_id: str, slot: int, output: str, object_info: ObjectInfo | None) -> bool:
    description = None if object_info is None else object_info.get(class_type(graph, node_id))
    listed: Any = cast("Mapping[str, Any]", description).get("output") if isinstance(description, Mapping) else None
    if isinstance(listed, (list, tuple)) and slot < len(cast("Sequence[Any]", listed)):
        return bool(cast("Sequence[Any]", listed)[slot] == output)
    return "load" in class_type(graph, node_id).lower()


def _not_insertable(
    graph: Graph, models: Mapping[tuple[str, int], Any], clips: Mapping[tuple[str, int], Any]
) -> InputInvalid:
    if not models:
        reason = "it loads no model that a LoRA could be applied to"
    else:
        several = models if len(models) > 1 else clips
        named = ", ".join(f'"{node_title(graph, node_id)[:40]}" ({node_id[:20]})' for node_id, _ in list(several)[:4])
        reason = f"it has several {'models' if len(models) > 1 else 'text encoders'}: {named}"
    return InputInvalid(
        f"That workflow has no place for this LoRA: {reason}.",
        advice="The owner can add a node `Load LoRA` to the workflow; its LoRA can then be chosen.",
    )


def _same_file(value: object, name: str) -> bool:
    return isinstance(value, str) and value.replace("\\", "/") == name.replace("\\", "/")


def _value(graph: Graph, place: NodeInput) -> Any:
    return inputs(graph, place.node_id)[place.input_name]
