"""When the server is asked about one tracked prompt."""

from __future__ import annotations

import asyncio
import math

from bot.comfyui.options import ClientOptions
from bot.comfyui.websocket_session import WebSocketSession


class PollSchedule:
    """Plans the queries of `/queue` and `/history` about one prompt. All times are event loop times, in seconds.

    While the WebSocket receives the events of the prompt, only two things cause a query: a request, made when an event
    or a call gives a reason, and the watchdog, when no event has come for `silence_limit` seconds. Without such a
    WebSocket the watchdog polls at `ClientOptions.poll_interval`.

    Attributes:
        silence_limit: Seconds without an event after which the watchdog asks.

    """

    def __init__(self, session: WebSocketSession, options: ClientOptions) -> None:
        self._session = session
        self._options = options
        self._loop = asyncio.get_running_loop()
        self.silence_limit = options.watchdog_silence
        self._requested_at = math.inf
        self._watchdog_at = math.inf
        self._last_event_at = 0.0
        self._submitted_at = 0.0
        self._polling_since: float | None = None
        self._possibly_stale = False

    @property
    def seconds_left(self) -> float:
        """Until the next query; 0 or less: now; infinite: none is planned."""
        return min(self._requested_at, self._watchdog_at) - self._loop.time()

    @property
    def heard_submission(self) -> bool:
        """Whether any frame came since the submission: ComfyUI sends `status` to all when a prompt is queued."""
        return self._session.last_frame_at >= self._submitted_at

    def silent_since(self, moment: float) -> bool:
        """Whether no event has come since `moment` (as `begin_query` returns it), for longer than the limit."""
        return self._last_event_at == moment and self._loop.time() - moment >= self.silence_limit

    # -- what happens

    def submission_started(self) -> None:
        """POST /prompt is being sent."""
        self._submitted_at = self._loop.time()

    def submission_ended(self) -> None:
        """POST /prompt was answered, or its response was lost."""
        self._last_event_at = self._loop.time()
        self.silence_limit = self._options.watchdog_after_submit

    def event_received(self, *, proves_connection: bool) -> None:
        """An event of the prompt came. `proves_connection` False: a stale connection would have received it too."""
        self._last_event_at = self._loop.time()
        if proves_connection:
            self.silence_limit, self._possibly_stale = self._options.watchdog_silence, False
        self._watchdog_at = self._last_event_at + self.silence_limit

    # -- queries

    def request(self, delay: float) -> None:
        """Ask in at most so many seconds."""
        self._requested_at = min(self._requested_at, self._loop.time() + delay)

    def begin_query(self) -> float:
        """A query begins: requests made from now on cause another one. Returns the time of the last event."""
        self._requested_at = math.inf
        return self._last_event_at

    def plan_next(self, *, receives_events: bool, end_reported: bool) -> None:
        """After a query that did not end the prompt: when the watchdog asks again.

        Args:
            receives_events: The WebSocket is connected under the prompt's client id.
            end_reported: An event said that the prompt ended, and only its history entry is missing.

        """
        now = self._loop.time()
        if not receives_events:
            self._polling_since = now if self._polling_since is None else self._polling_since
            self._watchdog_at = now + self._options.poll_interval(now - self._polling_since)
            return
        self._polling_since = None
        silent_since = max(self._session.last_frame_at, self._submitted_at)
        if self._session.last_frame_at > self._submitted_at:
            # The `status` of the submission arrived, so the connection works: allow the longer silence.
            self.silence_limit = max(self.silence_limit, self._options.watchdog_silence)
        if now - silent_since >= self.silence_limit:
            longer = max(self.silence_limit, self._options.watchdog_silence) * 2
            self.silence_limit = min(longer, self._options.watchdog_max)
            self._session.report_stale()
            self._possibly_stale, silent_since = True, now
        wait = max(silent_since, self._last_event_at) + self.silence_limit - now
        if self._possibly_stale:  # the new connection may be stale as well
            wait = min(wait, self._options.poll_interval(now - self._last_event_at))
        if end_reported:
            wait = 0.0
        self._watchdog_at = now + max(wait, self._options.confirmation_delay)
