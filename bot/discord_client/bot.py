"""The Discord client: takes the services, loads the cogs, and is not ended by one bad event."""

from __future__ import annotations

import asyncio
import importlib
import logging
from collections.abc import Callable, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any, Final, Literal, cast

import aiohttp
import discord
from discord import app_commands
from discord.backoff import ExponentialBackoff
from discord.ext import commands
from discord.gateway import ReconnectWebSocket

from bot.discord_client.command_sync import CommandSync
from bot.discord_client.date_header import observing_dates
from bot.storage.waiting import limit_interaction

if TYPE_CHECKING:
    from bot.errors import ChorusError
    from bot.services import Services

log = logging.getLogger(__name__)

EXTENSIONS: Final = (
    "cogs.component_router",
    "cogs.delivery",
    "cogs.imagine",
    "cogs.animate",
    "cogs.queue",
    "cogs.cancel",
    "cogs.characters",
    "cogs.conversations",
    "cogs.scene",
    "cogs.status",
    "cogs.doctor",
    "cogs.installation_news",
    "cogs.admin",
    "cogs.report",
    "cogs.speak",
    "cogs.voice",
    "cogs.results",
    "cogs.repeat",
    "cogs.configure",
    "cogs.presets",
    "cogs.context_menus",
    "cogs.picture_menus",
    "cogs.batch",
    "cogs.workflows",
    "cogs.stats",
    "cogs.gallery",
    "cogs.chat",
)
"""In this order: buttons are handled by the router, and the features post through delivery."""
SYNC_SECONDS: Final = 5.0
"""How long the bot waits for its commands to be registered before it connects all the same."""
FIRST_CONNECTION_SECONDS: Final = 15.0
"""How long the gateway may take to greet the bot for the first time."""
_NO_CONNECTION: Final = (
    OSError,
    TimeoutError,
    aiohttp.ClientError,
    discord.HTTPException,
    discord.GatewayNotFound,
    discord.ConnectionClosed,
    ReconnectWebSocket,
)
"""What `Client.connect` answers with another attempt."""
MESSAGE_MENUS: Final = 15
"""Menus on messages that Discord takes of one application."""
READY_PARSERS: Final = frozenset({"READY", "RESUMED"})


def intents() -> discord.Intents:
    """What the bot listens to. Message content is privileged: the owner switches it on in the developer portal."""
    wanted = discord.Intents.none()
    wanted.guilds = True
    wanted.messages = True
    wanted.reactions = True
    wanted.message_content = True
    return wanted


def _refuse_nobody(_: discord.Interaction[ChorusBot]) -> None:
    """Until a cog says otherwise."""


class ChorusTree(app_commands.CommandTree["ChorusBot"]):
    """The command tree with the one error reply.

    Attributes:
        refusal_of: Set by a cog; says why somebody may use nothing at all here, None: they may.

    """

    def __init__(self, client: ChorusBot) -> None:
        super().__init__(client)
        self.refusal_of: Callable[[discord.Interaction[ChorusBot]], ChorusError | None] = _refuse_nobody

    async def interaction_check(self, interaction: discord.Interaction[ChorusBot], /) -> bool:
        """discord.py awaits it first in the task of each command, menu and autocompletion; refuses blocked people."""
        from cogs.ui.errors import reply_error  # noqa: PLC0415 - cogs import this module

        limit_interaction()
        refusal = self.refusal_of(interaction)
        if refusal is None:
            return True
        if interaction.type is not discord.InteractionType.autocomplete:
            await reply_error(interaction, refusal)
        return False

    def add_command(
        self,
        command: app_commands.Command[Any, ..., Any] | app_commands.ContextMenu | app_commands.Group,
        /,
        **options: Any,
    ) -> None:
        """As discord.py does it, with up to 15 message menus, which Discord takes; discord.py 2.7.1 stops at 5."""
        try:
            super().add_command(command, **options)
        except app_commands.CommandLimitReached:
            of_type = [key for key in self._context_menus if key[1:] == (None, discord.AppCommandType.message.value)]
            if not isinstance(command, app_commands.ContextMenu) or options or len(of_type) >= MESSAGE_MENUS:
                raise
            self._context_menus[command.name, None, command.type.value] = command

    async def on_error(
        self, interaction: discord.Interaction[ChorusBot], error: app_commands.AppCommandError, /
    ) -> None:
        """Slash commands and context menus end here (views, modals and dynamic items have their own way to it)."""
        from cogs.ui.errors import reply_error  # noqa: PLC0415 - cogs import this module

        await reply_error(interaction, error)


