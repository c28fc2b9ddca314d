"""Results: what their buttons and reactions do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cogs.results.cog import ResultsCog, results_of

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot

__all__ = ["ResultsCog", "results_of", "setup"]


async def setup(bot: ChorusBot) -> None:
    """Called by the bot before it connects."""
    await bot.add_cog(ResultsCog(bot))
