"""Reading ComfyUI's `GET /object_info`: what inputs each node class has.

An input is described by `[type, options]` in one of two dialects. Nodes of the first API list the choices of a combo in
place of the type: `"sampler_name": [["euler", ...], {}]`. Nodes of the V3 API name it: `["COMBO", {"options": [...]}]`.
V3 also has dynamic combos (`COMFY_DYNAMICCOMBO_V3`), each choice of which adds inputs of its own, queued with dotted
names such as `format.codec`, and combos whose choices only another route of the server lists (`remote`). The options
may be absent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

ObjectInfo = Mapping[str, Any]
"""The body of `GET /object_info`: class_type -> description."""

_MODEL_EXTENSION = re.compile(
    r"\.(?:safetensors|sft|ckpt|pt|pth|pkl|bin|gguf|onnx|engine|torchscript|nemo|yaml|vae)$", re.IGNORECASE
)
_UPLOAD_OPTIONS = ("image_upload", "audio_upload", "video_upload", "file_upload", "animated_image_upload")
_NO_CHOICE = frozenset({"", "none", "default", "undefined"})
_SECTIONS = ("required", "optional")


@dataclass(frozen=True, slots=True)
class InputSpec:
    """The description of one input of a node class."""

    type: str
    """`INT`, `STRING`, `MODEL`, `COMBO` (either dialect), ..."""
    choices: Sequence[Any] | None
    """What a combo offers; None where it is no combo or its choices are `remote`."""
    options: Mapping[str, Any]
    """`default`, `min`, `max`, `image_upload`, ..."""


class _ParsedSpecs:
    """The parsed inputs of one `/object_info`, so that each class is parsed once however often a graph uses it."""

    def __init__(self, object_info: ObjectInfo) -> None:
        self.object_info = object_info
        self.specs: dict[tuple[str, str], InputSpec | None] = {}
        self.model_inputs: dict[str, Mapping[str, InputSpec]] = {}


_parsed: list[_ParsedSpecs] = []
_MAX_PARSED = 8
"""Bodies kept parsed: one for each server in use, the newest first."""


def _specs_of(object_info: ObjectInfo) -> _ParsedSpecs:
    """The parsed inputs of this very mapping (by identity: the client gets a new one when its server restarts)."""
    for known in _parsed:
        if known.object_info is object_info:
            return known
    known = _ParsedSpecs(object_info)
    _parsed.insert(0, known)
    del _parsed[_MAX_PARSED:]
    return known


def input_spec(object_info: ObjectInfo | None, node_class: str, name: str) -> InputSpec | None:
    """Return the description of an input, also of one that a dynamic combo adds (`format.codec`); None if unknown."""
    if object_info is None:
        return None
    specs = _specs_of(object_info).specs
    key = (node_class, name)
    if key not in specs:
        raw = _raw_input(object_info, node_class, name)
        specs[key] = None if raw is None else parse_spec(raw)
    return specs[key]


def chosen_input_spec(
    object_info: ObjectInfo | None, node_class: str, name: str, given: Mapping[str, Any]
) -> InputSpec | None:
    """As `input_spec`; of an input that a dynamic combo adds, as the chosen option of the combo describes it.

    Args:
        object_info: The body of `GET /object_info`.
        node_class: The class of the node.
        name: The input.
        given: The node's inputs: the combos' choices are among them.

    """
    if object_info is None or "." not in name:
        return input_spec(object_info, node_class, name)
    prefix, *rest = name.split(".")
    here, path = _raw_input(object_info, node_class, prefix), prefix
    for part in rest:
        found = _added_by_choice(here, given.get(path))
        here, path = found.get(part), f"{path}.{part}"
    return parse_spec(here) or input_spec(object_info, node_class, name)


def inputs_of_choice(
    object_info: ObjectInfo | None, node_class: str, name: str, choice: Any, given: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the inputs that an option of a dynamic combo needs, with their defaults; empty for other inputs.

    Args:
        object_info: The body of `GET /object_info`.
        node_class: The class of the node.
        name: The dynamic combo.
        choice: The option that is chosen.
        given: The node's inputs, as they are before the choice.

    """
    spec = chosen_input_spec(object_info, node_class, name, given)
    if spec is None or spec.type != "COMFY_DYNAMICCOMBO_V3":
        return {}
    found: dict[str, Any] = {}
    waiting = [(name, choice, ["", spec.options])]
    while waiting:
        path, key, raw = waiting.pop()
        for added, described in _added_by_choice(raw, key).items():
            inner = parse_spec(described)
            value = None if inner is None else default_of(inner)
            if value is None:
                continue
            found[f"{path}.{added}"] = value
            waiting.append((f"{path}.{added}", value, cast("list[Any]", described)))
    return found


def default_of(spec: InputSpec) -> Any:
    """Return the value that ComfyUI's editor gives a new input; None for inputs that take links only."""
    default = spec.options.get("default")
    if default is not None:
        return default
    if spec.choices:
        return spec.choices[0]
    return {"INT": 0, "FLOAT": 0.0, "STRING": "", "BOOLEAN": False}.get(spec.type)


