"""Buttons that outlive the process: what a press needs is in its `custom_id`, the rest in the store."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

import discord

from bot.errors import InputInvalid
from cogs.ui.errors import reply_error

if TYPE_CHECKING:
    import re

    from bot.discord_client.bot import ChorusBot
    from bot.domain.jobs import Job

JOB_ID: Final = r"(?P<job>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
_NEVER: Final = r"(?!)"


class ChorusItem(discord.ui.DynamicItem[discord.ui.Button[Any]], template=_NEVER):
    """The base of our dynamic buttons: everything a press does runs inside the one error reply.

    discord.py logs what `from_custom_id` and `callback` raise and swallows what `interaction_check` raises, and no
    `on_error` hears of it (`ViewStore.schedule_dynamic_item_call`). So `from_custom_id` only reads the id, which the
    template has already checked, and checks are part of `press`.
    """

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Called by discord.py, which would only log what `press` raises."""
        try:
            await self.press(interaction)
        except Exception as error:  # noqa: BLE001 - the command boundary: every failure becomes the one reply
            await reply_error(interaction, error)

    async def press(self, interaction: discord.Interaction[ChorusBot]) -> None:
        """What the button does. Raise a `ChorusError` to refuse."""
        raise NotImplementedError


class JobItem(ChorusItem, template=_NEVER):
    """A button about one job; `custom_id` is `chorus:<action>:<job uuid>`.

    Subclasses give `action` and their template: `template=job_template("cancel")`.
    """

    action: ClassVar[str] = ""
    label: ClassVar[str] = ""
    emoji: ClassVar[str | None] = None
    style: ClassVar[discord.ButtonStyle] = discord.ButtonStyle.secondary

    def __init__(self, job_id: uuid.UUID) -> None:
        self.job_id = job_id
        super().__init__(
            discord.ui.Button(
                label=self.label, emoji=self.emoji, style=self.style, custom_id=f"chorus:{self.action}:{job_id}"
            )
        )

    @classmethod
    async def from_custom_id(
        cls,
        interaction: discord.Interaction[Any],  # noqa: ARG003 - discord.py's signature
        item: discord.ui.Item[Any],  # noqa: ARG003
        match: re.Match[str],
        /,
    ) -> Self:
        """Called by discord.py for a press; cannot fail, since the template has matched."""
        return cls(uuid.UUID(match["job"]))

    async def job(self, interaction: discord.Interaction[ChorusBot]) -> Job:
        """The job behind the button.

        Raises:
            InputInvalid: The row is gone (an old data folder was removed).

        """
        job = await interaction.client.services.orchestrator.job(self.job_id)
        if job is None:
            raise InputInvalid("I no longer have that job.", advice="Start a new one with `/imagine`.")
        return job


def job_template(action: str) -> str:
    """The template of a `JobItem` with this action."""
    return f"chorus:{action}:{JOB_ID}"
