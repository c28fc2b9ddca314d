"""Gateway sessions: what one login may see, and what it missed while its socket was gone."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections import deque
from dataclasses import dataclass, field

from aiohttp import web

from sandbox.discord.state import Json

GUILDS, GUILD_MEMBERS, WEBHOOKS, PRESENCES = 1 << 0, 1 << 1, 1 << 5, 1 << 8
GUILD_MESSAGES, GUILD_REACTIONS, GUILD_TYPING = 1 << 9, 1 << 10, 1 << 11
DIRECT_MESSAGES, DIRECT_REACTIONS, DIRECT_TYPING, MESSAGE_CONTENT = 1 << 12, 1 << 13, 1 << 14, 1 << 15
PRIVILEGED_INTENTS = GUILD_MEMBERS | PRESENCES | MESSAGE_CONTENT
KNOWN_INTENTS = (1 << 22) - 1 | 1 << 24 | 1 << 25
"""events/gateway, "List of Intents"."""

REPLAY_LIMIT = 5_000
"""Events kept for a resume; one that fell further behind must identify again."""


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
"""Beginning of an event's name, the intent it needs in a guild and in direct messages; the first that fits counts."""


def needed_intent(event: str, *, direct: bool) -> int:
    """The intent that an event needs (0: always sent)."""
    for beginning, in_guild, in_direct in _INTENTS:
        if event.startswith(beginning):
            return in_direct if direct else in_guild
    return 0


class GatewaySocket:
    """One WebSocket: frames go out in order through a queue of its own, so that nobody waits for a slow reader."""

    def __init__(self, socket: web.WebSocketResponse, request: web.Request) -> None:
        self.socket = socket
        self._request = request
        self._frames: asyncio.Queue[Json | None] = asyncio.Queue()
        self.may_send = asyncio.Event()
        self.may_send.set()
        self.closed_here = False
        """Closed by us; else the client's close code says whether it wants to come back."""

    def push(self, op: int, data: object = None, **more: object) -> None:
        """Queue a frame."""
        self._frames.put_nowait({"op": op, "d": data, "s": None, "t": None} | more)

    async def pump(self) -> None:
        """Send what was queued until `stop`; a broken socket ends it."""
        while (frame := await self._frames.get()) is not None:
            await self.may_send.wait()
            try:
                await self.socket.send_str(json.dumps(frame, separators=(",", ":")))
            except ConnectionError:
                return

    def stop(self) -> None:
        """Send what is queued, then nothing more."""
        self._frames.put_nowait(None)

    def abort(self) -> None:
        """Break the connection without a word, as a dead line does."""
        if self._request.transport is not None:
            self._request.transport.abort()


@dataclass(eq=False)
class GatewaySession:
    """One login: intents, sequence, and the events to replay."""

    intents: int
    shard: tuple[int, int] = (0, 1)
    id: str = field(default_factory=lambda: secrets.token_hex(16))
    sequence: int = 0
    sent: deque[Json] = field(default_factory=lambda: deque[Json](maxlen=REPLAY_LIMIT))
    socket: GatewaySocket | None = None
    resumable: bool = True

    def wants(self, event: str, *, direct: bool, guild_id: int | None) -> bool:
        """Intents and shard let this event through."""
        needed = needed_intent(event, direct=direct)
        mine = self.shard[0] == (0 if guild_id is None else (guild_id >> 22) % self.shard[1])
        return mine and (not needed or bool(self.intents & needed))

    def send(self, event: str, data: object) -> None:
        """Dispatch an event: numbered, kept for a resume, sent where there is a socket."""
        self.sequence += 1
        frame: Json = {"op": 0, "d": data, "s": self.sequence, "t": event}
        self.sent.append(frame)
        if self.socket is not None:
            self.socket.push(0, data, s=self.sequence, t=event)

    def replay(self, after: int) -> bool:
        """Send again what came after a sequence number; False where that is no longer known."""
        if after > self.sequence or (self.sent and self.sent[0]["s"] > after + 1):
            return False
        for frame in self.sent:
            if self.socket is not None and frame["s"] > after:
                self.socket.push(0, frame["d"], s=frame["s"], t=frame["t"])
        return True
