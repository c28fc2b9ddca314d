"""The owner's YAML files: read with line numbers, checked against a model, refused in one sentence.

PyYAML's own loader forgets where a key stood and lets a repeated key silently win. Here the node tree is walked
instead: `Document.lines` knows the line of every key, and every refusal is a `ConfigError` of the form
``config.yaml, line 12: unknown key `comfyui.que`; the nearest is `comfyui.queue`.``
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from bot.errors import ConfigError

KeyPath = tuple[str | int, ...]
Model = TypeVar("Model", bound=BaseModel)

MAX_BYTES = 1_000_000
MAX_VALUES = 50_000
"""Values in one file after aliases are followed: a "billion laughs" file ends here."""


@dataclass(frozen=True)
class Document:
    """One file's content. `lines`: key path -> 1-based line; `origins`: keys that came from elsewhere."""

    name: str
    """As the person knows it: the file's name, never a path of this machine."""
    data: dict[str, Any]
    lines: Mapping[KeyPath, int]
    origins: dict[KeyPath, str] = field(default_factory=dict[KeyPath, str])
    """Set by an environment variable, say; takes the place of "file, line" in messages."""

    def where(self, path: KeyPath) -> str:
        """``config.yaml, line 12``: of the key itself, else of the nearest one around it."""
        for end in range(len(path), 0, -1):
            if path[:end] in self.origins:
                return self.origins[path[:end]]
            if path[:end] in self.lines:
                return f"{self.name}, line {self.lines[path[:end]]}"
        return next((origin for key, origin in self.origins.items() if key[: len(path)] == path), self.name)


def read_yaml(path: Path, *, name: str | None = None) -> Document:
    """Read one YAML mapping. `ConfigError` for a file that is unreadable, too large, not UTF-8, or not such YAML."""
    label = name or path.name
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or "unreadable").lower()
        raise ConfigError(f"{label}: the file cannot be read ({reason}).") from error
    return parse_yaml(data, name=label)


def parse_yaml(data: bytes, *, name: str) -> Document:
    """`read_yaml` for bytes at hand; an empty file is an empty mapping."""
    if len(data) > MAX_BYTES:
        raise ConfigError(f"{name}: the file is larger than {MAX_BYTES // 1000} kB.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{name}, line {line}: the file is not UTF-8 text.") from error
    try:
        loader = yaml.SafeLoader(text)
        try:
            root = loader.get_single_node()
            walk = _Walk(name, loader)
            if root is None:
                return Document(name, {}, {})
            if not isinstance(root, MappingNode):
                raise ConfigError(f"{name}, line {_line(root)}: expected keys with values (`key: value`).")
            return Document(name, walk.mapping(root, ()), walk.lines)
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        raise ConfigError(_yaml_sentence(error, name, text)) from error
    except RecursionError as error:
        raise ConfigError(f"{name}: the file is nested too deeply.") from error


def _line(node: Node) -> int:
    return node.start_mark.line + 1


def _yaml_sentence(error: yaml.YAMLError, name: str, text: str) -> str:
    mark: Any = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is None:
        return f"{name}: the file is not YAML ({' '.join(str(error).split())[:160]})."
    line = int(mark.line) + 1
    lines = text.splitlines()
    # The scanner may notice a tab only on the line after it.
    for number in (line, line - 1):
        if 0 < number <= len(lines) and re.match(r" *\t", lines[number - 1]):
            return f"{name}, line {number}: YAML is indented with spaces, and this line starts with a tab."
    problem = getattr(error, "problem", None) or "a syntax error"
    return f"{name}, line {line}: the file is not YAML ({problem})."


class _Walk:
    """From nodes to plain values, remembering lines; refuses repeated keys, cycles and exploding aliases."""

    def __init__(self, name: str, loader: yaml.SafeLoader) -> None:
        self.name = name
        self.loader = loader
        self.lines: dict[KeyPath, int] = {}
        self._visited = 0
        self._open: set[int] = set()

    def value(self, node: Node, path: KeyPath) -> Any:
        self._visited += 1
        if self._visited > MAX_VALUES:
            raise ConfigError(f"{self.name}, line {_line(node)}: the file holds too many values.")
        if isinstance(node, ScalarNode):
            return self._scalar(node)
        if id(node) in self._open:
            raise ConfigError(f"{self.name}, line {_line(node)}: this value contains itself.")
        self._open.add(id(node))
        try:
            if isinstance(node, MappingNode):
                return self.mapping(node, path)
            assert isinstance(node, SequenceNode)  # noqa: S101 - the composer knows three kinds
            return [self._item(child, (*path, n)) for n, child in enumerate(node.value)]
        finally:
            self._open.discard(id(node))

    def mapping(self, node: MappingNode, path: KeyPath) -> dict[str, Any]:
        result: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                merged |= self._merge(value_node, path)
                continue
            if not isinstance(key_node, ScalarNode):
                raise ConfigError(f"{self.name}, line {_line(key_node)}: a key must be a single word.")
            key = str(key_node.value)
            if key in result:
                dotted = dotted_key((*path, key))
                first = self.lines[*path, key]
                raise ConfigError(f"{self.name}, line {_line(key_node)}: `{dotted}` is already set in line {first}.")
            self.lines[*path, key] = _line(key_node)
            result[key] = self.value(value_node, (*path, key))
        return merged | result

    def _item(self, node: Node, path: KeyPath) -> Any:
        self.lines[path] = _line(node)
        return self.value(node, path)

    def _merge(self, node: Node, path: KeyPath) -> dict[str, Any]:
        value = self.value(node, path)
        parts: list[Any] = value if isinstance(value, list) else [value]  # pyright: ignore[reportUnknownVariableType]
        merged: dict[str, Any] = {}
        for part in reversed(parts):
            if not isinstance(part, dict):
                raise ConfigError(f"{self.name}, line {_line(node)}: `<<` takes keys with values.")
            merged |= part
        return merged

    def _scalar(self, node: ScalarNode) -> Any:
        try:
            return self.loader.construct_object(node)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        except ValueError as error:  # 2024-13-45 looks like a date to YAML
            raise ConfigError(f"{self.name}, line {_line(node)}: put {str(node.value)[:40]!r} in quotes.") from error


