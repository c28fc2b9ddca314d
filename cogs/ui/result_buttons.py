"""The buttons under a result. Each carries the job's id alone; what a press does is in `cogs.regenerate`."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import discord

from bot.domain.jobs import JobKind, JobState
from cogs.ui.items import JOB_ID, ChorusItem, JobItem, job_template
from cogs.ui.views import DynamicView

if TYPE_CHECKING:
    import re

    from bot.discord_client.bot import ChorusBot
    from bot.domain.jobs import Job
    from cogs.regenerate import Regenerate

MOST_PICTURES = 25
"""Buttons in one message."""
_TURN = r"(?P<turn>[0-9a-f-]{36})"


def presses_of(bot: ChorusBot) -> Regenerate:
    """The cog that does it."""
    from cogs.regenerate import regenerate_of  # noqa: PLC0415 - it imports delivery, which imports these buttons

    return regenerate_of(bot)


class AgainButton(JobItem, template=job_template("again")):
    """The same with a new seed."""

    action = "again"
    label = "Again"
    emoji = "🔁"

    async def press(self, interaction: discord.Interaction[ChorusBot]) -> None:
        """Anyone who may write here (`regenerate.by`)."""
        await presses_of(interaction.client).again(interaction, await self.job(interaction))


class VaryButton(JobItem, template=job_template("vary")):
    """From this picture, or the same prompt in other words."""

    action = "vary"
    label = "Vary"
    emoji = "🎲"

    async def press(self, interaction: discord.Interaction[ChorusBot]) -> None:
        """As Again; of several pictures it asks which."""
        await presses_of(interaction.client).vary(interaction, await self.job(interaction))


class RemixButton(JobItem, template=job_template("remix")):
    """With other words and settings."""

    action = "remix"
    label = "Remix"
    emoji = "✏️"

    async def press(self, interaction: discord.Interaction[ChorusBot]) -> None:
        """Opens the modal; what is sent in is handled by the cog."""
        await presses_of(interaction.client).open_remix(interaction, await self.job(interaction))


class UpscaleButton(JobItem, template=job_template("upscale")):
    """The same picture, larger."""

    action = "upscale"
    label = "Upscale"
    emoji = "🔍"

    async def press(self, interaction: discord.Interaction[ChorusBot]) -> None:
        """As Vary."""
        await presses_of(interaction.client).upscale(interaction, await self.job(interaction))


class InfoButton(JobItem, template=job_template("info")):
    """How it was made."""

    action = "info"
    label = "Info"
    emoji = "ℹ️"  # noqa: RUF001 - the emoji is that character

    async def press(self, interaction: discord.Interaction[ChorusBot]) -> None:
        """Everybody who sees the result; answered to them alone."""
        await presses_of(interaction.client).info(interaction, await self.job(interaction))


class DeleteButton(JobItem, template=job_template("delete")):
    """Takes the result out of Discord."""

    action = "delete"
    label = "Delete"
    emoji = "🗑️"

    async def press(self, interaction: discord.Interaction[ChorusBot]) -> None:
        """The person who asked, or Manage Messages."""
        await presses_of(interaction.client).delete(interaction, await self.job(interaction))


class RepeatButton(JobItem, template=job_template("repeat")):
    """Exactly the same; asks where the workflow has changed since."""

    action = "repeat"
    label = "Repeat exactly"

    async def press(self, interaction: discord.Interaction[ChorusBot]) -> None:
        """As Again."""
        await presses_of(interaction.client).repeat(interaction, await self.job(interaction))


class RepeatThenButton(JobItem, template=job_template("repeat_then")):
    """By the workflow as it was."""

    action = "repeat_then"
    label = "As it was then"
    style = discord.ButtonStyle.primary

    async def press(self, interaction: discord.Interaction[ChorusBot]) -> None:
        """As Again."""
        await presses_of(interaction.client).repeat_by(interaction, await self.job(interaction), pinned=True)


class RepeatNowButton(JobItem, template=job_template("repeat_now")):
    """The same values in the workflow as it is now."""

    action = "repeat_now"
    label = "With the workflow of today"

    async def press(self, interaction: discord.Interaction[ChorusBot]) -> None:
        """As Again."""
        await presses_of(interaction.client).repeat_by(interaction, await self.job(interaction), pinned=False)


class PictureButton(JobItem, template=rf"chorus:(?P<what>vary|upscale):{JOB_ID}:(?P<n>\d{{1,3}})"):
    """One of several pictures to vary or enlarge."""

    def __init__(self, job_id: uuid.UUID, what: str, n: int) -> None:
        self.job_id = job_id
        self.what = what
        self.n = n
        button: discord.ui.Button[Any] = discord.ui.Button(
            label=str(n + 1), style=discord.ButtonStyle.secondary, custom_id=f"chorus:{what}:{job_id}:{n}"
        )
        super(JobItem, self).__init__(button)

    @classmethod
    async def from_custom_id(
        cls,
        interaction: discord.Interaction[Any],  # noqa: ARG003 - discord.py's signature
        item: discord.ui.Item[Any],  # noqa: ARG003
        match: re.Match[str],
        /,
    ) -> Self:
        """Called by discord.py for a press."""
        return cls(uuid.UUID(match["job"]), match["what"], int(match["n"]))

    async def press(self, interaction: discord.Interaction[ChorusBot]) -> None:
        """As the button that asked."""
        job = await self.job(interaction)
        presses = presses_of(interaction.client)
        await (presses.vary if self.what == "vary" else presses.upscale)(interaction, job, n=self.n)


class SpeakButton(ChorusItem, template=rf"chorus:speak:{_TURN}"):
    """Under a character's words: hear them."""

    def __init__(self, turn_id: str) -> None:
        self.turn_id = turn_id
        button: discord.ui.Button[Any] = discord.ui.Button(
            label="Speak", emoji="🔊", style=discord.ButtonStyle.secondary, custom_id=f"chorus:speak:{turn_id}"
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
        return cls(match["turn"])

    async def press(self, interaction: discord.Interaction[ChorusBot]) -> None:
        """Anyone who may write here (`regenerate.by`)."""
        await presses_of(interaction.client).speak(interaction, self.turn_id)


RESULT_BUTTONS: Sequence[type[ChorusItem]] = (
    AgainButton,
    VaryButton,
    RemixButton,
    UpscaleButton,
    InfoButton,
    DeleteButton,
    RepeatButton,
    RepeatThenButton,
    RepeatNowButton,
    PictureButton,
    SpeakButton,
)


def buttons_of(job: Job, *, can_upscale: bool) -> list[ChorusItem]:
    """Under a finished job; of speech what makes sense for it."""
    if job.state not in {JobState.GENERATED, JobState.DELIVERED}:
        return [AgainButton(job.id)] if job.state is JobState.FAILED else []
    if job.request.kind is JobKind.AUDIO:
        return [AgainButton(job.id), InfoButton(job.id), DeleteButton(job.id)]
    found: list[ChorusItem] = [AgainButton(job.id), VaryButton(job.id), RemixButton(job.id)]
    found += [UpscaleButton(job.id)] if can_upscale else []
    return [*found, InfoButton(job.id), DeleteButton(job.id)]


def picture_choice(job: Job, what: str, numbers: Sequence[int]) -> DynamicView:
    """Which of the pictures."""
    return DynamicView(*(PictureButton(job.id, what, n) for n in numbers[:MOST_PICTURES]))


def info_view(job: Job) -> DynamicView:
    """Under Info."""
    return DynamicView(RepeatButton(job.id))


def repeat_choice(job: Job) -> DynamicView:
    """Where the workflow changed."""
    return DynamicView(RepeatThenButton(job.id), RepeatNowButton(job.id))
