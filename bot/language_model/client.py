"""Chat completions from any OpenAI-compatible server: Ollama, LM Studio, KoboldCpp and others."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self, cast

import httpx2
import openai

from bot.circuit_breaker import BreakerOptions, CircuitBreaker
from bot.domain.conversations import ChatMessage
from bot.errors import ErrorCategory, LanguageModelUnavailable
from bot.language_model.draw_tool import DRAW_TOOL, ToolCallCollector
from bot.language_model.errors import (
    UNVALIDATED_ERRORS,
    AnswerLimitError,
    UnusableAnswerError,
    error_in_stream,
    translate_error,
)
from bot.language_model.event_stream import (
    SurrogateJoiner,
    delta_of,
    fragment_size,
    read_events,
    text_of,
    without_surrogates,
)

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam

log = logging.getLogger(__name__)

ToolUse = Literal["auto", "always", "never"]
"""`llm.tools`: when requests offer the `draw` tool. `auto` stops offering it to a model that the server refused it
for; `always` offers it on every request; `never` on none."""

MAX_STOP_SEQUENCES = 4
"""OpenAI's servers refuse a request with more."""
LIST_TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """The parameters of a chat completion. Times in seconds, sizes in tokens."""

    model: str | None = None
    """None: the first model that the server lists."""
    temperature: float = 0.8
    top_p: float | None = None
    """None: the server's own default."""
    max_tokens: int = 512
    stop: tuple[str, ...] = ()
    """Only the first `MAX_STOP_SEQUENCES` are sent."""
    timeout_seconds: float = 120.0
    """The longest time without a chunk of the answer. It includes the first chunk, before which the server may have to
    load the model."""
    max_answer_seconds: float = 600.0
    """The longest time that an answer may take in all, whatever the server sends meanwhile."""
    max_answer_characters: int = 200_000
    """The most that an answer may have, with thoughts and all that is not shown; an empty fragment counts as one."""


@dataclass(frozen=True, slots=True)
class TextDelta:
    """The next fragment of the answer's text."""

    text: str


@dataclass(frozen=True, slots=True)
class DrawCall:
    """The model called the `draw` tool."""

    scene: str
    edits: bool = False
    """An earlier picture is to be changed."""


Delta = TextDelta | DrawCall


class _AnswerClock:
    """Limits each wait for the server, and all of them together."""

    def __init__(self, options: ModelOptions) -> None:
        self._options = options
        self._ends_at = time.monotonic() + options.max_answer_seconds

    @asynccontextmanager
    async def limit(self) -> AsyncGenerator[None]:
        """Limit one wait.

        Raises:
            AnswerLimitError: The time for the whole answer is over.
            LanguageModelUnavailable: The server sent nothing for `timeout_seconds`.
        """
        left = self._ends_at - time.monotonic()
        is_last = left <= self._options.timeout_seconds
        if left <= 0:  # a server that sends without a pause never makes a wait time out
            raise self._too_long()
        try:
            async with asyncio.timeout(min(left, self._options.timeout_seconds)):
                yield
        except TimeoutError as error:
            if is_last:
                raise self._too_long() from error
            seconds = f"{self._options.timeout_seconds:g}"
            message = f"The language model said nothing for {seconds} seconds."
            raise LanguageModelUnavailable(message, category=ErrorCategory.NETWORK) from error

    def _too_long(self) -> AnswerLimitError:
        return AnswerLimitError("The language model came to no end in time.")


_OUTAGES = frozenset({ErrorCategory.NETWORK, ErrorCategory.SERVICE})


def _left_alone(seconds: float) -> LanguageModelUnavailable:
    message = f"The language model failed again and again; it is asked again in {math.ceil(seconds)} seconds."
    return LanguageModelUnavailable(message, category=ErrorCategory.NETWORK)


