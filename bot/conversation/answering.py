"""One answer: prompt, stream, commit, post. The worker in `service` decides when."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, replace

from bot.characters import Character
from bot.conversation.ports import Characters, PlaceClosedError, TurnPost, TurnPresenter, Turnstile
from bot.conversation.prompt import Budget, build_prompt, speaker_name
from bot.conversation.prompt_writer import DRAW_IN_TEXT, DRAW_WITH_TOOL, PromptWriter
from bot.conversation.reply_filter import ReplyFilter
from bot.conversation.store import ConversationStore
from bot.domain.conversations import ChatRole, Message, Scene, Thread
from bot.domain.jobs import JobState
from bot.errors import ChorusError, LanguageModelUnavailable
from bot.language_model.client import (
    ContextOverflowError,
    DrawCall,
    LanguageModel,
    ModelOptions,
    TextDelta,
    stop_sequences,
)

log = logging.getLogger(__name__)

SENDS_A_PICTURE = "*sends a picture*"
"""The turn's words where the model only called its tool."""
WAITS_FOR_GPU = "-# *waits: the graphics card is drawing a picture*"
"""What stands in a turn's place while pictures are drawn before it (swap mode)."""
SAYS_WHY_AFTER = 2.0
"""Seconds for which the typing indicator is explanation enough."""


@dataclass(frozen=True, slots=True)
class _Reply:
    text: str
    model: str | None
    scenes: tuple[Scene, ...]


