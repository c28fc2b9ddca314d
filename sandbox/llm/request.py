"""Chat requests, and what is wrong with malformed ones."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from sandbox.llm.chat_parsing import Chat, parse_chat


class BadRequestError(Exception):
    """The request is answered with 400 and this message."""


@dataclass
class ChatRequest:
    """A POST /v1/chat/completions and what became of it."""

    model: str
    messages: list[dict[str, Any]]
    stream: bool
    tools: list[dict[str, Any]]
    stop: tuple[str, ...]
    max_tokens: int | None
    temperature: float
    seed: int | None
    body: Mapping[str, Any]
    """The whole body."""
    received_at: float = field(default_factory=time.monotonic)
    first_token_at: float | None = None
    """When the first piece of the answer was sent (`time.monotonic()`)."""
    sent_text: str = ""
    """The text that was sent so far."""
    finish_reason: str | None = None
    """`stop`, `length` or `tool_calls`; `aborted` if the client left; None while the answer is sent, and for a fault.
    """

    @property
    def chat(self) -> Chat:
        """The messages, parsed."""
        return parse_chat(self.messages)

    @property
    def wants_usage(self) -> bool:
        """Whether a streamed answer ends with the token counts."""
        options: Any = self.body.get("stream_options")
        return isinstance(options, dict) and bool(cast("dict[str, Any]", options).get("include_usage"))

    @property
    def prompt_tokens(self) -> int:
        """An estimate: a token per four characters, and four per message."""
        return sum(4 + -(-len(str(each.get("content") or "")) // 4) for each in self.messages)


def parse_request(body: Any) -> ChatRequest:
    """Parse the body of a request.

    Raises:
        BadRequestError: The body is malformed.

    """
    if not isinstance(body, dict):
        raise BadRequestError("the request body must be a JSON object")
    given = cast("dict[str, Any]", body)
    messages: Any = given.get("messages")
    if not isinstance(messages, list) or not messages:
        raise BadRequestError("[] is too short - 'messages'")
    for each in cast("list[Any]", messages):
        if not isinstance(each, dict) or cast("dict[str, Any]", each).get("role") not in {
            "system",
            "developer",
            "user",
            "assistant",
            "tool",
        }:
            raise BadRequestError("invalid role in 'messages'")
    stop: Any = given.get("stop") or ()
    return ChatRequest(
        model=str(given.get("model") or ""),
        messages=cast("list[dict[str, Any]]", messages),
        stream=bool(given.get("stream")),
        tools=list(given.get("tools") or []),
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
        max_tokens=given.get("max_tokens") or given.get("max_completion_tokens"),
        temperature=float(given.get("temperature", 0.8) if given.get("temperature") is not None else 0.8),
        seed=given.get("seed"),
        body=given,
    )
