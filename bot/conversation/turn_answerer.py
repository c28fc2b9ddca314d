"""The steps of one turn: generate the reply, commit it, show it in Discord. `TurnScheduler` decides when they run.

A turn is RUNNING in the database before the model is asked, GENERATED when its text is committed, and DELIVERED when
Discord shows all of it. So every step can be continued after a crash.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from bot.characters import Character
from bot.characters.library import CharacterLibrary
from bot.conversation.image_prompt_writer import ImagePromptWriter
from bot.conversation.presenter import ChannelUnavailableError, TurnPost, TurnPresenter
from bot.conversation.reply_generation import Reply, ReplyGenerator
from bot.domain.conversations import ChatRole, Message, Scene, Thread
from bot.domain.jobs import JobState
from bot.errors import ChorusError, LanguageModelUnavailable
from bot.gpu_lock import GpuLock
from bot.language_model.errors import UnusableAnswerError
from bot.language_model.request_slots import RequestSlots
from bot.storage.conversations import ConversationRepository

log = logging.getLogger(__name__)

WAITING_FOR_GPU_TEXT = "-# *waits: the graphics card is drawing a picture*"
"""What a turn shows while ComfyUI has the GPU that it shares with the language model."""
GPU_NOTICE_DELAY_SECONDS = 2.0
"""How long a turn waits for the GPU before it says so; until then the typing indicator is enough."""
PROMPT_CONTEXT_MESSAGES = 12
"""Messages of the history from which the prompt of a turn's picture is written."""


