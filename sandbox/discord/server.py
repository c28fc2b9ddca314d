"""`LocalDiscord`: one server on 127.0.0.1 with Discord's REST API, gateway and CDN, and what tests control."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar

from sandbox.discord import guild_changes
from sandbox.discord.clock import ChangeNotifier, Clock
from sandbox.discord.context import Limits, RecordedRequest, ServerContext, Violation
from sandbox.discord.faults import Faults, path_pattern
from sandbox.discord.gateway import Gateway
from sandbox.discord.guild_models import DEFAULT_ATTACHMENT_LIMIT, Command, User
from sandbox.discord.http_server import HttpServer
from sandbox.discord.message_models import Message
from sandbox.discord.rate_limits import RateLimits
from sandbox.discord.sessions import PRIVILEGED_INTENTS
from sandbox.discord.simulated_guild import SimulatedGuild
from sandbox.discord.simulated_interaction import DEFAULT_TIMEOUT
from sandbox.discord.simulated_user import SimulatedUser
from sandbox.discord.state import DiscordState

T = TypeVar("T")

SANDBOX_TOKEN = "sandbox-token"  # noqa: S105 - opens nothing but this sandbox


class LocalDiscord:
    """A server on 127.0.0.1 that speaks Discord's protocol; it has no connection to Discord itself.

    Usage::

        async with LocalDiscord() as discord:
            guild = discord.add_guild("Harbour")
            channel, ada = guild.add_channel("studio"), guild.add_member("ada")
            ...  # start the bot with discord.token against discord.url, in this process or another
            await discord.wait_until_bot_ready()
            answer = await ada.slash(channel, "imagine", prompt="a lighthouse")

    Guilds, channels, users and messages stay while the bot is killed and started again. With `privileged_intents=0` the
    application has no privileged intents, and an identify that asks for one is closed with code 4014.

    Args:
        port: The TCP port; 0 takes a free one.
        token: The bot token that the server accepts.
        limits: Deadlines and sizes; Discord's own by default.
        bot_name: The name of the bot's account.
        application_id: A fixed application id, where several runs need the same one.
        privileged_intents: The privileged intents that are switched on for the application.
        heartbeat_seconds: The heartbeat interval of the gateway's hello.
        clock_ahead: Seconds by which its clock is ahead of this computer's; negative: behind it.
        control: Serve the control API below `/control`, for a server in a process of its own.

    """

    def __init__(
        self,
        port: int = 0,
        *,
        token: str = SANDBOX_TOKEN,
        limits: Limits | None = None,
        bot_name: str = "Chorus",
        application_id: int | None = None,
        privileged_intents: int = PRIVILEGED_INTENTS,
        heartbeat_seconds: float = 41.25,
        clock_ahead: float = 0.0,
        control: bool = False,
    ) -> None:
        self._port = port
        clock, changes = Clock(clock_ahead), ChangeNotifier()
        state = DiscordState(clock, application_id, bot_name)
        gateway = Gateway(state, changes, token, privileged_intents, heartbeat_seconds)
        self.context = ServerContext(clock, changes, state, gateway, Faults(), limits or Limits(), token)
        self.rate_limits = RateLimits(clock)
        self._http = HttpServer(self.context, self.rate_limits, control=control)

    async def __aenter__(self) -> Self:
        self._port = await self._http.start(self._port)
        self.context.base_url = self.context.gateway.base_url = self.url
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.context.faults.clear()
        self.context.gateway.continue_sending()
        await self.context.gateway.close(1001)
        await self._http.stop()

    # -- addresses --------------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """`http://127.0.0.1:PORT`: the `discord.server` setting (REST `/api/v10`, CDN `/cdn`, gateway `/gateway`)."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def token(self) -> str:
        """The bot's token, for `DISCORD_TOKEN`."""
        return self.context.token

    # -- state -----------------------------------------------------------------------------------------------------

    @property
    def bot(self) -> User:
        """The bot's account."""
        return self.context.state.bot

    @property
    def gateway(self) -> Gateway:
        """The gateway: its sessions, and methods that drop, close or pause their connections."""
        return self.context.gateway

    @property
    def faults(self) -> Faults:
        """The faults that REST requests are given."""
        return self.context.faults

    @property
    def clock(self) -> Clock:
        """The clock of the local Discord; `advance` moves it forward, so that tokens and links expire."""
        return self.context.clock

    @property
    def requests(self) -> list[RecordedRequest]:
        """Every REST request with its parsed body and its response, oldest first."""
        return self.context.requests

    @property
    def violations(self) -> list[Violation]:
        """Every request that no correct client would have sent, oldest first."""
        return self.context.violations

    @property
    def commands(self) -> list[Command]:
        """The registered application commands."""
        return self.context.state.commands

    @property
    def messages(self) -> list[Message]:
        """Every message ever created, deleted and ephemeral ones included, oldest first."""
        return list(self.context.state.messages.values())

    def requests_to(self, method: str, path: str) -> list[RecordedRequest]:
        """The requests that match a method and a path pattern such as `/channels/*/messages`."""
        pattern = path_pattern(path)
        return [entry for entry in self.requests if entry.method == method and pattern.fullmatch(entry.path)]

    # -- building ---------------------------------------------------------------------------------------------------

    def add_guild(
        self,
        name: str = "Sandbox",
        *,
        with_bot: bool = True,
        attachment_limit: int = DEFAULT_ATTACHMENT_LIMIT,
    ) -> SimulatedGuild:
        """Create a guild.

        Args:
            name: Its name.
            with_bot: Whether the bot is a member; if not, only user-installed commands reach it there.
            attachment_limit: The largest attachment in bytes.

        """
        made = guild_changes.create_guild(self.context, name, with_bot=with_bot, attachment_limit=attachment_limit)
        return SimulatedGuild(self.context, made)

    def add_user(self, name: str, *, avatar: bytes | None = None, accepts_dms: bool = True) -> SimulatedUser:
        """Create a user account that is in no guild; `user.dm_channel` is its DM channel with the bot."""
        user = User(self.context.state.ids.next(), name, avatar=avatar, accepts_dms=accepts_dms)
        self.context.state.users[user.id] = user
        return SimulatedUser(self.context, user)

    # -- waiting ----------------------------------------------------------------------------------------------------

    async def wait_until_bot_ready(self, timeout: float = DEFAULT_TIMEOUT) -> None:  # noqa: ASYNC109 - a deadline of the test
        """Wait until the bot has identified at the gateway and READY was sent."""
        await self.context.changes.wait_until(
            lambda: self.gateway.connected or None, timeout=timeout, what="the bot's login"
        )

    async def wait_until_bot_disconnected(self, timeout: float = DEFAULT_TIMEOUT) -> None:  # noqa: ASYNC109
        """Wait until the bot has no gateway connection."""
        await self.context.changes.wait_until(
            lambda: not self.gateway.connected or None, timeout=timeout, what="the bot's end"
        )

    async def wait_for_commands(self, *names: str, timeout: float = DEFAULT_TIMEOUT) -> None:  # noqa: ASYNC109
        """Wait until application commands of these names are registered."""

        def look() -> bool:
            return set(names) <= {command.name for command in self.commands}

        await self.context.changes.wait_until(look, timeout=timeout, what=f"the commands {names}")

    async def wait_for_request(
        self,
        method: str,
        path: str,
        predicate: Callable[[RecordedRequest], object] = lambda received: received.status,
        timeout: float = DEFAULT_TIMEOUT,  # noqa: ASYNC109
    ) -> RecordedRequest:
        """Wait for a request that matches and for which `predicate` is true; by default one that was answered."""

        def look() -> RecordedRequest | None:
            return next((entry for entry in self.requests_to(method, path) if predicate(entry)), None)

        return await self.context.changes.wait_until(look, timeout=timeout, what=f"{method} {path}")

    async def wait_until(
        self,
        condition: Callable[[], T | None],
        *,
        timeout: float = DEFAULT_TIMEOUT,  # noqa: ASYNC109
        what: str = "a condition",
    ) -> T:
        """Wait until `condition` is true and return its value; it is called after every change of the local Discord."""
        return await self.context.changes.wait_until(condition, timeout=timeout, what=what)
