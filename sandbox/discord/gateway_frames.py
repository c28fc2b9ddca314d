"""Handling the frames that a client sends over the gateway: identify, resume, heartbeat, request guild members."""

from __future__ import annotations

import json
from typing import Any

from sandbox.discord import payloads
from sandbox.discord.event_dispatch import EventDispatcher
from sandbox.discord.guild_models import Guild, Member
from sandbox.discord.json_values import Json
from sandbox.discord.sessions import (
    GUILD_MEMBERS,
    GUILDS,
    KNOWN_INTENTS,
    PRIVILEGED_INTENTS,
    GatewaySession,
    GatewaySocket,
)

CHUNK_SIZE = 1000
"""Members per GUILD_MEMBERS_CHUNK."""


class CloseConnectionError(Exception):
    """The connection is to be closed with a gateway close event code (topics/opcodes-and-status-codes)."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class FrameHandler:
    """Handles frames for the sessions of an `EventDispatcher`.

    Args:
        dispatcher: The sessions, and what they are sent.
        token: The bot token that an identify or a resume must have.

    """

    def __init__(self, dispatcher: EventDispatcher, token: str) -> None:
        self._dispatcher = dispatcher
        self._state = dispatcher.state
        self._token = token
        self.received: list[Json] = []
        """Every frame that the application sent, oldest first, with its token left out."""
        self.refuse_next_resume = False
        """Answer the next resume with invalid session."""

    def handle(self, socket: GatewaySocket, session: GatewaySession | None, text: str) -> GatewaySession | None:
        """Handle one frame of a connection and return the session that the connection belongs to now, or None.

        Raises:
            CloseConnectionError: The frame is malformed or not allowed at this moment.

        """
        frame = self._decode(text)
        data: Any = frame.get("d")
        match frame["op"]:
            case 1:
                socket.push(11)
            case 2 if session is None:
                return self._identify(socket, data)
            case 6 if session is None:
                return self._resume(socket, data)
            case 2 | 6:
                raise CloseConnectionError(4005, "Already authenticated.")
            case 3 | 4 if session is not None:
                pass  # presences and voice states are not simulated
            case 8 if session is not None:
                self._request_guild_members(session, data)
            case 3 | 4 | 8:
                raise CloseConnectionError(4003, "Not authenticated.")
            case _:
                raise CloseConnectionError(4001, "Unknown opcode.")
        return session

    def _decode(self, text: str) -> Json:
        try:
            frame: Any = json.loads(text)
        except ValueError:
            raise CloseConnectionError(4002, "Error while decoding payload.") from None
        if not isinstance(frame, dict) or "op" not in frame:
            raise CloseConnectionError(4002, "Error while decoding payload.")
        body: Json = dict(frame)  # pyright: ignore[reportUnknownArgumentType]
        recorded: Any = {**body["d"], "token": "..."} if body["op"] in {2, 6} else body.get("d")
        self.received.append(body | {"d": recorded})
        return body

    def _identify(self, socket: GatewaySocket, data: Json) -> GatewaySession:
        intents, shard = int(data.get("intents", -1)), data.get("shard") or [0, 1]
        if data.get("token") != self._token:
            raise CloseConnectionError(4004, "Authentication failed.")
        if intents < 0 or intents & ~KNOWN_INTENTS:
            raise CloseConnectionError(4013, "Invalid intent(s).")
        if intents & PRIVILEGED_INTENTS & ~self._dispatcher.privileged_intents:
            raise CloseConnectionError(4014, "Disallowed intent(s).")
        sessions = [other for other in self._dispatcher.sessions if other.socket is not None]
        session = GatewaySession(intents, (int(shard[0]), int(shard[1])), socket=socket)
        self._dispatcher.sessions = [*sessions, session]
        guilds = [
            guild
            for guild in self._state.guilds.values()
            if self._state.bot.id in guild.members and session.wants("GUILD_CREATE", direct=False, guild_id=guild.id)
        ]
        session.send("READY", self._ready(session, guilds))
        for guild in guilds if intents & GUILDS else []:
            self._dispatcher.send_guild_create(session, guild)
        return session

    def _ready(self, session: GatewaySession, guilds: list[Guild]) -> Json:
        bot = payloads.user(self._state.bot) | {"verified": True, "mfa_enabled": False, "email": None, "flags": 0}
        return {
            "v": 10,
            "user": bot,
            "guilds": [{"id": str(guild.id), "unavailable": True} for guild in guilds],
            "session_id": session.id,
            "session_type": "normal",
            "resume_gateway_url": f"{self._dispatcher.base_url.replace('http', 'ws', 1)}/gateway",
            "shard": list(session.shard),
            "application": {"id": str(self._state.application_id), "flags": self._dispatcher.application_flags},
            "private_channels": [],
            "presences": [],
            "relationships": [],
            "_trace": ["local-discord"],
        }

    def _resume(self, socket: GatewaySocket, data: Json) -> GatewaySession | None:
        if data.get("token") != self._token:
            raise CloseConnectionError(4004, "Authentication failed.")
        resumable = (other for other in self._dispatcher.sessions if other.resumable)
        session = next((other for other in resumable if other.id == data.get("session_id")), None)
        refused, self.refuse_next_resume = self.refuse_next_resume, False
        if session is None or refused:
            socket.push(9, False)
            return None
        if session.socket is not None:
            session.socket.abort()
        session.socket = socket
        if not session.replay(int(data.get("seq") or 0)):
            session.socket, session.resumable = None, False
            raise CloseConnectionError(4007, "Invalid seq.")
        session.send("RESUMED", {"_trace": ["local-discord"]})
        return session

    def _request_guild_members(self, session: GatewaySession, data: Json) -> None:
        guild = self._state.guilds.get(int(data["guild_id"]))
        if guild is None or self._state.bot.id not in guild.members:
            return
        query, ids = data.get("query"), data.get("user_ids")
        if not ids and not query and not session.intents & GUILD_MEMBERS:
            raise CloseConnectionError(4014, "Disallowed intent(s).")
        user_ids = {int(entry) for entry in (ids if isinstance(ids, list) else [ids])} if ids else set[int]()  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        found = _find_members(guild, user_ids, str(query or ""))
        limit = int(data.get("limit") or 0)
        found = found[:limit] if limit else found
        chunks = [found[start : start + CHUNK_SIZE] for start in range(0, len(found), CHUNK_SIZE)] or [[]]
        for index, chunk in enumerate(chunks):
            body: Json = {
                "guild_id": str(guild.id),
                "members": [payloads.member(member) for member in chunk],
                "chunk_index": index,
                "chunk_count": len(chunks),
                "not_found": sorted(str(user_id) for user_id in user_ids - {member.user.id for member in found}),
            }
            session.send("GUILD_MEMBERS_CHUNK", body | ({"nonce": data["nonce"]} if data.get("nonce") else {}))


def _find_members(guild: Guild, user_ids: set[int], name_start: str) -> list[Member]:
    """The members with these user ids; without ids, those whose name starts with `name_start`."""
    if user_ids:
        return [member for member in guild.members.values() if member.user.id in user_ids]
    start = name_start.lower()
    return [member for member in guild.members.values() if (member.nick or member.user.name).lower().startswith(start)]