class ChorusBot(commands.Bot):
    """Chorus on Discord. Owns nothing but the connection: `services` are opened and closed by the caller.

    Args:
        services: Everything the cogs work with.
        extensions: Modules with a `setup(bot)`, loaded in this order before the gateway connects.
        guild_ready_timeout: Seconds without a further GUILD_CREATE after which the bot counts as ready.

    """

    def __init__(
        self,
        services: Services,
        *,
        extensions: Sequence[str] = EXTENSIONS,
        guild_ready_timeout: float = 2.0,
    ) -> None:
        self.services = services
        self._to_load = tuple(extensions)
        self._syncing: asyncio.Task[None] | None = None
        super().__init__(
            command_prefix=(),  # there are no text commands
            help_command=None,
            tree_cls=ChorusTree,
            intents=intents(),
            # Text from a model or a user never pings; what shall ping says so at the call.
            allowed_mentions=discord.AllowedMentions.none(),
            guild_ready_timeout=guild_ready_timeout,
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            max_messages=None,
            http_trace=observing_dates(services.discord_clock),
        )
        _guard_parsers(self)

    async def setup_hook(self) -> None:
        """Logged in, not connected yet: load the cogs and tell Discord which commands there are."""
        for extension in self._to_load:
            # Not `load_extension`: it executes the module anew and takes it out of `sys.modules` when the bot closes,
            # so that a class imported elsewhere is not the class of the cog.
            await importlib.import_module(extension).setup(self)
        # Discord may make the commands wait for minutes (429); what it knows already works meanwhile.
        self._syncing = asyncio.create_task(CommandSync(self, self.services.settings).run(), name="command sync")
        await asyncio.wait({self._syncing}, timeout=SYNC_SECONDS)

    async def connect(self, *, reconnect: bool = True) -> None:
        """As discord.py's, with a first connection that is tried again.

        `Client.connect` of discord.py 2.7.1 reads `self.ws.sequence` after a failure. That ends the bot with an
        AttributeError where the very first connection fails, because there is no `ws` yet. It also waits 60 s for a
        gateway that accepts the connection and says nothing.
        """
        backoff: ExponentialBackoff[Literal[False]] = ExponentialBackoff()
        while not await self._connected_once(reconnect=reconnect):
            delay = backoff.delay()
            log.warning("Discord's gateway cannot be reached, trying again in %.1f s", delay)
            await asyncio.sleep(delay)

    async def _connected_once(self, *, reconnect: bool) -> bool:
        """False: no first connection came about. Returns when the bot is closed."""
        connecting = asyncio.create_task(super().connect(reconnect=reconnect), name="Discord gateway")
        try:
            await asyncio.wait({connecting}, timeout=FIRST_CONNECTION_SECONDS)
            if connecting.done() or self._has_socket():
                await connecting
                return True
        except AttributeError as error:
            if self._has_socket() or not isinstance(error.__context__, _NO_CONNECTION):
                raise
        finally:
            connecting.cancel()
            await asyncio.wait({connecting})
        return False

    def _has_socket(self) -> bool:
        # None until the first connection, though discord.py's annotation says otherwise.
        return cast("object", self.ws) is not None

    async def close(self) -> None:
        """Close the connection; commands that were not sent yet are sent at the next start."""
        if self._syncing is not None:
            self._syncing.cancel()
        await super().close()

    async def on_message(self, message: discord.Message, /) -> None:
        """There are no text commands: cogs listen to messages themselves."""

    async def on_guild_join(self, guild: discord.Guild) -> None:
        """Discord forgets a guild's commands when the bot leaves it."""
        await CommandSync(self, self.services.settings).joined(guild)

    async def on_error(self, event_method: str, /, *args: Any, **kwargs: Any) -> None:  # noqa: ARG002
        """An exception in a listener ends that listener's call and nothing else."""
        log.error("event %s failed", event_method, exc_info=True)  # noqa: LOG014 - discord.py calls it while handling


def _guard_parsers(client: discord.Client) -> None:
    """Keep an event that discord.py cannot read from ending the client.

    `DiscordWebSocket.received_message` calls the parsers unprotected, so an exception in one (a payload of a newer
    API) leaves `Client.connect` for good. Only READY and RESUMED are essential.
    """
    parsers: dict[str, Callable[[Any], Any]] = client._connection.parsers  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    for event, parser in list(parsers.items()):
        if event not in READY_PARSERS:
            parsers[event] = _guarded(event, parser)


def _guarded(event: str, parser: Callable[[Any], Any]) -> Callable[[Any], Any]:
    @wraps(parser)
    def parse(data: Any) -> Any:
        try:
            return parser(data)
        except Exception:  # event boundary: an event that cannot be read must not end the connection
            log.exception("Discord sent a %s that could not be read", event)
            return None

    return parse
