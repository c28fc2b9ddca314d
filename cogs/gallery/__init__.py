"""The gallery and the history."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cogs.gallery.cog import GalleryCog

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot

__all__ = ["GalleryCog", "setup"]


async def setup(bot: ChorusBot) -> None:
    """Called by the bot before it connects."""
    await bot.add_cog(GalleryCog(bot))
