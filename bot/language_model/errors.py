"""Errors of the language model's server, in the words of this project."""

from __future__ import annotations

import openai

from bot.errors import LanguageModelUnavailable


class ContextOverflowError(Exception):
    """The server says that the prompt is longer than its context window, which may be smaller than configured."""


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
