"""Speech in Discord: on demand and after each turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cogs.speak.cog import SpeakCog, speech_of

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot

__all__ = ["SpeakCog", "setup", "speech_of"]


async def setup(bot: ChorusBot) -> None:
    """Called by the bot before it connects."""
    await bot.add_cog(SpeakCog(bot))
