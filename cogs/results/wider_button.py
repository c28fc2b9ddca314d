"""The button Wider: the picture on a larger canvas, of which a model draws what is new."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import discord

from bot.derived_jobs.picture_edits import PERCENTS
from bot.derived_jobs.requests import outpaint
from bot.errors import InputInvalid
from bot.media.images.canvas import Direction
from cogs.actors import interaction_actor
from cogs.ui.components import JOB_ID, button, stateless_view

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot
    from bot.domain.jobs import Job
    from cogs.results.derived_job_starter import DerivedJobStarter

WIDER_CHOICE: Final = (
    rf"chorus:widen:{JOB_ID}:(?P<n>\d{{1,3}}):(?P<percent>{'|'.join(map(str, PERCENTS))})"
    rf":(?P<direction>{'|'.join(Direction)}|amount)"
)
"""Custom ids of the buttons of the question; `amount` only changes how much."""
_EMOJI: Final = {
    Direction.LEFT: "⬅️",
    Direction.RIGHT: "➡️",
    Direction.UP: "⬆️",
    Direction.DOWN: "⬇️",
    Direction.ALL: "🔲",
}
_USUAL_PERCENT: Final = 50


async def ask_direction(interaction: discord.Interaction[ChorusBot], job: Job, n: int) -> None:
    """Ask those who may widen picture `n`: to which side, and how much.

    Raises:
        ChorusError: The person may not, or there is no workflow for it.

    """
    _require_possible(interaction, job)
    await interaction.response.send_message(
        _question(_USUAL_PERCENT), view=_choice(job, n, _USUAL_PERCENT), ephemeral=True
    )


async def widen(
    interaction: discord.Interaction[ChorusBot], job: Job, match: re.Match[str], starter: DerivedJobStarter
) -> None:
    """Start the job of the chosen side, or show another amount.

    Raises:
        ChorusError: It cannot be made.

    """
    n, percent, chosen = int(match["n"]), int(match["percent"]), match["direction"]
    _require_possible(interaction, job)
    if chosen == "amount":
        await interaction.response.edit_message(content=_question(percent), view=_choice(job, n, percent))
        return
    # Discord waits 3 s for an answer, and a large canvas takes a while.
    await interaction.response.defer(ephemeral=True, thinking=True)
    files = await interaction.client.services.picture_edits.wider(job, n, Direction(chosen), percent)
    await starter.start_by_interaction(interaction, job, lambda requester: outpaint(job, requester, files))


def _require_possible(interaction: discord.Interaction[ChorusBot], job: Job) -> None:
    services, actor = interaction.client.services, interaction_actor(interaction)
    services.policy.require_may_ask(actor)
    services.policy.require_may_derive(actor, job.request.requester_id)
    if not services.derived_jobs.can_outpaint(job):
        raise InputInvalid(
            "This character has no `outpaint` workflow that ComfyUI can run.",
            advice="The owner can put one at workflows/<character>/image/outpaint.json.",
        )


def _question(percent: int) -> str:
    return f"Wider to which side? It grows by **{percent} %** of its own size there, and the rest stays as it is."


def _choice(job: Job, n: int, percent: int) -> discord.ui.View:
    start = f"chorus:widen:{job.id}:{n}"
    sides = [
        button(f"{start}:{percent}:{direction.value}", direction.value.title(), emoji=emoji, row=0)
        for direction, emoji in _EMOJI.items()
    ]
    amounts = [
        button(
            f"{start}:{amount}:amount",
            f"{amount} %",
            style=discord.ButtonStyle.primary if amount == percent else discord.ButtonStyle.secondary,
            disabled=amount == percent,
            row=1,
        )
        for amount in PERCENTS
    ]
    return stateless_view(*sides, *amounts)
