"""Following one prompt to its end: by events while they come, by asking when they do not."""

from __future__ import annotations

import asyncio
import logging
import math
from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from typing import Protocol, Self

from bot.comfyui.events import (
    Event,
    ExecutingEvent,
    ExecutionErrorEvent,
    ExecutionInterruptedEvent,
    ExecutionSuccessEvent,
    StatusEvent,
)
from bot.comfyui.exceptions import ComfyConnectionError, ComfyError
from bot.comfyui.models import (
    Absent,
    ExecutionUpdate,
    Finished,
    Interrupted,
    Lost,
    NodeProblem,
    Outcome,
    Pending,
    PreviewFrame,
    Queued,
    Running,
    Stepped,
    Submission,
    Succeeded,
    Whereabouts,
)
from bot.comfyui.options import ClientOptions
from bot.comfyui.story import Story

_log = logging.getLogger(__name__)


class Link(Protocol):
    """What a tracking needs of its client."""

    @property
    def last_frame_at(self) -> float:
        """When the socket last said anything (loop time)."""
        ...

    def hears(self, client_id: str | None) -> bool:
        """The socket is up, and events for that client id come to it."""
        ...

    def suspect_deaf(self) -> None:
        """Reconnect: the socket is silent where it should not be."""
        ...

    def adopt(self, client_id: str) -> None:
        """Listen under that id, if nothing else needs the present one."""
        ...

    async def whereabouts(self, prompt_id: str) -> Whereabouts:
        """Ask `/queue`, then `/history`."""
        ...


