"""The gateway (events/gateway): hello, identify, heartbeat, resume, member chunks, and its ways to fail."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from aiohttp import WSMsgType, web

from sandbox.discord import message_payload, payloads
from sandbox.discord.clock import ChangeNotifier
from sandbox.discord.permissions import bits, permissions_in
from sandbox.discord.sessions import (
    GUILD_MEMBERS,
    GUILDS,
    KNOWN_INTENTS,
    MESSAGE_CONTENT,
    PRESENCES,
    PRIVILEGED_INTENTS,
    GatewaySession,
    GatewaySocket,
)
from sandbox.discord.state import DIRECT, Channel, DiscordState, Guild, Json, Message

CHUNK = 1000
"""Members per GUILD_MEMBERS_CHUNK."""


class _Closing(Exception):
    """The socket is to be closed with this code (topics/opcodes, "Gateway Close Event Codes")."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Gateway:
    """The gateway sessions of the application, and methods with which tests disturb them."""

    def __init__(
        self, state: DiscordState, changes: ChangeNotifier, token: str, privileged: int, heartbeat_seconds: float
    ) -> None:
        self._state = state
        self._changes = changes
        self._token = token
        self._privileged = privileged
        self._heartbeat_ms = int(heartbeat_seconds * 1000)
        self.base_url = ""
        """`http://127.0.0.1:PORT`, known once the server listens."""
        self.sessions: list[GatewaySession] = []
        self.sockets: list[GatewaySocket] = []
        self.received: list[Json] = []
        """Every frame the application sent, in order, without its token."""
        self.close_codes: list[int] = []
        """What sockets of the application were closed with, in order."""
        self._refuse_resume = False

    # -- for tests -------------------------------------------------------------------------------------------------

    @property
    def connected(self) -> bool:
        """At least one session has a socket."""
        return any(session.socket for session in self.sessions)

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
            socket.closed_here = True
            await socket.socket.close(code=code)

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
        self._refuse_resume = True

    def pause_sending(self) -> None:
        """Send no frames until `continue_sending`; the connections stay open."""
        for socket in self.sockets:
            socket.may_send.clear()

    def continue_sending(self) -> None:
        """Send the frames that `pause_sending` kept."""
        for socket in self.sockets:
            socket.may_send.set()

    # -- events -----------------------------------------------------------------------------------------------------

    def send(self, event: str, data: Json, *, guild: Guild | None = None) -> None:
        """Dispatch an event that every session with the intent may see."""
        for session in self.sessions:
            if session.wants(event, direct=guild is None, guild_id=guild.id if guild else None):
                session.send(event, data)
        self._changes.notify()

    def send_in(self, event: str, data: Json, channel: Channel) -> None:
        """Dispatch an event of a channel: only where the bot can see it."""
        if permissions_in(channel, self._state.bot) & bits("view_channel"):
            self.send(event, data, guild=channel.guild)
        self._changes.notify()

    def send_message(self, event: str, message: Message) -> None:
        """MESSAGE_CREATE or MESSAGE_UPDATE: content only for sessions that may read it."""
        self._changes.notify()
        channel = message.channel
        if message.ephemeral or not permissions_in(channel, self._state.bot) & bits("view_channel"):
            return
        body = message_payload.event(message, self._state, self.base_url)
        is_open = message_payload.content_is_open(message, self._state)
        for session in self.sessions:
            if session.wants(
                event, direct=channel.type == DIRECT, guild_id=channel.guild.id if channel.guild else None
            ):
                readable = is_open or session.intents & MESSAGE_CONTENT
                session.send(event, body if readable else message_payload.without_content(body))

    def guild_payload(self, guild: Guild, *, intents: int) -> Json:
        """GUILD_CREATE: members only with the presence intent (else the client asks in chunks), the bot always."""
        everyone = guild.members.values() if intents & PRESENCES else [guild.members[self._state.bot.id]]
        state = self._state
        return payloads.guild(guild, state) | {
            "joined_at": guild.members[state.bot.id].joined_at,
            "large": len(guild.members) >= 250,
            "unavailable": False,
            "member_count": len(guild.members),
            "voice_states": [],
            "members": [payloads.member(member) for member in everyone],
            "channels": [payloads.channel(channel, state) for channel in state.channels_of(guild)],
            "threads": [payloads.channel(thread, state) for thread in state.threads_of(guild) if not thread.archived],
            "presences": [],
            "stage_instances": [],
            "guild_scheduled_events": [],
            "soundboard_sounds": [],
        }

    # -- protocol ---------------------------------------------------------------------------------------------------

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """One connection, from hello to its end."""
        response = web.WebSocketResponse(max_msg_size=0, timeout=1.0)
        await response.prepare(request)
        socket = GatewaySocket(response, request)
        self.sockets.append(socket)
        pump = asyncio.create_task(socket.pump())
        socket.push(10, {"heartbeat_interval": self._heartbeat_ms, "_trace": ["local-discord"]})
        try:
            await self._handle_frames(socket)
        except _Closing as closing:
            self.close_codes.append(closing.code)
            await response.close(code=closing.code, message=closing.reason.encode())
        finally:
            self._forget(socket)
            socket.may_send.set()
            socket.stop()
            await pump
        return response

    def _forget(self, socket: GatewaySocket) -> None:
        self.sockets.remove(socket)
        for session in self.sessions:
            if session.socket is socket:
                session.socket = None
        if not socket.closed_here and socket.socket.close_code in {1000, 1001}:  # the client said goodbye for good
            self.sessions = [session for session in self.sessions if session.socket is not None]
        self._changes.notify()

    async def _handle_frames(self, socket: GatewaySocket) -> None:
        session: GatewaySession | None = None
        async for message in socket.socket:
            if message.type is not WSMsgType.TEXT:
                raise _Closing(4002, "Error while decoding payload.")
            frame = self._decode(message.data)
            session = self._handle_frame(socket, session, frame["op"], frame.get("d"))
            self._changes.notify()

    def _decode(self, text: str) -> Json:
        try:
            frame: Any = json.loads(text)
        except ValueError:
            raise _Closing(4002, "Error while decoding payload.") from None
        if not isinstance(frame, dict) or "op" not in frame:
            raise _Closing(4002, "Error while decoding payload.")
        body: Json = dict(frame)  # pyright: ignore[reportUnknownArgumentType]
        data: Any = body.get("d")
        shown: Any = {**body["d"], "token": "..."} if body["op"] in {2, 6} else data
        self.received.append(body | {"d": shown})
        return body

    def _handle_frame(
        self, socket: GatewaySocket, session: GatewaySession | None, op: int, data: Any
    ) -> GatewaySession | None:
        match op:
            case 1:
                socket.push(11)
            case 2 if session is None:
                return self._identify(socket, data)
            case 6 if session is None:
                return self._resume(socket, data)
            case 2 | 6:
                raise _Closing(4005, "Already authenticated.")
            case 3 | 4 if session is not None:
                pass  # presence and voice state change nothing here
            case 8 if session is not None:
                self._chunks(session, data)
            case 3 | 4 | 8:
                raise _Closing(4003, "Not authenticated.")
            case _:
                raise _Closing(4001, "Unknown opcode.")
        return session

    def _identify(self, socket: GatewaySocket, data: Json) -> GatewaySession:
        intents, shard = int(data.get("intents", -1)), data.get("shard") or [0, 1]
        if data.get("token") != self._token:
            raise _Closing(4004, "Authentication failed.")
        if intents < 0 or intents & ~KNOWN_INTENTS:
            raise _Closing(4013, "Invalid intent(s).")
        if intents & PRIVILEGED_INTENTS & ~self._privileged:
            raise _Closing(4014, "Disallowed intent(s).")
        self.sessions = [other for other in self.sessions if other.socket is not None]
        session = GatewaySession(intents, (int(shard[0]), int(shard[1])), socket=socket)
        self.sessions.append(session)
        state = self._state
        guilds = [guild for guild in state.guilds.values() if state.bot.id in guild.members]
        guilds = [guild for guild in guilds if session.wants("GUILD_CREATE", direct=False, guild_id=guild.id)]
        session.send("READY", self._ready(session, guilds))
        for guild in guilds if intents & GUILDS else []:
            session.send("GUILD_CREATE", self.guild_payload(guild, intents=intents))
        return session

    def _ready(self, session: GatewaySession, guilds: list[Guild]) -> Json:
        return {
            "v": 10,
            "user": payloads.user(self._state.bot)
            | {"verified": True, "mfa_enabled": False, "email": None, "flags": 0},
            "guilds": [{"id": str(guild.id), "unavailable": True} for guild in guilds],
            "session_id": session.id,
            "session_type": "normal",
            "resume_gateway_url": f"{self.base_url.replace('http', 'ws', 1)}/gateway",
            "shard": list(session.shard),
            "application": {"id": str(self._state.application_id), "flags": self.application_flags},
            "private_channels": [],
            "presences": [],
            "relationships": [],
            "_trace": ["local-discord"],
        }

    @property
    def application_flags(self) -> int:
        """resources/application, "Application Flags": the LIMITED bits of the privileged intents switched on."""
        limited = {PRESENCES: 1 << 13, GUILD_MEMBERS: 1 << 15, MESSAGE_CONTENT: 1 << 19}
        return sum(flag for intent, flag in limited.items() if self._privileged & intent) | 1 << 23

    @property
    def may_read_content(self) -> bool:
        """The privileged message content intent is switched on for the application."""
        return bool(self._privileged & MESSAGE_CONTENT)

    @property
    def may_list_members(self) -> bool:
        """The privileged members intent is switched on for the application."""
        return bool(self._privileged & GUILD_MEMBERS)

    def _resume(self, socket: GatewaySocket, data: Json) -> GatewaySession | None:
        if data.get("token") != self._token:
            raise _Closing(4004, "Authentication failed.")
        session = next(
            (other for other in self.sessions if other.id == data.get("session_id") and other.resumable), None
        )
        refused, self._refuse_resume = self._refuse_resume, False
        if session is None or refused:
            socket.push(9, False)
            return None
        if session.socket is not None:
            session.socket.abort()
        session.socket = socket
        if not session.replay(int(data.get("seq") or 0)):
            session.socket, session.resumable = None, False
            raise _Closing(4007, "Invalid seq.")
        session.send("RESUMED", {"_trace": ["local-discord"]})
        return session

    def _chunks(self, session: GatewaySession, data: Json) -> None:
        guild = self._state.guilds.get(int(data["guild_id"]))
        if guild is None or self._state.bot.id not in guild.members:
            return
        query, ids = data.get("query"), data.get("user_ids")
        if not ids and not query and not session.intents & GUILD_MEMBERS:
            raise _Closing(4014, "Disallowed intent(s).")
        wanted = {int(entry) for entry in (ids if isinstance(ids, list) else [ids])} if ids else None  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        found = [
            member
            for member in guild.members.values()
            if (
                member.user.id in wanted
                if wanted
                else (member.nick or member.user.name).lower().startswith((query or "").lower())
            )
        ]
        limit = int(data.get("limit") or 0)
        found = found[:limit] if limit else found
        parts = [found[start : start + CHUNK] for start in range(0, len(found), CHUNK)] or [[]]
        for index, part in enumerate(parts):
            body: Json = {
                "guild_id": str(guild.id),
                "members": [payloads.member(member) for member in part],
                "chunk_index": index,
                "chunk_count": len(parts),
                "not_found": sorted(str(entry) for entry in (wanted or set()) - {member.user.id for member in found}),
            }
            session.send("GUILD_MEMBERS_CHUNK", body | ({"nonce": data["nonce"]} if data.get("nonce") else {}))
