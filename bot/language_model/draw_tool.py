"""The `draw` tool, which a language model calls to send a picture."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, cast

from openai.types.chat import ChatCompletionToolParam

from bot.language_model.event_stream import without_surrogates

MAX_SCENE_LENGTH = 2000
"""Characters of a scene's description; the rest is cut off."""

DRAW_TOOL: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "draw",
        "description": "Send a picture. Use it when somebody asks for a picture, a drawing, a photo or a selfie.",
        "parameters": {
            "type": "object",
            "properties": {
                "scene": {
                    "type": "string",
                    "description": "What is to be seen: subject, pose, place, light, style. One to three sentences.",
                },
                "edit": {
                    "type": "boolean",
                    "description": "True to change the picture that the last message has or replies to, or else the "
                    "last picture; the scene is then the changed picture. Leave it out for a new picture.",
                },
            },
            "required": ["scene"],
        },
    },
}


@dataclass
class _Call:
    """A tool call as far as it was streamed."""

    name: str = ""
    arguments: list[str] = field(default_factory=list[str])

    def feed(self, function: dict[str, Any]) -> None:
        name: Any = function.get("name")
        arguments: Any = function.get("arguments")
        if isinstance(name, str):
            self.name += name
        if isinstance(arguments, dict):  # an object where the API has its JSON as a string
            self.arguments.append(json.dumps(arguments))
        elif isinstance(arguments, str):
            self.arguments.append(arguments)


class ToolCallCollector:
    """Puts the tool calls of one streamed answer together.

    A stream sends a call's name once and its arguments in fragments; each fragment carries the call's index.
    """

    def __init__(self) -> None:
        self._calls: dict[int, _Call] = {}

    def feed(self, delta: dict[str, Any]) -> None:
        """Take the fragments of tool calls out of the next fragment of the answer; what is no call is passed over."""
        calls: Any = delta.get("tool_calls")
        for position, call in enumerate(cast("list[Any]", calls) if isinstance(calls, list) else ()):
            function: Any = cast("dict[str, Any]", call).get("function") if isinstance(call, dict) else None
            if not isinstance(function, dict):
                continue
            index: Any = cast("dict[str, Any]", call).get("index")
            parts = self._calls.setdefault(index if isinstance(index, int) else position, _Call())
            parts.feed(cast("dict[str, Any]", function))

    def scenes(self) -> list[tuple[str, bool]]:
        """Return (scene, whether it changes a picture) of all calls of `draw` with a description, in order."""
        calls = ["".join(call.arguments) for call in self._calls.values() if call.name == "draw"]
        return [(scene, is_edit(arguments)) for arguments in calls if (scene := parse_scene(arguments))]


def is_edit(arguments: str) -> bool:
    """Whether the arguments of a `draw` call ask to change an earlier picture."""
    try:
        parsed: Any = json.loads(arguments)
    except (ValueError, RecursionError):
        return False
    value: Any = cast("dict[str, Any]", parsed).get("edit") if isinstance(parsed, dict) else None
    return value is True or (isinstance(value, str) and value.strip().lower() == "true")


def parse_scene(arguments: str) -> str | None:
    """Read the scene from the arguments of a `draw` call.

    Args:
        arguments: A JSON object by the API's rules. Small models also send the description alone, or name the
            parameter differently; both are accepted.

    Returns:
        The description, or None if there is none.
    """
    try:
        parsed: Any = json.loads(arguments)
    except (ValueError, RecursionError):  # RecursionError: thousands of nested brackets
        parsed = arguments
    if isinstance(parsed, dict):
        named = cast("dict[str, Any]", parsed)
        values = [value for name, value in named.items() if isinstance(value, str) and name != "edit"]
        parsed = values[0] if values else ""
    if not isinstance(parsed, str) or not parsed.strip():
        return None
    return without_surrogates(parsed.strip()[:MAX_SCENE_LENGTH])
