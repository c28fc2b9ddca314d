"""Guilds, channels and threads come, change and go, and the gateway says so."""

from __future__ import annotations

from collections.abc import Iterable

from sandbox.discord import payloads
from sandbox.discord.context import ServerContext
from sandbox.discord.permissions import BOT_DEFAULT, EVERYONE_DEFAULT, bits
from sandbox.discord.state import PRIVATE_THREAD, TEXT, THREAD, Channel, Guild, Json, Member, Message, Role, User


def create_guild(context: ServerContext, name: str, *, with_bot: bool, attachment_limit: int) -> Guild:
    """A guild with `@everyone` and, where it was invited, the bot with a role of its own."""
    state = context.state
    guild_id = state.ids.next()
    roles = {guild_id: Role(guild_id, "@everyone", EVERYONE_DEFAULT)}
    guild = Guild(guild_id, name, state.owner.id, roles, attachment_limit=attachment_limit)
    guild.members[state.owner.id] = Member(state.owner, set(), context.clock.iso())
    state.guilds[guild_id] = guild
    if with_bot:
        add_bot(context, guild)
    return guild


def add_bot(context: ServerContext, guild: Guild) -> None:
    """The bot is invited: a role of its own, then GUILD_CREATE."""
    state = context.state
    role = create_role(context, guild, state.bot.name, BOT_DEFAULT)
    guild.members[state.bot.id] = Member(state.bot, {role.id}, context.clock.iso())
    for session in context.gateway.sessions:
        if session.wants("GUILD_CREATE", direct=False, guild_id=guild.id):
            session.send("GUILD_CREATE", context.gateway.guild_payload(guild, intents=session.intents))
    context.changes.notify()


def remove_bot(context: ServerContext, guild: Guild) -> None:
    """The bot is thrown out: GUILD_DELETE; interactions still reach it where a user installed it."""
    context.gateway.send("GUILD_DELETE", {"id": str(guild.id)}, guild=guild)
    guild.members.pop(context.state.bot.id, None)


def create_role(
    context: ServerContext, guild: Guild, name: str, permissions: int, *, mentionable: bool = False
) -> Role:
    """A role."""
    role = Role(context.state.ids.next(), name, permissions, position=len(guild.roles), mentionable=mentionable)
    guild.roles[role.id] = role
    send_role_event(context, guild, role, "GUILD_ROLE_CREATE")
    return role


def send_role_event(context: ServerContext, guild: Guild, role: Role, event: str) -> None:
    """GUILD_ROLE_CREATE or GUILD_ROLE_UPDATE."""
    context.gateway.send(event, {"guild_id": str(guild.id), "role": payloads.role(role)}, guild=guild)


def add_member(
    context: ServerContext, guild: Guild, user: User, permissions: Iterable[str], nick: str | None
) -> Member:
    """A member joins; extra permissions come as a role of their own."""
    member = Member(user, set(), context.clock.iso(), nick)
    guild.members[user.id] = member
    names = list(permissions)
    if names:
        member.role_ids.add(create_role(context, guild, f"{user.name}'s", bits(*names)).id)
    context.gateway.send("GUILD_MEMBER_ADD", payloads.member(member) | {"guild_id": str(guild.id)}, guild=guild)
    return member


def remove_member(context: ServerContext, guild: Guild, user: User) -> None:
    """A member leaves: GUILD_MEMBER_REMOVE."""
    guild.members.pop(user.id, None)
    context.gateway.send("GUILD_MEMBER_REMOVE", {"guild_id": str(guild.id), "user": payloads.user(user)}, guild=guild)


def create_channel(context: ServerContext, guild: Guild, name: str, *, nsfw: bool, topic: str | None) -> Channel:
    """A text channel: CHANNEL_CREATE."""
    channel = Channel(context.state.ids.next(), TEXT, name, guild, nsfw=nsfw, topic=topic, created=context.clock.now())
    context.state.channels[channel.id] = channel
    context.gateway.send_in("CHANNEL_CREATE", payloads.channel(channel, context.state), channel)
    return channel


def edit_channel(context: ServerContext, channel: Channel, changes: Json) -> None:
    """Name, topic, age restriction, archive state; then CHANNEL_UPDATE or THREAD_UPDATE."""
    channel.name = changes.get("name") or channel.name
    channel.topic = changes.get("topic", channel.topic)
    channel.nsfw = bool(changes.get("nsfw", channel.nsfw))
    channel.archived = bool(changes.get("archived", channel.archived))
    event = "THREAD_UPDATE" if channel.is_thread else "CHANNEL_UPDATE"
    context.gateway.send(event, payloads.channel(channel, context.state), guild=channel.guild)


def delete_channel(context: ServerContext, channel: Channel) -> None:
    """The channel and its threads and webhooks are gone: CHANNEL_DELETE or THREAD_DELETE."""
    body = payloads.channel(channel, context.state)
    event = "THREAD_DELETE" if channel.is_thread else "CHANNEL_DELETE"
    context.gateway.send_in(event, body, channel)
    for other in list(context.state.channels.values()):
        if other is channel or other.parent is channel:
            del context.state.channels[other.id]
    for webhook in list(context.state.webhooks.values()):
        if webhook.channel is channel:
            del context.state.webhooks[webhook.id]


def create_thread(
    context: ServerContext,
    parent: Channel,
    name: str,
    owner: User,
    message: Message | None,
    *,
    private: bool = False,
) -> Channel:
    """A thread, from a message (whose id it takes) or alone: THREAD_CREATE."""
    thread = Channel(
        message.id if message else context.state.ids.next(),
        PRIVATE_THREAD if private else THREAD,
        name,
        parent.guild,
        parent,
        owner_id=owner.id,
        created=context.clock.now(),
        thread_members={owner.id, context.state.bot.id},
    )
    context.state.channels[thread.id] = thread
    if message is not None:
        message.thread = thread
    body = payloads.channel(thread, context.state) | {"newly_created": True}
    context.gateway.send_in("THREAD_CREATE", body, thread)
    return thread
