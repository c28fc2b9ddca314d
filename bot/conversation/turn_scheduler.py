"""Turn scheduling: one worker task per thread answers one turn at a time, until nothing waits in its thread."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary

from bot.conversation.answer_policy import AnswerPolicy
from bot.conversation.model_availability import ModelAvailability
from bot.conversation.presenter import TurnPresenter
from bot.conversation.turn_answerer import TurnAnswerer
from bot.domain.conversations import ChatRole, Message, Thread
from bot.domain.jobs import JobState
from bot.errors import LanguageModelUnavailable
from bot.language_model.client import LanguageModel
from bot.storage.conversations import ConversationRepository

log = logging.getLogger(__name__)

MAX_PAUSE_SECONDS = 60.0
"""The longest time until a worker that failed is started again; the first pause is a second, each further one twice."""


@dataclass(frozen=True, slots=True)
class _RunningAnswer:
    """`message_id` is the message that is answered, or the turn that is resumed."""

    message_id: str
    task: asyncio.Task[Any]


class TurnScheduler:
    """Runs the workers.

    Args:
        repository: Where messages wait for an answer and unfinished turns are found.
        answerer: Answers one message or resumes one turn.
        policy: Tells which waiting messages are too old for an answer.
        model: Asked whether it is available again after an error.
        retry_seconds: The interval in which it is asked.

    Attributes:
        availability: The threads that wait for the language model.
    """

    def __init__(
        self,
        repository: ConversationRepository,
        answerer: TurnAnswerer,
        policy: AnswerPolicy,
        model: LanguageModel,
        *,
        retry_seconds: float,
    ) -> None:
        self.availability = ModelAvailability(model, self.schedule, retry_seconds=retry_seconds)
        self._repository = repository
        self._answerer = answerer
        self._policy = policy
        self._presenter: TurnPresenter | None = None
        self._workers: dict[str, asyncio.Task[None]] = {}
        self._scheduled_again: set[str] = set()
        """Threads that were scheduled while their worker ran, which may have looked for messages just before."""
        self._answers: dict[str, _RunningAnswer] = {}
        """Thread id -> what its worker answers now."""
        self._retry_pauses: dict[str, float] = {}
        """Thread -> seconds after which its worker, which failed, was started again."""
        self._received_at: dict[str, float] = {}
        """Message that waits for an answer -> monotonic time at which this process received it or found it waiting."""
        self._turn_locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @property
    def presenter(self) -> TurnPresenter:
        """What shows turns in Discord. Raises RuntimeError before `start`."""
        if self._presenter is None:
            raise RuntimeError("TurnScheduler.start() has not been called")
        return self._presenter

    async def start(self, presenter: TurnPresenter) -> None:
        """Begin to answer, also what was left unfinished when the bot stopped and is recent enough for an answer."""
        self._presenter = presenter
        unfinished = await self._repository.unfinished_messages()
        left = [each for each in unfinished if each.role is ChatRole.USER and each.id not in self._received_at]
        too_old = [message.id for message in left if not self._policy.is_recent(message)]
        if too_old:
            await self._repository.set_state(too_old, JobState.DELIVERED)
        for message in unfinished:
            self.schedule(message.thread_id)

    def received(self, message: Message) -> None:
        """Note a message that waits for an answer. From now on its waiting counts by the monotonic clock."""
        self._received_at[message.id] = time.monotonic()

    async def close(self) -> None:
        """Cancel the workers. Turns that they were generating stay RUNNING in the database; `start` resumes them."""
        tasks = list(self._workers.values())
        for task in tasks:
            task.cancel()
        await self.availability.close()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._workers.clear()
        self._presenter = None

    async def wait_until_idle(self) -> None:
        """Return when no worker runs; threads that wait for the language model have none."""
        while tasks := list(self._workers.values()):
            await asyncio.gather(*tasks, return_exceptions=True)

    def schedule(self, thread_id: str) -> None:
        """Let a worker answer what waits in a thread. Before `start` this does nothing."""
        if self._presenter is None:
            return
        if thread_id in self._workers:
            self._scheduled_again.add(thread_id)
            return
        self._scheduled_again.discard(thread_id)
        task = asyncio.create_task(self._work(thread_id), name=f"answer thread {thread_id}")
        self._workers[thread_id] = task
        task.add_done_callback(lambda done: self._worker_done(thread_id, done))

    def turn_lock(self, turn_id: str) -> asyncio.Lock:
        """Return the lock that is held while the Discord messages of an existing turn change."""
        return self._turn_locks.setdefault(turn_id, asyncio.Lock())

    async def cancel_answer_to(self, deleted: Message) -> None:
        """Cancel the generation that the deleted message was the reason for, or the result of."""
        self._forget([deleted])
        turn = await self._answerer.turn_interrupted_by(deleted)
        answer = self._answers.get(turn.thread_id) if turn is not None else None
        if turn is not None and answer is not None and answer.message_id in {turn.id, turn.reply_to_id}:
            answer.task.cancel()

    def _worker_done(self, thread_id: str, task: asyncio.Task[None]) -> None:
        self._workers.pop(thread_id, None)
        if task.cancelled():
            return
        if task.exception() is not None:
            # Only the database is left to fail here, and what waits must not wait for the next message or start.
            seconds = self._retry_pauses[thread_id] = min(self._retry_pauses.get(thread_id, 0.5) * 2, MAX_PAUSE_SECONDS)
            log.error("The worker of thread %s failed; again in %g s", thread_id, seconds, exc_info=task.exception())
            asyncio.get_running_loop().call_later(seconds, self.schedule, thread_id)
            return
        self._retry_pauses.pop(thread_id, None)
        if thread_id in self._scheduled_again:
            self.schedule(thread_id)

    async def _work(self, thread_id: str) -> None:
        thread = await self._repository.thread(thread_id)
        if thread is None:
            return
        while True:
            try:
                if not await self._answer_next(thread):
                    return
            except LanguageModelUnavailable as error:
                await self.availability.wait_for_model(thread, error, self.presenter)
                return
            self.availability.answer_succeeded(thread)

    async def _answer_next(self, thread: Thread) -> bool:
        """Resume an unfinished turn, else answer the messages that wait, all with one turn. False: nothing waits."""
        unfinished = [each for each in await self._repository.unfinished_messages() if each.thread_id == thread.id]
        turn = next((message for message in unfinished if message.role is ChatRole.ASSISTANT), None)
        if turn is not None:
            work = self._answerer.resume(thread, self.presenter, is_recent=self._policy.is_recent)
            async with self.turn_lock(turn.id):
                await self._run_cancellable(thread, turn.id, work)
            return True
        waiting = await self._repository.waiting_messages(thread.id)
        too_old = self._missed_while_unavailable(thread, waiting)
        if too_old:
            await self._repository.set_state([message.id for message in too_old], JobState.DELIVERED)
            self._forget(too_old)
        recent = [message for message in waiting if message not in too_old]
        if not recent:
            return False
        answered = [message for message in recent if message.character_id == recent[0].character_id]
        newest = answered[-1]
        await self._run_cancellable(thread, newest.id, self._answerer.answer(thread, newest, self.presenter))
        self._forget(answered)
        return True

    def _missed_while_unavailable(self, thread: Thread, waiting: Sequence[Message]) -> list[Message]:
        """Return the messages that are too old for an answer now that the language model is available again.

        What waits for any other reason is answered, however long that takes: nobody has missed it.
        """
        now = time.monotonic()
        waited = [now - self._received_at.setdefault(message.id, now) for message in waiting]
        if not self.availability.take_resumed(thread):
            return []
        return [message for message, seconds in zip(waiting, waited, strict=True) if self._policy.is_too_late(seconds)]

    def _forget(self, messages: Sequence[Message]) -> None:
        for message in messages:
            self._received_at.pop(message.id, None)

    async def _run_cancellable(self, thread: Thread, message_id: str, work: Coroutine[Any, Any, Any]) -> None:
        """Run `work` in a task of its own, so that `cancel_answer_to` can end it without ending the worker."""
        task = asyncio.create_task(work, name=f"answer message {message_id}")
        self._answers[thread.id] = _RunningAnswer(message_id, task)
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            task.cancel()
            await asyncio.wait([task])
            raise
        finally:
            del self._answers[thread.id]
        if not task.cancelled():
            task.result()
            return
        for message in await self._repository.unfinished_messages():
            if message.role is ChatRole.ASSISTANT and message_id in {message.id, message.reply_to_id}:
                await self._answerer.clean_up_cancelled(thread, message.id, self.presenter)
