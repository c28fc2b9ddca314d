"""Who may: the bot in a channel, a person with a job. Checked before a job is accepted, not after the GPU worked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord

from bot.errors import NotAllowed

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot
    from bot.domain.jobs import Job

_NAMES = {
    "view_channel": "View Channel",
    "send_messages": "Send Messages",
    "send_messages_in_threads": "Send Messages in Threads",
    "attach_files": "Attach Files",
    "manage_messages": "Manage Messages",
    "manage_channels": "Manage Channels",
    "manage_guild": "Manage Server",
}


def permission_name(flag: str) -> str:
    """A permission as Discord's settings call it."""
    return _NAMES.get(flag, flag.replace("_", " ").title())


def missing_to_post(permissions: discord.Permissions, *, thread: bool) -> list[str]:
    """The permissions (see, send, attach) that `permissions` lacks, by their names in Discord's settings.

    In a thread sending is a permission of its own (`SEND_MESSAGES_IN_THREADS`).
    """
    needed = ("view_channel", "send_messages_in_threads" if thread else "send_messages", "attach_files")
    return [permission_name(flag) for flag in needed if not getattr(permissions, flag)]


def require_place(interaction: discord.Interaction[ChorusBot]) -> None:
    """The bot serves this server, or direct messages are allowed.

    Raises:
        NotAllowed: Neither.

    """
    settings = interaction.client.services.settings.discord
    if interaction.guild_id is None:
        if not settings.allow_dms:
            raise NotAllowed(
                "I do not work in direct messages.",
                advice="Use me in a server; the owner can turn on `discord.allow_dms`.",
            )
    elif settings.guild_ids and interaction.guild_id not in settings.guild_ids:
        raise NotAllowed(
            "I do not serve this server.", advice="The owner can add the server's id to `discord.guild_ids`."
        )


def require_bot_can_post(interaction: discord.Interaction[ChorusBot]) -> None:
    """The bot may see, send and attach where the result would go (Discord says so in `app_permissions`).

    Raises:
        NotAllowed: Names what is missing, for everybody who can change it.

    """
    require_place(interaction)
    if interaction.guild_id is None:
        return
    thread = isinstance(interaction.channel, discord.Thread)
    missing = missing_to_post(interaction.app_permissions, thread=thread)
    if missing:
        listed = ", ".join(missing)
        raise NotAllowed(
            f"I may not post a result in this channel: I am missing {listed}.",
            advice=f"Somebody who manages this server can give me {listed} in this channel's settings.",
        )


def require(interaction: discord.Interaction[ChorusBot], flag: str) -> None:
    """The person has a permission here; in direct messages everybody rules their own.

    Raises:
        NotAllowed: Names the permission as Discord's settings call it.

    """
    if interaction.guild_id is not None and not getattr(interaction.permissions, flag):
        name = permission_name(flag)
        raise NotAllowed(f"That needs {name}.", advice=f"Ask somebody who has {name} here.")


def may_control(interaction: discord.Interaction[ChorusBot], job: Job) -> bool:
    """The person who asked, or somebody with Manage Messages here."""
    if interaction.user.id == job.request.requester_id:
        return True
    return interaction.guild_id is not None and interaction.permissions.manage_messages


def require_control(interaction: discord.Interaction[ChorusBot], job: Job) -> None:
    """Own jobs are one's own; others' need Manage Messages.

    Raises:
        NotAllowed: Neither.

    """
    if not may_control(interaction, job):
        raise NotAllowed(
            "Only the person who asked, or somebody who manages messages here, can do that.",
            advice="Ask that person, or a moderator with Manage Messages.",
        )
