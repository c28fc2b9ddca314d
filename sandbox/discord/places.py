"""Guilds, channels and threads come, change and go, and the gateway says so."""

from __future__ import annotations

from collections.abc import Iterable

from sandbox.discord import payloads
from sandbox.discord.core import Core
from sandbox.discord.permissions import BOT_DEFAULT, EVERYONE_DEFAULT, bits
from sandbox.discord.state import PRIVATE_THREAD, TEXT, THREAD, Channel, Guild, Json, Member, Message, Role, User


def make_guild(core: Core, name: str, *, with_bot: bool, attachment_limit: int) -> Guild:
    """A guild with `@everyone` and, where it was invited, the bot with a role of its own."""
    world = core.world
    guild_id = world.ids.next()
    roles = {guild_id: Role(guild_id, "@everyone", EVERYONE_DEFAULT)}
    guild = Guild(guild_id, name, world.owner.id, roles, attachment_limit=attachment_limit)
    guild.members[world.owner.id] = Member(world.owner, set(), core.clock.iso())
    world.guilds[guild_id] = guild
    if with_bot:
        join_bot(core, guild)
    return guild


def join_bot(core: Core, guild: Guild) -> None:
    """The bot is invited: a role of its own, then GUILD_CREATE."""
    world = core.world
    role = make_role(core, guild, world.bot.name, BOT_DEFAULT)
    guild.members[world.bot.id] = Member(world.bot, {role.id}, core.clock.iso())
    for session in core.gateway.sessions:
        if session.wants("GUILD_CREATE", direct=False, guild_id=guild.id):
            session.send("GUILD_CREATE", core.gateway.guild_payload(guild, intents=session.intents))
    core.pulse.beat()


def leave_bot(core: Core, guild: Guild) -> None:
    """The bot is thrown out: GUILD_DELETE; interactions still reach it where a user installed it."""
    core.gateway.send("GUILD_DELETE", {"id": str(guild.id)}, guild=guild)
    guild.members.pop(core.world.bot.id, None)


def make_role(core: Core, guild: Guild, name: str, permissions: int, *, mentionable: bool = False) -> Role:
    """A role."""
    role = Role(core.world.ids.next(), name, permissions, position=len(guild.roles), mentionable=mentionable)
    guild.roles[role.id] = role
    tell_role(core, guild, role, "GUILD_ROLE_CREATE")
    return role


def tell_role(core: Core, guild: Guild, role: Role, event: str) -> None:
    """GUILD_ROLE_CREATE or GUILD_ROLE_UPDATE."""
    core.gateway.send(event, {"guild_id": str(guild.id), "role": payloads.role(role)}, guild=guild)


def join(core: Core, guild: Guild, user: User, permissions: Iterable[str], nick: str | None) -> Member:
    """A member joins; extra permissions come as a role of their own."""
    member = Member(user, set(), core.clock.iso(), nick)
    guild.members[user.id] = member
    names = list(permissions)
    if names:
        member.role_ids.add(make_role(core, guild, f"{user.name}'s", bits(*names)).id)
    core.gateway.send("GUILD_MEMBER_ADD", payloads.member(member) | {"guild_id": str(guild.id)}, guild=guild)
    return member


def leave(core: Core, guild: Guild, user: User) -> None:
    """A member leaves: GUILD_MEMBER_REMOVE."""
    guild.members.pop(user.id, None)
    core.gateway.send("GUILD_MEMBER_REMOVE", {"guild_id": str(guild.id), "user": payloads.user(user)}, guild=guild)


def make_channel(core: Core, guild: Guild, name: str, *, nsfw: bool, topic: str | None) -> Channel:
    """A text channel: CHANNEL_CREATE."""
    channel = Channel(core.world.ids.next(), TEXT, name, guild, nsfw=nsfw, topic=topic, created=core.clock.now())
    core.world.channels[channel.id] = channel
    core.gateway.send_in("CHANNEL_CREATE", payloads.channel(channel, core.world), channel)
    return channel


def change_channel(core: Core, channel: Channel, changes: Json) -> None:
    """Name, topic, age restriction, archive state; then CHANNEL_UPDATE or THREAD_UPDATE."""
    channel.name = changes.get("name") or channel.name
    channel.topic = changes.get("topic", channel.topic)
    channel.nsfw = bool(changes.get("nsfw", channel.nsfw))
    channel.archived = bool(changes.get("archived", channel.archived))
    event = "THREAD_UPDATE" if channel.is_thread else "CHANNEL_UPDATE"
    core.gateway.send(event, payloads.channel(channel, core.world), guild=channel.guild)


def remove_channel(core: Core, channel: Channel) -> None:
    """The channel and its threads and webhooks are gone: CHANNEL_DELETE or THREAD_DELETE."""
    body = payloads.channel(channel, core.world)
    event = "THREAD_DELETE" if channel.is_thread else "CHANNEL_DELETE"
    core.gateway.send_in(event, body, channel)
    for other in list(core.world.channels.values()):
        if other is channel or other.parent is channel:
            del core.world.channels[other.id]
    for webhook in list(core.world.webhooks.values()):
        if webhook.channel is channel:
            del core.world.webhooks[webhook.id]


def make_thread(
    core: Core,
    parent: Channel,
    name: str,
    owner: User,
    message: Message | None,
    *,
    private: bool = False,
) -> Channel:
    """A thread, from a message (whose id it takes) or alone: THREAD_CREATE."""
    thread = Channel(
        message.id if message else core.world.ids.next(),
        PRIVATE_THREAD if private else THREAD,
        name,
        parent.guild,
        parent,
        owner_id=owner.id,
        created=core.clock.now(),
        thread_members={owner.id, core.world.bot.id},
    )
    core.world.channels[thread.id] = thread
    if message is not None:
        message.thread = thread
    body = payloads.channel(thread, core.world) | {"newly_created": True}
    core.gateway.send_in("THREAD_CREATE", body, thread)
    return thread
