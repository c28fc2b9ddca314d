"""What the modules of the local Discord share: its state, gateway and faults, and the log of requests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from sandbox.discord.clock import ChangeNotifier, Clock
from sandbox.discord.faults import Faults
from sandbox.discord.gateway import Gateway
from sandbox.discord.guild_models import Guild
from sandbox.discord.json_values import Json
from sandbox.discord.state import DiscordState


@dataclass(frozen=True)
class FilePart:
    """A file part of a multipart body, as it arrived. `index` is the n of `files[n]`."""

    index: int
    filename: str
    content_type: str
    data: bytes


@dataclass(eq=False)
class RecordedRequest:
    """A request as it arrived, and its response."""

    method: str
    path: str
    """Below `/api/v10`, without the query; tokens of interactions and webhooks are not left out."""
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Json | list[Json] | None = None
    """The JSON body, or `payload_json` of a multipart one."""
    parts: list[FilePart] = field(default_factory=list[FilePart])
    received_at: float = 0.0
    """Seconds since 1970, of the local Discord's clock."""
    status: int = 0
    """The response's status; 0 while there is none, or for a request that was never answered."""
    response: object = None
    finished: bool = False
    """Whether it was answered, or its connection was broken."""
    fault: str = ""
    """The class name of the fault that the request was given; empty if none."""

    @property
    def json(self) -> Json:
        """The body as an object; empty if it is absent or no object."""
        return self.body if isinstance(self.body, dict) else {}


@dataclass(frozen=True)
class Violation:
    """A request that no correct client sends: it breaks one of Discord's rules, or its route does not exist."""

    method: str
    path: str
    code: int
    message: str
    errors: Json | None = None


@dataclass(frozen=True)
class Limits:
    """Deadlines and sizes, with Discord's own values as defaults; tests may shorten them."""

    callback_seconds: float = 3.0
    """Time for the callback of an interaction (interactions/receiving-and-responding)."""
    token_seconds: float = 15 * 60
    """How long an interaction's token is valid."""
    direct_attachment_limit: int = 10 * 1024 * 1024
    """The largest attachment in DMs, in bytes."""
    request_limit: int = 500 * 1024 * 1024
    """The largest request body in bytes."""
    nonce_seconds: float = 300
    """How long an enforced nonce is remembered; Discord says "a few minutes" (resources/message, "Create Message")."""


@dataclass(eq=False)
class ServerContext:
    """The objects that all modules of one `LocalDiscord` use."""

    clock: Clock
    changes: ChangeNotifier
    state: DiscordState
    gateway: Gateway
    faults: Faults
    limits: Limits
    token: str
    base_url: str = ""
    requests: list[RecordedRequest] = field(default_factory=list[RecordedRequest])
    violations: list[Violation] = field(default_factory=list[Violation])

    def attachment_limit(self, guild: Guild | None) -> int:
        """The largest attachment in bytes in a guild, or in direct messages (None)."""
        return guild.attachment_limit if guild else self.limits.direct_attachment_limit


@dataclass(frozen=True)
class ApiRequest:
    """A request as a handler gets it."""

    parameters: Mapping[str, str]
    query: Mapping[str, str]
    body: Json
    items: list[Json]
    """The body if it is a list, as for the bulk overwrite of commands; else empty."""
    parts: list[FilePart]
    authorized: bool
    """Whether the request has the bot's token."""

    def number(self, name: str) -> int:
        """A snowflake in the path; 0, which is no snowflake, if the text is no number."""
        value = self.parameters[name]
        return int(value) if value.isdecimal() else 0

    def optional_number(self, name: str) -> int | None:
        """A number in the query; None if it is absent or no number."""
        value = self.query.get(name, "")
        return int(value) if value.isdecimal() else None


@dataclass(frozen=True)
class ApiResponse:
    """A handler's response: the JSON body (None: an empty one) and the status."""

    body: object = None
    status: int = 200


NO_CONTENT = ApiResponse(None, 204)

Handler = Callable[[ServerContext, ApiRequest], Awaitable[ApiResponse]]


@dataclass(frozen=True)
class Route:
    """A method and a path template of Discord's API with its handler."""

    method: str
    template: str
    handler: Handler
    public: bool = False
    """Whether the route needs no bot token, because its path holds a token."""