class TurnAnswerer:
    """Lets a character answer. Everything that matters is in the store."""

    def __init__(
        self,
        store: ConversationStore,
        characters: Characters,
        model: LanguageModel,
        *,
        writer: PromptWriter,
        turnstile: Turnstile,
        options: ModelOptions,
        budget: Budget,
    ) -> None:
        self._store = store
        self._characters = characters
        self._model = model
        self._writer = writer
        self._turnstile = turnstile
        self._options = options
        self._budget = budget
        self._missed: set[tuple[int, str | None]] = set()
        """Where people were told that a character is gone."""

    async def model_is_back(self) -> bool:
        """Whether the server answers again."""
        try:
            await self._model.models()
        except LanguageModelUnavailable:
            return False
        return True

    async def answer(self, thread: Thread, newest: Message, presenter: TurnPresenter) -> None:
        """A new turn to everything up to `newest`. Raises LanguageModelUnavailable: the people still wait then."""
        turn = await self._store.begin_turn(thread.id, newest.character_id or "", newest.id)
        await self._speak_or_retract(thread, turn, presenter)

    async def resume(self, thread: Thread, presenter: TurnPresenter, *, is_young: Callable[[Message], bool]) -> bool:
        """Take up the oldest unfinished turn of the thread: post it, speak it (anew), or take it back. False: none.

        Unfinished is what a crash interrupted, and what wants another alternative.
        """
        turn = next((each for each in await self._open_turns() if each.thread_id == thread.id), None)
        if turn is None:
            return False
        if turn.deleted_at is not None:
            await self._retract(thread, turn, presenter)
        elif turn.state is JobState.GENERATED:
            await self._show(thread, turn, presenter)
        elif turn.alternatives:
            await self._speak_or_restore(thread, turn, presenter)
        elif is_young(turn):
            await self._speak_or_retract(thread, turn, presenter)
        else:
            await self._retract(thread, turn, presenter)
        return True

    async def stop(self, thread: Thread, turn_id: str, presenter: TurnPresenter) -> None:
        """After a cancellation: nothing of a turn that nobody wants any more stays."""
        turn = await self._store.message(turn_id)
        if turn is None or (turn.state is not JobState.RUNNING and turn.deleted_at is None):
            return
        if turn.alternatives and turn.deleted_at is None:
            await self._restore(thread, turn, presenter)
        else:
            await self._retract(thread, turn, presenter)

    async def interrupted_by(self, deleted: Message) -> Message | None:
        """The turn under way that a deleted message was (part of), or that answered it."""
        for turn in await self._open_turns():
            answers_it = turn.state is JobState.RUNNING and turn.reply_to_id == deleted.id and not turn.alternatives
            if turn.id == deleted.id or answers_it:
                return turn
        return None

    async def _open_turns(self) -> list[Message]:
        return [message for message in await self._store.unfinished() if message.role is ChatRole.ASSISTANT]

    async def _speak_or_retract(self, thread: Thread, turn: Message, presenter: TurnPresenter) -> None:
        """Without a model nothing of the turn stays: what people read half of would be read again in the next one."""
        try:
            await self._speak(thread, turn, presenter)
        except LanguageModelUnavailable:
            await self._retract(thread, turn, presenter)
            raise

    async def _speak_or_restore(self, thread: Thread, turn: Message, presenter: TurnPresenter) -> None:
        """Without a model the alternative that was shown is shown again."""
        try:
            await self._speak(thread, turn, presenter)
        except LanguageModelUnavailable:
            await self._restore(thread, turn, presenter)
            raise

    async def _retract(self, thread: Thread, turn: Message, presenter: TurnPresenter) -> None:
        await presenter.retract(turn, thread)
        await self._store.set_state([turn.id], JobState.FAILED)

    async def _restore(self, thread: Thread, turn: Message, presenter: TurnPresenter) -> None:
        await self._store.set_state([turn.id], JobState.GENERATED)
        await self._show(thread, turn, presenter)

    async def _show(self, thread: Thread, turn: Message, presenter: TurnPresenter) -> None:
        """Make Discord show what is committed."""
        try:
            async with presenter.open(turn, thread) as post:
                await post.finish(turn)
        except PlaceClosedError:
            log.info("turn %s has no channel any more", turn.id)
        await self._store.settle_turn(turn.id)

    async def _speak(self, thread: Thread, turn: Message, presenter: TurnPresenter) -> None:
        conversation = await self._store.conversation(thread.conversation_id)
        guild_id = conversation.guild_id if conversation is not None else None
        try:
            character = self._characters.find(turn.character_id or "", guild_id)
        except ChorusError as error:  # the character's file is gone: say so, keep the history
            await self._store.give_up(turn.id)
            if (thread.channel_id, turn.character_id) not in self._missed:
                self._missed.add((thread.channel_id, turn.character_id))
                await presenter.notice(thread, error)
            return
        self._missed.discard((thread.channel_id, turn.character_id))
        try:
            async with presenter.open(turn, thread) as post:
                reply = await self._in_turn(thread, turn, character, post, presenter)
                await post.finish(await self._store.add_alternative(turn.id, reply.text, reply.model))
        except PlaceClosedError:
            log.info("turn %s has no channel any more", turn.id)
            await self._store.give_up(turn.id)
            return
        await self._store.settle_turn(turn.id)

    async def _in_turn(
        self, thread: Thread, turn: Message, character: Character, post: TurnPost, presenter: TurnPresenter
    ) -> _Reply:
        """The answer, and its picture on its way, while the model has the GPU."""
        told = asyncio.get_running_loop().call_later(SAYS_WHY_AFTER, post.grow, WAITS_FOR_GPU)
        try:
            async with self._turnstile.conversation():
                told.cancel()
                reply = await self._reply(thread, turn, character, post)
                if reply.scenes and turn.job_id is None:
                    await self._draw(thread, turn, character, reply.scenes[0], presenter)
        finally:
            told.cancel()
        return reply

    async def _reply(self, thread: Thread, turn: Message, character: Character, post: TurnPost) -> _Reply:
        """Stream the answer. A stream that breaks, or says nothing, is asked for once more."""
        # A turn that is spoken again reads the history as it was before it.
        history = [each for each in await self._store.history(thread) if each.position < turn.position]
        budget = self._budget
        for attempt in (1, 2, 3):
            try:
                reply = await self._stream(history, character, post, budget)
            except ContextOverflowError as error:
                budget = replace(budget, context_window=budget.context_window // 2)
                log.info(
                    "The model's window is smaller than llm.context_window; trying %d tokens", budget.context_window
                )
                if attempt == 3:
                    raise LanguageModelUnavailable("The conversation does not fit the language model.") from error
                continue
            except LanguageModelUnavailable:
                if attempt > 1:
                    raise
                continue
            if reply.text:
                return reply
        raise LanguageModelUnavailable("The language model answered with nothing.")

    async def _stream(self, history: list[Message], character: Character, post: TurnPost, budget: Budget) -> _Reply:
        options = self._options_for(character)
        if character.preferred_llm.context_window:
            budget = replace(budget, context_window=min(budget.context_window, character.preferred_llm.context_window))
        draws = character.image_generation.enabled
        tools = draws and self._model.takes_tools(options.model)
        extra = (DRAW_WITH_TOOL if tools else DRAW_IN_TEXT) if draws else ""
        others = list(
            dict.fromkeys(
                speaker_name(each.author_name) for each in reversed(history[-50:]) if each.role is ChatRole.USER
            )
        )
        options = replace(options, stop=stop_sequences(options.stop, others))
        visible = ReplyFilter(character.name, others)
        scenes: list[Scene] = []
        messages = build_prompt(character, history, budget, extra=extra)
        async with aclosing(self._model.stream(messages, options, tools=tools)) as deltas:
            async for delta in deltas:
                match delta:
                    case TextDelta(text):
                        post.grow(visible.feed(text))
                    case DrawCall(scene) if not draws:
                        log.info("%s does not draw, but its model called the tool for: %.200s", character.id, scene)
                    case DrawCall(scene):
                        scenes.append(Scene(description=scene, source="tool"))
                if visible.ended:
                    break
        text = visible.finish()
        if draws:
            scenes += [Scene(description=scene, source="text") for scene in visible.scenes]
        return _Reply(text or (SENDS_A_PICTURE if scenes else ""), options.model, tuple(scenes))

    async def _draw(
        self, thread: Thread, turn: Message, character: Character, scene: Scene, presenter: TurnPresenter
    ) -> None:
        """Accept the job before the turn is committed: a turn that is spoken again finds it and draws no second one."""
        history = await self._store.history(thread, limit=12)
        written = await self._writer.write_now(character, scene.description, history)
        job_id = await presenter.draw(turn, thread, character, scene, written.positive)
        if job_id is not None:
            await self._store.set_job(turn.id, job_id)

    def _options_for(self, character: Character) -> ModelOptions:
        preferred = character.preferred_llm
        return replace(
            self._options,
            model=preferred.model or self._options.model,
            temperature=self._options.temperature if preferred.temperature is None else preferred.temperature,
            max_tokens=preferred.max_tokens or self._options.max_tokens,
        )