def _added_by_choice(raw: object, key: object) -> dict[str, Any]:
    """The inputs that the option `key` of a dynamic combo adds."""
    if not isinstance(raw, (list, tuple)) or len(cast("Sequence[Any]", raw)) < 2:
        return {}
    options = cast("Sequence[Any]", raw)[1]
    listed: Any = cast("Mapping[str, Any]", options).get("options") if isinstance(options, Mapping) else None
    for option in cast("list[Any]", listed) if isinstance(listed, list) else []:
        if isinstance(option, Mapping) and cast("Mapping[str, Any]", option).get("key") == key:
            sections = _section_inputs(cast("Mapping[str, Any]", option).get("inputs"))
            return {name: described for section in sections for name, described in section.items()}
    return {}


def model_inputs(object_info: ObjectInfo, node_class: str) -> Mapping[str, InputSpec]:
    """Return the inputs of a class that choose among model files on the server, without those of dynamic combos."""
    known = _specs_of(object_info).model_inputs
    if node_class not in known:
        description = object_info.get(node_class)
        given = cast("Mapping[str, Any]", description).get("input") if isinstance(description, Mapping) else None
        names = [name for section in _section_inputs(given) for name in section]
        specs = {name: input_spec(object_info, node_class, name) for name in names}
        known[node_class] = {name: spec for name, spec in specs.items() if spec is not None and offers_models(spec)}
    return known[node_class]


def looks_like_model(value: object) -> bool:
    """Whether a literal is the name of a model file, judged by its extension."""
    return isinstance(value, str) and len(value) < 500 and bool(_MODEL_EXTENSION.search(value))


def offers_models(spec: InputSpec) -> bool:
    """Whether the input is a combo of model files: one that lists some, or an empty one (the folder is empty).

    Combos of uploaded pictures, sounds and videos list files too, but declare an upload option and do not count.
    """
    if spec.type != "COMBO" or spec.choices is None or any(spec.options.get(key) for key in _UPLOAD_OPTIONS):
        return False
    real = [choice for choice in spec.choices if str(choice).lower() not in _NO_CHOICE]
    return not real or any(looks_like_model(choice) for choice in real)


def is_upload_input(raw: object) -> bool:
    """Whether an entry `[type, options]` lists files that people upload."""
    spec = parse_spec(raw)
    return spec is not None and any(spec.options.get(key) for key in _UPLOAD_OPTIONS)


def parse_spec(raw: object) -> InputSpec | None:
    """Parse one `[type, options]` entry in either dialect; return None for anything else."""
    if not isinstance(raw, (list, tuple)) or not raw:
        return None
    parts = cast("Sequence[Any]", raw)
    options = _mapping(parts[1]) if len(parts) > 1 else _mapping(None)
    if isinstance(parts[0], list):
        return InputSpec("COMBO", cast("list[Any]", parts[0]), options)
    kind = str(parts[0])
    choices: Any = options.get("options")
    if kind == "COMFY_DYNAMICCOMBO_V3" and isinstance(choices, list):
        keys = [option.get("key") for option in cast("list[dict[str, Any]]", choices)]
        return InputSpec(kind, keys, options)
    if kind == "COMBO" and isinstance(choices, list) and "remote" not in options:
        return InputSpec(kind, cast("list[Any]", choices), options)
    return InputSpec(kind, None, options)


def _mapping(value: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else dict[str, Any]()


def is_output_node(object_info: ObjectInfo, node_class: str) -> bool:
    """Whether the class is an output node; ComfyUI runs a graph because of its output nodes."""
    description = object_info.get(node_class)
    return isinstance(description, Mapping) and bool(cast("Mapping[str, Any]", description).get("output_node"))


def _raw_input(object_info: ObjectInfo, node_class: str, name: str) -> object:
    description = object_info.get(node_class)
    if not isinstance(description, Mapping):
        return None
    given = cast("Mapping[str, Any]", description).get("input")
    for found in _section_inputs(given):
        if name in found:
            return found[name]
    if "." not in name:
        return None
    prefix, rest = name.split(".", 1)
    for found in _section_inputs(given):
        if prefix in found:
            return _dynamic_input(found[prefix], rest)
    return None


def _dynamic_input(raw: object, rest: str) -> object:
    """The description of an input that a choice of a dynamic combo adds; the first choice that has it is taken."""
    waiting: list[tuple[object, str]] = [(raw, rest)]
    while waiting:
        here, name = waiting.pop()
        for inputs in _inputs_of_choices(here):
            if name in inputs:
                return inputs[name]
            prefix, _, tail = name.partition(".")
            if tail and prefix in inputs:
                waiting.append((inputs[prefix], tail))
    return None


def _inputs_of_choices(raw: object) -> Iterator[Mapping[str, Any]]:
    if not isinstance(raw, (list, tuple)) or len(cast("Sequence[Any]", raw)) < 2:
        return
    options = cast("Sequence[Any]", raw)[1]
    listed: Any = cast("Mapping[str, Any]", options).get("options") if isinstance(options, Mapping) else None
    for option in cast("list[Any]", listed) if isinstance(listed, list) else []:
        if isinstance(option, Mapping):
            yield from _section_inputs(cast("Mapping[str, Any]", option).get("inputs"))


def _section_inputs(given: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(given, Mapping):
        for section in _SECTIONS:
            found = cast("Mapping[str, Any]", given).get(section)
            if isinstance(found, Mapping):
                yield cast("Mapping[str, Any]", found)
