"""From the text of an answer to a completion: pieces, stop sequences, limits, tool calls and faults."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.llm.answers import answer
from sandbox.llm.faults import ChatFault, code_block, impersonation, long_text, nonsense
from sandbox.llm.request import ChatRequest


@dataclass(frozen=True)
class Completion:
    """An answer as it is sent."""

    pieces: tuple[str, ...]
    finish_reason: str
    tool_name: str | None = None
    arguments: str = ""
    reasoning: str = ""

    @property
    def call_id(self) -> str:
        """The id of the tool call; the same for the same arguments."""
        return "call_" + hashlib.sha256(self.arguments.encode()).hexdigest()[:12]


def complete(request: ChatRequest, *, variation: int, fault: ChatFault | None, scripted: str | None) -> Completion:
    """The completion of a request.

    Args:
        request: The request.
        variation: Which of several answers to the same messages to give.
        fault: The fault of this request, or None.
        scripted: The text that a test has set, or None.

    """
    chat = request.chat
    if scripted is not None:
        return _apply_limits(request, scripted)
    if fault is ChatFault.LONG:  # without max_tokens, in large pieces
        return Completion(tuple(re.findall(r"(?s).{1,500}", long_text())), "stop")
    chosen_answer = answer(chat, variation=variation)
    text = _apply_fault(chosen_answer.text, fault, chat.name or "Nova", chat.last.speaker or "User")
    tool = _picture_tool(request.tools) if chosen_answer.scene is not None or fault is ChatFault.BAD_TOOL_CALL else None
    if tool is not None:
        name, argument = tool
        arguments = (
            json.dumps({argument: chosen_answer.scene})
            if fault is not ChatFault.BAD_TOOL_CALL
            else '{"scene": "a lightho'
        )
        return Completion(_pieces(text), "tool_calls", name, arguments)
    if chosen_answer.scene is not None and "<draw>" in chat.system:
        text = f"{text}\n<draw>{chosen_answer.scene}</draw>"
    completion = _apply_limits(request, text)
    if fault is ChatFault.REASONING:
        return Completion(
            completion.pieces, completion.finish_reason, reasoning="The person wants an answer. I give one."
        )
    return completion


def _apply_fault(text: str, fault: ChatFault | None, name: str, person: str) -> str:
    thought = f"<think>\nOkay, the person says something. I should answer as {name}."
    replacements = {
        ChatFault.EMPTY: lambda: "",
        ChatFault.NONSENSE: nonsense,
        ChatFault.THINK: lambda: f"{thought}\n</think>\n\n{text}",
        ChatFault.UNCLOSED_THINK: lambda: f"{thought} But how? " * 3,
        ChatFault.IMPERSONATION: lambda: impersonation(name, person),
        ChatFault.INVISIBLE: lambda: "\u200b\u200d\u2060\ufeff",
        ChatFault.CODE: code_block,
    }
    return replacements[fault]() if fault is not None and fault in replacements else text


def _apply_limits(request: ChatRequest, text: str) -> Completion:
    """Apply the request's `stop` and `max_tokens`."""
    ends = [index for stop in request.stop if stop and (index := text.find(stop)) >= 0]
    pieces = _pieces(text[: min(ends)] if ends else text)
    if request.max_tokens is not None and len(pieces) > request.max_tokens:
        return Completion(pieces[: request.max_tokens], "length")
    return Completion(pieces, "stop")


def _pieces(text: str) -> tuple[str, ...]:
    """A text split into words with the space behind them."""
    return tuple(re.findall(r"\S+\s*|\s+", text))


def _picture_tool(tools: Sequence[dict[str, Any]]) -> tuple[str, str] | None:
    """The name and the text argument of the tool that makes pictures; None if the request has none."""
    for tool in tools:
        function: dict[str, Any] = tool.get("function") or {}
        described = f"{function.get('name', '')} {function.get('description', '')}".lower()
        if re.search(r"draw|picture|image|paint", described):
            parameters: dict[str, Any] = function.get("parameters") or {}
            properties: dict[str, dict[str, Any]] = parameters.get("properties") or {"scene": {}}
            text = next((name for name, spec in properties.items() if spec.get("type", "string") == "string"), "scene")
            return str(function["name"]), text
    return None
