"""`llm` in `config.yaml`: the language model's server."""

from __future__ import annotations

from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from bot.settings.section import Count, HttpUrl, Seconds, Section, not_a_boolean

PROVIDER_URLS = {
    "ollama": "http://127.0.0.1:11434/v1",
    "lmstudio": "http://127.0.0.1:1234/v1",
    "koboldcpp": "http://127.0.0.1:5001/v1",
    "openai": "https://api.openai.com/v1",
}


class LlmSection(Section):
    """`llm`: which language model is asked, and how."""

    provider: Literal["ollama", "lmstudio", "koboldcpp", "openai"] = "ollama"
    """The program that runs the model; `openai` is any other server with OpenAI's API, with or without a key."""
    base_url: HttpUrl | None = None
    """None becomes the provider's usual address; `/v1` is added to an address without a path."""
    model: str | None = None
    """None: the first model that the server lists."""
    context_window: Annotated[int, BeforeValidator(not_a_boolean), Field(ge=512)] = 8192
    """Tokens of prompt and answer together."""
    max_response_tokens: Annotated[int, BeforeValidator(not_a_boolean), Field(ge=16)] = 1024
    """Tokens of the answer."""
    temperature: Annotated[float, BeforeValidator(not_a_boolean), Field(ge=0, le=2)] = 0.8
    timeout_seconds: Seconds = 120
    """The longest time in which the model may send nothing; then it counts as unavailable."""
    max_answer_seconds: Seconds = 600
    """The longest time for one turn's answer in all, whatever the model sends meanwhile."""
    max_parallel: Count = 4
    """How many requests the model gets at the same time; one person's are at most half of them, and at least one."""
    max_answer_characters: Count = 200_000
    """The most that one answer may have, with thoughts and everything else that is not shown."""
    stop: tuple[str, ...] = ()
    """Stop sequences of the owner's; those that keep a character from speaking for others are always added."""
    tools: Literal["auto", "always", "never"] = "auto"
    """Whether the model is offered the `draw` tool.

    `auto` offers it until the server refuses tools for the model, and then no more. `always` offers it with every
    request, also after a refusal, for servers whose answer changes (a model that was exchanged). `never` does not offer
    it.
    """

    @field_validator("base_url", mode="after")
    @classmethod
    def _provider_url(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None:
            return PROVIDER_URLS.get(str(info.data.get("provider")))
        return value if urlsplit(value).path else f"{value}/v1"

    @model_validator(mode="after")
    def _require_room_for_the_prompt(self) -> Self:
        if self.max_response_tokens >= self.context_window:
            raise ValueError("needs `max_response_tokens` smaller than `context_window`")
        return self

    @property
    def url(self) -> str:
        """The base URL, also where `base_url` was left out."""
        return self.base_url or PROVIDER_URLS[self.provider]
