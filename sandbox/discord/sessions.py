"""Gateway sessions and connections: intents, sequence numbers, and the events that a resume sends again."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections import deque
from dataclasses import dataclass, field

from aiohttp import web

from sandbox.discord.json_values import Json

GUILDS, GUILD_MEMBERS, WEBHOOKS, PRESENCES = 1 << 0, 1 << 1, 1 << 5, 1 << 8
GUILD_MESSAGES, GUILD_REACTIONS, GUILD_TYPING = 1 << 9, 1 << 10, 1 << 11
DIRECT_MESSAGES, DIRECT_REACTIONS, DIRECT_TYPING, MESSAGE_CONTENT = 1 << 12, 1 << 13, 1 << 14, 1 << 15
PRIVILEGED_INTENTS = GUILD_MEMBERS | PRESENCES | MESSAGE_CONTENT
KNOWN_INTENTS = (1 << 22) - 1 | 1 << 24 | 1 << 25
"""Bits of the gateway intents (events/gateway, "List of Intents")."""

REPLAY_LIMIT = 5_000
"""Events kept per session; a client that missed more cannot resume."""


_INTENTS = (
    ("MESSAGE_REACTION", GUILD_REACTIONS, DIRECT_REACTIONS),
    ("MESSAGE_", GUILD_MESSAGES, DIRECT_MESSAGES),
    ("TYPING_START", GUILD_TYPING, DIRECT_TYPING),
    ("GUILD_MEMBERS_CHUNK", 0, 0),
    ("GUILD_MEMBER_", GUILD_MEMBERS, GUILD_MEMBERS),
    ("WEBHOOKS_UPDATE", WEBHOOKS, WEBHOOKS),
    ("GUILD_", GUILDS, GUILDS),
    ("CHANNEL_", GUILDS, GUILDS),
    ("THREAD_", GUILDS, GUILDS),
)
"""Start of an event's name, the intent it needs in guilds and the one in DMs; the first row that matches applies."""


def needed_intent(event: str, *, direct: bool) -> int:
    """The intent that an event needs; 0 if it is always sent."""
    for beginning, in_guild, in_direct in _INTENTS:
        if event.startswith(beginning):
            return in_direct if direct else in_guild
    return 0


class GatewaySocket:
    """One WebSocket connection. Frames are queued and sent in order by a task, so that no caller waits for a client."""

    def __init__(self, response: web.WebSocketResponse, request: web.Request) -> None:
        self.response = response
        self._request = request
        self._frames: asyncio.Queue[Json | None] = asyncio.Queue()
        self.may_send = asyncio.Event()
        """Cleared while a test has paused the gateway."""
        self.may_send.set()
        self.closed_by_server = False
        """Whether the local Discord closed the connection; otherwise the client's close code decides on its session."""

    def push(self, op: int, data: object = None, **more: object) -> None:
        """Queue a frame."""
        self._frames.put_nowait({"op": op, "d": data, "s": None, "t": None} | more)

    async def send_queued(self) -> None:
        """Send queued frames until `stop` is called or the connection is broken."""
        while (frame := await self._frames.get()) is not None:
            await self.may_send.wait()
            try:
                await self.response.send_str(json.dumps(frame, separators=(",", ":")))
            except ConnectionError:
                return

    def stop(self) -> None:
        """Let `send_queued` return after the frames that are queued now."""
        self._frames.put_nowait(None)

    def abort(self) -> None:
        """Break the connection without a close frame, as a network failure does."""
        if self._request.transport is not None:
            self._request.transport.abort()


@dataclass(eq=False)
class GatewaySession:
    """A session of the application, from its identify on: intents, shard, sequence number and the latest events."""

    intents: int
    shard: tuple[int, int] = (0, 1)
    """Shard id and number of shards."""
    id: str = field(default_factory=lambda: secrets.token_hex(16))
    sequence: int = 0
    sent: deque[Json] = field(default_factory=lambda: deque[Json](maxlen=REPLAY_LIMIT))
    """The latest events, which a resume sends again."""
    socket: GatewaySocket | None = None
    """The connection; None while there is none and the session waits for a resume."""
    resumable: bool = True

    def wants(self, event: str, *, direct: bool, guild_id: int | None) -> bool:
        """Whether the intents and the shard of this session include the event."""
        intent = needed_intent(event, direct=direct)
        own_shard = self.shard[0] == (0 if guild_id is None else (guild_id >> 22) % self.shard[1])
        return own_shard and (not intent or bool(self.intents & intent))

    def send(self, event: str, data: object) -> None:
        """Dispatch an event: give it a sequence number, keep it for a resume, and send it if there is a connection."""
        self.sequence += 1
        frame: Json = {"op": 0, "d": data, "s": self.sequence, "t": event}
        self.sent.append(frame)
        if self.socket is not None:
            self.socket.push(0, data, s=self.sequence, t=event)

    def replay(self, after: int) -> bool:
        """Send the events after a sequence number again; False if they are no longer all known."""
        if after > self.sequence or (self.sent and self.sent[0]["s"] > after + 1):
            return False
        for frame in self.sent:
            if self.socket is not None and frame["s"] > after:
                self.socket.push(0, frame["d"], s=frame["s"], t=frame["t"])
        return True