class Tracking:
    """One prompt, followed. Iterate (one consumer) for updates, await `outcome()` for the end; both may be left out.

    While the socket hears the prompt, nothing is polled; a watchdog asks after silence, and reconnects a socket that
    turns out deaf. Without a socket, or for prompts of another client id, `/queue` and `/history/{id}` are polled.
    Asking starts with the submission, or with the first `await` where nothing is submitted through this client.

    Attributes:
        started_at: Loop time (monotonic) when execution was first known to run; None before.
        patience: Seconds of silence before the watchdog looks again.

    """

    def __init__(self, prompt_id: str, link: Link, options: ClientOptions) -> None:
        self.prompt_id = prompt_id
        self.client_id: str | None = None
        self.started_at: float | None = None
        self.cancelled = False
        self._link = link
        self._options = options
        self._loop = asyncio.get_running_loop()
        self._story = Story()
        self._updates: deque[ExecutionUpdate] = deque()
        self._news = asyncio.Event()
        self._ended: asyncio.Future[Outcome] = self._loop.create_future()
        self._node_errors: tuple[NodeProblem, ...] = ()
        self._waiting = False
        self._submitting = False
        self._known = False
        self._denials = 0
        self._begun = asyncio.Event()
        self._wake = asyncio.Event()
        self._due = math.inf
        """When to ask, for a reason."""
        self._watch_at = math.inf
        """When to ask, for want of news."""
        self._heard_at = 0.0
        self._submitted_at = 0.0
        self._polling_since: float | None = None
        self._doubtful = False
        self.patience = options.watchdog_silence

    # -- for the one who watches

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ExecutionUpdate:
        self._begin()
        while not self._updates:
            if self._ended.done():
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        return self._updates.popleft()

    async def outcome(self) -> Outcome:
        """How it ended; waits as long as that takes, also through restarts of the server.

        Raises:
            ComfyConnectionError: The client, or this tracking, was closed before the end.

        """
        self._begin()
        return await asyncio.shield(self._ended)

    @property
    def ended(self) -> bool:
        """The outcome is known."""
        return self._ended.done()

    # -- for the client

    def submitting(self, client_id: str) -> None:
        """POST /prompt goes out: absence means nothing until it is answered."""
        self._submitting, self.client_id = True, client_id
        self._submitted_at = self._loop.time()

    def submitted(self, submission: Submission | None) -> None:
        """POST /prompt was answered, or (None) nobody knows."""
        self._submitting, self._known = False, True
        self._node_errors = submission.node_errors if submission else ()
        self._heard_at = self._loop.time()
        self.patience = self._options.watchdog_after_submit
        self._begun.set()
        told = self._story.certain()  # events may be faster than the reply
        if told is not None:
            self._end(told)
        # A free server begins at once and says so; if it does not, the place in its queue is worth asking for.
        self._hasten(2 * self._options.settle_delay if submission and not submission.recovered else 0.0)

    def refused(self) -> None:
        """POST /prompt did not queue it."""
        self._submitting = False
        self._end(Lost())

    def cancelling(self) -> None:
        """Our own cancel went out: if it is in no list now, that is why."""
        self.cancelled = True
        self._hasten(0.0)

    @property
    def heard(self) -> bool:
        """An event proved that the server has, or had, the prompt."""
        return self._story.started

    def feed(self, event: Event) -> None:
        """An event of this prompt, or a `status`."""
        if self.ended:
            return
        if isinstance(event, StatusEvent):
            if self._waiting:  # the queue moved, so may its place have
                self._hasten(self._options.settle_delay)
            return
        self._heard_at = self._loop.time()
        self._known, self._waiting, self._denials = True, False, 0
        if not (isinstance(event, ExecutingEvent) and event.prompt_id is None):
            # That one greets a new socket and proves nothing about the next frame.
            self.patience, self._doubtful = self._options.watchdog_silence, False
        self._watch_at = self._heard_at + self.patience
        self._publish(self._story.add(event))
        self._conclude(event)

    def connection_changed(self, *, up: bool) -> None:
        """The socket went or came: events may be missed, so ask as soon as that makes sense."""
        self._story.gap()
        self._hasten(0.0 if up else self._options.poll_initial)

    def close(self) -> None:
        """Nobody follows any more."""
        if not self._ended.done():
            self._ended.set_exception(ComfyConnectionError("the tracking was closed"))
            self._ended.exception()  # whoever awaits gets it; nobody must
        self._news.set()
        self._wake.set()

    async def follow(self) -> None:
        """The watchdog and the poll; runs as a task until the end is known."""
        await self._begun.wait()
        while not self.ended:
            delay = min(self._due, self._watch_at) - self._loop.time()
            if delay <= 0 and not self._submitting:
                await self._ask()
                continue
            try:
                async with asyncio.timeout(None if self._submitting or delay == math.inf else delay):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()

    # -- events

    def _conclude(self, event: Event) -> None:
        match event:
            case ExecutionSuccessEvent():
                outcome = self._story.certain()
                if outcome is None:
                    self._hasten(0.0)
                elif not self._submitting:  # else what the reply says of it is still to come
                    self._end(outcome)
            case ExecutingEvent(node=None):
                self._hasten(0.0)  # the history entry is there by now, whatever it says
            case ExecutionInterruptedEvent() | ExecutionErrorEvent(blocked=False):
                self._hasten(self._options.settle_delay)  # `executing null` is to follow
            case _:
                pass

    # -- asking

    def _begin(self) -> None:
        if not self._begun.is_set() and not self._submitting:
            self._begun.set()
            self._hasten(0.0)

    def _hasten(self, delay: float) -> None:
        self._due = min(self._due, self._loop.time() + delay)
        self._wake.set()

    async def _ask(self) -> None:
        known, before = self._known, self._heard_at
        self._due = math.inf  # what comes up while this is answered is asked again
        try:
            place = await self._link.whereabouts(self.prompt_id)
        except ComfyError as error:
            _log.debug("%s: %s", self.prompt_id, error)
            self._ask_again()
            return
        except Exception:  # noqa: BLE001 - a task boundary: whoever waits for the outcome must not wait in vain
            _log.exception("asking for %s stumbled", self.prompt_id)
            self._ask_again()
            return
        if self.ended:
            return
        quiet = self._heard_at == before and self._loop.time() - before >= self.patience
        match place:
            case Finished(outcome):
                mute = self._link.last_frame_at < self._submitted_at  # not even the `status` of its queueing
                if (quiet or mute) and self._link.hears(self.client_id):
                    self._link.suspect_deaf()  # it ended and the socket did not say so
                self._end(outcome)
            case Absent():
                self._absent(known=known)
            case Running(client_id):
                self._seen(client_id, waiting=False)
                self._publish(self._story.start())
            case Pending(position, client_id):
                self._seen(client_id, waiting=True)
                self._publish([Queued(position)])
        if not self.ended:
            self._ask_again()

    def _seen(self, client_id: str | None, *, waiting: bool) -> None:
        self._known, self._waiting, self._denials = True, waiting, 0
        if client_id is not None and self.client_id != client_id:
            self.client_id = client_id
            self._link.adopt(client_id)

    def _absent(self, *, known: bool) -> None:
        """In neither list. Told by events, taken out by us, or lost; never seen at all is asked twice."""
        self._denials += 1
        told = self._story.probable()
        if told is not None:
            self._end(told)
        elif known or self._denials >= 2:
            self._end(Interrupted() if self.cancelled else Lost())

    def _ask_again(self) -> None:
        """Plan the next question: by the poll's rhythm without a socket, else after the patience with its silence."""
        now = self._loop.time()
        if not self._link.hears(self.client_id):
            self._polling_since = now if self._polling_since is None else self._polling_since
            self._watch_at = now + self._options.poll_interval(now - self._polling_since)
            return
        self._polling_since = None
        quiet_since = max(self._link.last_frame_at, self._submitted_at)
        if self._link.last_frame_at > self._submitted_at:
            # The submission itself was heard (`status` goes to every socket): it works, so be more patient.
            self.patience = max(self.patience, self._options.watchdog_silence)
        if now - quiet_since >= self.patience:
            self.patience = min(max(self.patience, self._options.watchdog_silence) * 2, self._options.watchdog_max)
            self._link.suspect_deaf()
            self._doubtful, quiet_since = True, now
        wait = max(quiet_since, self._heard_at) + self.patience - now
        if self._doubtful:  # the new socket may be deaf as well
            wait = min(wait, self._options.poll_interval(now - self._heard_at))
        if self._story.probable() is not None:  # said to have ended; its entry is being written
            wait = 0.0
        self._watch_at = now + max(wait, self._options.settle_delay)

    # -- telling

    def _publish(self, updates: Iterable[ExecutionUpdate]) -> None:
        for update in updates:
            if self.started_at is None and self._story.started:
                self.started_at = self._loop.time()
            self._drop_older(update)
            self._updates.append(update)
            self._news.set()

    def _drop_older(self, update: ExecutionUpdate) -> None:
        """Only the newest preview, place and step of a node matter to somebody who is slow."""
        match update:
            case PreviewFrame() | Queued():
                stale = [old for old in self._updates if type(old) is type(update)]
            case Stepped(node_id=node_id):
                stale = [old for old in self._updates if isinstance(old, Stepped) and old.node_id == node_id]
            case _:
                return
        for old in stale:
            self._updates.remove(old)

    def _end(self, outcome: Outcome) -> None:
        if self._ended.done():
            return
        if isinstance(outcome, Succeeded):
            outcome = replace(outcome, node_errors=self._node_errors, blocked=tuple(self._story.blocked))
        self._ended.set_result(outcome)
        self._news.set()
        self._wake.set()
        self._begun.set()
