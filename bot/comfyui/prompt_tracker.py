"""Follows one prompt to its end: by WebSocket events while they come, else by `/queue` and `/history`."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from typing import Self

from bot.comfyui.event_accumulator import EventAccumulator
from bot.comfyui.events import (
    Event,
    ExecutingEvent,
    ExecutionErrorEvent,
    ExecutionInterruptedEvent,
    ExecutionSuccessEvent,
    StatusEvent,
)
from bot.comfyui.exceptions import ComfyConnectionError, ComfyError
from bot.comfyui.execution_updates import ExecutionUpdate, Queued
from bot.comfyui.node_problems import NodeProblem
from bot.comfyui.options import ClientOptions
from bot.comfyui.poll_schedule import PollSchedule
from bot.comfyui.prompt_state import (
    Absent,
    Finished,
    Interrupted,
    Lost,
    Outcome,
    Pending,
    PromptState,
    Running,
    Succeeded,
)
from bot.comfyui.submission import Submission
from bot.comfyui.update_buffer import UpdateBuffer
from bot.comfyui.websocket_session import WebSocketSession

_log = logging.getLogger(__name__)


class PromptTracker:
    """One prompt, followed to its end.

    Iterate over it for its updates (one consumer), await `outcome()` for its end; both may be left out. While the
    WebSocket receives the prompt's events nothing is polled, but a watchdog asks the server after a silence, and has a
    stale connection replaced. Without a WebSocket, and for prompts that were submitted under another client id,
    `/queue` and `/history/{id}` are polled. Polling begins with the submission, or with the first `await` where the
    prompt is not submitted through this client.

    Args:
        prompt_id: Of the prompt.
        session: The state of the WebSocket.
        prompt_state: Asks the server where the prompt is.
        options: Intervals and waits.

    Attributes:
        client_id: The id it was submitted under; None while that is not known.
        cancelled: This client asked the server to delete or interrupt it.
        schedule: When the server is asked.

    """

    def __init__(
        self,
        prompt_id: str,
        session: WebSocketSession,
        prompt_state: Callable[[str], Awaitable[PromptState]],
        options: ClientOptions,
    ) -> None:
        self.prompt_id = prompt_id
        self.client_id: str | None = None
        self.cancelled = False
        self.schedule = PollSchedule(session, options)
        self._session = session
        self._prompt_state = prompt_state
        self._options = options
        self._events = EventAccumulator()
        self._updates = UpdateBuffer()
        self._outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._node_errors: tuple[NodeProblem, ...] = ()
        self._submitting = False
        self._seen_by_server = False
        self._pending = False
        self._absences = 0
        """How many queries in a row found it neither in `/queue` nor in `/history`."""
        self._may_query = asyncio.Event()
        self._schedule_changed = asyncio.Event()

    # -- for the consumer

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ExecutionUpdate:
        self._begin_queries()
        update = await self._updates.get()
        if update is None:
            raise StopAsyncIteration
        return update

    async def outcome(self) -> Outcome:
        """How the prompt ended; waits as long as that takes, also through restarts of the server.

        Raises:
            ComfyConnectionError: The client or this tracker was closed before the end.

        """
        self._begin_queries()
        return await asyncio.shield(self._outcome)

    @property
    def ended(self) -> bool:
        """The outcome is known, or the tracker was closed."""
        return self._outcome.done()

    @property
    def started(self) -> bool:
        """An event or a query told that the prompt runs or ran."""
        return self._events.started

    @property
    def events_complete(self) -> bool:
        """Every event since the start of the execution was received."""
        return self._events.complete

    @property
    def receives_events(self) -> bool:
        """The WebSocket is connected under the client id of this prompt."""
        return self._session.receives(self.client_id)

    # -- for the client

    def submission_started(self, client_id: str) -> None:
        """POST /prompt is being sent: until it is answered, absence from the server means nothing."""
        self._submitting, self.client_id = True, client_id
        self.schedule.submission_started()

    def submission_ended(self, submission: Submission | None) -> None:
        """POST /prompt was answered, or (None) its response was lost and it is not known whether it arrived."""
        self._submitting, self._seen_by_server = False, True
        self._node_errors = submission.node_errors if submission else ()
        self.schedule.submission_ended()
        self._may_query.set()
        outcome = self._events.confirmed_outcome()  # events may arrive before the response
        if outcome is not None:
            self._end(outcome)
        # A server without other work starts at once and says so. Otherwise the position in its queue is worth a query.
        self._request_query(2 * self._options.confirmation_delay if submission and not submission.recovered else 0.0)

    def submission_refused(self) -> None:
        """POST /prompt did not queue it."""
        self._submitting = False
        self._end(Lost())

    def cancel_sent(self) -> None:
        """This client's request to cancel was answered: if the prompt is absent now, that is why."""
        self.cancelled = True
        self._request_query(0.0)

    def handle(self, event: Event) -> None:
        """Take an event of this prompt into account, or a `status`."""
        if self.ended:
            return
        if isinstance(event, StatusEvent):
            if self._pending:  # the queue changed, so its position may have changed
                self._request_query(self._options.confirmation_delay)
            return
        self._seen_by_server, self._pending, self._absences = True, False, 0
        greeting = isinstance(event, ExecutingEvent) and event.prompt_id is None
        self.schedule.event_received(proves_connection=not greeting)
        self._publish(self._events.add(event))
        self._react_to_end(event)

    def connection_changed(self, *, connected: bool) -> None:
        """The WebSocket was connected or disconnected: events may have been missed."""
        self._events.connection_lost()
        self._request_query(0.0 if connected else self._options.poll_initial)

    def close(self) -> None:
        """End the iteration, and `outcome()` with an error where the outcome is not known."""
        if not self._outcome.done():
            self._outcome.set_exception(ComfyConnectionError("the tracking was closed"))
            self._outcome.exception()  # marks it as retrieved: nobody has to await it
        self._updates.close()
        self._schedule_changed.set()

    async def run(self) -> None:
        """Query the server whenever the schedule says so, until the outcome is known."""
        await self._may_query.wait()
        while not self.ended:
            seconds = self.schedule.seconds_left
            if seconds <= 0 and not self._submitting:
                await self._query()
                continue
            try:
                async with asyncio.timeout(None if self._submitting or seconds == math.inf else seconds):
                    await self._schedule_changed.wait()
            except TimeoutError:
                pass
            self._schedule_changed.clear()

    # -- events

    def _react_to_end(self, event: Event) -> None:
        match event:
            case ExecutionSuccessEvent():
                outcome = self._events.confirmed_outcome()
                if outcome is None:
                    self._request_query(0.0)
                elif not self._submitting:  # else the response to the submission may still bring node errors
                    self._end(outcome)
            case ExecutingEvent(node=None):
                self._request_query(0.0)  # by now the history entry is stored, whatever the outcome
            case ExecutionInterruptedEvent() | ExecutionErrorEvent(blocked=False):
                self._request_query(self._options.confirmation_delay)  # ExecutingEvent(node=None) is to follow
            case _:
                pass

    # -- queries

    def _begin_queries(self) -> None:
        if not self._may_query.is_set() and not self._submitting:
            self._may_query.set()
            self._request_query(0.0)

    def _request_query(self, delay: float) -> None:
        self.schedule.request(delay)
        self._schedule_changed.set()

    async def _query(self) -> None:
        seen_before, last_event_at = self._seen_by_server, self.schedule.begin_query()
        try:
            state = await self._prompt_state(self.prompt_id)
        except ComfyError as error:
            _log.debug("%s: %s", self.prompt_id, error)
            self._plan_next_query()
            return
        except Exception:  # noqa: BLE001 - a task boundary: whoever awaits the outcome must not wait for ever
            _log.exception("the query about %s failed", self.prompt_id)
            self._plan_next_query()
            return
        if self.ended:
            return
        match state:
            case Finished(outcome):
                silent = self.schedule.silent_since(last_event_at) or not self.schedule.heard_submission
                if silent and self.receives_events:
                    self._session.report_stale()  # the prompt ended and no event said so
                self._end(outcome)
            case Absent():
                self._handle_absence(seen_before=seen_before)
            case Running(client_id):
                self._handle_presence(client_id, pending=False)
                self._publish(self._events.mark_started())
            case Pending(position, client_id):
                self._handle_presence(client_id, pending=True)
                self._publish([Queued(position)])
        if not self.ended:
            self._plan_next_query()

    def _handle_presence(self, client_id: str | None, *, pending: bool) -> None:
        self._seen_by_server, self._pending, self._absences = True, pending, 0
        if client_id is not None and self.client_id != client_id:
            self.client_id = client_id
            self._session.adopt(client_id)

    def _handle_absence(self, *, seen_before: bool) -> None:
        """The end of a prompt that the server had; one that it never had is looked for twice."""
        self._absences += 1
        reported = self._events.reported_outcome()
        if reported is not None:
            self._end(reported)
        elif seen_before or self._absences >= 2:
            self._end(Interrupted() if self.cancelled else Lost())

    def _plan_next_query(self) -> None:
        end_reported = self._events.reported_outcome() is not None
        self.schedule.plan_next(receives_events=self.receives_events, end_reported=end_reported)

    # -- results

    def _publish(self, updates: Iterable[ExecutionUpdate]) -> None:
        for update in updates:
            self._updates.put(update)

    def _end(self, outcome: Outcome) -> None:
        if self._outcome.done():
            return
        if isinstance(outcome, Succeeded):
            outcome = replace(outcome, node_errors=self._node_errors, blocked=tuple(self._events.blocked))
        self._outcome.set_result(outcome)
        self._updates.close()
        self._schedule_changed.set()
        self._may_query.set()
