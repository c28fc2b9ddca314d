"""Reading YAML files of the bot's owner, with the line of each key.

PyYAML's own loader forgets where a key stood and lets a repeated key silently win. Here its node tree is converted
instead, so that every error is one sentence such as ``config.yaml, line 12: `llm.model` is already set in line 9.``
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from bot.errors import ConfigError
from bot.yaml_documents.document import KeyPath, YamlDocument, dotted_key

MAX_BYTES = 1_000_000
MAX_VALUES = 50_000
"""Values in one file after its aliases were followed; aliases of aliases could otherwise fill the memory."""

CONSTRUCTION_ERRORS = (ValueError, OverflowError, AttributeError, KeyError, IndexError, TypeError)
"""What PyYAML's constructors raise for scalars that are not what their form or tag says, such as `!!bool x`."""


def read_yaml(path: Path) -> YamlDocument:
    """Read a file that holds one YAML mapping; an empty file is an empty mapping. Blocking.

    Raises:
        ConfigError: The file cannot be read, is larger than 1 MB, is not UTF-8, or is no YAML mapping; has a key twice,
            an unquoted impossible date, an alias to itself, or too many values.

    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or "unreadable").lower()
        raise ConfigError(f"{path.name}: the file cannot be read ({reason}).") from error
    return parse_yaml(data, name=path.name)


def parse_yaml(data: bytes, *, name: str) -> YamlDocument:
    """Parse the content of such a file; `name` stands for the file in errors.

    Raises:
        ConfigError: As `read_yaml`.

    """
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
            converter = _NodeConverter(name, loader)
            if root is None:
                return YamlDocument(name, {}, {})
            if not isinstance(root, MappingNode):
                raise ConfigError(f"{name}, line {_line(root)}: expected keys with values (`key: value`).")
            return YamlDocument(name, converter.mapping(root, ()), converter.lines)
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
    # PyYAML may report a tab only in the line after it.
    for number in (line, line - 1):
        if 0 < number <= len(lines) and re.match(r" *\t", lines[number - 1]):
            return f"{name}, line {number}: YAML is indented with spaces, and this line starts with a tab."
    problem = getattr(error, "problem", None) or "a syntax error"
    return f"{name}, line {line}: the file is not YAML ({problem})."


class _NodeConverter:
    """Converts PyYAML's nodes to plain values and notes the line of each key.

    Raises `ConfigError` for repeated keys, values that contain themselves, and too many values.
    """

    def __init__(self, name: str, loader: yaml.SafeLoader) -> None:
        self.name = name
        self.loader = loader
        self.lines: dict[KeyPath, int] = {}
        self._converted = 0
        self._ancestors: set[int] = set()
        """Identities of the nodes around the one that is converted now."""

    def value(self, node: Node, path: KeyPath) -> Any:
        self._converted += 1
        if self._converted > MAX_VALUES:
            raise ConfigError(f"{self.name}, line {_line(node)}: the file holds too many values.")
        if isinstance(node, ScalarNode):
            return self._scalar(node)
        if id(node) in self._ancestors:
            raise ConfigError(f"{self.name}, line {_line(node)}: this value contains itself.")
        self._ancestors.add(id(node))
        try:
            if isinstance(node, MappingNode):
                return self.mapping(node, path)
            assert isinstance(node, SequenceNode)  # noqa: S101 - PyYAML has these three kinds of nodes
            return [self._item(child, (*path, n)) for n, child in enumerate(node.value)]
        finally:
            self._ancestors.discard(id(node))

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
        except CONSTRUCTION_ERRORS as error:  # 2024-13-45 looks like a date to YAML
            raise ConfigError(f"{self.name}, line {_line(node)}: put {str(node.value)[:40]!r} in quotes.") from error
