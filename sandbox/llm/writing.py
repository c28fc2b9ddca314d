"""From an answer to what goes over the wire: pieces, stop sequences, limits, tool calls."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.llm.mood import Fault, code_block, impersonation, long_text, nonsense
from sandbox.llm.request import ChatRequest
from sandbox.llm.talking import answer


@dataclass(frozen=True)
class Written:
    """An answer, ready to send."""

    pieces: tuple[str, ...]
    finish: str
    tool_name: str | None = None
    arguments: str = ""
    reasoning: str = ""

    @property
    def call_id(self) -> str:
        """The same for the same call."""
        return "call_" + hashlib.sha256(self.arguments.encode()).hexdigest()[:12]


def write(request: ChatRequest, *, variation: int, fault: Fault | None, scripted: str | None) -> Written:
    """Decide what to say."""
    chat = request.chat
    if scripted is not None:
        return _cut(request, scripted)
    if fault is Fault.LONG:  # from a server that knows no limits, in large pieces
        return Written(tuple(re.findall(r"(?s).{1,500}", long_text())), "stop")
    told = answer(chat, variation=variation)
    text = _spoilt(told.text, fault, chat.name or "Nova", chat.last.speaker or "User")
    tool = _picture_tool(request.tools) if told.scene is not None or fault is Fault.BAD_TOOL_CALL else None
    if tool is not None:
        name, argument = tool
        arguments = json.dumps({argument: told.scene}) if fault is not Fault.BAD_TOOL_CALL else '{"scene": "a lightho'
        return Written(_pieces(text), "tool_calls", name, arguments)
    if told.scene is not None and "<draw>" in chat.system:
        text = f"{text}\n<draw>{told.scene}</draw>"
    written = _cut(request, text)
    if fault is Fault.REASONING:
        return Written(written.pieces, written.finish, reasoning="The person wants an answer. I give one.")
    return written


def _spoilt(text: str, fault: Fault | None, name: str, person: str) -> str:
    thought = f"<think>\nOkay, the person says something. I should answer as {name}."
    spoilt = {
        Fault.EMPTY: lambda: "",
        Fault.NONSENSE: nonsense,
        Fault.THINK: lambda: f"{thought}\n</think>\n\n{text}",
        Fault.UNCLOSED_THINK: lambda: f"{thought} But how? " * 3,
        Fault.IMPERSONATION: lambda: impersonation(name, person),
        Fault.INVISIBLE: lambda: "\u200b\u200d\u2060\ufeff",
        Fault.CODE: code_block,
    }
    return spoilt[fault]() if fault is not None and fault in spoilt else text


def _cut(request: ChatRequest, text: str) -> Written:
    """Apply `stop` and `max_tokens`."""
    ends = [index for stop in request.stop if stop and (index := text.find(stop)) >= 0]
    pieces = _pieces(text[: min(ends)] if ends else text)
    if request.max_tokens is not None and len(pieces) > request.max_tokens:
        return Written(pieces[: request.max_tokens], "length")
    return Written(pieces, "stop")


def _pieces(text: str) -> tuple[str, ...]:
    """Words with the space behind them; together the text itself."""
    return tuple(re.findall(r"\S+\s*|\s+", text))


def _picture_tool(tools: Sequence[dict[str, Any]]) -> tuple[str, str] | None:
    """The name and the text argument of the tool that makes pictures, if one is offered."""
    for tool in tools:
        function: dict[str, Any] = tool.get("function") or {}
        described = f"{function.get('name', '')} {function.get('description', '')}".lower()
        if re.search(r"draw|picture|image|paint", described):
            parameters: dict[str, Any] = function.get("parameters") or {}
            properties: dict[str, dict[str, Any]] = parameters.get("properties") or {"scene": {}}
            text = next((name for name, spec in properties.items() if spec.get("type", "string") == "string"), "scene")
            return str(function["name"]), text
    return None
