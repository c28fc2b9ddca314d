"""The first answer: a real message, never deferred, whose id is stored. With it a job is accepted."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import discord

from bot.discord_client.errors import ALREADY_ACKNOWLEDGED
from bot.domain.deliveries import DeliveryKind, OutgoingMessage
from bot.domain.job_updates import Waiting
from cogs.delivery._live import Face
from cogs.delivery._search import answers, finder, signed
from cogs.ui.embeds import footer

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot
    from bot.domain.deliveries import Delivery
    from bot.domain.job_updates import JobUpdate
    from bot.domain.jobs import Job
    from cogs.delivery._outbox import Outbox, Post

log = logging.getLogger(__name__)


def first_update(bot: ChorusBot, job: Job) -> JobUpdate | None:
    """The job's place in the queue, from memory; None: it runs already."""
    for entry in bot.services.orchestrator.queue_view().waiting:
        if entry.job_id == job.id:
            return Waiting(position=entry.position, expected_seconds=entry.expected_seconds)
    return None


def answer_row(job: Job) -> OutgoingMessage:
    """The row of a job's first answer, by its origin."""
    origin = job.request.origin
    if origin.channel_id is None:
        raise ValueError("a job from a terminal has no answer")
    return OutgoingMessage(
        kind=DeliveryKind.ANSWER,
        job_id=job.id,
        channel_id=origin.channel_id,
        guild_id=origin.guild_id,
        after_message_id=origin.after_message_id,
        interaction_id=origin.interaction_id,
    )


async def answer_interaction(outbox: Outbox, job: Job, interaction: discord.Interaction[Any], face: Face) -> int:
    """Answer with the job's progress message; the id of that message.

    Raises:
        discord.HTTPException: Discord gave up on the interaction (10062) or refuses.

    """

    async def post(_row: Delivery) -> int:
        try:
            response = await interaction.response.send_message(**_arguments(face))
        except discord.HTTPException as error:
            # discord.py repeats a callback after a 5xx or a reset; then this says that the first one had arrived.
            if error.code != ALREADY_ACKNOWLEDGED:
                raise
        else:
            if response.message_id is not None:
                return response.message_id
        return (await interaction.original_response()).id

    async def find(_row: Delivery) -> int | None:
        try:
            return (await interaction.original_response()).id
        except discord.NotFound:
            return None

    return await outbox.send(answer_row(job), post, find)


async def answer_in_channel(bot: ChorusBot, outbox: Outbox, job: Job, face: Face) -> int:
    """Post the progress message where there is no interaction (a reaction); a reply where the origin names a message.

    Raises:
        discord.HTTPException: Discord refuses.

    """
    return await outbox.send(answer_row(job), _poster(bot, job, face), finder(bot, signed(footer(job))))


async def find_answer(bot: ChorusBot, job: Job) -> int | None:
    """After a crash: the message that answers the job's interaction, read from the channel; None: there is none."""
    origin = job.request.origin
    if origin.channel_id is None or origin.interaction_id is None:
        return None
    for row in await bot.services.deliveries.of_job(job.id):
        if row.kind is not DeliveryKind.ANSWER:
            continue
        if row.discord_message_id is not None:
            return row.discord_message_id
        found = await finder(bot, answers(origin.interaction_id))(row)
        if found is not None:
            await bot.services.deliveries.mark_sent(row.id, found)
        return found
    return None


def _poster(bot: ChorusBot, job: Job, face: Face) -> Post:
    origin = job.request.origin

    async def post(row: Delivery) -> int:
        channel = bot.get_partial_messageable(row.channel_id, guild_id=row.guild_id)
        reply_to = origin.reply_to_message_id
        reference = (
            discord.MessageReference(message_id=reply_to, channel_id=row.channel_id, fail_if_not_exists=False)
            if reply_to is not None
            else None
        )
        given: dict[str, Any] = {} if reference is None else {"reference": reference, "mention_author": False}
        message = await channel.send(**_arguments(face), **given, nonce=row.nonce)
        return message.id

    return post


def _arguments(face: Face) -> dict[str, Any]:
    given: dict[str, Any] = {"content": face.content, "embed": face.embed, "view": face.view()}
    return {name: value for name, value in given.items() if value is not None}
