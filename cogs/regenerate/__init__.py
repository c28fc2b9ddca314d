"""Nothing a character made is a dead end: reactions and buttons make it again, vary it, remix it, or take it away."""

from __future__ import annotations

import asyncio
import io
import logging
from typing import TYPE_CHECKING
from uuid import UUID

import discord
from discord.ext import commands

from bot.derived_jobs.requests import remix, repeat, upscale, vary
from bot.derived_jobs.service import pictures
from bot.domain.deliveries import DeliveryKind
from bot.domain.jobs import UNFINISHED, JobKind, JobState
from bot.errors import ChorusError, InputInvalid
from bot.workflows.version_differences import shortened
from cogs.delivery import delivery_of
from cogs.regenerate._describing import settings_embed, turn_embed
from cogs.regenerate._reactions import Reactions, author_of
from cogs.regenerate._remix import read_remix, remix_modal, remixed_job
from cogs.regenerate._starting import Starter, message_link
from cogs.regenerate._taking_down import take_down
from cogs.speak import speak_of
from cogs.ui.asker import Asker
from cogs.ui.errors import reply_error
from cogs.ui.modals import is_submission, submitted
from cogs.ui.reactions import Shown, offer_reactions
from cogs.ui.result_buttons import RESULT_BUTTONS, info_view, picture_choice, repeat_choice

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot
    from bot.domain.conversations import Message, Thread
    from bot.domain.jobs import Job

__all__ = ["Regenerate", "message_link", "regenerate_of", "setup"]

log = logging.getLogger(__name__)

_GONE = "I no longer have that job."


