"""`/workflow`: the workflows of a server, from the upload to the version that is restored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cogs.workflows.cog import WorkflowsCog
from cogs.workflows.draft_buttons import DraftButtonsCog
from cogs.workflows.template_buttons import TemplateButtonsCog

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot

__all__ = ["DraftButtonsCog", "TemplateButtonsCog", "WorkflowsCog", "setup"]


async def setup(bot: ChorusBot) -> None:
    """Called by the bot before it connects."""
    await bot.add_cog(DraftButtonsCog(bot))
    await bot.add_cog(TemplateButtonsCog(bot))
    await bot.add_cog(WorkflowsCog(bot))
