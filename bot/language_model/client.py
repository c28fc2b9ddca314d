"""The language model behind any OpenAI-compatible server: Ollama, LM Studio, KoboldCpp, others.

Only chat completions go through here; what a server can do beside them (list, unload) is in `model_server`.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Self, cast

import httpx2
import openai
from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam, ChatCompletionToolParam

from bot.domain.conversations import ChatMessage
from bot.errors import LanguageModelUnavailable

log = logging.getLogger(__name__)

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


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """How to ask. Times in seconds, sizes in tokens."""

    model: str | None = None
    """None: the first that the server lists."""
    temperature: float = 0.8
    max_tokens: int = 512
    stop: tuple[str, ...] = ()
    """At most four are sent: that is what OpenAI's own servers take."""
    timeout_seconds: float = 120.0
    """The longest silence between two pieces of an answer, the first included (a model may be loading)."""


@dataclass(frozen=True, slots=True)
class TextDelta:
    """The next piece of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class DrawCall:
    """The model called the `draw` tool."""

    scene: str


Delta = TextDelta | DrawCall


class ContextOverflowError(Exception):
    """The server says that the prompt is longer than its window (its own setting may be smaller than ours)."""


class LanguageModel:
    """Chat completions, streamed. Open it as an async context manager.

    Args:
        base_url: With `/v1`, e.g. `http://127.0.0.1:11434/v1`.
        api_key: Local servers take any; `openai`'s client wants one.
        tools: False: never offer tools, whatever the model could do.
    """

    def __init__(self, base_url: str, api_key: str | None = None, *, tools: bool = True) -> None:
        self.base_url = base_url
        self._tools = tools
        self._first_model: str | None = None
        # A repeat is the caller's decision: the client's own would delay the one notice people get.
        self._client = openai.AsyncOpenAI(base_url=base_url, api_key=api_key or "not-needed", max_retries=0)
        self._without_tools: set[str] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()

    def takes_tools(self, model: str | None) -> bool:
        """False once the server has refused tools for this model."""
        return self._tools and (model or self._first_model or "") not in self._without_tools

    async def stream(
        self, messages: Sequence[ChatMessage], options: ModelOptions, *, tools: bool = False
    ) -> AsyncGenerator[Delta, None]:
        """The answer as it is written; tool calls follow the text.

        Raises:
            LanguageModelUnavailable: No connection, a time-out, an error status, or a broken stream.
            ContextOverflowError: The prompt is too long for the server.
        """
        calls: dict[int, list[str]] = {}
        try:
            async with asyncio.timeout(options.timeout_seconds):
                stream = await self._open(messages, options, tools=tools and self.takes_tools(options.model))
            async with stream:
                chunks = aiter(stream)
                while True:
                    async with asyncio.timeout(options.timeout_seconds):
                        chunk = await anext(chunks, None)
                    if chunk is None:
                        break
                    _collect_calls(chunk, calls)
                    if chunk.choices and (text := chunk.choices[0].delta.content):
                        yield TextDelta(text)
        except TimeoutError as error:
            seconds = f"{options.timeout_seconds:g}"
            raise LanguageModelUnavailable(f"The language model said nothing for {seconds} seconds.") from error
        except openai.APIError as error:
            raise _translated(error) from error
        except httpx2.HTTPError as error:  # the client wraps errors of the request, not those of a broken stream
            raise LanguageModelUnavailable("The language model's server broke off in mid-sentence.") from error
        for name_and_arguments in calls.values():
            if scene := _scene(*name_and_arguments):
                yield DrawCall(scene)

    async def complete(self, messages: Sequence[ChatMessage], options: ModelOptions) -> str:
        """The whole answer at once, without tools; errors as `stream`."""
        async with aclosing(self.stream(messages, options)) as deltas:
            return "".join([delta.text async for delta in deltas if isinstance(delta, TextDelta)])

    async def models(self) -> list[str]:
        """Names the server offers. Raises LanguageModelUnavailable."""
        try:
            async with asyncio.timeout(10):
                page = await self._client.models.list()
        except TimeoutError as error:
            raise LanguageModelUnavailable from error
        except openai.APIError as error:
            raise _translated(error) from error
        return [model.id for model in page.data]

    async def _any_model(self) -> str:
        if self._first_model is None:
            names = await self.models()
            if not names:
                raise LanguageModelUnavailable(
                    "The language model's server has no model.", advice="The owner should load one, or set `llm.model`."
                )
            self._first_model = names[0]
            log.info("llm.model is not set: using %s", names[0])
        return self._first_model

    async def _open(
        self, messages: Sequence[ChatMessage], options: ModelOptions, *, tools: bool
    ) -> openai.AsyncStream[ChatCompletionChunk]:
        sent = cast(
            "list[ChatCompletionMessageParam]",
            [{"role": each.role.value, "content": each.content} for each in messages],
        )
        model = options.model or await self._any_model()
        try:
            return await self._client.chat.completions.create(
                model=model,
                messages=sent,
                temperature=options.temperature,
                max_tokens=options.max_tokens,
                stop=list(options.stop[:4]) or None,
                stream=True,
                timeout=None,  # ours counts silence; a long answer is none
                tools=[DRAW_TOOL] if tools else openai.omit,
            )
        except openai.BadRequestError as error:
            # Ollama: `"llama2" does not support tools`. Ask without, and do not offer them again.
            if not tools or "tool" not in str(error).lower():
                raise
            log.info("%s takes no tools; pictures are asked for in the text", model)
            self._without_tools.add(model)
            return await self._open(messages, options, tools=False)


def _collect_calls(chunk: ChatCompletionChunk, calls: dict[int, list[str]]) -> None:
    """Tool calls arrive in pieces: the name once, the arguments letter by letter, told apart by index."""
    for choice in chunk.choices[:1]:
        for call in choice.delta.tool_calls or []:
            name_and_arguments = calls.setdefault(call.index, ["", ""])
            if call.function is not None:
                name_and_arguments[0] += call.function.name or ""
                name_and_arguments[1] += call.function.arguments or ""


def _scene(name: str, arguments: str) -> str | None:
    if name != "draw":
        return None
    try:
        parsed: Any = json.loads(arguments)
    except ValueError:
        parsed = arguments  # small models forget the JSON around their words
    if isinstance(parsed, dict):
        values = [value for value in cast("dict[str, Any]", parsed).values() if isinstance(value, str)]
        parsed = values[0] if values else ""
    return parsed.strip()[:2000] if isinstance(parsed, str) and parsed.strip() else None


def _translated(error: openai.APIError) -> LanguageModelUnavailable | ContextOverflowError:
    text = str(error).lower()
    if (
        isinstance(error, openai.APIStatusError)
        and error.status_code == 400
        and ("context" in text or "too long" in text)
    ):
        return ContextOverflowError(str(error))
    if "out of memory" in text or "requires more system memory" in text:
        return LanguageModelUnavailable(
            "The language model ran out of memory.",
            advice="The owner should choose a smaller model or context window, or turn on "
            "`visual_generation.unload_during_image_generation`.",
        )
    if isinstance(error, openai.NotFoundError):
        return LanguageModelUnavailable(
            "The language model's server does not have that model.",
            advice="The owner should check `llm.model` (`chorus doctor` lists what the server has).",
        )
    if isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError):
        return LanguageModelUnavailable(
            "The language model's server refused the key.", advice="The owner should check LLM_API_KEY."
        )
    if isinstance(error, openai.APIConnectionError):
        return LanguageModelUnavailable("The language model's server cannot be reached.")
    return LanguageModelUnavailable("The language model's server reported an error.")


def stop_sequences(own: Sequence[str], names: Sequence[str]) -> tuple[str, ...]:
    """What ends an answer: the owner's sequences, then the beginning of another speaker's line."""
    return tuple(dict.fromkeys([*own, *(f"\n{name}:" for name in names)]))[:4]
