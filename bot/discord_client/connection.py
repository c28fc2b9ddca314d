"""Running the bot until somebody stops it: log in, stay connected, stop cleanly; every failure is one sentence."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
from collections.abc import AsyncGenerator, Generator, Sequence
from types import FrameType
from typing import TYPE_CHECKING, Any, cast

import discord

from bot.discord_client.bot import EXTENSIONS, ChorusBot
from bot.discord_client.endpoint import point_discord_at
from bot.discord_client.errors import NETWORK_ERRORS
from bot.errors import ConfigError, DiscordUnavailable
from bot.services import open_services

if TYPE_CHECKING:
    from bot.services import Services
    from bot.settings import Settings

log = logging.getLogger(__name__)

STOP_SECONDS = 4.0
"""Within this the bot must have closed after a signal; what hangs longer is cut off (jobs are in the store)."""
EVENT_SECONDS = 1.0
"""How long what people had just done may take to be dealt with, when the connection is closed already."""
_EVENTS = ("discord.py: ", "discord-ui-", "CommandTree-")
"""How discord.py 2.7.1 names the tasks of listeners, components and commands."""
AUTHENTICATION_FAILED = 4004
DISALLOWED_INTENTS = 4014


async def run_bot(settings: Settings) -> None:
    """`chorus run`: open the services as the owner of the data folder, connect, return after SIGTERM or Ctrl-C.

    Raises:
        ConfigError: No token or a wrong one, the message content intent is off, another Chorus owns the data folder.
        ChorusError: Discord cannot be reached.

    """
    token = settings.discord_token.get_secret_value().strip() if settings.discord_token else ""
    if not token:
        raise ConfigError("There is no Discord token.", advice="Set DISCORD_TOKEN in the environment or in .env.")
    if settings.discord.server:
        point_discord_at(settings.discord.server)
    with stop_signals() as stop:
        async with open_services(settings, owner=True) as services:
            await _serve(services, token, stop)


async def _serve(services: Services, token: str, stop: asyncio.Event) -> None:
    async with connected(services, token) as (_, connection):
        # What is here now stays: without it a full collection visits less, and holds the event loop up for less.
        gc.collect()
        gc.freeze()
        stopping = asyncio.create_task(stop.wait(), name="stop signal")
        try:
            await asyncio.wait({connection, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
        if not connection.done():
            log.info("stopping")


@contextlib.asynccontextmanager
async def connected(
    services: Services, token: str, *, extensions: Sequence[str] = EXTENSIONS
) -> AsyncGenerator[tuple[ChorusBot, asyncio.Task[None]]]:
    """A bot that is logged in, and the task of its gateway connection; closed in order at the end of the block.

    Raises:
        ConfigError, ChorusError: As `run_bot`; the task's own failure is raised when the block ends.

    """
    # Speech goes out as messages, not into voice channels: the library's "voice will NOT be supported" would mislead.
    discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
    # A short wait for GUILD_CREATEs: they arrive together, and a small bot is ready sooner.
    bot = ChorusBot(services, extensions=extensions, guild_ready_timeout=1.0)
    try:
        with told():
            await bot.login(token)
        connection = asyncio.create_task(bot.connect(), name="Discord gateway")
        try:
            yield bot, connection
        finally:
            await _close(bot, connection)
        with told():
            if connection.done() and not connection.cancelled():
                connection.result()
    finally:
        if not bot.is_closed():
            await bot.close()


async def _close(bot: ChorusBot, connection: asyncio.Task[None]) -> None:
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await bot.close()
    except TimeoutError:
        log.warning("Discord did not let go within %.0f s", STOP_SECONDS)
    connection.cancel()
    await asyncio.wait({connection})
    await _finish_events()


async def _finish_events() -> None:
    """Let listeners, commands and buttons that are at work come to their end: they use the services, which close next.

    discord.py starts them as tasks and forgets them. What takes longer is cut off, as by a crash.
    """
    under_way = {task for task in asyncio.all_tasks() if task.get_name().startswith(_EVENTS)}
    under_way.discard(cast("asyncio.Task[Any]", asyncio.current_task()))
    if not under_way:
        return
    _, late = await asyncio.wait(under_way, timeout=EVENT_SECONDS)
    for task in late:
        task.cancel()
    if late:
        await asyncio.wait(late)


@contextlib.contextmanager
def told() -> Generator[None]:
    """Say in one sentence what keeps the bot from connecting."""
    try:
        yield
    except discord.LoginFailure as error:
        raise _bad_token() from error
    except discord.PrivilegedIntentsRequired as error:
        raise _missing_intent() from error
    except discord.ConnectionClosed as error:
        if error.code == AUTHENTICATION_FAILED:
            raise _bad_token() from error
        if error.code == DISALLOWED_INTENTS:
            raise _missing_intent() from error
        raise DiscordUnavailable(f"Discord closed the connection (code {error.code}).") from error
    except discord.HTTPException as error:
        raise DiscordUnavailable(f"Discord refused the login (HTTP {error.status}).") from error
    except (discord.GatewayNotFound, *NETWORK_ERRORS) as error:
        raise DiscordUnavailable from error


def _bad_token() -> ConfigError:
    return ConfigError(
        "Discord does not accept the token.",
        advice="Copy it from https://discord.com/developers/applications (Bot, Reset Token) to DISCORD_TOKEN.",
    )


def _missing_intent() -> ConfigError:
    return ConfigError(
        "The bot is not allowed to read messages: its Message Content Intent is off.",
        advice="Turn it on at https://discord.com/developers/applications (Bot, Privileged Gateway Intents).",
    )


@contextlib.contextmanager
def stop_signals() -> Generator[asyncio.Event]:
    """An event that SIGTERM and Ctrl-C set, instead of ending the process in the middle of something."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    signals = (signal.SIGINT, signal.SIGTERM)

    def windows_handler(_number: int, _frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(stop.set)

    previous = {number: signal.getsignal(number) for number in signals}
    for number in signals:
        try:
            loop.add_signal_handler(number, stop.set)
        except NotImplementedError:  # Windows
            signal.signal(number, windows_handler)
    try:
        yield stop
    finally:
        for number in signals:
            with contextlib.suppress(NotImplementedError):
                loop.remove_signal_handler(number)
            signal.signal(number, previous[number])
