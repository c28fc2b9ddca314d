"""From discord.py's objects to values: who wants something and where, for `bot.policy` and for requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import discord

from bot.derived_jobs.requests import Requester
from bot.discord_client.errors import NETWORK_ERRORS
from bot.domain.channels import Channel
from bot.domain.jobs import Job, Origin
from bot.errors import InputInvalid
from bot.policy import Actor, Member, Permission, SeesChannel

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot
    from bot.domain.batches import Batch
    from bot.domain.conversations import Message

_ALL = frozenset(Permission)


def permissions_of(permissions: discord.Permissions) -> frozenset[Permission]:
    """The permissions that `bot.policy` asks for, of those that discord.py knows."""
    return frozenset(permission for permission in Permission if getattr(permissions, permission.value))


def channel_of(channel: object, *, guild_id: int | None, channel_id: int) -> Channel:
    """A channel as a value.

    Args:
        channel: discord.py's object; None if it is in no cache.
        guild_id: None in direct messages.
        channel_id: Its id.

    """
    return Channel(
        guild_id=guild_id,
        channel_id=channel_id,
        parent_id=channel.parent_id if isinstance(channel, discord.Thread) else None,
        age_restricted=is_age_restricted(channel),
    )


def is_age_restricted(channel: object) -> bool:
    """Discord shows the channel (or a thread's parent) to adults only."""
    check = getattr(channel, "is_nsfw", None)
    return bool(check()) if callable(check) else False


def interaction_channel(interaction: discord.Interaction[ChorusBot]) -> Channel:
    """Where the interaction was made."""
    return channel_of(interaction.channel, guild_id=interaction.guild_id, channel_id=interaction.channel_id or 0)


def interaction_actor(interaction: discord.Interaction[ChorusBot]) -> Actor:
    """Who used a command, a menu, a button or a modal."""
    user = interaction.user
    in_guild = user.guild_permissions if isinstance(user, discord.Member) else discord.Permissions.none()
    actor = Actor(
        user_id=user.id,
        name=user.display_name,
        channel=interaction_channel(interaction),
        permissions=permissions_of(interaction.permissions),
        guild_permissions=permissions_of(in_guild),
        bot_permissions=permissions_of(interaction.app_permissions),
        role_ids=role_ids_of(user),
    )
    interaction.client.services.policy.members.remember_actor(actor)
    return actor


def role_ids_of(person: discord.User | discord.Member) -> frozenset[int]:
    """The roles of a member of a server, as Discord sends them; of others none."""
    return frozenset(role.id for role in person.roles) if isinstance(person, discord.Member) else frozenset()


def remember_author(bot: ChorusBot, message: discord.Message) -> None:
    """Keep the roles of somebody who wrote a message in a server; one that was read later comes without them."""
    if message.guild is None or not isinstance(message.author, discord.Member):
        return
    manages = message.author.guild_permissions.manage_guild
    member = Member(user_id=message.author.id, role_ids=role_ids_of(message.author), manages_guild=manages)
    bot.services.policy.members.remember(message.guild.id, member)


async def require_known(bot: ChorusBot, guild: discord.Guild | None, user_id: int) -> None:
    """Ask Discord for the roles of somebody it told nothing about since the start; without an answer they have none."""
    members = bot.services.policy.members
    if guild is None or not user_id or members.knows(guild.id, user_id):
        return
    try:
        found = await guild.fetch_member(user_id)
    except (discord.HTTPException, *NETWORK_ERRORS):
        return
    manages = found.guild_permissions.manage_guild
    members.remember(guild.id, Member(user_id=user_id, role_ids=role_ids_of(found), manages_guild=manages))


def reaction_actor(payload: discord.RawReactionActionEvent, channel: Any) -> Actor | None:
    """Who added a reaction; None: a bot, somebody who left, or a thread whose channel is hidden from the bot."""
    if payload.guild_id is None:
        where = Channel(guild_id=None, channel_id=payload.channel_id)
        return Actor(user_id=payload.user_id, name="", channel=where, permissions=_ALL, bot_permissions=_ALL)
    member = payload.member
    guild = getattr(channel, "guild", None)
    if member is None or member.bot or guild is None:
        return None
    try:
        theirs, ours = channel.permissions_for(member), channel.permissions_for(guild.me)
    except discord.ClientException:
        return None
    return Actor(
        user_id=member.id,
        name=member.display_name,
        channel=channel_of(channel, guild_id=guild.id, channel_id=channel.id),
        permissions=permissions_of(theirs),
        guild_permissions=permissions_of(member.guild_permissions),
        bot_permissions=permissions_of(ours),
        role_ids=role_ids_of(member),
    )


def origin_of(
    actor: Actor, channel: object, *, interaction_id: int | None = None, reply_to: int | None = None
) -> Origin:
    """The origin of a request that the actor makes now.

    Args:
        actor: Who asks.
        channel: discord.py's object of the channel, which may know its newest message.
        interaction_id: Of the interaction that the bot answers. It is a snowflake of the moment before the answer.
        reply_to: The message that the answer replies to.

    """
    newest = getattr(channel, "last_message_id", None) or 0
    return Origin(
        guild_id=actor.channel.guild_id,
        channel_id=actor.channel.channel_id,
        after_message_id=max(newest, interaction_id or 0, reply_to or 0) or None,
        interaction_id=interaction_id,
        reply_to_message_id=reply_to,
        age_restricted=actor.channel.age_restricted,
        parent_channel_id=actor.channel.parent_id,
    )


def interaction_origin(interaction: discord.Interaction[ChorusBot]) -> Origin:
    """The origin of a request made by a command."""
    return origin_of(interaction_actor(interaction), interaction.channel, interaction_id=interaction.id)


def requester_of(
    actor: Actor, channel: object, *, reply_to: int | None, interaction_id: int | None = None
) -> Requester:
    """For whom a derived job is made; arguments as of `origin_of`."""
    origin = origin_of(actor, channel, interaction_id=interaction_id, reply_to=reply_to)
    return Requester(actor.user_id, actor.name, origin)


# -- what a person may see


def may_view(interaction: discord.Interaction[ChorusBot], origin: Channel) -> bool:
    """A result that was posted there may be shown to the person here."""
    policy = interaction.client.services.policy
    return policy.may_view_result(interaction_actor(interaction), origin, sees_channel=_sees_channel(interaction))


def may_view_job(interaction: discord.Interaction[ChorusBot], job: Job) -> bool:
    """As `may_view`, of the job's result; a trial of a workflow is seen by the person who made it alone."""
    if job.request.trial and job.request.requester_id != interaction.user.id:
        return False
    return may_view(interaction, _origin(job))


def may_reach_job(interaction: discord.Interaction[ChorusBot], job: Job) -> bool:
    """The person may ask from here for what is done to a job without showing it: cancel, delete."""
    return _may_reach(interaction, _origin(job))


def may_view_batch(interaction: discord.Interaction[ChorusBot], batch: Batch) -> bool:
    """As `may_view`, of the batch's result."""
    return may_view(interaction, _origin(batch))


def may_reach_batch(interaction: discord.Interaction[ChorusBot], batch: Batch) -> bool:
    """The person may ask from here for what is done to a batch without showing it: start, stop."""
    return _may_reach(interaction, _origin(batch))


def _may_reach(interaction: discord.Interaction[ChorusBot], origin: Channel) -> bool:
    policy, actor = interaction.client.services.policy, interaction_actor(interaction)
    return policy.may_reach_result(actor, origin, sees_channel=_sees_channel(interaction))


def _origin(asked: Job | Batch) -> Channel:
    origin = asked.request.origin
    return Channel(guild_id=origin.guild_id, channel_id=origin.channel_id or 0, age_restricted=origin.age_restricted)


def _sees_channel(interaction: discord.Interaction[ChorusBot]) -> SeesChannel:
    def sees_channel(channel_id: int) -> bool:
        person, guild = interaction.user, interaction.guild
        # Not in the cache: deleted, an archived thread, or hidden from the bot. Who may see it is not known.
        channel = guild.get_channel_or_thread(channel_id) if guild is not None else None
        if channel is None or not isinstance(person, discord.Member):
            return False
        try:
            permissions = permissions_of(channel.permissions_for(person))
        except discord.ClientException:  # a thread whose channel is hidden from the bot
            return False
        if not isinstance(channel, discord.Thread):
            return Permission.VIEW_CHANNEL in permissions
        # discord.py computes a thread's permissions as its channel's. Its members are known as far as Discord tells.
        is_member = any(member.id == person.id for member in channel.members)
        policy = interaction.client.services.policy
        return policy.sees_thread(permissions, is_private=channel.is_private(), is_member=is_member)

    return sees_channel


def may_read_messages(interaction: discord.Interaction[ChorusBot], channel_id: int) -> bool:
    """The person may use here what was written in that channel of the server, or in the same direct messages."""
    if channel_id == interaction.channel_id:
        return True
    person, guild = interaction.user, interaction.guild
    channel = guild.get_channel_or_thread(channel_id) if guild is not None else None
    if guild is None or channel is None or not isinstance(person, discord.Member):
        return False
    try:
        permissions = permissions_of(channel.permissions_for(person))
    except discord.ClientException:  # a thread whose channel is hidden from the bot
        return False
    thread = channel if isinstance(channel, discord.Thread) else None
    return interaction.client.services.policy.may_read_message(
        interaction_actor(interaction),
        channel_of(channel, guild_id=guild.id, channel_id=channel_id),
        permissions,
        is_private=thread is not None and thread.is_private(),
        is_member=thread is not None and any(member.id == person.id for member in thread.members),
    )


async def asked_by(bot: ChorusBot, turn: Message) -> int | None:
    """The Discord user whose message a character's turn answers."""
    asked = await bot.services.conversations.repository.message(turn.reply_to_id) if turn.reply_to_id else None
    return asked.author_id if asked is not None else None


async def turn_here(interaction: discord.Interaction[ChorusBot], turn_id: str) -> Message:
    """The turn that a custom id names.

    Raises:
        InputInvalid: It is gone, or it is no turn of this channel: the id was forged.

    """
    repository = interaction.client.services.conversations.repository
    turn = await repository.message(turn_id)
    thread = await repository.thread(turn.thread_id) if turn is not None and turn.deleted_at is None else None
    if turn is None or thread is None or thread.channel_id != interaction.channel_id:
        raise InputInvalid("Those words are no longer part of a conversation.", advice="Choose newer ones.")
    return turn
