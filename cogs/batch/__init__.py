"""Batches: `/batch`, and what the buttons and menus of its messages do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cogs.batch.cog import BatchCog
from cogs.batch.starting import start_batch

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot

__all__ = ["BatchCog", "setup", "start_batch"]


async def setup(bot: ChorusBot) -> None:
    """Called by the bot before it connects."""
    await bot.add_cog(BatchCog(bot))
