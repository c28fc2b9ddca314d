"""`/admin`: who may do what in a server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cogs.admin.cog import AdminCog

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot

__all__ = ["AdminCog", "setup"]


async def setup(bot: ChorusBot) -> None:
    """Called by the bot before it connects."""
    await bot.add_cog(AdminCog(bot))
