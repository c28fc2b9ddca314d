"""Creating and changing guilds, roles and members, with the gateway events that tell of it."""

from __future__ import annotations

from collections.abc import Iterable

from sandbox.discord import payloads
from sandbox.discord.context import ServerContext
from sandbox.discord.guild_models import Guild, Member, Role, User
from sandbox.discord.permissions import BOT_DEFAULT, EVERYONE_DEFAULT, bits


def create_guild(context: ServerContext, name: str, *, with_bot: bool, attachment_limit: int) -> Guild:
    """Create a guild with the role `@everyone`, an owner and, if `with_bot`, the bot."""
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
    """Add the bot with a role of its own and send GUILD_CREATE."""
    state = context.state
    role = create_role(context, guild, state.bot.name, BOT_DEFAULT)
    guild.members[state.bot.id] = Member(state.bot, {role.id}, context.clock.iso())
    for session in context.gateway.sessions:
        if session.wants("GUILD_CREATE", direct=False, guild_id=guild.id):
            context.gateway.send_guild_create(session, guild)
    context.changes.notify()


def remove_bot(context: ServerContext, guild: Guild) -> None:
    """Remove the bot and send GUILD_DELETE."""
    context.gateway.send("GUILD_DELETE", {"id": str(guild.id)}, guild=guild)
    guild.members.pop(context.state.bot.id, None)


def create_role(
    context: ServerContext, guild: Guild, name: str, permissions: int, *, mentionable: bool = False
) -> Role:
    """Create a role and send GUILD_ROLE_CREATE."""
    role = Role(context.state.ids.next(), name, permissions, position=len(guild.roles), mentionable=mentionable)
    guild.roles[role.id] = role
    send_role_event(context, guild, role, "GUILD_ROLE_CREATE")
    return role


def send_role_event(context: ServerContext, guild: Guild, role: Role, event: str) -> None:
    """Send GUILD_ROLE_CREATE or GUILD_ROLE_UPDATE."""
    context.gateway.send(event, {"guild_id": str(guild.id), "role": payloads.role(role)}, guild=guild)


def add_member(
    context: ServerContext, guild: Guild, user: User, permissions: Iterable[str], nick: str | None
) -> Member:
    """Add a member and send GUILD_MEMBER_ADD. Named permissions are given through a role of their own."""
    member = Member(user, set(), context.clock.iso(), nick)
    guild.members[user.id] = member
    names = list(permissions)
    if names:
        member.role_ids.add(create_role(context, guild, f"{user.name}'s", bits(*names)).id)
    context.gateway.send("GUILD_MEMBER_ADD", payloads.member(member) | {"guild_id": str(guild.id)}, guild=guild)
    return member


def remove_member(context: ServerContext, guild: Guild, user: User) -> None:
    """Remove a member and send GUILD_MEMBER_REMOVE."""
    guild.members.pop(user.id, None)
    context.gateway.send("GUILD_MEMBER_REMOVE", {"guild_id": str(guild.id), "user": payloads.user(user)}, guild=guild)
