"""A YAML file's content, with the line of each key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

KeyPath = tuple[str | int, ...]
"""A key with the keys around it, outermost first; an index for an entry of a list: `("comfyui", "urls", 1)`."""


@dataclass(frozen=True)
class YamlDocument:
    """The content of one file."""

    name: str
    """As the person knows it: the file's name, never a path of this machine."""
    data: dict[str, Any]
    lines: Mapping[KeyPath, int]
    """Key -> the line that it stands in, counted from 1."""
    origins: dict[KeyPath, str] = field(default_factory=dict[KeyPath, str])
    """Key -> where its value came from if not from the file, such as "environment variable CHORUS__LLM__MODEL"."""

    def location_of(self, path: KeyPath) -> str:
        """Return where a key, or the nearest key around it, stands: ``config.yaml, line 12``."""
        for end in range(len(path), 0, -1):
            if path[:end] in self.origins:
                return self.origins[path[:end]]
            if path[:end] in self.lines:
                return f"{self.name}, line {self.lines[path[:end]]}"
        return next((origin for key, origin in self.origins.items() if key[: len(path)] == path), self.name)

    def line_of(self, path: KeyPath) -> int:
        """Return the line of a key or of the nearest outer key; 0 if none is in the file."""
        return next((self.lines[path[:end]] for end in range(len(path), 0, -1) if path[:end] in self.lines), 0)


def dotted_key(path: KeyPath) -> str:
    """Return a key as it is written in messages: ``comfyui.urls[1]``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text
