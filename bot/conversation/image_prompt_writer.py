"""Image prompts, written by the language model from plain words and the character's looks."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.characters import Character
from bot.conversation.reply_filter import ReplyFilter
from bot.conversation.sanitizing import sanitize, speaker_name
from bot.domain.conversations import ChatMessage, ChatRole, Message
from bot.errors import LanguageModelUnavailable
from bot.gpu_lock import GpuLock
from bot.language_model.client import LanguageModel, ModelOptions
from bot.language_model.errors import ContextOverflowError
from bot.language_model.request_slots import RequestSlots

log = logging.getLogger(__name__)

MAX_PROMPT_LENGTH = 1500
MAX_SUBJECT_LENGTH = 2000
MAX_ANSWER_TOKENS = 300
CONTEXT_MESSAGES = 6
"""Messages of the history that the model reads for a prompt."""
CONTEXT_MESSAGE_LENGTH = 400

_TASK = (
    "You write prompts for an image generator. Answer with the prompt alone: one paragraph in English of at most 80 "
    "words that names the subject, pose, surroundings, light, colours and style. No names of people, no explanations, "
    "no quotation marks."
)
_TASK_OF_TAGS = (
    "You write prompts for an image generator. Answer with the prompt alone: one line of at most 40 short tags in "
    "English, separated by commas, the most important first: subject, pose, clothes, surroundings, light, style. No "
    "sentences, no names of people, no explanations, no quotation marks."
)
_LABEL = re.compile(r"^\s*(?:\*\*)?(?:image )?prompt(?:\*\*)?\s*:\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ImagePrompt:
    """An image prompt and where it comes from."""

    positive: str
    by_model: bool
    """False: the model was unavailable, and these are the given words with the character's looks before them."""


class ImagePromptWriter:
    """Writes image prompts. Without a language model it returns the given words, so that a picture never fails for it.

    Args:
        model: The language model.
        options: The parameters of requests.
        gpu: The lock of the GPU that the language model shares with ComfyUI.
        slots: Limits the requests at the same time.
    """

    def __init__(self, model: LanguageModel, options: ModelOptions, gpu: GpuLock, slots: RequestSlots) -> None:
        self._model = model
        self._options = options
        self._gpu = gpu
        self._slots = slots

    async def write(
        self, character: Character, subject: str, history: Sequence[Message] = (), *, person_id: int | None = None
    ) -> ImagePrompt:
        """Write a prompt while holding a slot for a request and the GPU lock.

        Args:
            character: Its looks are described where it is to be seen.
            subject: What is to be drawn, in the person's or the character's words.
            history: The newest messages, oldest first; they tell what "that" or "there" means.
            person_id: Discord id of who asked for the picture.
        """
        async with self._slots.slot(person_id), self._gpu.conversation():
            return await self.write_holding_gpu(character, subject, history)

    async def write_holding_gpu(
        self, character: Character, subject: str, history: Sequence[Message] = ()
    ) -> ImagePrompt:
        """Write a prompt like `write`, for a caller that already holds a slot and the GPU lock."""
        options = replace(
            self._options,
            model=character.preferred_llm.model or self._options.model,
            max_tokens=min(self._options.max_tokens, MAX_ANSWER_TOKENS),
            stop=(),
        )
        try:
            answer = await self._model.complete(_messages(character, subject, history), options)
        except (LanguageModelUnavailable, ContextOverflowError) as error:
            log.warning("The image prompt is the given words: %s", error)
            return ImagePrompt(_with_looks(character, subject), by_model=False)
        positive = _clean(answer)
        if not positive:
            return ImagePrompt(_with_looks(character, subject), by_model=False)
        return ImagePrompt(_with_quality_tags(character, positive), by_model=True)


def _with_looks(character: Character, subject: str) -> str:
    looks = _appearance(character)
    return ", ".join(part for part in (looks, subject.strip()) if part)


def _with_quality_tags(character: Character, positive: str) -> str:
    tags = character.visual_identity.quality_tags.strip()
    return positive if not tags or tags.casefold() in positive.casefold() else f"{positive.rstrip(' ,.')}, {tags}"


def _appearance(character: Character) -> str:
    """What the character looks like, where that may be in prompts."""
    identity = character.visual_identity
    return "" if identity.appearance == "never" else identity.prompt_context.strip()


def _clean(answer: str) -> str:
    """Return the model's answer on one line, without thoughts, labels and quotation marks."""
    visible = ReplyFilter("")
    visible.feed(answer)
    text = _LABEL.sub("", " ".join(visible.finish().split()))
    return text.strip(" \"'`“”")[:MAX_PROMPT_LENGTH]


def _messages(character: Character, subject: str, history: Sequence[Message]) -> list[ChatMessage]:
    looks, identity = _appearance(character), character.visual_identity
    task = _TASK_OF_TAGS if identity.prompt_style == "tags" else _TASK
    if looks and identity.appearance == "always":
        task += f"\n{character.name} is to be seen. This is how {character.name} looks: {looks}"
    elif looks:
        task += f"\nIf {character.name} is to be seen, this is how {character.name} looks: {looks}"
    context = "\n".join(
        f"{character.name if each.role is ChatRole.ASSISTANT else speaker_name(each.author_name)}: "
        f"{' '.join(sanitize(each.text).split())[:CONTEXT_MESSAGE_LENGTH]}"
        for each in history[-CONTEXT_MESSAGES:]
        if each.text.strip()
    )
    request = f"The conversation so far:\n{context}\n\n" if context else ""
    request += f"Write the prompt for: {sanitize(subject)[:MAX_SUBJECT_LENGTH]}"
    return [ChatMessage(role=ChatRole.SYSTEM, content=task), ChatMessage(role=ChatRole.USER, content=request)]
