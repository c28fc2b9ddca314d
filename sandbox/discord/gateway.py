"""The gateway (events/gateway): the WebSocket server, and methods with which tests disturb its connections."""

from __future__ import annotations

import asyncio

from aiohttp import WSMsgType, web

from sandbox.discord.clock import ChangeNotifier
from sandbox.discord.event_dispatch import EventDispatcher
from sandbox.discord.gateway_frames import CloseConnectionError, FrameHandler
from sandbox.discord.json_values import Json
from sandbox.discord.sessions import GatewaySession, GatewaySocket
from sandbox.discord.state import DiscordState


class Gateway(EventDispatcher):
    """The gateway sessions of the application and their connections.

    Args:
        state: What the events tell of.
        changes: Notified after every event and every frame.
        token: The bot token.
        privileged_intents: The privileged intents that are switched on for the application.
        heartbeat_seconds: The heartbeat interval that hello (opcode 10) asks for.

    """

    def __init__(
        self,
        state: DiscordState,
        changes: ChangeNotifier,
        token: str,
        privileged_intents: int,
        heartbeat_seconds: float,
    ) -> None:
        super().__init__(state, changes, privileged_intents)
        self._heartbeat_ms = int(heartbeat_seconds * 1000)
        self._frames = FrameHandler(self, token)
        self.sockets: list[GatewaySocket] = []
        """The open connections."""
        self.close_codes: list[int] = []
        """The codes with which the local Discord closed connections because of a frame, oldest first."""

    @property
    def connected(self) -> bool:
        """At least one session has a connection."""
        return any(session.socket for session in self.sessions)

    @property
    def received(self) -> list[Json]:
        """Every frame that the application sent, oldest first, with its token left out."""
        return self._frames.received

    # -- for tests -------------------------------------------------------------------------------------------------

    def drop_connections(self) -> None:
        """Break every connection without a close frame; the sessions can be resumed."""
        for socket in list(self.sockets):
            socket.abort()

    async def close(self, code: int) -> None:
        """Close every connection with a close code.

        A client resumes after 4000 and 4008, identifies anew after 4007 and 4009, and gives up after 4004 and 4014.
        """
        for session in self.sessions:
            session.resumable = session.resumable and code not in {1000, 1001, 4007, 4009}
        for socket in list(self.sockets):
            socket.closed_by_server = True
            await socket.response.close(code=code)

    def request_reconnect(self) -> None:
        """Send opcode 7, reconnect, to every connection."""
        for socket in self.sockets:
            socket.push(7)

    def invalidate_sessions(self, *, resumable: bool = False) -> None:
        """Send opcode 9, invalid session, to every connection; `resumable` is its payload."""
        for session in self.sessions:
            session.resumable = session.resumable and resumable
        for socket in self.sockets:
            socket.push(9, resumable)

    def refuse_next_resume(self) -> None:
        """Answer the next resume (opcode 6) with invalid session (opcode 9)."""
        self._frames.refuse_next_resume = True

    def pause_sending(self) -> None:
        """Send no frames until `continue_sending`; the connections stay open."""
        for socket in self.sockets:
            socket.may_send.clear()

    def continue_sending(self) -> None:
        """Send the frames that `pause_sending` kept."""
        for socket in self.sockets:
            socket.may_send.set()

    # -- connections ------------------------------------------------------------------------------------------------

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one connection, from hello to its end."""
        response = web.WebSocketResponse(max_msg_size=0, timeout=1.0)
        await response.prepare(request)
        socket = GatewaySocket(response, request)
        self.sockets.append(socket)
        sending = asyncio.create_task(socket.send_queued())
        socket.push(10, {"heartbeat_interval": self._heartbeat_ms, "_trace": ["local-discord"]})
        try:
            await self._receive(socket)
        except CloseConnectionError as closing:
            self.close_codes.append(closing.code)
            await response.close(code=closing.code, message=closing.reason.encode())
        finally:
            self._remove(socket)
            socket.may_send.set()
            socket.stop()
            await sending
        return response

    async def _receive(self, socket: GatewaySocket) -> None:
        session: GatewaySession | None = None
        async for message in socket.response:
            if message.type is not WSMsgType.TEXT:
                raise CloseConnectionError(4002, "Error while decoding payload.")
            session = self._frames.handle(socket, session, message.data)
            self.changes.notify()

    def _remove(self, socket: GatewaySocket) -> None:
        self.sockets.remove(socket)
        for session in self.sessions:
            if session.socket is socket:
                session.socket = None
        # A client that closes with 1000 or 1001 ends its session (events/gateway, "Initiating a Disconnect").
        if not socket.closed_by_server and socket.response.close_code in {1000, 1001}:
            self.sessions = [session for session in self.sessions if session.socket is not None]
        self.changes.notify()
