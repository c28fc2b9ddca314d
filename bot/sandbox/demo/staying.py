"""`chorus demo --stay`: the visit is over, the bot goes on, and whoever sits at the terminal is Ada."""

from __future__ import annotations

import asyncio

from rich.console import Console

from bot.sandbox.demo.visit import Visit


async def stay(visit: Visit, console: Console) -> None:
    """Until Ctrl-C."""
    console.print(f"The bot goes on at {visit.stage.discord.url} until Ctrl-C.")
    await asyncio.Event().wait()
