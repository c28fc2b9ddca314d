"""Errors of the language model's server, in the words of this project."""

from __future__ import annotations

from typing import cast

import httpx2
import openai

from bot.errors import ErrorCategory, LanguageModelUnavailable


class UnusableAnswerError(LanguageModelUnavailable):
    """The server answers, but its answer is none: nothing, not readable, or without an end. Repeating may not help."""

    default = "The language model sent an answer that cannot be read."
    default_advice = "Try again. The owner should check the model and its server (`chorus doctor`)."


class AnswerLimitError(UnusableAnswerError):
    """The answer took longer, or became longer, than `llm.max_answer_seconds` and `llm.max_answer_characters` allow."""

    default = "The language model came to no end."
    default_advice = "Try again. The owner can change `llm.max_answer_seconds` and `llm.max_answer_characters`."


class ContextOverflowError(Exception):
    """The server says that the prompt is longer than its context window, which may be smaller than configured."""


UNVALIDATED_ERRORS: tuple[type[Exception], ...] = (ValueError, TypeError, AttributeError, LookupError, RecursionError)
"""What the `openai` client raises, or what using its result raises, when a server sends something of another form: it
does not validate what it parses."""


def error_in_stream(error: object, request: httpx2.Request) -> openai.APIError:
    """Return the error that a server sent as an event in the middle of an answer."""
    message: object = cast("dict[str, object]", error).get("message") if isinstance(error, dict) else error
    text = message if isinstance(message, str) else "An error occurred during streaming"
    return openai.APIError(text, request=request, body=cast("object", error))


def translate_error(error: openai.APIError) -> LanguageModelUnavailable | ContextOverflowError:
    """Return the error to raise for an error of the `openai` client.

    The texts that are searched for come from Ollama, llama.cpp (LM Studio, KoboldCpp) and OpenAI.
    """
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
            category=ErrorCategory.RESOURCE,
        )
    if isinstance(error, openai.NotFoundError):
        return LanguageModelUnavailable(
            "The language model's server does not have that model.",
            advice="The owner should check `llm.model` (`chorus doctor` lists what the server has).",
            category=ErrorCategory.CONFIGURATION,
        )
    if isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError):
        return LanguageModelUnavailable(
            "The language model's server refused the key.",
            advice="The owner should check LLM_API_KEY.",
            category=ErrorCategory.CONFIGURATION,
        )
    if isinstance(error, openai.APIConnectionError):
        message = "The language model's server cannot be reached."
        return LanguageModelUnavailable(message, category=ErrorCategory.NETWORK)
    reported = "The language model's server reported an error."
    is_refusal = isinstance(error, openai.BadRequestError | openai.UnprocessableEntityError)
    return LanguageModelUnavailable(reported, category=ErrorCategory.REQUEST if is_refusal else None)
