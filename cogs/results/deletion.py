"""Deletes a result from Discord: all of its messages, and its entry in the gallery. Its files stay on the disk."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING

import discord

from bot.domain.deliveries import Delivery, DeliveryState
from bot.errors import ChorusError, NotAllowed
from bot.storage.waiting import waiting_for_store
from cogs.delivery import delivery_of
from cogs.delivery.webhooks import thread_argument, webhook_channel

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot
    from bot.domain.conversations import Message
    from bot.domain.jobs import Job

log = logging.getLogger(__name__)


async def delete_result(bot: ChorusBot, job: Job) -> None:
    """Delete every message of an ended job.

    Raises:
        NotAllowed: The message is a webhook's that we no longer have, and the bot may not manage messages.

    """
    rows = [
        row
        for row in await bot.services.deliveries.of_job(job.id)
        if row.state is DeliveryState.SENT and row.discord_message_id is not None
    ]
    webhooks = {row.discord_message_id for row in rows if row.webhook_id is not None}
    with waiting_for_store(until=None):  # what is gone from Discord must not stay in the gallery
        for row in {row.discord_message_id: row for row in rows}.values():
            await _delete(bot, job, row, by_webhook=row.discord_message_id in webhooks)
            await bot.services.deliveries.mark_deleted(row.discord_message_id or 0)
        await bot.services.derived_jobs.remove_result(job)
        if job.request.batch_id is not None:
            await delivery_of(bot).batches.remove_pictures(job)
    log.info("job %s: %d messages deleted", job.id, len(rows))


async def delete_turn(bot: ChorusBot, turn: Message) -> None:
    """Delete a turn from Discord and from the history."""
    conversations = bot.services.conversations
    rows = await bot.services.deliveries.of_turn(turn.id)
    thread = await conversations.repository.thread(turn.thread_id)
    first = next((row.discord_message_id for row in rows if row.discord_message_id is not None), None)
    if first is not None:
        await conversations.delete_message(first)
    if thread is not None:
        with waiting_for_store(until=None):  # it has left the history, so it must leave Discord
            await delivery_of(bot).turns.delete_posts(turn, thread)


async def _delete(bot: ChorusBot, job: Job, row: Delivery, *, by_webhook: bool) -> None:
    message_id = row.discord_message_id or 0
    channel = bot.get_partial_messageable(row.channel_id, guild_id=row.guild_id)
    with suppress(discord.NotFound):
        if by_webhook and await _deleted_by_webhook(bot, job, row):
            return
        try:
            await channel.get_partial_message(message_id).delete()
        except discord.Forbidden as error:
            raise NotAllowed("I may not delete that message here.", advice="Somebody who may can do it.") from error


async def _deleted_by_webhook(bot: ChorusBot, job: Job, row: Delivery) -> bool:
    """A character's message is deleted by its own webhook, which needs no permission."""
    channel = bot.get_channel(row.channel_id)
    home = webhook_channel(channel)
    try:
        character = bot.services.characters.get(job.request.character_id, row.guild_id)
    except ChorusError:
        return False
    webhook = await delivery_of(bot).webhooks.of(home, character) if home is not None else None
    if webhook is None:
        return False
    try:
        await webhook.delete_message(row.discord_message_id or 0, thread=thread_argument(channel))
    except discord.NotFound:  # posted by another webhook, which was deleted
        return False
    return True
