"""Conversations at work: hears people, lets the model answer, one turn at a time per thread.

Everything said is committed before anything is answered; a turn is RUNNING in the store before the model is asked.
What a crash interrupts is found by its state at the next start and taken up there.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from weakref import WeakValueDictionary

from bot.conversation.addressing import address
from bot.conversation.answering import TurnAnswerer
from bot.conversation.ports import Characters, TurnPresenter
from bot.conversation.store import ConversationStore
from bot.domain.conversations import AnswerMode, Binding, ChatRole, Conversation, IncomingMessage, Message, Thread
from bot.domain.jobs import JobState
from bot.errors import CharacterNotFound, ChorusError, InputInvalid, LanguageModelUnavailable

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ConversationOptions:
    """How to listen."""

    default_character: str
    allow_bots: bool = False
    answer_missed_within: timedelta = timedelta(minutes=10)
    unbound_mode: AnswerMode = AnswerMode.MENTION
    """What a channel that belonged to nobody does when a conversation is begun there: as before."""
    max_bot_turns: int = 4
    """Answers to bots in a row before silence."""
    retry_seconds: float = 15.0
    """How often to look whether an unavailable model is back."""


class ConversationService:
    """One for the whole bot. `start` gives it its presenter; `close` leaves interrupted turns for the next start."""

    def __init__(
        self, store: ConversationStore, characters: Characters, answering: TurnAnswerer, options: ConversationOptions
    ) -> None:
        self.store = store
        self.options = options
        self._characters = characters
        self._answering = answering
        self._presenter: TurnPresenter | None = None
        self._workers: dict[str, asyncio.Task[None]] = {}
        self._woken: set[str] = set()
        """Threads in which something came up while their worker was at work: it may have looked already."""
        self._speaking: dict[str, asyncio.Task[None]] = {}
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        """Who changes what stands in Discord of a spoken turn; one at a time."""
        self._told: set[int] = set()
        self._waiting_for_model: set[str] = set()
        self._revival: asyncio.Task[None] | None = None

    async def start(self, presenter: TurnPresenter) -> None:
        """Begin to answer, first what a former run left unfinished."""
        self._presenter = presenter
        for message in await self.store.unfinished():
            self._wake(message.thread_id)

    async def close(self) -> None:
        """Stop answering. Interrupted turns stay RUNNING in the store."""
        tasks = [*self._workers.values(), *([self._revival] if self._revival else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._workers.clear()

    async def idle(self) -> None:
        """Return when no turn is being answered (for tests and an orderly end of the demo)."""
        while tasks := list(self._workers.values()):
            await asyncio.gather(*tasks, return_exceptions=True)

    # -- what people do

    async def hear(self, incoming: IncomingMessage, *, missed: bool = False) -> Message | None:
        """Store a message if it belongs into a conversation here, and see to its answer.

        Args:
            incoming: The message.
            missed: It was written while the bot was away: it is remembered, not answered.

        Returns:
            The stored message; None where nobody listens, or where it is stored already.
        """
        if not incoming.words:
            return None  # a poll, a forwarded message: nothing that the model could read
        channel_id = incoming.parent_channel_id or incoming.channel_id
        binding = await self.store.binding(channel_id)
        replied = None
        if incoming.replies_to_message_id is not None:
            turn = await self.store.by_discord_id(incoming.replies_to_message_id)
            replied = turn.character_id if turn is not None and turn.role is ChatRole.ASSISTANT else None
        decision = address(
            incoming,
            binding,
            self._characters.names_and_aliases(incoming.guild_id),
            default_character=self.options.default_character,
            replied_character=replied or incoming.replied_character_id,
            direct=incoming.guild_id is None,
            allow_bots=self.options.allow_bots,
        )
        if not decision.heard or decision.character_id is None:
            return None
        if self._is_out_of_place(decision.character_id, incoming):
            return None
        thread = await self.thread_for(incoming, binding, decision.character_id)
        wants = decision.wants_answer and not missed
        if incoming.author_is_bot and await self.store.last_bot_run(thread.id) >= self.options.max_bot_turns:
            wants = False  # two bots would talk for ever
        message = await self.store.add_human(
            thread,
            incoming,
            addressed_to=decision.character_id if decision.wants_answer else None,
            state=JobState.QUEUED if wants else JobState.DELIVERED,
        )
        if message is not None and wants:
            self._wake(thread.id)
        return message

    async def answer_missed(self, message: Message) -> None:
        """Answer the newest message written while the bot was away, if it is young enough and addressed somebody."""
        if message.character_id is not None and self._is_young(message):
            await self.store.set_state([message.id], JobState.QUEUED)
            self._wake(message.thread_id)

    async def forget(self, discord_message_id: int) -> bool:
        """A Discord message was deleted: what it held leaves the history, and is not answered any more.

        Returns:
            False: no such message is known.
        """
        deleted = await self.store.delete_by_discord_id(discord_message_id)
        turn = await self._answering.interrupted_by(deleted) if deleted is not None else None
        speaking = self._speaking.get(turn.thread_id) if turn is not None else None
        if turn is not None and speaking is not None and speaking.get_name() in {turn.id, turn.reply_to_id}:
            speaking.cancel()
        return deleted is not None

    async def regenerate(self, turn_id: str) -> Message:
        """A new alternative for a turn; the old ones are kept. One that is being spoken is not spoken twice.

        Raises:
            ChorusError: The turn is gone.
        """
        turn = await self.store.begin_again(turn_id) or await self.store.message(turn_id)
        if turn is None or turn.deleted_at is not None or turn.role is not ChatRole.ASSISTANT:
            raise ChorusError("That message is no longer part of a conversation.", advice="Write a new one.")
        self._wake(turn.thread_id)
        return turn

    async def show_alternative(self, turn_id: str, n: int) -> Message | None:
        """Make alternative `n` the one in the history, and the one in Discord. None where it does not exist.

        Raises:
            InputInvalid: Another one is being written.
        """
        turn = await self.store.message(turn_id)
        if turn is not None and turn.state is JobState.RUNNING:  # do not wait for its end
            raise InputInvalid("Another answer is being written.", advice="Choose when it is there.")
        async with self._only(turn_id):  # two presses: what stands in Discord is what was committed last
            before = await self.store.message(turn_id)
            thread = await self.store.thread_by_id(before.thread_id) if before is not None else None
            if before is None or thread is None or before.deleted_at is not None:
                return None
            turn = await self.store.show_alternative(turn_id, n)
            if turn is None:
                return None
            async with self._shown_by.open(turn, thread) as post:
                await post.finish(turn)
            await self.store.settle_turn(turn_id)
            return turn

    def _only(self, turn_id: str) -> asyncio.Lock:
        return self._turns.setdefault(turn_id, asyncio.Lock())

    # -- whose conversation

    async def thread_for(self, incoming: IncomingMessage, binding: Binding | None, character_id: str) -> Thread:
        """The line of talk a message belongs to; made on first use, also in channels bound to nobody."""
        channel_id = incoming.parent_channel_id or incoming.channel_id
        conversation = await self.conversation_of(channel_id, incoming.guild_id, binding, character_id)
        main = await self.store.ensure_thread(conversation.id, channel_id)
        if incoming.parent_channel_id is None:
            return main
        return await self.store.ensure_thread(
            conversation.id, incoming.channel_id, parent=main, before_discord_message_id=incoming.discord_message_id
        )

    async def current_thread(self, channel_id: int, parent_channel_id: int | None = None) -> Thread | None:
        """The line of talk going on in a channel (or Discord thread), if anybody has talked there."""
        home = parent_channel_id or channel_id
        binding = await self.store.binding(home)
        conversation_id = binding.conversation_id if binding is not None else None
        if conversation_id is None:
            known = await self.store.conversations(home)
            conversation_id = known[0].id if known else None
        return await self.store.thread(conversation_id, channel_id) if conversation_id is not None else None

    async def conversation_of(
        self, channel_id: int, guild_id: int | None, binding: Binding | None, character_id: str
    ) -> Conversation:
        """The channel's current conversation: the binding's, else the one used last there, else a new one."""
        if binding is not None and binding.conversation_id is not None:
            found = await self.store.conversation(binding.conversation_id)
            if found is not None:
                return found
        owner = binding.character_id if binding is not None else character_id
        conversation = None
        if binding is None:
            known = await self.store.conversations(channel_id)
            conversation = next((each for each in known if each.character_id == owner), None)
        if conversation is None:
            title = f"With {self._characters.names(guild_id).get(owner, owner)}"
            conversation = await self.store.create(
                character_id=owner, title=title, guild_id=guild_id, channel_id=channel_id
            )
        if binding is not None:
            await self.store.bind(binding.model_copy(update={"conversation_id": conversation.id}))
        return conversation

    async def use_character(
        self,
        channel_id: int,
        guild_id: int | None,
        character_id: str,
        *,
        mode: AnswerMode = AnswerMode.ALL,
        by: int | None = None,
    ) -> Binding:
        """Give a channel to a character, with its last conversation there or a new one."""
        known = await self.store.conversations(channel_id)
        old = next((each.id for each in known if each.character_id == character_id), None)
        binding = Binding(
            channel_id=channel_id,
            guild_id=guild_id,
            character_id=character_id,
            conversation_id=old,
            mode=mode,
            bound_by=by,
        )
        await self.store.bind(binding)
        return binding

    def _is_out_of_place(self, character_id: str, incoming: IncomingMessage) -> bool:
        """A character for adults, called where everybody reads."""
        if incoming.guild_id is None or incoming.age_restricted:
            return False
        try:
            return self._characters.find(character_id, incoming.guild_id).nsfw
        except CharacterNotFound:  # the answer will say so
            return False

    # -- workers

    @property
    def _shown_by(self) -> TurnPresenter:
        if self._presenter is None:
            raise RuntimeError("ConversationService.start() has not been called")
        return self._presenter

    def _is_young(self, message: Message) -> bool:
        return datetime.now(UTC) - message.created_at < self.options.answer_missed_within

    def _wake(self, thread_id: str) -> None:
        if self._presenter is None:
            return
        if thread_id in self._workers:
            self._woken.add(thread_id)
            return
        self._woken.discard(thread_id)
        task = asyncio.create_task(self._talk(thread_id), name=f"talk-{thread_id}")
        self._workers[thread_id] = task
        task.add_done_callback(lambda done: self._left(thread_id, done))

    def _left(self, thread_id: str, task: asyncio.Task[None]) -> None:
        self._workers.pop(thread_id, None)
        if task.cancelled():
            return
        if task.exception() is not None:
            log.error("The conversation of thread %s broke", thread_id, exc_info=task.exception())
        if thread_id in self._woken:
            self._wake(thread_id)

    async def _talk(self, thread_id: str) -> None:
        """Answer until nothing waits in this thread. Messages that arrive meanwhile are read together."""
        thread = await self.store.thread_by_id(thread_id)
        if thread is None:
            return
        while True:
            try:
                if not await self._next_answer(thread):
                    return
            except LanguageModelUnavailable as error:
                await self._unavailable(thread, error)
                return
            self._told.discard(thread.channel_id)

    async def _next_answer(self, thread: Thread) -> bool:
        """Answer one thing: an unfinished turn, or the people who wait. False: there is nothing."""
        unfinished = [message for message in await self.store.unfinished() if message.thread_id == thread.id]
        turn = next((message for message in unfinished if message.role is ChatRole.ASSISTANT), None)
        if turn is not None:
            work = self._answering.resume(thread, self._shown_by, is_young=self._is_young)
            async with self._only(turn.id):
                await self._stoppable(thread, turn.id, work)
            return True
        waiting = list(await self.store.unanswered(thread.id))
        stale = [message.id for message in waiting if not self._is_young(message)]
        if stale:
            await self.store.set_state(stale, JobState.DELIVERED)
        fresh = [message for message in waiting if message.id not in stale]
        if not fresh:
            return False
        newest = [message for message in fresh if message.character_id == fresh[0].character_id][-1]
        await self._stoppable(thread, newest.id, self._answering.answer(thread, newest, self._shown_by))
        return True

    async def _stoppable(self, thread: Thread, about: str, work: Coroutine[Any, Any, Any]) -> None:
        """Speak in a task of its own, which `forget` ends when what it answers is deleted."""
        task = asyncio.create_task(work, name=about)
        self._speaking[thread.id] = task
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            task.cancel()
            await asyncio.wait([task])
            raise
        finally:
            del self._speaking[thread.id]
        if not task.cancelled():
            task.result()
            return
        for message in await self.store.unfinished():
            if message.role is ChatRole.ASSISTANT and about in {message.id, message.reply_to_id}:
                await self._answering.stop(thread, message.id, self._shown_by)

    # -- the model is away

    async def _unavailable(self, thread: Thread, error: LanguageModelUnavailable) -> None:
        """One notice for the channel, until an answer succeeds there again."""
        log.warning("No answer in channel %s: %s (%s)", thread.channel_id, error, error.__cause__ or "no cause")
        self._waiting_for_model.add(thread.id)
        if self._revival is None or self._revival.done():
            self._revival = asyncio.create_task(self._revive(), name="wait-for-language-model")
        if thread.channel_id not in self._told:
            self._told.add(thread.channel_id)
            await self._shown_by.notice(thread, error)

    async def _revive(self) -> None:
        """Look for the model until it is back, then let the waiting threads go on."""
        while self._waiting_for_model:
            await asyncio.sleep(self.options.retry_seconds)
            if await self._answering.model_is_back():
                waiting, self._waiting_for_model = self._waiting_for_model, set()
                for thread_id in waiting:
                    self._wake(thread_id)
