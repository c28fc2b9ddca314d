"""Finds messages of the bot in a channel after a crash or an ambiguous failure left open whether they were posted."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import discord

if TYPE_CHECKING:
    from bot.domain.deliveries import Delivery
    from cogs.delivery.outbox import Find

SEARCH_LIMIT = 500
"""How many messages are read after the newest one known before the send. A job's own messages come soon after it."""

Matcher = Callable[[discord.Message], bool]


def find_in_channel(client: discord.Client, matches: Matcher) -> Find:
    """A `Find` that reads the row's channel after its `after_message_id`, oldest first.

    Only messages of the bot and of webhooks are looked at.
    """

    async def find(row: Delivery) -> int | None:
        channel = client.get_partial_messageable(row.channel_id, guild_id=row.guild_id)
        after = discord.Object(row.after_message_id or 0)
        async for message in channel.history(limit=SEARCH_LIMIT, after=after, oldest_first=True):
            if _is_ours(client, message) and matches(message):
                return message.id
        return None

    return find


def _is_ours(client: discord.Client, message: discord.Message) -> bool:
    return message.webhook_id is not None or (client.user is not None and message.author.id == client.user.id)


def answers_interaction(interaction_id: int) -> Matcher:
    """The first answer to an interaction, which Discord names in `interaction_metadata`."""

    def matches(message: discord.Message) -> bool:
        metadata = message.interaction_metadata
        return metadata is not None and metadata.id == interaction_id

    return matches


def has_attachment(*names: str) -> Matcher:
    """A message with an attachment of one of these names, which contain the job's digest."""
    wanted = set(names)
    return lambda message: any(attachment.filename in wanted for attachment in message.attachments)


def has_footer(footer: str) -> Matcher:
    """A message with an embed of this footer."""
    return lambda message: any(embed.footer.text == footer for embed in message.embeds)


def replies_to(message_id: int, opening: str) -> Matcher:
    """A reply to that message which begins with these words."""

    def matches(message: discord.Message) -> bool:
        reference = message.reference
        return reference is not None and reference.message_id == message_id and message.content.startswith(opening)

    return matches
