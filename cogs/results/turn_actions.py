"""What people may ask for at a character's turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.errors import ChorusError
from bot.policy import Feature
from cogs.actors import asked_by

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot
    from bot.domain.conversations import Message
    from bot.policy import Actor


async def write_alternative(bot: ChorusBot, actor: Actor, turn: Message) -> None:
    """Let the character write another answer in place of this one.

    Raises:
        ChorusError: The person may not, or the turn is gone.

    """
    policy = bot.services.policy
    policy.require_may_derive(actor, await asked_by(bot, turn))
    policy.require_may_use(actor.user_id, actor.channel, Feature.TALK)
    try:
        character = bot.services.characters.get(turn.character_id or "", actor.channel.guild_id)
    except ChorusError:  # its file is gone; the conversation says so
        character = None
    if character is not None:
        policy.require_suitable(actor.channel, character.name, adults_only=character.nsfw)
    await bot.services.conversations.regenerate(turn.id)
