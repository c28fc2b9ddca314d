"""The WebSocket: connected while the server runs, reconnected when the connection breaks or the server comes back."""

from __future__ import annotations

import asyncio
import logging

import aiohttp

from bot.comfyui.availability import Outage, ServerAvailability
from bot.comfyui.event_parsing import parse_binary_frame, parse_text_frame
from bot.comfyui.event_router import EventRouter
from bot.comfyui.events import Event, ExecutingEvent, FeatureFlagsEvent, PreviewEvent, StatusEvent
from bot.comfyui.options import ClientOptions
from bot.comfyui.transport import Transport
from bot.comfyui.websocket_session import WebSocketSession

_log = logging.getLogger(__name__)

_FEATURE_FLAGS = {"type": "feature_flags", "data": {"supports_preview_metadata": True}}
"""Asks for previews as binary event 4, which names the prompt. ComfyUI takes it only as a connection's first frame."""
_MAX_FRAME_BYTES = 64 * 1024 * 1024
_SHORT_LIVED_SECONDS = 5.0


class WebSocket:
    """Keeps one WebSocket connected and hands its events to the router.

    Args:
        transport: Has the aiohttp session and the server's address.
        options: Timeouts and waits.
        session: Chooses client ids and asks for reconnections.
        router: Gets the events, and is told of connections and disconnections.
        availability: Told whether the server can be reached.

    """

    def __init__(
        self,
        transport: Transport,
        options: ClientOptions,
        session: WebSocketSession,
        router: EventRouter,
        availability: ServerAvailability,
    ) -> None:
        self._transport = transport
        self._options = options
        self._session = session
        self._router = router
        self._availability = availability
        self._previews_have_ids = False
        self._logged_as_connected: bool | None = None

    async def run(self) -> None:
        """Connect and reconnect until cancelled. After a failure the wait doubles, up to `reconnect_max`."""
        loop = asyncio.get_running_loop()
        delay = 0.0
        while True:
            begun = loop.time()
            try:
                wanted = await self._connection()
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                self._log_change(connected=False, reason=type(error).__name__)
                self._mark_unavailable(error)
                wanted = False
            except Exception:  # noqa: BLE001 - a task boundary: an unforeseen error must not end all WebSockets to come
                _log.exception("the WebSocket failed")
                wanted = False
            self._session.choose_client_id()
            lasted = loop.time() - begun > _SHORT_LIVED_SECONDS
            delay = 0.0 if wanted else 0.1 if lasted else min(max(delay * 2, 0.1), self._options.reconnect_max)
            await asyncio.sleep(delay)

    def _mark_unavailable(self, error: Exception) -> None:
        if isinstance(error, aiohttp.WSServerHandshakeError):
            if error.status in {401, 403}:
                self._availability.mark_unusable(Outage.ACCESS_DENIED)
            return  # a proxy that passes HTTP but no WebSocket
        certificate = isinstance(error, aiohttp.ClientConnectorCertificateError)
        self._availability.mark_away(Outage.CERTIFICATE_INVALID if certificate else Outage.AWAY)

    async def _connection(self) -> bool:
        """One connection, from its beginning to its end. True: the session ended it, to reconnect."""
        client_id = self._session.client_id
        socket = await self._connect(client_id)
        timeout = self._session.begin_connection(client_id)
        try:
            async with timeout:
                await socket.send_json(_FEATURE_FLAGS)
                await self._read(socket, client_id)
        except TimeoutError:
            if not timeout.expired():
                raise
        finally:
            was_connected = self._session.end_connection()
            wanted = timeout.expired()
            # A close that is answered makes it likely that ComfyUI forgets this connection before it meets the next.
            await socket.close()
            if was_connected:
                if not wanted:
                    self._availability.mark_away()
                self._router.connection_changed(connected=False)
        return wanted

    async def _connect(self, client_id: str) -> aiohttp.ClientWebSocketResponse:
        async with asyncio.timeout(self._options.connect_timeout * 2):
            return await self._transport.session.ws_connect(
                f"{self._transport.url}/ws",
                params={"clientId": client_id},
                heartbeat=self._options.heartbeat,
                max_msg_size=_MAX_FRAME_BYTES,
                timeout=aiohttp.ClientWSTimeout(ws_receive=None, ws_close=1.0),  # pyright: ignore[reportCallIssue] - attrs
            )

    async def _read(self, socket: aiohttp.ClientWebSocketResponse, client_id: str) -> None:
        loop = asyncio.get_running_loop()
        self._previews_have_ids = False
        async for message in socket:
            self._session.last_frame_at = loop.time()
            if message.type is aiohttp.WSMsgType.TEXT:
                event = parse_text_frame(message.data)
            elif message.type is aiohttp.WSMsgType.BINARY:
                event = parse_binary_frame(message.data)
            else:
                return
            if self._session.connected_id is None:
                self._session.connected_id = client_id
                self._log_change(connected=True)
                self._availability.mark_answered()
                self._router.connection_changed(connected=True)
            if event is not None:
                self._handle(event)

    def _handle(self, event: Event) -> None:
        match event:
            case FeatureFlagsEvent():
                self._previews_have_ids = event.supports_preview_metadata
            case PreviewEvent(prompt_id=None) if self._previews_have_ids:
                return  # of a prompt without client id, submitted by anybody; previews of our prompts have their id
            case StatusEvent() | ExecutingEvent(prompt_id=None):
                pass  # a stale connection is greeted with these too, so they do not prove that it works
            case _:
                self._session.mark_event_received()
        self._router.dispatch(event)

    def _log_change(self, *, connected: bool, reason: str = "") -> None:
        """One line of log per change, not per attempt."""
        if connected == self._logged_as_connected:
            return
        self._logged_as_connected = connected
        if connected:
            _log.info("WebSocket connected")
        else:
            _log.info("no WebSocket (%s); polling instead", reason)
