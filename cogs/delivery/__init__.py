"""Delivery: the only place that posts results."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cogs.delivery._cog import Delivery, delivery_of
from cogs.delivery._outbox import Find, Outbox, Post
from cogs.delivery._presenter import Presenter
from cogs.delivery._search import answers, carries, finder, replies_to, says, signed

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot

__all__ = [
    "Delivery",
    "Find",
    "Outbox",
    "Post",
    "Presenter",
    "answers",
    "carries",
    "delivery_of",
    "finder",
    "replies_to",
    "says",
    "setup",
    "signed",
]


async def setup(bot: ChorusBot) -> None:
    """Called by the bot before it connects."""
    await bot.add_cog(Delivery(bot))
