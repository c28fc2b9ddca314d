"""Delivery: posts results, turns and speech, exactly once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cogs.delivery.cog import DeliveryCog, delivery_of

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot

__all__ = ["DeliveryCog", "delivery_of", "setup"]


async def setup(bot: ChorusBot) -> None:
    """Called by the bot before it connects."""
    await bot.add_cog(DeliveryCog(bot))
