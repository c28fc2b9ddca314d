"""Adding and removing reactions, with the gateway events that tell of it."""

from __future__ import annotations

from sandbox.discord import payloads
from sandbox.discord.context import ServerContext
from sandbox.discord.errors import ApiError
from sandbox.discord.guild_models import User
from sandbox.discord.json_values import Json
from sandbox.discord.message_models import (
    Message,
    Reaction,
)


def add_reaction(context: ServerContext, message: Message, user: User, emoji: str) -> None:
    """Add a reaction and send MESSAGE_REACTION_ADD. Adding the same one again changes nothing.

    Raises:
        ApiError: 30010, the message has twenty different emoji already (resources/message, "Create Reaction").

    """
    reaction = next((entry for entry in message.reactions if entry.emoji == emoji), None)
    if reaction is None:
        if len(message.reactions) >= 20:
            raise ApiError(400, 30010, "Maximum number of reactions reached (20)")
        reaction = Reaction(emoji)
        message.reactions.append(reaction)
    if user in reaction.users:
        return
    reaction.users.append(user)
    body = _reaction_body(message, user, emoji) | {"message_author_id": str(message.author.id), "type": 0}
    context.gateway.send_in("MESSAGE_REACTION_ADD", body | {"burst": False}, message.channel)


def remove_reaction(context: ServerContext, message: Message, user: User, emoji: str) -> None:
    """Remove a reaction and send MESSAGE_REACTION_REMOVE. Nothing happens if the user has not reacted so."""
    for reaction in message.reactions:
        if reaction.emoji == emoji and user in reaction.users:
            reaction.users.remove(user)
            message.reactions = [entry for entry in message.reactions if entry.users]
            body = _reaction_body(message, user, emoji, with_member=False) | {"type": 0, "burst": False}
            context.gateway.send_in("MESSAGE_REACTION_REMOVE", body, message.channel)
            return


def _reaction_body(message: Message, user: User, emoji: str, *, with_member: bool = True) -> Json:
    body: Json = {
        "user_id": str(user.id),
        "channel_id": str(message.channel.id),
        "message_id": str(message.id),
        "emoji": {"id": None, "name": emoji},
    }
    guild = message.channel.guild
    if guild is None:
        return body
    body["guild_id"] = str(guild.id)
    if with_member and (member := guild.members.get(user.id)):
        body["member"] = payloads.member(member)
    return body