# -- checked against a model


def build(model: type[Model], document: Document, *, context: Mapping[str, Any] | None = None) -> Model:
    """Validate; the first fault in the file becomes the `ConfigError`, with its line and the nearest valid key."""
    try:
        return model.model_validate(document.data, context=dict(context or {}))
    except ValidationError as error:
        faults = sorted(error.errors(), key=lambda fault: _order(document, fault["loc"]))
        raise ConfigError(_sentence(model, document, dict(faults[0]), len(faults) - 1)) from error


def dotted_key(path: KeyPath) -> str:
    """``comfyui.urls[1]``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _order(document: Document, path: KeyPath) -> int:
    return next((document.lines[path[:end]] for end in range(len(path), 0, -1) if path[:end] in document.lines), 0)


def _sentence(model: type[BaseModel], document: Document, fault: dict[str, Any], others: int) -> str:
    path: KeyPath = fault["loc"]
    if fault["type"] == "extra_forbidden":
        words = f"unknown key `{dotted_key(path)}`; the nearest valid key is `{nearest_key(model, path)}`"
    elif fault["type"] == "missing":
        words = f"`{dotted_key(path)}` is missing"
    else:
        words = f"`{dotted_key(path)}` {_demand(fault)}" if path else _demand(fault)
    more = f" (and {others} more)" if others else ""
    return f"{document.where(path)}: {words}{more}."


_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "string": "text (put it in quotes)",
    "model": "a section of keys",
    "dict": "a section of keys",
    "tuple": "a list",
    "list": "a list",
    "path": "a path",
    "url": "an address such as http://127.0.0.1:8188",
}
_BOUNDS = {
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "string_too_long": "must have at most {max_length} characters",
    "string_too_short": "must not be empty",
    "too_long": "must have at most {max_length} entries",
}


def _demand(fault: dict[str, Any]) -> str:
    kind = str(fault["type"])
    if kind in _BOUNDS:
        return _BOUNDS[kind].format(**fault.get("ctx", {})) + _given(fault)
    if kind == "value_error":
        return str(fault["ctx"]["error"])
    word = _KINDS.get(kind.partition("_")[0])
    return f"must be {word}{_given(fault)}" if word else f"is not usable ({fault['msg']})"


def _given(fault: dict[str, Any]) -> str:
    value = fault.get("input")
    if isinstance(value, bool):
        return f", not {str(value).lower()}"
    if isinstance(value, int | float | str):
        return f", not {value!r}" if len(str(value)) <= 40 else ", and this is too long"
    return ""


def known_keys(model: type[BaseModel], prefix: KeyPath = ()) -> list[KeyPath]:
    """Every key of the model and of the sections within, depth first."""
    found: list[KeyPath] = []
    for name, info in model.model_fields.items():
        if info.exclude:
            continue
        path = (*prefix, name)
        found.append(path)
        section = _section(info.annotation)
        if section is not None:
            found += known_keys(section, path)
    return found


def _section(annotation: Any) -> type[BaseModel] | None:
    candidates = (annotation, *get_args(annotation))
    return next((item for item in candidates if isinstance(item, type) and issubclass(item, BaseModel)), None)


def nearest_key(model: type[BaseModel], path: KeyPath) -> str:
    """The known key likest to `path`: the same name in another section, else a neighbour, else the likest of all."""
    names = [dotted_key(key) for key in known_keys(model)]
    wrong, last = dotted_key(path), str(path[-1])
    section = dotted_key(path[:-1])
    neighbours = [name for name in names if name.rpartition(".")[0] == section]
    tails = difflib.get_close_matches(last, [name.rpartition(".")[2] for name in neighbours], n=1, cutoff=0.6)
    if tails:
        return f"{section}.{tails[0]}" if section else tails[0]
    elsewhere = [name for name in names if name.rpartition(".")[2] == last]
    return (elsewhere or difflib.get_close_matches(wrong, neighbours or names, n=1, cutoff=0.0))[0]
