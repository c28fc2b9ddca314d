"""Reading `/object_info` in both of its dialects.

Old nodes: `"sampler_name": [["euler", ...], {options}]`; V3 nodes: `"model_name": ["COMBO", {"options": [...]}]`,
dynamic combos (`COMFY_DYNAMICCOMBO_V3`: each option brings inputs of its own, queued as `format.codec`), and combos
whose options only the server's own routes know (`remote`). A spec may have length 1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

ObjectInfo = Mapping[str, Any]
"""The body of `GET /object_info`: class_type -> description."""

_MODEL_FILE = re.compile(
    r"\.(?:safetensors|sft|ckpt|pt|pth|pkl|bin|gguf|onnx|engine|torchscript|nemo|yaml|vae)$", re.IGNORECASE
)
_UPLOADS = ("image_upload", "audio_upload", "video_upload", "file_upload", "animated_image_upload")
_NOTHING = frozenset({"", "none", "default", "undefined"})
_SECTIONS = ("required", "optional")


@dataclass(frozen=True, slots=True)
class InputSpec:
    """One input of a class."""

    type: str
    """`INT`, `STRING`, `MODEL`, `COMBO` (either dialect), ..."""
    choices: Sequence[Any] | None
    """What a combo offers; None where it is no combo or only the server knows (`remote`)."""
    options: Mapping[str, Any]
    """`default`, `min`, `max`, `image_upload`, ..."""


class _Parsed:
    """What was parsed of one `/object_info`, so that a graph of a thousand nodes parses a dozen classes."""

    def __init__(self, object_info: ObjectInfo) -> None:
        self.object_info = object_info
        self.specs: dict[tuple[str, str], InputSpec | None] = {}
        self.combos: dict[str, Mapping[str, InputSpec]] = {}


_parsed: list[_Parsed] = []
_SERVERS_AT_MOST = 8


def _parsed_of(object_info: ObjectInfo) -> _Parsed:
    """The parsed form of this very mapping (by identity: a client makes a new one when its server restarts)."""
    for known in _parsed:
        if known.object_info is object_info:
            return known
    known = _Parsed(object_info)
    _parsed.insert(0, known)
    del _parsed[_SERVERS_AT_MOST:]
    return known


def input_spec(object_info: ObjectInfo | None, node_class: str, name: str) -> InputSpec | None:
    """The description of an input, also of a dynamic combo's (`format.codec`); None where unknown."""
    if object_info is None:
        return None
    specs = _parsed_of(object_info).specs
    key = (node_class, name)
    if key not in specs:
        raw = _raw_input(object_info, node_class, name)
        specs[key] = None if raw is None else parse_spec(raw)
    return specs[key]


def file_combos(object_info: ObjectInfo, node_class: str) -> Mapping[str, InputSpec]:
    """The inputs of a class that choose among model files on the server; not those inside of dynamic combos."""
    combos = _parsed_of(object_info).combos
    if node_class not in combos:
        description = object_info.get(node_class)
        given = cast("Mapping[str, Any]", description).get("input") if isinstance(description, Mapping) else None
        names = [name for section in _section_inputs(given) for name in section]
        specs = {name: input_spec(object_info, node_class, name) for name in names}
        combos[node_class] = {name: spec for name, spec in specs.items() if spec is not None and offers_files(spec)}
    return combos[node_class]


def looks_like_model(value: object) -> bool:
    """Whether a literal names a model file (by its extension)."""
    return isinstance(value, str) and len(value) < 500 and bool(_MODEL_FILE.search(value))


def offers_files(spec: InputSpec) -> bool:
    """A combo of model files, or one with nothing to choose; not one of files that are uploaded for a run."""
    if spec.type != "COMBO" or spec.choices is None or any(spec.options.get(key) for key in _UPLOADS):
        return False
    real = [choice for choice in spec.choices if str(choice).lower() not in _NOTHING]
    return not real or any(looks_like_model(choice) for choice in real)


def parse_spec(raw: object) -> InputSpec | None:
    """One `[type, options]` entry in either dialect; None if it is neither."""
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
    """Whether ComfyUI runs a graph because of this node."""
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
    """An input that some option of a dynamic combo brings along; the first option that has it."""
    waiting: list[tuple[object, str]] = [(raw, rest)]
    while waiting:
        here, name = waiting.pop()
        for inputs in _option_inputs(here):
            if name in inputs:
                return inputs[name]
            prefix, _, tail = name.partition(".")
            if tail and prefix in inputs:
                waiting.append((inputs[prefix], tail))
    return None


def _option_inputs(raw: object) -> Iterator[Mapping[str, Any]]:
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
