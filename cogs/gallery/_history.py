"""The last jobs: state, time, error."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Self

import discord

from bot.domain.jobs import JobQuery, JobState
from cogs.regenerate import message_link
from cogs.ui.embeds import RESULT_COLOUR, noun, seconds_precise, wish
from cogs.ui.items import JOB_ID, ChorusItem
from cogs.ui.permissions import require_place
from cogs.ui.sight import may_see, moderates
from cogs.ui.text import EMBED_DESCRIPTION, clip
from cogs.ui.views import DynamicView

if TYPE_CHECKING:
    import re

    from bot.discord_client.bot import ChorusBot
    from bot.domain.jobs import Job

SHOWN = 12
_SIGNS = {
    JobState.QUEUED: "⏳",
    JobState.RUNNING: "▶",
    JobState.GENERATED: "📬",
    JobState.DELIVERED: "✅",
    JobState.FAILED: "❌",
    JobState.CANCELLED: "🚫",
}


class HistoryButton(ChorusItem, template=rf"chorus:h:(?P<person>\d{{0,20}}):{JOB_ID}"):
    """Older jobs than the last one shown."""

    def __init__(self, person: int | None, before: uuid.UUID) -> None:
        self.person = person
        self.before = before
        button: discord.ui.Button[Any] = discord.ui.Button(
            label="Older", style=discord.ButtonStyle.primary, custom_id=f"chorus:h:{person or ''}:{before}"
        )
        super().__init__(button)

    @classmethod
    async def from_custom_id(
        cls,
        interaction: discord.Interaction[Any],  # noqa: ARG003 - discord.py's signature
        item: discord.ui.Item[Any],  # noqa: ARG003
        match: re.Match[str],
        /,
    ) -> Self:
        """Called by discord.py for a press."""
        return cls(int(match["person"]) if match["person"] else None, uuid.UUID(match["job"]))

    async def press(self, interaction: discord.Interaction[ChorusBot]) -> None:
        """The message itself shows them."""
        require_place(interaction)
        embed, view = await history_page(interaction, self.person, self.before)
        await interaction.response.edit_message(embed=embed, view=view)


async def history_page(
    interaction: discord.Interaction[ChorusBot], person: int | None, before: uuid.UUID | None
) -> tuple[discord.Embed, DynamicView | None]:
    """Of this channel; of the whole server for a moderator."""
    whole_server = interaction.guild_id is not None and moderates(interaction)
    query = JobQuery(
        requester_id=person,
        guild_id=interaction.guild_id if whole_server else None,
        channel_id=None if whole_server else interaction.channel_id,
        before=before,
        limit=SHOWN + 1,
    )
    found = await interaction.client.services.jobs.recent(query)
    shown = [job for job in found[:SHOWN] if may_see(interaction, job)]
    lines = [await _line(interaction, job) for job in shown]
    text = clip("\n".join(lines) or ("Nothing yet." if before is None else "Nothing older."), EMBED_DESCRIPTION)
    embed = discord.Embed(title="History", description=text, colour=RESULT_COLOUR)
    more = len(found) > SHOWN
    return embed, DynamicView(HistoryButton(person, found[SHOWN - 1].id)) if more else None


async def _line(interaction: discord.Interaction[ChorusBot], job: Job) -> str:
    """Only one's own words are shown where nothing was: of others' results, what was made says it."""
    request = job.request
    link = await message_link(interaction.client, job)
    name = f"[{job.digest}]({link})" if link else f"`{job.digest}`"
    own = request.requester_id == interaction.user.id or job.state is JobState.DELIVERED
    parts = [
        f"{_SIGNS[job.state]} {name} {noun(request.kind)}, {job.state.value}",
        f"**{job.error.code}**" if job.error is not None else "",
        seconds_precise(job.execution_seconds) if job.execution_seconds is not None else "",
        discord.utils.format_dt(job.created_at, "R"),
        f"<@{request.requester_id}>" if request.requester_id else "the owner",
        clip(wish(job), 60) if own else "",
    ]
    return " · ".join(part for part in parts if part)
