"""The `draw` tool, which a language model calls to send a picture."""

from __future__ import annotations

import json
from typing import Any, cast

from openai.types.chat import ChatCompletionChunk, ChatCompletionToolParam

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
                }
            },
            "required": ["scene"],
        },
    },
}


class ToolCallCollector:
    """Puts the tool calls of one streamed answer together.

    A stream sends a call's name once and its arguments in fragments; each fragment carries the call's index.
    """

    def __init__(self) -> None:
        self._calls: dict[int, list[str]] = {}

    def feed(self, chunk: ChatCompletionChunk) -> None:
        """Take the fragments of tool calls out of the next chunk of the stream."""
        for choice in chunk.choices[:1]:
            for call in choice.delta.tool_calls or []:
                name_and_arguments = self._calls.setdefault(call.index, ["", ""])
                if call.function is not None:
                    name_and_arguments[0] += call.function.name or ""
                    name_and_arguments[1] += call.function.arguments or ""

    def scenes(self) -> list[str]:
        """Return the scenes of all calls of `draw`, in order; calls without a description are left out."""
        found = [parse_scene(arguments) for name, arguments in self._calls.values() if name == "draw"]
        return [scene for scene in found if scene]


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
    except ValueError:
        parsed = arguments
    if isinstance(parsed, dict):
        values = [value for value in cast("dict[str, Any]", parsed).values() if isinstance(value, str)]
        parsed = values[0] if values else ""
    return parsed.strip()[:MAX_SCENE_LENGTH] if isinstance(parsed, str) and parsed.strip() else None
