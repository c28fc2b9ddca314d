"""While the language model is unavailable: one error message for each channel, and a check until it is available."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from bot.conversation.presenter import TurnPresenter
from bot.domain.conversations import Thread
from bot.errors import LanguageModelUnavailable
from bot.language_model.client import LanguageModel

log = logging.getLogger(__name__)


class ModelAvailability:
    """Keeps the threads whose answer waits for the language model, and lets them go on when it is available again.

    Attributes:
        retry_seconds: The interval in which the server is asked whether it is available.
    """

    def __init__(self, model: LanguageModel, resume_thread: Callable[[str], None], *, retry_seconds: float) -> None:
        self.retry_seconds = retry_seconds
        self._model = model
        self._resume_thread = resume_thread
        self._waiting_threads: set[str] = set()
        self._notified_channels: set[int] = set()
        """Channels in which the error was shown and no answer has succeeded since."""
        self._resumed_threads: set[str] = set()
        """Threads that were resumed and have not asked for it yet."""
        self._check: asyncio.Task[None] | None = None

    async def wait_for_model(self, thread: Thread, error: LanguageModelUnavailable, presenter: TurnPresenter) -> None:
        """Resume the thread when the model is available again; show the error in its channel once."""
        log.warning("No answer in channel %s: %s (%s)", thread.channel_id, error, error.__cause__ or "no cause")
        self._waiting_threads.add(thread.id)
        if self._check is None or self._check.done():
            self._check = asyncio.create_task(self._check_until_available(), name="wait for the language model")
        if thread.channel_id not in self._notified_channels:
            self._notified_channels.add(thread.channel_id)
            await presenter.show_error(thread, error)

    def answer_succeeded(self, thread: Thread) -> None:
        """Show the next error in this thread's channel again."""
        self._notified_channels.discard(thread.channel_id)

    def take_resumed(self, thread: Thread) -> bool:
        """Whether the thread goes on because the model is available again; True once for each time."""
        resumed = thread.id in self._resumed_threads
        self._resumed_threads.discard(thread.id)
        return resumed

    async def close(self) -> None:
        """Stop the check."""
        if self._check is not None:
            self._check.cancel()
            await asyncio.gather(self._check, return_exceptions=True)

    async def _check_until_available(self) -> None:
        while self._waiting_threads:
            await asyncio.sleep(self.retry_seconds)
            if await self._is_available():
                waiting, self._waiting_threads = self._waiting_threads, set()
                self._resumed_threads |= waiting
                for thread_id in waiting:
                    self._resume_thread(thread_id)

    async def _is_available(self) -> bool:
        try:
            await self._model.list_models()
        except LanguageModelUnavailable:
            return False
        return True
