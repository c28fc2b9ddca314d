"""Which client id the WebSocket uses, whether it is connected, and when it is to reconnect. No I/O.

ComfyUI sends the events of a prompt to the WebSocket that connected last under the client id of the submission. So
while prompts of an id are unfinished, a broken connection is made again under the *same* id, and their events go on.

This can leave a **stale connection**: a server that notices the end of the old connection only after the new one was
made unregisters the new one, which then stays open and answers pings, but receives nothing (observed on 0.33;
`sockets.pop(sid)` in its server.py). Trackers notice the silence and report it. One more connection under the same id
usually helps, and the trackers poll meanwhile. As soon as no unfinished prompt needs an id, the next connection gets a
new one, for which a stale connection is impossible.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable

_log = logging.getLogger(__name__)

CLIENT_ID_PREFIX = "chorus-"
"""Begins every client id of ours. A later process may connect under such an id; other ids belong to other programs."""


def new_client_id() -> str:
    """A client id that nobody else uses."""
    return f"{CLIENT_ID_PREFIX}{uuid.uuid4().hex}"


class WebSocketSession:
    """The state that the WebSocket shares with the trackers of prompts.

    Args:
        is_needed: Whether an unfinished prompt was submitted under a client id.

    Attributes:
        client_id: The id to submit the next prompt under.
        connected_id: The id of the live connection; None while there is none. It may differ from `client_id` until the
            WebSocket has reconnected.
        last_frame_at: Event loop time of the last frame.

    """

    def __init__(self, is_needed: Callable[[str], bool]) -> None:
        self.client_id = new_client_id()
        self.connected_id: str | None = None
        self.last_frame_at = 0.0
        self._is_needed = is_needed
        self._stale = False
        self._adopted_id: str | None = None
        self._connection_timeout: asyncio.Timeout | None = None

    def receives(self, client_id: str | None) -> bool:
        """The WebSocket is connected under that id, so events of its prompts arrive."""
        return client_id is not None and client_id == self.connected_id

    # -- for trackers

    def report_stale(self) -> None:
        """The connection is silent where it should not be: reconnect under the same id."""
        if self.connected_id is not None:
            _log.info("the WebSocket seems to be stale, reconnecting")
            self._stale = True
            self._reconnect()

    def adopt(self, client_id: str) -> None:
        """Reconnect under the id of an earlier process of ours, unless a prompt of the present id is unfinished."""
        if not client_id.startswith(CLIENT_ID_PREFIX) or self._is_needed(self.client_id):
            return
        if client_id != self.client_id:
            self._adopted_id = client_id
            self._reconnect()

    def release(self) -> None:
        """A prompt is no longer tracked: a stale connection that no other prompt needs is replaced by a new id."""
        if self._stale and not self._is_needed(self.client_id):
            self.client_id, self._stale = new_client_id(), False
            self._reconnect()

    # -- for the WebSocket

    def begin_connection(self, client_id: str) -> asyncio.Timeout:
        """The timeout that ends a connection made under that id when the session wants another one."""
        still_wanted = self._adopted_id is None and self.client_id == client_id
        self._connection_timeout = asyncio.timeout(None if still_wanted else 0)
        return self._connection_timeout

    def end_connection(self) -> bool:
        """The connection is over; whether a frame had arrived on it."""
        self._connection_timeout = None
        was_connected, self.connected_id = self.connected_id is not None, None
        return was_connected

    def mark_event_received(self) -> None:
        """An event of a prompt arrived, so the connection is not stale."""
        self._stale = False

    def choose_client_id(self) -> None:
        """Before the next connection: the adopted id, else the same one while it is needed, else a new one."""
        if self._adopted_id is not None:
            self.client_id, self._adopted_id = self._adopted_id, None
        elif not self._is_needed(self.client_id):
            self.client_id = new_client_id()

    def _reconnect(self) -> None:
        timeout = self._connection_timeout
        if timeout is not None and not timeout.expired():
            timeout.reschedule(asyncio.get_running_loop().time())
