"""What the buttons and reactions of results do: again, vary, remix, upscale, repeat, info, delete, speak, cancel."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import discord
from discord.ext import commands

from bot.domain.deliveries import DeliveryKind
from bot.domain.jobs import JobState
from bot.errors import ChorusError, InputInvalid
from cogs.actors import interaction_actor, turn_here
from cogs.component_router import Handler, router_of
from cogs.delivery import delivery_of
from cogs.results.actions import ResultActions
from cogs.results.animate_button import FILM_FORM
from cogs.results.derived_job_starter import DerivedJobStarter
from cogs.results.reactions import ReactionHandler
from cogs.results.remix_form import REMIX_FORM
from cogs.results.turn_actions import write_alternative
from cogs.results.wider_button import WIDER_CHOICE
from cogs.speak import speech_of
from cogs.ui.components import job_action
from cogs.ui.job_buttons import PICTURE_CHOICE, SPEAK_TURN
from cogs.ui.reactions import MessageContent, add_reactions
from cogs.ui.region import REGION_CELL, REGION_DRAW, REGION_FORM, REGION_GRID

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot
    from bot.domain.conversations import Message, Thread
    from bot.domain.jobs import Job

log = logging.getLogger(__name__)

Interaction = discord.Interaction["ChorusBot"]
_Press = Callable[[Interaction, "Job"], Awaitable[None]]


class ResultsCog(commands.Cog, name="Results"):
    """Handles presses and reactions. Buttons hold ids only; everything else is read from the database."""

    def __init__(self, bot: ChorusBot) -> None:
        self.bot = bot
        self.starter = DerivedJobStarter(bot)
        self.actions = ResultActions(bot, self.starter)
        self._reactions = ReactionHandler(bot, self.starter)
        self._adding_reactions = set[asyncio.Task[None]]()

    async def cog_load(self) -> None:
        """Register what the buttons do, and add reactions under turns if `discord.offer_reactions` is on."""
        router, actions = router_of(self.bot), self.actions
        presses: dict[str, _Press] = {
            "again": actions.again,
            "vary": actions.vary,
            "remix": actions.open_remix,
            "upscale": actions.upscale,
            "wider": actions.wider,
            "region": actions.region,
            "animate": actions.animate,
            "info": actions.info,
            "delete": actions.delete,
            "repeat": actions.repeat,
            "repeat_then": actions.repeat_stored_workflow,
            "repeat_now": actions.repeat_current_workflow,
            "cancel": actions.cancel,
            "details": actions.details,
        }
        for action, press in presses.items():
            router.add(job_action(action), self._with_job(press))
        router.add(PICTURE_CHOICE, actions.picture_chosen)
        router.add(REMIX_FORM, actions.submit_remix)
        router.add(WIDER_CHOICE, actions.widen)
        router.add(REGION_CELL, actions.regions.choose)
        router.add(REGION_GRID, actions.regions.change_grid)
        router.add(REGION_DRAW, actions.regions.open_form)
        router.add(REGION_FORM, actions.regions.submit)
        router.add(FILM_FORM, actions.submit_animate)
        router.add(SPEAK_TURN, self._speak_pressed)
        if self.bot.services.settings.discord.offer_reactions:
            delivery_of(self.bot).turns.add_listener(self._turn_shown)

    def _with_job(self, press: _Press) -> Handler:
        controls = (self.actions.cancel, self.actions.delete, self.actions.details)

        async def handle(interaction: Interaction, match: re.Match[str]) -> None:
            await press(interaction, await self.actions.job(interaction, match, reach_only=press in controls))

        return handle

    # -- turns

    async def alternative(self, interaction: Interaction, turn: Message) -> None:
        """Let the character write another answer in place of this one."""
        await write_alternative(self.bot, interaction_actor(interaction), turn)
        await interaction.response.send_message("Another answer is on its way.", ephemeral=True)

    async def _speak_pressed(self, interaction: Interaction, match: re.Match[str]) -> None:
        """Speak the turn in its character's voice."""
        await turn_here(interaction, match["turn"])
        if interaction.message is None:
            raise InputInvalid("That message is gone.", advice="Choose another one.")
        _, link = await speech_of(self.bot).speak_message(interaction.message, interaction_actor(interaction))
        text = f"That is spoken already: {link}" if link else "The voice is on its way."
        await interaction.response.send_message(text, ephemeral=True)

    async def of_message(self, message_id: int) -> Job | Message | None:
        """The job or turn that a message of the bot shows; None: it is another message, or no longer known."""
        row = await self.bot.services.deliveries.by_message(message_id)
        if row is None:
            return None
        if row.job_id is not None:
            return await self.bot.services.orchestrator.job(row.job_id)
        return await self.bot.services.conversations.repository.message(row.message_id) if row.message_id else None

    # -- events

    @commands.Cog.listener()
    async def on_raw_reaction_add(self, payload: discord.RawReactionActionEvent) -> None:
        """Somebody added a reaction to some message."""
        await self._reactions.handle(payload)

    @commands.Cog.listener()
    async def on_raw_message_delete(self, payload: discord.RawMessageDeleteEvent) -> None:
        """A result that somebody deletes in Discord leaves the gallery."""
        await self._deleted(payload.message_id)

    @commands.Cog.listener()
    async def on_raw_bulk_message_delete(self, payload: discord.RawBulkMessageDeleteEvent) -> None:
        """Somebody deleted many messages at once."""
        for message_id in payload.message_ids:
            await self._deleted(message_id)

    async def _deleted(self, message_id: int) -> None:
        row = await self.bot.services.deliveries.by_message(message_id)
        if row is None or row.job_id is None or row.part or row.kind is DeliveryKind.NOTICE:
            return
        if message_id in delivery_of(self.bot).outbox.own_deletions:  # outdated speech that the bot deleted itself
            return
        job = await self.bot.services.orchestrator.job(row.job_id)
        if job is not None and job.state is JobState.DELIVERED:
            await self.bot.services.derived_jobs.remove_result(job)

    async def _turn_shown(self, turn: Message, thread: Thread) -> None:
        """Add reactions in a task of its own, because Discord's rate limit makes it slow."""
        rows = [row for row in await self.bot.services.deliveries.of_turn(turn.id) if row.discord_message_id]
        if not rows:
            return
        last = max(rows, key=lambda row: row.part)
        channel = self.bot.get_partial_messageable(thread.channel_id, guild_id=last.guild_id)
        message = channel.get_partial_message(last.discord_message_id or 0)
        reactions = self.bot.services.settings.discord.reactions
        adding = add_reactions(message, MessageContent.TURN, reactions)
        task = asyncio.create_task(adding, name=f"reactions on {message.id}")
        self._adding_reactions.add(task)
        task.add_done_callback(self._adding_reactions.discard)

    async def cog_unload(self) -> None:
        """Reactions that are not added yet are not needed."""
        for task in self._adding_reactions:
            task.cancel()


def results_of(bot: ChorusBot) -> ResultsCog:
    """The bot's cog, for other cogs."""
    cog = bot.get_cog(ResultsCog.__cog_name__)
    if not isinstance(cog, ResultsCog):
        raise ChorusError("The buttons are not switched on.", advice="Try again in a moment.")
    return cog