class Regenerate(commands.Cog):
    """What presses and reactions do. The buttons hold ids only; everything else is in the stores."""

    def __init__(self, bot: ChorusBot) -> None:
        self.bot = bot
        self.starter = Starter(bot)
        self.reactions = Reactions(bot, self.starter)
        self._offering = set[asyncio.Task[None]]()

    async def cog_load(self) -> None:
        """Register the buttons; offer reactions under turns where that is wanted."""
        self.bot.add_dynamic_items(*RESULT_BUTTONS)
        if self.bot.services.settings.discord.offer_reactions:
            delivery_of(self.bot).turns.add_listener(self._turn_stands)

    # -- again

    async def again(self, interaction: discord.Interaction[ChorusBot], job: Job) -> None:
        """The same with a new seed."""
        await self.starter.by_interaction(interaction, job, self.starter.once_more(job))

    async def vary(self, interaction: discord.Interaction[ChorusBot], job: Job, *, n: int | None = None) -> None:
        """From picture `n` where there is a workflow for it, else in other words."""
        follow_ups = self.bot.services.derived_jobs
        if not follow_ups.can_vary_from_picture(job):
            await self.starter.by_interaction(interaction, job, lambda by: vary(job, by, None))
            return
        chosen = await self._which(interaction, job, "vary", n)
        if chosen is not None:
            picture = await follow_ups.input_picture(job, chosen)
            await self.starter.by_interaction(interaction, job, lambda by: vary(job, by, picture))

    async def upscale(self, interaction: discord.Interaction[ChorusBot], job: Job, *, n: int | None = None) -> None:
        """Picture `n`, larger."""
        follow_ups = self.bot.services.derived_jobs
        if not follow_ups.can_upscale(job):
            raise InputInvalid(
                "This character has no `upscale` workflow any more.",
                advice="The owner can put one at workflows/<character>/image/upscale.json.",
            )
        chosen = await self._which(interaction, job, "upscale", n)
        if chosen is not None:
            picture = await follow_ups.input_picture(job, chosen)
            await self.starter.by_interaction(interaction, job, lambda by: upscale(job, by, picture))

    async def _which(
        self, interaction: discord.Interaction[ChorusBot], job: Job, what: str, n: int | None
    ) -> int | None:
        """The number of the picture; None: the person was asked, and presses again."""
        numbers = [number for number, _ in pictures(job)]
        if n is not None or len(numbers) == 1:
            return numbers[0] if n is None else n
        Asker.pressing(interaction).require_may_ask(self.bot, job.request.requester_id)
        await interaction.response.send_message(
            "Which of the pictures?", view=picture_choice(job, what, numbers), ephemeral=True
        )
        return None

    # -- remix

    async def open_remix(self, interaction: discord.Interaction[ChorusBot], job: Job) -> None:
        """Show the modal, to those who may send it in."""
        asker = Asker.pressing(interaction)
        asker.require_served(self.bot)
        asker.require_may_ask(self.bot, job.request.requester_id)
        if job.request.kind is JobKind.AUDIO:
            raise InputInvalid("Speech cannot be remixed.", advice="Use `/speak` with other words.")
        settings = await self.bot.services.derived_jobs.main_settings(job)
        await interaction.response.send_modal(remix_modal(job, settings))

    @commands.Cog.listener()
    async def on_interaction(self, interaction: discord.Interaction[ChorusBot]) -> None:
        """A remix was sent in, perhaps of a modal that another life of the bot has shown."""
        custom_id = is_submission(interaction)
        job_id = remixed_job(custom_id) if custom_id else None
        if job_id is None:
            return
        try:
            await self._remixed(interaction, job_id)
        except Exception as error:  # noqa: BLE001 - the command boundary: every failure becomes the one reply
            await reply_error(interaction, error)

    async def _remixed(self, interaction: discord.Interaction[ChorusBot], job_id: UUID) -> None:
        job = await self._job(job_id)
        settings = await self.bot.services.derived_jobs.main_settings(job)
        changes = read_remix(job, settings, submitted(interaction))
        await self.starter.by_interaction(interaction, job, lambda by: remix(job, by, changes))

    # -- exactly

    async def repeat(self, interaction: discord.Interaction[ChorusBot], job: Job) -> None:
        """At once where the workflow is as it was; else say what differs, and offer either."""
        since = await self.bot.services.derived_jobs.compare_workflow(job)
        if since.used is None and since.current is None:
            raise InputInvalid("The workflow of that job is gone, and so is the version it was made with.")
        if since.unchanged or since.current is None:
            await self.repeat_by(interaction, job, pinned=True)
            return
        Asker.pressing(interaction).require_may_ask(self.bot, job.request.requester_id)
        if since.used is None:
            told = ["the version it was made with is not known any more"]
        else:
            told = shortened(since.changes or ("only its layout",), 12)
        lines = "\n".join(f"- {discord.utils.escape_markdown(line)}" for line in told)
        text = f"The workflow **{discord.utils.escape_markdown(job.workflow_name)}** has changed since:\n{lines}"
        await interaction.response.send_message(text[:2000], view=repeat_choice(job), ephemeral=True)

    async def repeat_by(self, interaction: discord.Interaction[ChorusBot], job: Job, *, pinned: bool) -> None:
        """The same parameters and seed, by the version of then or by the file of now."""
        await self.starter.by_interaction(interaction, job, lambda by: repeat(job, by, stored_workflow=pinned))

    # -- about it

    async def info(self, interaction: discord.Interaction[ChorusBot], job: Job) -> None:
        """Everything in the sidecar, to the person alone."""
        Asker.pressing(interaction).require_served(self.bot)
        document = await self.bot.services.derived_jobs.sidecar_document(job)
        file = discord.File(io.BytesIO(document), filename=f"{job.digest}.json")
        embed = settings_embed(self.bot, job)
        link = await message_link(self.bot, job)
        if link:
            embed.url = link
        await interaction.response.send_message(embed=embed, file=file, view=info_view(job), ephemeral=True)

    async def turn_info(self, interaction: discord.Interaction[ChorusBot], turn: Message) -> None:
        """What is known of a chat turn."""
        character = self.starter.character(turn.character_id or "", interaction.guild_id)
        name = character.name if character is not None else turn.character_id or "Character"
        await interaction.response.send_message(embed=turn_embed(name, turn), ephemeral=True)

    async def delete(self, interaction: discord.Interaction[ChorusBot], job: Job) -> None:
        """Take the result out of Discord."""
        asker = Asker.pressing(interaction)
        asker.require_control(job.request.requester_id)
        if job.state in UNFINISHED:
            raise InputInvalid("That job is not over yet.", advice="Cancel it at its own message.")
        # Acknowledge first: several messages may have to go.
        await interaction.response.defer()
        await take_down(self.bot, job)

    # -- words

    async def alternative(self, interaction: discord.Interaction[ChorusBot], turn: Message) -> None:
        """Another answer in the place of this one."""
        await self.reactions.alternative(Asker.pressing(interaction), turn)
        await interaction.response.send_message("Another answer is on its way.", ephemeral=True)

    async def speak(self, interaction: discord.Interaction[ChorusBot], turn_id: str) -> None:
        """A turn in its character's voice."""
        turn = await self.bot.services.conversations.store.message(turn_id)
        if turn is None or turn.deleted_at is not None or interaction.message is None:
            raise InputInvalid("Those words are no longer part of a conversation.", advice="Choose newer ones.")
        asker = Asker.pressing(interaction)
        asker.require_served(self.bot)
        asker.require_may_ask(self.bot, await author_of(self.bot, turn))
        _, standing = await speak_of(self.bot).speak_message(interaction.message, interaction.user)
        text = f"That is spoken already: {standing}" if standing else "The voice is on its way."
        await interaction.response.send_message(text, ephemeral=True)

    # -- reactions, and what people do to messages

    @commands.Cog.listener()
    async def on_raw_reaction_add(self, payload: discord.RawReactionActionEvent) -> None:
        """See `Reactions`."""
        await self.reactions.added(payload)

    @commands.Cog.listener()
    async def on_raw_message_delete(self, payload: discord.RawMessageDeleteEvent) -> None:
        """Somebody deleted a result by Discord's own means: it leaves the gallery."""
        await self._deleted(payload.message_id)

    @commands.Cog.listener()
    async def on_raw_bulk_message_delete(self, payload: discord.RawBulkMessageDeleteEvent) -> None:
        """As above, for a purge."""
        for message_id in payload.message_ids:
            await self._deleted(message_id)

    async def _deleted(self, message_id: int) -> None:
        row = await self.bot.services.deliveries.by_message(message_id)
        if row is None or row.job_id is None or row.part or row.kind is DeliveryKind.NOTICE:
            return
        if message_id in delivery_of(self.bot).outbox.taken_back:  # outdated speech, taken back by ourselves
            return
        job = await self.bot.services.orchestrator.job(row.job_id)
        if job is not None and job.state is JobState.DELIVERED:
            await self.bot.services.derived_jobs.remove_result(job)

    async def _turn_stands(self, turn: Message, thread: Thread) -> None:
        """Beside the turn's delivery: adding reactions is slow on purpose (Discord's rate limit)."""
        rows = [row for row in await self.bot.services.deliveries.of_turn(turn.id) if row.discord_message_id]
        if not rows:
            return
        last = max(rows, key=lambda row: row.part)
        channel = self.bot.get_partial_messageable(thread.channel_id, guild_id=last.guild_id)
        message = channel.get_partial_message(last.discord_message_id or 0)
        reactions = self.bot.services.settings.discord.reactions
        task = asyncio.create_task(offer_reactions(message, Shown.TURN, reactions), name=f"reactions on {message.id}")
        self._offering.add(task)
        task.add_done_callback(self._offering.discard)

    async def cog_unload(self) -> None:
        """Reactions that are not offered yet are not missed."""
        for task in self._offering:
            task.cancel()

    async def _job(self, job_id: UUID) -> Job:
        job = await self.bot.services.orchestrator.job(job_id)
        if job is None:
            raise InputInvalid(_GONE, advice="Start a new one with `/imagine`.")
        return job

    async def of_message(self, message_id: int) -> Job | Message | None:
        """What a message of ours shows: a job or a turn; None: it is not ours, or no longer known."""
        row = await self.bot.services.deliveries.by_message(message_id)
        if row is None:
            return None
        if row.job_id is not None:
            return await self.bot.services.orchestrator.job(row.job_id)
        return await self.bot.services.conversations.store.message(row.message_id) if row.message_id else None


def regenerate_of(bot: ChorusBot) -> Regenerate:
    """The bot's cog, for buttons and other cogs."""
    cog = bot.get_cog(Regenerate.__cog_name__)
    if not isinstance(cog, Regenerate):
        raise ChorusError("The buttons are not switched on.", advice="Try again in a moment.")
    return cog


async def setup(bot: ChorusBot) -> None:
    """Called by `load_extension`."""
    await bot.add_cog(Regenerate(bot))
