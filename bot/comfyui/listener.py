"""The WebSocket: connected while the server lives, connected again when it comes back.

About client ids. Events of a prompt go to the socket that registered last under the id it was submitted with. So while
prompts are under way, a broken connection is made again under the *same* id and their progress goes on. But a server
that notices the end of the old socket late then unregisters the new one, which stays open, answers pings and hears
nothing (seen on 0.33, `sockets.pop(sid)`). Whoever waits for events notices the silence and calls `suspect`: one more
connection under the same id usually cures that, and asking goes on beside it. As soon as no prompt needs the id it is
given up: without prompts under way every connection gets a fresh one, and there is no trap.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from typing import Protocol

import aiohttp

from bot.comfyui.events import (
    Event,
    ExecutingEvent,
    FeatureFlagsEvent,
    PreviewEvent,
    StatusEvent,
    parse_binary,
    parse_text,
)
from bot.comfyui.options import ClientOptions
from bot.comfyui.transport import Transport

_log = logging.getLogger(__name__)

_FLAGS = {"type": "feature_flags", "data": {"supports_preview_metadata": True}}
_MAX_FRAME = 64 * 1024 * 1024
_SHORT_LIVED = 5.0

CLIENT_PREFIX = "chorus-"
"""Marks ids of this client, which a later process may listen under again; others belong to somebody's browser."""


class Audience(Protocol):
    """Who the listener tells. None of these may raise or wait."""

    def heard(self, event: Event) -> None:
        """A message arrived."""
        ...

    def socket_up(self) -> None:
        """The server greeted us."""
        ...

    def socket_down(self, *, by_us: bool) -> None:
        """The connection ended."""
        ...

    def unreachable(self) -> None:
        """A connection could not be made; the server may be restarting."""
        ...

    def needs(self, client_id: str) -> bool:
        """Prompts of that id are under way."""
        ...


class Listener:
    """Keeps one WebSocket; `run` is its task."""

    def __init__(self, transport: Transport, options: ClientOptions, audience: Audience) -> None:
        self.client_id = new_client_id()
        self.hears: str | None = None
        """The id of the live connection; `client_id` is that of the next prompt and may already be another."""
        self.suspicious = False
        """Found silent, and no event of a prompt has come since."""
        self.last_frame_at = 0.0
        self.max_upload_size: int | None = None
        self._transport = transport
        self._options = options
        self._audience = audience
        self._metadata = False
        self._adopted: str | None = None
        self._until: asyncio.Timeout | None = None
        self._available: bool | None = None

    async def run(self) -> None:
        """Connect for ever."""
        loop = asyncio.get_running_loop()
        delay = 0.0
        while True:
            begun = loop.time()
            try:
                by_us = await self._listen()
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                self._note(available=False, why=type(error).__name__)
                if not isinstance(error, aiohttp.WSServerHandshakeError):
                    self._audience.unreachable()
                by_us = False
            except Exception:  # noqa: BLE001 - a task boundary: the listener outlives what it does not foresee
                _log.exception("the listener stumbled")
                by_us = False
            self._choose_id()
            lasted = loop.time() - begun > _SHORT_LIVED
            delay = 0.0 if by_us else 0.1 if lasted else min(max(delay * 2, 0.1), self._options.reconnect_max)
            await asyncio.sleep(delay)

    def suspect(self) -> None:
        """The socket is silent where it should not be: connect anew."""
        if self.hears is not None:
            _log.info("the WebSocket looks deaf, connecting again")
            self.suspicious = True
            self._restart()

    def renew(self) -> None:
        """Nobody needs the id of a suspicious socket any more: the next prompt goes out under a fresh one."""
        self.client_id, self.suspicious = new_client_id(), False
        self._restart()

    def adopt(self, client_id: str) -> None:
        """Connect anew under an id of an earlier life, whose prompts are still under way."""
        if client_id != self.client_id:
            self._adopted = client_id
            self._restart()

    def _restart(self) -> None:
        if self._until is not None and not self._until.expired():
            self._until.reschedule(asyncio.get_running_loop().time())

    def _choose_id(self) -> None:
        if self._adopted is not None:
            self.client_id, self._adopted = self._adopted, None
        elif not self._audience.needs(self.client_id):
            self.client_id = new_client_id()

    async def _listen(self) -> bool:
        """One connection, to its end; True: we ended it."""
        client_id = self.client_id
        socket = await self._connect(client_id)
        wanted = self._adopted is None and self.client_id == client_id
        until = asyncio.timeout(None if wanted else 0)
        try:
            async with until:
                self._until = until
                # The server takes the flags from the first frame of each connection only.
                await socket.send_json(_FLAGS)
                await self._read(socket, client_id)
        except TimeoutError:
            if not until.expired():
                raise
        finally:
            self._until = None
            was_connected, self.hears = self.hears is not None, None
            by_us = until.expired()
            # A clean close, answered, makes it likely that the server forgets this socket before it meets the next.
            await socket.close()
            if was_connected:
                self._audience.socket_down(by_us=by_us)
        return by_us

    async def _connect(self, client_id: str) -> aiohttp.ClientWebSocketResponse:
        async with asyncio.timeout(self._options.connect_timeout * 2):
            return await self._transport.session.ws_connect(
                f"{self._transport.url}/ws",
                params={"clientId": client_id},
                heartbeat=self._options.heartbeat,
                max_msg_size=_MAX_FRAME,
                timeout=aiohttp.ClientWSTimeout(ws_receive=None, ws_close=1.0),  # pyright: ignore[reportCallIssue] - attrs
            )

    async def _read(self, socket: aiohttp.ClientWebSocketResponse, client_id: str) -> None:
        loop = asyncio.get_running_loop()
        self._metadata = False
        async for message in socket:
            self.last_frame_at = loop.time()
            if message.type is aiohttp.WSMsgType.TEXT:
                event = parse_text(message.data)
            elif message.type is aiohttp.WSMsgType.BINARY:
                event = parse_binary(message.data)
            else:
                return
            if self.hears is None:
                self.hears = client_id
                self._note(available=True)
                self._audience.socket_up()
            if event is not None:
                self._take(event)

    def _take(self, event: Event) -> None:
        match event:
            case FeatureFlagsEvent():
                self._metadata = event.supports_preview_metadata
                self.max_upload_size = event.max_upload_size
            case PreviewEvent(prompt_id=None) if self._metadata:
                return  # from a prompt without client id, of anybody; ours come with their id
            case StatusEvent() | ExecutingEvent(prompt_id=None):
                pass  # a deaf socket was greeted with these, too
            case _:
                self.suspicious = False
        self._audience.heard(event)

    def _note(self, *, available: bool, why: str = "") -> None:
        """One line per change, not per attempt."""
        if available != self._available:
            self._available = available
            _log.info(
                "WebSocket connected" if available else "no WebSocket (%s); asking instead", *([why] if why else [])
            )


def new_client_id() -> str:
    """An id nobody else uses."""
    return f"{CLIENT_PREFIX}{uuid.uuid4().hex}"
