"""One reply of the language model: its prompt, its parameters, and its stream turned into text and scenes."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from bot.characters import Character
from bot.conversation.chat_prompt import RECENT_MESSAGES, build_chat_prompt
from bot.conversation.presenter import TurnPost
from bot.conversation.reply_filter import ReplyFilter
from bot.conversation.sanitizing import speaker_name
from bot.conversation.token_budget import TokenBudget
from bot.domain.conversations import ChatRole, Message, Scene, Thread
from bot.errors import LanguageModelUnavailable
from bot.language_model.client import Delta, DrawCall, LanguageModel, ModelOptions, TextDelta
from bot.language_model.errors import AnswerLimitError, ContextOverflowError, UnusableAnswerError
from bot.storage.conversations import ConversationRepository

log = logging.getLogger(__name__)

PICTURE_ONLY_TEXT = "*sends a picture*"
"""The text of a turn in which the model only called the `draw` tool."""
DRAW_WITH_TOOL = (
    "When somebody asks you for a picture, call the draw tool and say a short line about it. Where a picture of theirs "
    "or yours is to be changed, set `edit`."
)
"""Instruction for models that take tools."""
DRAW_IN_TEXT = (
    "When somebody asks you for a picture, end your answer with <draw>what is to be seen, one to three "
    "sentences</draw>. Write it only when a picture is wanted. Where a picture of theirs or yours is to be changed, "
    "write <edit>what the changed picture shows</edit> instead."
)
"""Instruction for models that take no tools; `ReplyFilter` reads the block."""
MAX_REQUESTS = 3
"""Requests for one reply while the prompt is too long for the server."""
MAX_FAILURES = 2
"""Requests for one reply that may fail, or be answered with nothing."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a character says.

    Attributes:
        text: Never empty.
        model: The model that was asked for; None: the server's first.
        scenes: The pictures that the character decided to send.
    """

    text: str
    model: str | None
    scenes: tuple[Scene, ...]


class ReplyGenerator:
    """Generates replies.

    Args:
        repository: Where the history is read.
        model: The language model.
        options: The parameters of requests; a character's `preferred_llm` takes precedence.
        budget: The sizes of prompts.
    """

    def __init__(
        self, repository: ConversationRepository, model: LanguageModel, options: ModelOptions, budget: TokenBudget
    ) -> None:
        self._repository = repository
        self._model = model
        self._options = options
        self._budget = budget

    async def generate(self, thread: Thread, turn: Message, character: Character, post: TurnPost) -> Reply:
        """Generate the reply for a turn and show it in `post` while it grows.

        The request is repeated once after a lost connection or an unusable answer, and, with a smaller prompt, when the
        prompt was too long for the server. All requests together take no longer than `max_answer_seconds`.

        Raises:
            LanguageModelUnavailable: There was no answer.
            UnusableAnswerError: The server answers, but with nothing that can be shown.
        """
        ends_at = time.monotonic() + self._options.max_answer_seconds
        # A turn that is regenerated must not read itself or what was written after it.
        history = [each for each in await self._repository.history(thread) if each.position < turn.position]
        budget, failures = self._budget, 0
        for attempt in range(1, MAX_REQUESTS + 1):
            seconds_left = max(ends_at - time.monotonic(), 0.0)
            try:
                return await self._request(history, character, post, budget, max_seconds=seconds_left)
            except ContextOverflowError as error:
                budget = replace(budget, context_window=budget.context_window // 2)
                log.info(
                    "The model's window is smaller than llm.context_window; trying %d tokens", budget.context_window
                )
                if attempt == MAX_REQUESTS:
                    raise LanguageModelUnavailable("The conversation does not fit the language model.") from error
            except AnswerLimitError:
                raise
            except LanguageModelUnavailable:
                failures += 1
                if failures == MAX_FAILURES or attempt == MAX_REQUESTS:
                    raise
        raise UnusableAnswerError  # not reached: the last request returns or raises

    async def _request(
        self,
        history: Sequence[Message],
        character: Character,
        post: TurnPost,
        budget: TokenBudget,
        *,
        max_seconds: float,
    ) -> Reply:
        """Make one request.

        Raises:
            UnusableAnswerError: The answer has neither text nor a scene.
        """
        speakers = _speakers(history)
        options = replace(self._request_options(character, speakers), max_answer_seconds=max_seconds)
        draws = character.image_generation.enabled
        tools = draws and self._model.offers_tools(options.model)
        extra = (DRAW_WITH_TOOL if tools else DRAW_IN_TEXT) if draws else ""
        messages = build_chat_prompt(character, history, _budget_for(character, budget), extra=extra)
        visible = ReplyFilter(character.name, speakers)
        scenes: list[Scene] = []
        reason: UnusableAnswerError | None = None
        async with aclosing(self._model.stream(messages, options, tools=tools)) as deltas:
            try:
                await _show(deltas, visible, scenes, post)
            except AnswerLimitError as error:  # the text before the limit is the reply
                log.warning("An answer of %s was cut off: %s", character.id, error)
                reason = error
        text = visible.finish()
        if draws:
            scenes += [Scene(description=scene, source="text") for scene in visible.scenes]
            scenes += [Scene(description=scene, source="text", edits=True) for scene in visible.edits]
        elif scenes:
            log.info("%s does not draw, but its model called the tool", character.id)
            scenes = []
        if not text and not scenes:
            raise reason or UnusableAnswerError("The language model answered with nothing.")
        return Reply(text or PICTURE_ONLY_TEXT, options.model, tuple(scenes))

    def _request_options(self, character: Character, speakers: Sequence[str]) -> ModelOptions:
        """Return the parameters for a character, whose answer ends where it would write another speaker's line."""
        preferred = character.preferred_llm
        return replace(
            self._options,
            model=preferred.model or self._options.model,
            temperature=self._options.temperature if preferred.temperature is None else preferred.temperature,
            top_p=self._options.top_p if preferred.top_p is None else preferred.top_p,
            max_tokens=preferred.max_tokens or self._options.max_tokens,
            stop=tuple(dict.fromkeys([*self._options.stop, *(f"\n{name}:" for name in speakers)])),
        )


async def _show(deltas: AsyncIterator[Delta], visible: ReplyFilter, scenes: list[Scene], post: TurnPost) -> None:
    """Feed an answer to the filter and show the text so far, until the end of the answer or of what may be shown."""
    async for delta in deltas:
        match delta:
            case TextDelta(text):
                post.update(visible.feed(text))
            case DrawCall(scene, edits):
                scenes.append(Scene(description=scene, source="tool", edits=edits))
        if visible.ended:
            return


def _speakers(history: Sequence[Message]) -> list[str]:
    """Return the names of the people who wrote recently, the newest first."""
    recent = reversed(history[-RECENT_MESSAGES:])
    return list(dict.fromkeys(speaker_name(each.author_name) for each in recent if each.role is ChatRole.USER))


def _budget_for(character: Character, budget: TokenBudget) -> TokenBudget:
    own_window = character.preferred_llm.context_window
    if not own_window:
        return budget
    return replace(budget, context_window=min(budget.context_window, own_window))
