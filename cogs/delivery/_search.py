"""Finding in a channel what a crash or an ambiguous failure left unrecorded."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import discord

if TYPE_CHECKING:
    from bot.domain.deliveries import Delivery
    from cogs.delivery._outbox import Find

SEARCH_LIMIT = 500
"""Messages read after the newest one known before the send. A job's own messages come soon after it."""

Recogniser = Callable[[discord.Message], bool]


def finder(client: discord.Client, recognise: Recogniser) -> Find:
    """A `Find` that reads the row's channel after its `after_message_id`, oldest first, and asks `recognise`.

    Only messages of the bot and of its webhooks are looked at.
    """

    async def find(row: Delivery) -> int | None:
        channel = client.get_partial_messageable(row.channel_id, guild_id=row.guild_id)
        after = discord.Object(row.after_message_id or 0)
        async for message in channel.history(limit=SEARCH_LIMIT, after=after, oldest_first=True):
            if _ours(client, message) and recognise(message):
                return message.id
        return None

    return find


def _ours(client: discord.Client, message: discord.Message) -> bool:
    return message.webhook_id is not None or (client.user is not None and message.author.id == client.user.id)


def answers(interaction_id: int) -> Recogniser:
    """The first answer to an interaction (Discord names it in `interaction_metadata`)."""

    def recognise(message: discord.Message) -> bool:
        metadata = message.interaction_metadata
        return metadata is not None and metadata.id == interaction_id

    return recognise


def carries(*names: str) -> Recogniser:
    """A message with an attachment of one of these names, which hold the job's digest."""
    wanted = set(names)
    return lambda message: any(attachment.filename in wanted for attachment in message.attachments)


def signed(footer: str) -> Recogniser:
    """A message without files whose embed ends in these words."""
    return lambda message: any(embed.footer.text == footer for embed in message.embeds)


def replies_to(message_id: int, opening: str) -> Recogniser:
    """A reply to that message that begins with these words."""

    def recognise(message: discord.Message) -> bool:
        reference = message.reference
        return reference is not None and reference.message_id == message_id and message.content.startswith(opening)

    return recognise


def says(webhook_id: int, text: str, claimed: Callable[[int], bool]) -> Recogniser:
    """A webhook's message by its words, unless it is already known to be another turn (`claimed` by message id)."""

    def recognise(message: discord.Message) -> bool:
        return message.webhook_id == webhook_id and message.content == text and not claimed(message.id)

    return recognise
