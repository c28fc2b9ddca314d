"""What people do in conversations: write, delete, ask for another answer, choose an alternative.

Every message is committed before it is answered.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.characters.library import CharacterLibrary
from bot.conversation.answer_policy import AnswerPolicy
from bot.conversation.channel_conversations import ChannelConversations
from bot.conversation.options import ConversationOptions
from bot.conversation.presenter import TurnPresenter
from bot.conversation.turn_answerer import TurnAnswerer
from bot.conversation.turn_scheduler import TurnScheduler
from bot.domain.conversations import ChatRole, IncomingMessage, Message
from bot.domain.jobs import JobState
from bot.errors import ChorusError, InputInvalid
from bot.language_model.client import LanguageModel
from bot.policy import Policy
from bot.storage.conversations import ConversationRepository
from bot.storage.waiting import waiting_for_store


class ConversationService:
    """All conversations of the bot.

    Attributes:
        repository: Conversations, threads, messages and bindings.
        channels: The conversations, threads and bindings of channels.
        scheduler: The workers that answer messages.
        options: As passed.
    """

    def __init__(  # noqa: PLR0917 - what it is composed of
        self,
        repository: ConversationRepository,
        characters: CharacterLibrary,
        model: LanguageModel,
        answerer: TurnAnswerer,
        options: ConversationOptions,
        access: Policy | None = None,
    ) -> None:
        self.repository = repository
        self.options = options
        self.channels = ChannelConversations(repository, characters, default_character=options.default_character)
        self._policy = AnswerPolicy(repository, characters, options, access or Policy())
        self.scheduler = TurnScheduler(repository, answerer, self._policy, model, retry_seconds=options.retry_seconds)

    async def start(self, presenter: TurnPresenter) -> None:
        """Begin to answer, also what was left unfinished when the bot stopped."""
        await self.scheduler.start(presenter)

    async def close(self) -> None:
        """Stop answering. Interrupted turns are resumed by the next `start`."""
        await self.scheduler.close()

    async def wait_until_idle(self) -> None:
        """Return when no turn is being answered."""
        await self.scheduler.wait_until_idle()

    async def receive(self, incoming: IncomingMessage, *, missed: bool = False) -> Message | None:
        """Store a message if it belongs to a conversation, and schedule its answer if it wants one.

        Args:
            incoming: The message.
            missed: It was written while the bot was away. It is stored, and waits for `answer_newest` where it is
                recent; after a crash before that, it is answered by the next `start`.

        Returns:
            The stored message, QUEUED if it waits for an answer; None if it belongs to no conversation, or is stored
            already.

        Raises:
            NotAllowed: It wants an answer, and the person may not talk there; nothing was stored.
        """
        binding = await self.repository.binding(incoming.channel.bound_id)
        decision = await self._policy.decide(incoming, binding)
        if decision is None or not self._policy.may_talk(incoming, wants_answer=decision.wants_answer):
            return None
        thread = await self.channels.thread_for(incoming, binding, decision.character_id)
        answered = decision.wants_answer and (self._policy.is_recent(incoming) or not missed)
        if answered and await self._policy.is_bot_limit_reached(incoming, thread):
            answered = False
        message = await self.repository.add_user_message(
            thread,
            incoming,
            addressed_to=decision.character_id if decision.wants_answer else None,
            state=JobState.QUEUED if answered else JobState.DELIVERED,
        )
        if message is not None and answered:
            self.scheduler.received(message)
            if not missed:
                self.scheduler.schedule(thread.id)
        return message

    async def answer_newest(self, missed: Sequence[Message]) -> None:
        """Schedule the answer to the newest of the messages that were written in a thread while the bot was away.

        Args:
            missed: As returned by `receive`, oldest first. Those that want no answer are passed over.
        """
        waiting = [message for message in missed if message.state is JobState.QUEUED]
        if not waiting:
            return
        *older, newest = waiting
        if older:
            await self.repository.set_state([message.id for message in older], JobState.DELIVERED)
        self.scheduler.schedule(newest.thread_id)

    async def delete_message(self, discord_message_id: int) -> None:
        """Remove what a deleted Discord message held from the history, and cancel the answer to it.

        Nothing happens if the Discord message belongs to no conversation.
        """
        deleted = await self.repository.delete_by_discord_id(discord_message_id)
        if deleted is not None:
            await self.scheduler.cancel_answer_to(deleted)

    async def regenerate(self, turn_id: str) -> Message:
        """Schedule another alternative of a turn. Nothing is added to a turn that is being generated already.

        Raises:
            ChorusError: The turn was deleted.
        """
        turn = await self.repository.begin_regeneration(turn_id) or await self.repository.message(turn_id)
        if turn is None or turn.deleted_at is not None or turn.role is not ChatRole.ASSISTANT:
            raise ChorusError("That message is no longer part of a conversation.", advice="Write a new one.")
        self.scheduler.schedule(turn.thread_id)
        return turn

    async def show_alternative(self, turn_id: str, n: int) -> Message | None:
        """Make alternative `n` of a turn the one in the history, and show it in Discord.

        Returns:
            The turn; None if it has no such alternative, or was deleted.

        Raises:
            InputInvalid: Another alternative is being generated.
        """
        turn = await self.repository.message(turn_id)
        if turn is not None and turn.state is JobState.RUNNING:  # its lock is held until the generation ends
            raise InputInvalid("Another answer is being written.", advice="Choose when it is there.")
        # With the lock, after two quick presses Discord shows the alternative that was committed last.
        async with self.scheduler.turn_lock(turn_id):
            before = await self.repository.message(turn_id)
            thread = await self.repository.thread(before.thread_id) if before is not None else None
            if before is None or thread is None or before.deleted_at is not None:
                return None
            turn = await self.repository.show_alternative(turn_id, n)
            if turn is None:
                return None
            with waiting_for_store(until=None):  # the choice is stored, so it must be shown
                async with self.scheduler.presenter.open(turn, thread) as post:
                    await post.finish(turn)
                await self.repository.mark_delivered(turn_id)
            return turn
