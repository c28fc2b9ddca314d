"""Configure & run: a private panel with every parameter of a workflow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cogs.configure.cog import ConfigureCog, configure_of

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot

__all__ = ["ConfigureCog", "configure_of", "setup"]


async def setup(bot: ChorusBot) -> None:
    """Called by the bot before it connects."""
    await bot.add_cog(ConfigureCog(bot))
