"""From plain words to an image prompt, written by the language model with the character's looks in mind."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.characters import Character
from bot.conversation.ports import Turnstile
from bot.conversation.prompt import neutralise, speaker_name
from bot.conversation.reply_filter import ReplyFilter
from bot.domain.conversations import ChatMessage, ChatRole, Message
from bot.errors import LanguageModelUnavailable
from bot.language_model.client import ContextOverflowError, LanguageModel, ModelOptions

log = logging.getLogger(__name__)

DRAW_WITH_TOOL = "When somebody asks you for a picture, call the draw tool and say a short line about it."
DRAW_IN_TEXT = (
    "When somebody asks you for a picture, end your answer with <draw>what is to be seen, one to three "
    "sentences</draw>. Write it only when a picture is wanted."
)

_TASK = (
    "You write prompts for an image generator. Answer with the prompt alone: one paragraph in English of at most 80 "
    "words that names the subject, pose, surroundings, light, colours and style. No names of people, no explanations, "
    "no quotation marks."
)
MAX_PROMPT = 1500
_LABEL = re.compile(r"^\s*(?:\*\*)?(?:image )?prompt(?:\*\*)?\s*:\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class WrittenPrompt:
    """An image prompt and where it comes from."""

    positive: str
    by_model: bool
    """False: the model was unavailable and these are the person's own words, with the character's looks."""


class PromptWriter:
    """Writes image prompts. Falls back to the given words; never fails a picture for the lack of a model."""

    def __init__(self, model: LanguageModel, options: ModelOptions, turnstile: Turnstile) -> None:
        self._model = model
        self._options = options
        self._turnstile = turnstile

    async def write(self, character: Character, wish: str, history: Sequence[Message] = ()) -> WrittenPrompt:
        """The prompt for a wish, in a turn of the model's own.

        Args:
            character: Whose looks count where it is to be seen.
            wish: What is asked for, in the person's or the character's words.
            history: The last turns, for what "that" and "there" mean.
        """
        async with self._turnstile.conversation():
            return await self.write_now(character, wish, history)

    async def write_now(self, character: Character, wish: str, history: Sequence[Message] = ()) -> WrittenPrompt:
        """As `write`, for a caller who holds the turnstile."""
        options = replace(
            self._options,
            model=character.preferred_llm.model or self._options.model,
            max_tokens=min(self._options.max_tokens, 300),
            stop=(),
        )
        try:
            answer = await self._model.complete(_messages(character, wish, history), options)
        except (LanguageModelUnavailable, ContextOverflowError) as error:
            log.warning("The prompt is the person's own words: %s", error)
            return WrittenPrompt(own_words(character, wish), by_model=False)
        positive = cleaned(answer)
        if not positive:
            return WrittenPrompt(own_words(character, wish), by_model=False)
        return WrittenPrompt(positive, by_model=True)


def own_words(character: Character, wish: str) -> str:
    """The wish with the character's looks before it."""
    return ", ".join(part for part in (character.visual_identity.prompt_context.strip(), wish.strip()) if part)


def cleaned(answer: str) -> str:
    """A model's answer as one line of prompt: no thoughts, labels, quotation marks, line breaks."""
    reading = ReplyFilter("")
    reading.feed(answer)
    text = _LABEL.sub("", " ".join(reading.finish().split()))
    return text.strip(" \"'`“”")[:MAX_PROMPT]


def _messages(character: Character, wish: str, history: Sequence[Message]) -> list[ChatMessage]:
    looks = character.visual_identity.prompt_context.strip()
    task = _TASK + (
        f"\nIf {character.name} is to be seen, this is how {character.name} looks: {looks}" if looks else ""
    )
    talk = "\n".join(
        f"{character.name if each.role is ChatRole.ASSISTANT else speaker_name(each.author_name)}: "
        f"{' '.join(neutralise(each.text).split())[:400]}"
        for each in history[-6:]
        if each.text.strip()
    )
    request = (
        f"The conversation so far:\n{talk}\n\n" if talk else ""
    ) + f"Write the prompt for: {neutralise(wish)[:2000]}"
    return [ChatMessage(role=ChatRole.SYSTEM, content=task), ChatMessage(role=ChatRole.USER, content=request)]