class LanguageModel:
    """A client for chat completions. Use it as an async context manager.

    Args:
        base_url: The API's address with `/v1`, for example `http://127.0.0.1:11434/v1`.
        api_key: None for servers that want none; the `openai` client needs some value.
        tools: Whether requests offer the `draw` tool.
        breaker: When a server that fails again and again is left alone. While it is, requests fail at once; one is let
            through when `list_models` succeeds, or after a pause.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str | None = None,
        *,
        tools: ToolUse = "auto",
        breaker: BreakerOptions | None = None,
    ) -> None:
        self.base_url = base_url
        self._breaker = CircuitBreaker(breaker)
        self._tools: ToolUse = tools
        self._first_model: str | None = None
        # The conversation decides about retries: those of the client would delay the error that people are shown.
        self._client = openai.AsyncOpenAI(base_url=base_url, api_key=api_key or "not-needed", max_retries=0)
        self._refused_tools: set[str] = set()
        """Models for which the server answered that they support no tools."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()

    def offers_tools(self, model: str | None) -> bool:
        """Whether a request for this model may carry the `draw` tool; None: the model that is used by default."""
        if self._tools == "auto":
            return (model or self._first_model or "") not in self._refused_tools
        return self._tools == "always"

    async def stream(
        self, messages: Sequence[ChatMessage], options: ModelOptions, *, tools: bool = False
    ) -> AsyncGenerator[Delta, None]:
        """Request an answer and yield it as it is generated: the text first, then the calls of `draw`.

        Args:
            messages: The prompt.
            options: The parameters of the request.
            tools: Offer the `draw` tool, if `offers_tools` allows it.

        Raises:
            LanguageModelUnavailable: No connection, a timeout, an error status, or a connection lost in the middle.
            UnusableAnswerError: What the server sends cannot be read.
            AnswerLimitError: The answer is longer than the options allow; everything up to the limit was yielded.
            ContextOverflowError: The prompt is too long for the server.
        """
        if not self._breaker.allows():
            raise _left_alone(self._breaker.seconds_until_probe)
        try:
            async with aclosing(self._stream(messages, options, tools=tools)) as deltas:
                async for delta in deltas:
                    self._breaker.succeeded()
                    yield delta
        except LanguageModelUnavailable as error:
            if isinstance(error, UnusableAnswerError) or error.category not in _OUTAGES:
                self._breaker.succeeded()  # it answers
            else:
                self._breaker.failed()
            raise
        self._breaker.succeeded()

    async def _stream(
        self, messages: Sequence[ChatMessage], options: ModelOptions, *, tools: bool
    ) -> AsyncGenerator[Delta, None]:
        calls, joiner, clock = ToolCallCollector(), SurrogateJoiner(), _AnswerClock(options)
        characters_left = options.max_answer_characters
        try:
            async with clock.limit():
                stream = await self._open(messages, options, tools=tools and self.offers_tools(options.model))
            async with stream:
                events = read_events(stream.response.aiter_bytes())
                while True:
                    async with clock.limit():
                        event = await anext(events, None)
                    if event is None:
                        break
                    if event.get("error"):
                        raise error_in_stream(event["error"], stream.response.request)
                    delta = delta_of(event)
                    calls.feed(delta)
                    if text := joiner.feed(text_of(delta))[:characters_left]:
                        yield TextDelta(text)
                    characters_left -= fragment_size(delta)
                    if characters_left <= 0:
                        raise AnswerLimitError(f"The language model wrote {options.max_answer_characters} characters.")
        except openai.APIError as error:
            raise translate_error(error) from error
        except httpx2.HTTPError as error:  # the `openai` client does not wrap errors while a stream is read
            message = "The language model's server broke off in mid-sentence."
            raise LanguageModelUnavailable(message, category=ErrorCategory.NETWORK) from error
        for scene, edits in calls.scenes():
            yield DrawCall(scene, edits)

    async def complete(self, messages: Sequence[ChatMessage], options: ModelOptions) -> str:
        """Request an answer without tools and return its whole text. Raises the errors of `stream`."""
        async with aclosing(self.stream(messages, options)) as deltas:
            return "".join([delta.text async for delta in deltas if isinstance(delta, TextDelta)])

    async def list_models(self) -> list[str]:
        """Return the names of the models that the server offers.

        Raises:
            LanguageModelUnavailable: The server does not answer, or answers with an error.
        """
        try:
            async with asyncio.timeout(LIST_TIMEOUT_SECONDS):
                page = await self._client.models.list()
            self._breaker.probe_now()
            return [without_surrogates(model.id) for model in page.data]
        except TimeoutError as error:
            raise LanguageModelUnavailable from error
        except openai.APIError as error:
            raise translate_error(error) from error
        except UNVALIDATED_ERRORS as error:
            raise LanguageModelUnavailable("The language model's server sent a list that cannot be read.") from error

    async def _default_model(self) -> str:
        if self._first_model is None:
            names = await self.list_models()
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
        model = options.model or await self._default_model()
        try:
            return await self._client.chat.completions.create(
                model=model,
                messages=sent,
                temperature=options.temperature,
                top_p=openai.omit if options.top_p is None else options.top_p,
                max_tokens=options.max_tokens,
                stop=list(options.stop[:MAX_STOP_SEQUENCES]) or None,
                stream=True,
                timeout=None,  # `stream` limits the time between chunks; a long answer may take longer in all
                tools=[DRAW_TOOL] if tools else openai.omit,
            )
        except openai.BadRequestError as error:
            # Ollama answers `"llama2" does not support tools`: this answer is requested without them.
            if not tools or "tool" not in str(error).lower():
                raise
            log.info("%s takes no tools; pictures are asked for in the text", model)
            self._refused_tools.add(model)
            return await self._open(messages, options, tools=False)
