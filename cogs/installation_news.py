"""Tells in the log channel which workflows can no longer be run after ComfyUI has changed, and which can again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import discord
from discord.ext import commands

from bot.diagnostics.workflows import label_of, unusable_workflows
from bot.generation.installed_models import InstalledModels
from cogs.ui.embeds import PROGRESS_COLOUR, RESULT_COLOUR
from cogs.ui.text import EMBED_DESCRIPTION, clip, escaped

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot
    from bot.workflows import Workflow

log = logging.getLogger(__name__)

TOLD: Final = "told_unusable_workflows"
"""Key in the table `guild_settings`, of the log channel: what was told, by what each workflow is called."""
_MAX_NAMED = 20
_AGAIN_SECONDS = 60.0


class InstallationNewsCog(commands.Cog, name="Installation news"):
    """Runs the doctor's check of workflows whenever something was installed on ComfyUI or removed from it.

    What is missing when a channel is told for the first time is no news: `/doctor` shows it.
    """

    def __init__(self, bot: ChorusBot) -> None:
        self.bot = bot
        self._task: asyncio.Task[None] | None = None

    async def cog_load(self) -> None:
        """Begin to watch."""
        self._task = asyncio.create_task(self._watch(), name="installation news")

    async def cog_unload(self) -> None:
        """Stop."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _watch(self) -> None:
        await self.bot.wait_until_ready()
        revision = 0
        while True:
            revision = await self.bot.services.installations.wait_changed(revision)
            try:
                await self._tell_changes()
            except Exception:  # a task boundary: it is told later, also if nothing else changes until then; logged
                log.exception("it could not be told what ComfyUI can no longer run")
                await asyncio.sleep(_AGAIN_SECONDS)
                revision -= 1

    async def _tell_changes(self) -> None:
        services = self.bot.services
        infos = services.installations.object_infos
        if infos is None:  # one is away again; its return is another change
            return
        channel_id = services.settings.discord.log_channel_id
        channel = None if channel_id is None else await self._channel(channel_id)
        guild_id = channel.guild.id if channel is not None else None
        workflows = services.workflows.all(guild_id)
        models = InstalledModels(services.settings.visual_generation.model)
        for client in services.comfy:
            await models.learn(client, infos[client.url])
        missing = await asyncio.to_thread(unusable_workflows, workflows, infos, models)
        for label, problem in missing.items():
            log.info("%s cannot be run: %s", label, problem)
        if channel is None:
            return
        known: dict[str, str] | None = services.guild_settings.get(guild_id, TOLD, channel_id=channel.id)
        embed = None if known is None else _news(known, missing, workflows)
        if embed is not None:
            await channel.send(embed=embed)
        if known != missing:
            await services.guild_settings.set(guild_id, TOLD, missing, channel_id=channel.id)

    async def _channel(self, channel_id: int) -> discord.TextChannel | discord.Thread | None:
        try:
            found = self.bot.get_channel(channel_id) or await self.bot.fetch_channel(channel_id)
        except discord.HTTPException as error:
            log.warning("discord.log_channel_id names a channel that cannot be used: %s", error)
            return None
        if isinstance(found, discord.TextChannel | discord.Thread):
            return found
        log.warning("discord.log_channel_id names no text channel of a server")
        return None


def _news(known: Mapping[str, str], missing: Mapping[str, str], workflows: list[Workflow]) -> discord.Embed | None:
    """What to tell; None: nothing that was not told before."""
    lost = [f"❌ **{escaped(label)}**: {escaped(missing[label])}" for label in missing if label not in known]
    present = {label_of(workflow) for workflow in workflows}
    back = [f"✅ **{escaped(label)}** can be run again." for label in known if label in present - missing.keys()]
    lines = [*lost, *back]
    if not lines:
        return None
    if len(lines) > _MAX_NAMED:
        lines = [*lines[:_MAX_NAMED], f"… and {len(lines) - _MAX_NAMED} more; `/doctor` shows all of them."]
    title = f"ComfyUI has changed: {len(lost)} of {len(workflows)} workflows can no longer be run"
    return discord.Embed(
        title=title if lost else "ComfyUI has changed",
        description=clip("\n".join(lines), EMBED_DESCRIPTION),
        colour=PROGRESS_COLOUR if lost else RESULT_COLOUR,
    )


async def setup(bot: ChorusBot) -> None:
    """Called by `load_extension`."""
    await bot.add_cog(InstallationNewsCog(bot))
