"""What every room of the local Discord shares: the world, the gateway, the log of what came in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from sandbox.discord.clock import Clock, Pulse
from sandbox.discord.gateway import Gateway
from sandbox.discord.state import Guild, Json, World
from sandbox.discord.weather import Weather


@dataclass(frozen=True)
class Part:
    """A file part of a multipart body, as it arrived. `index` is the n of `files[n]`."""

    index: int
    filename: str
    content_type: str
    data: bytes


@dataclass(eq=False)
class Received:
    """One request as it arrived and how it was answered (`status` 0: no answer yet, or ever)."""

    method: str
    path: str
    """Below `/api/v10`, without the query; tokens of interactions and webhooks included."""
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Json | list[Json] | None = None
    """The JSON body, or `payload_json` of a multipart one."""
    parts: list[Part] = field(default_factory=list[Part])
    at: float = 0.0
    """Seconds since 1970, of the local Discord's clock."""
    status: int = 0
    answer: object = None
    ended: bool = False
    """Answered, or dropped."""
    effect: str = ""
    """The weather that hit it, by name."""

    @property
    def json(self) -> Json:
        """The body as an object; empty where there is none."""
        return self.body if isinstance(self.body, dict) else {}


@dataclass(frozen=True)
class Violation:
    """Something no correct client sends: a broken rule, an unknown route."""

    method: str
    path: str
    code: int
    message: str
    errors: Json | None = None


@dataclass(frozen=True)
class Limits:
    """What differs between the real service and a test that cannot wait."""

    callback_seconds: float = 3.0
    """Time for the first answer to an interaction (interactions/receiving-and-responding)."""
    token_seconds: float = 15 * 60
    """Life of an interaction's token."""
    direct_attachment_limit: int = 10 * 1024 * 1024
    request_limit: int = 500 * 1024 * 1024
    nonce_seconds: float = 300
    """How long a nonce is remembered ("a few minutes", resources/message, Create Message)."""


@dataclass(eq=False)
class Core:
    """The shared parts, made by `LocalDiscord`."""

    clock: Clock
    pulse: Pulse
    world: World
    gateway: Gateway
    weather: Weather
    limits: Limits
    token: str
    base: str = ""
    requests: list[Received] = field(default_factory=list[Received])
    violations: list[Violation] = field(default_factory=list[Violation])

    def attachment_limit(self, guild: Guild | None) -> int:
        """Bytes per file here."""
        return guild.attachment_limit if guild else self.limits.direct_attachment_limit


@dataclass(frozen=True)
class Call:
    """A request as a handler sees it: parameters as numbers or text, body, files."""

    parameters: Mapping[str, str]
    query: Mapping[str, str]
    body: Json
    items: list[Json]
    """The body, where it is a list (command synchronisation)."""
    parts: list[Part]
    authorized: bool

    def number(self, name: str) -> int:
        """A snowflake of the path; 0 (which nothing has) where it is no number."""
        value = self.parameters[name]
        return int(value) if value.isdecimal() else 0

    def optional(self, name: str) -> int | None:
        """A snowflake or number of the query."""
        value = self.query.get(name, "")
        return int(value) if value.isdecimal() else None


@dataclass(frozen=True)
class Reply:
    """What a handler answers; `None` is an empty body."""

    body: object = None
    status: int = 200


NO_CONTENT = Reply(None, 204)

Handler = Callable[[Core, Call], Awaitable[Reply]]


@dataclass(frozen=True)
class Route:
    """A method and a path template of Discord's, with its handler. `open` needs no bot token (the path has one)."""

    method: str
    template: str
    handler: Handler
    open: bool = False
