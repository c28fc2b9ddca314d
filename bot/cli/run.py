"""`chorus run`: run the bot."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bot.discord_client.connection import run_bot
from bot.log import open_log

if TYPE_CHECKING:
    from bot.settings import Settings


def run(settings: Settings, *, debug: bool = False) -> None:
    """Connect to Discord and stay until SIGTERM or Ctrl-C.

    Raises:
        ChorusError: The bot could not start, or could not go on.

    """
    with open_log(settings, debug=debug):
        asyncio.run(run_bot(settings))