class TurnAnswerer:
    """Answers messages with turns. Whatever must survive a crash is in the repository.

    Args:
        repository: Conversations and turns.
        characters: Who may answer.
        replies: Generates the text.
        image_prompts: Writes the prompts of pictures that characters send.
        gpu: The lock of the GPU that the language model shares with ComfyUI.
        slots: Limits the requests to the language model at the same time.
    """

    def __init__(
        self,
        repository: ConversationRepository,
        characters: CharacterLibrary,
        *,
        replies: ReplyGenerator,
        image_prompts: ImagePromptWriter,
        gpu: GpuLock,
        slots: RequestSlots,
    ) -> None:
        self._repository = repository
        self._characters = characters
        self._replies = replies
        self._image_prompts = image_prompts
        self._gpu = gpu
        self._slots = slots
        self._reported_missing: set[tuple[int, str | None]] = set()
        """(channel, character) for which it was shown that the character does not exist any more."""

    async def answer(self, thread: Thread, newest: Message, presenter: TurnPresenter) -> None:
        """Answer everything up to `newest` with a new turn.

        Raises:
            LanguageModelUnavailable: There is no answer; the messages still wait for one.
        """
        turn = await self._repository.begin_turn(thread.id, newest.character_id or "", newest.id)
        await self._generate_or_discard(thread, turn, presenter)

    async def resume(self, thread: Thread, presenter: TurnPresenter, *, is_recent: Callable[[Message], bool]) -> bool:
        """Continue the oldest turn of the thread that a crash interrupted or that is regenerated.

        Args:
            thread: The thread.
            presenter: Shows the turn.
            is_recent: Whether a turn without any text is still worth generating.

        Returns:
            False: the thread has no such turn.

        Raises:
            LanguageModelUnavailable: The turn was discarded, or shows its last alternative again.
        """
        turn = next((each for each in await self._unfinished_turns() if each.thread_id == thread.id), None)
        if turn is None:
            return False
        if turn.deleted_at is not None:
            await self._end_deleted(thread, turn, presenter)
        elif turn.state is JobState.GENERATED:
            await self._deliver(thread, turn, presenter)
        elif turn.alternatives:
            await self._generate_or_restore(thread, turn, presenter)
        elif is_recent(turn):
            await self._generate_or_discard(thread, turn, presenter)
        else:
            await self._discard(thread, turn, presenter)
        return True

    async def clean_up_cancelled(self, thread: Thread, turn_id: str, presenter: TurnPresenter) -> None:
        """Remove what a cancelled generation left: discard the turn, or show its last alternative again."""
        turn = await self._repository.message(turn_id)
        if turn is None or (turn.state is not JobState.RUNNING and turn.deleted_at is None):
            return
        if turn.deleted_at is not None:
            await self._end_deleted(thread, turn, presenter)
        elif turn.alternatives:
            await self._restore(thread, turn, presenter)
        else:
            await self._discard(thread, turn, presenter)

    async def turn_interrupted_by(self, deleted: Message) -> Message | None:
        """Return the unfinished turn that the deleted message is, or whose only reason it was."""
        for turn in await self._unfinished_turns():
            answers_it = turn.state is JobState.RUNNING and turn.reply_to_id == deleted.id and not turn.alternatives
            if turn.id == deleted.id or answers_it:
                return turn
        return None

    async def _unfinished_turns(self) -> list[Message]:
        unfinished = await self._repository.unfinished_messages()
        return [message for message in unfinished if message.role is ChatRole.ASSISTANT]

    # -- a turn without an answer

    async def _generate_or_discard(self, thread: Thread, turn: Message, presenter: TurnPresenter) -> None:
        """Discard the turn if the model is unavailable, so that the beginning of an answer is not left in Discord."""
        try:
            async with self._given_up_after_errors(thread, turn, presenter):
                await self._generate(thread, turn, presenter)
        except LanguageModelUnavailable:
            await self._discard(thread, turn, presenter)
            raise

    async def _generate_or_restore(self, thread: Thread, turn: Message, presenter: TurnPresenter) -> None:
        try:
            async with self._given_up_after_errors(thread, turn, presenter):
                await self._generate(thread, turn, presenter)
        except LanguageModelUnavailable:
            await self._restore(thread, turn, presenter)
            raise

    @asynccontextmanager
    async def _given_up_after_errors(
        self, thread: Thread, turn: Message, presenter: TurnPresenter
    ) -> AsyncGenerator[None]:
        """Give the turn up after an error that would come again: the message waits no longer, the channel is told why.

        A language model that is unavailable is waited for, which is up to the caller.
        """
        try:
            yield
        except UnusableAnswerError as error:
            log.warning("turn %s has no answer: %s (%s)", turn.id, error, error.__cause__ or "no cause")
            await self._give_up(thread, turn, presenter, error)
        except LanguageModelUnavailable:
            raise
        except Exception as error:  # the turn's boundary: it must end, with words that its reader can use
            log.exception("turn %s failed", turn.id)
            failure = error if isinstance(error, ChorusError) else ChorusError("The answer could not be written.")
            await self._give_up(thread, turn, presenter, failure)

    async def _give_up(self, thread: Thread, turn: Message, presenter: TurnPresenter, error: ChorusError) -> None:
        if turn.alternatives:
            await self._restore(thread, turn, presenter)
        else:
            try:
                await presenter.delete_posts(turn, thread)
            finally:
                await self._repository.end_without_answer(turn.id)
        await presenter.show_error(thread, error)

    async def _discard(self, thread: Thread, turn: Message, presenter: TurnPresenter) -> None:
        """Delete the turn's Discord messages and end it as FAILED."""
        await presenter.delete_posts(turn, thread)
        await self._repository.set_state([turn.id], JobState.FAILED)

    async def _end_deleted(self, thread: Thread, turn: Message, presenter: TurnPresenter) -> None:
        """End a turn that somebody deleted in Discord while it grew: what it answered gets no other answer."""
        await presenter.delete_posts(turn, thread)
        await self._repository.end_without_answer(turn.id)

    async def _restore(self, thread: Thread, turn: Message, presenter: TurnPresenter) -> None:
        """Show the alternative again that was shown before the regeneration."""
        await self._repository.set_state([turn.id], JobState.GENERATED)
        await self._deliver(thread, turn, presenter)

    # -- a turn with an answer

    async def _generate(self, thread: Thread, turn: Message, presenter: TurnPresenter) -> None:
        conversation = await self._repository.conversation(thread.conversation_id)
        guild_id = conversation.guild_id if conversation is not None else None
        reported = (thread.channel_id, turn.character_id)
        try:
            character = self._characters.find(turn.character_id or "", guild_id)
        except ChorusError as error:  # the character's file was removed: report it once, keep the history
            await self._repository.end_without_answer(turn.id)
            if reported not in self._reported_missing:
                self._reported_missing.add(reported)
                await presenter.show_error(thread, error)
            return
        self._reported_missing.discard(reported)
        try:
            async with presenter.open(turn, thread) as post:
                reply = await self._reply_with_gpu(thread, turn, character, post, presenter)
                await post.finish(await self._repository.add_alternative(turn.id, reply.text, reply.model))
        except ChannelUnavailableError:
            log.info("turn %s has no channel any more", turn.id)
            await self._repository.end_without_answer(turn.id)
            return
        await self._repository.mark_delivered(turn.id)

    async def _deliver(self, thread: Thread, turn: Message, presenter: TurnPresenter) -> None:
        """Make Discord show the committed text."""
        try:
            async with presenter.open(turn, thread) as post:
                await post.finish(turn)
        except ChannelUnavailableError:
            log.info("turn %s has no channel any more", turn.id)
        await self._repository.mark_delivered(turn.id)

    async def _reply_with_gpu(
        self, thread: Thread, turn: Message, character: Character, post: TurnPost, presenter: TurnPresenter
    ) -> Reply:
        """Generate the reply, and submit its picture, while the language model has the GPU."""
        asked = await self._repository.message(turn.reply_to_id) if turn.reply_to_id else None
        async with self._slots.slot(asked.author_id if asked is not None else None):
            loop = asyncio.get_running_loop()
            notice = loop.call_later(GPU_NOTICE_DELAY_SECONDS, post.update, WAITING_FOR_GPU_TEXT)
            try:
                async with self._gpu.conversation():
                    notice.cancel()
                    reply = await self._replies.generate(thread, turn, character, post)
                    if reply.scenes and turn.job_id is None:
                        await self._draw(thread, turn, character, reply.scenes[0], presenter)
            finally:
                notice.cancel()
        return reply

    async def _draw(
        self, thread: Thread, turn: Message, character: Character, scene: Scene, presenter: TurnPresenter
    ) -> None:
        """Submit the turn's picture before its text is committed, so that a turn that runs again finds the job."""
        history = await self._repository.history(thread, limit=PROMPT_CONTEXT_MESSAGES)
        prompt = await self._image_prompts.write_holding_gpu(character, scene.description, history)
        job_id = await presenter.draw(turn, thread, character, scene, prompt.positive)
        if job_id is not None:
            await self._repository.set_job(turn.id, job_id)
