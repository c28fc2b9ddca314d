"""The first answer to a request: a message (never deferred) whose id is stored. With it the job is accepted."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import discord

from bot.discord_client.errors import ALREADY_ACKNOWLEDGED
from bot.domain.deliveries import DeliveryKind, OutgoingMessage
from bot.domain.job_updates import Waiting
from cogs.delivery.message_search import answers_interaction, find_in_channel, has_footer
from cogs.ui.embeds import footer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.discord_client.bot import ChorusBot
    from bot.domain.batches import Batch
    from bot.domain.deliveries import Delivery
    from bot.domain.job_updates import JobUpdate
    from bot.domain.jobs import Job
    from cogs.delivery.live_message import MessagePayload
    from cogs.delivery.outbox import Outbox, Post

log = logging.getLogger(__name__)


async def first_update(bot: ChorusBot, job: Job) -> JobUpdate | None:
    """The job's position in the queue, from memory; None: it runs already."""
    entry = await bot.services.orchestrator.place(job.id)
    return None if entry is None else Waiting(position=entry.position, expected_seconds=entry.expected_seconds)


def first_answer(job: Job) -> OutgoingMessage:
    """The delivery of a job's first answer, where the job came from."""
    origin = job.request.origin
    if origin.channel_id is None:
        raise ValueError("the job of a terminal command has no answer in Discord")
    return OutgoingMessage(
        kind=DeliveryKind.ANSWER,
        job_id=job.id,
        channel_id=origin.channel_id,
        guild_id=origin.guild_id,
        after_message_id=origin.after_message_id,
        interaction_id=origin.interaction_id,
    )


def first_batch_answer(batch: Batch) -> OutgoingMessage:
    """The delivery of a batch's first answer, where it was asked for."""
    origin = batch.request.origin
    return OutgoingMessage(
        kind=DeliveryKind.ANSWER,
        batch_id=batch.id,
        channel_id=origin.channel_id or 0,
        guild_id=origin.guild_id,
        after_message_id=origin.after_message_id,
        interaction_id=origin.interaction_id,
    )


async def answer_interaction(
    outbox: Outbox, outgoing: OutgoingMessage, interaction: discord.Interaction[Any], payload: MessagePayload
) -> int:
    """Answer with the progress message of a job or a batch; the id of that message.

    Raises:
        discord.HTTPException: Discord gave up on the interaction (10062) or refuses.

    """

    async def post(_row: Delivery) -> int:
        try:
            response = await interaction.response.send_message(**_arguments(payload))
        except discord.HTTPException as error:
            # discord.py repeats a callback after a 5xx or a reset; then this code says that the first one had arrived.
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

    return await outbox.send(outgoing, post, find)


async def answer_in_channel(bot: ChorusBot, outbox: Outbox, job: Job, payload: MessagePayload) -> int:
    """Post the progress message where there is no interaction (a reaction); a reply if the origin names a message.

    Raises:
        discord.HTTPException: Discord refuses.

    """
    find = find_in_channel(bot, has_footer(footer(job)))
    return await outbox.send(first_answer(job), _post_in_channel(bot, job, payload), find)


async def find_answer(bot: ChorusBot, rows: Sequence[Delivery], interaction_id: int | None) -> int | None:
    """After a restart: the message that answered the interaction of a job or a batch; None: there is none.

    Args:
        bot: The bot.
        rows: The deliveries of the job or the batch.
        interaction_id: Its origin's.

    """
    if interaction_id is None:
        return None
    for row in rows:
        if row.kind is not DeliveryKind.ANSWER:
            continue
        if row.discord_message_id is not None:
            return row.discord_message_id
        found = await find_in_channel(bot, answers_interaction(interaction_id))(row)
        if found is not None:
            await bot.services.deliveries.mark_sent(row.id, found)
        return found
    return None


def _post_in_channel(bot: ChorusBot, job: Job, payload: MessagePayload) -> Post:
    reply_to = job.request.origin.reply_to_message_id

    async def post(row: Delivery) -> int:
        channel = bot.get_partial_messageable(row.channel_id, guild_id=row.guild_id)
        given: dict[str, Any] = {}
        if reply_to is not None:
            reference = discord.MessageReference(
                message_id=reply_to, channel_id=row.channel_id, fail_if_not_exists=False
            )
            given = {"reference": reference, "mention_author": False}
        message = await channel.send(**_arguments(payload), **given, nonce=row.nonce)
        return message.id

    return post


def _arguments(payload: MessagePayload) -> dict[str, Any]:
    given: dict[str, Any] = {"content": payload.content, "embed": payload.embed, "view": payload.view()}
    return {name: value for name, value in given.items() if value is not None}
