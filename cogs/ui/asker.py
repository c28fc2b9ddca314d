"""Who wants something, by a button, a command or a reaction: the same person with the same rights each way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import discord

from bot.derived_jobs.requests import Requester
from bot.domain.jobs import Origin
from bot.errors import NotAllowed
from cogs.ui.origin import is_age_restricted
from cogs.ui.permissions import missing_to_post

if TYPE_CHECKING:
    from bot.characters import Character
    from bot.discord_client.bot import ChorusBot


@dataclass(frozen=True)
class Asker:
    """A person in a channel. `permissions` are the person's there; in direct messages everybody rules their own."""

    user_id: int
    name: str
    guild_id: int | None
    channel_id: int
    channel: Any
    """As discord.py has it; None where the bot does not know it."""
    permissions: discord.Permissions
    own_permissions: discord.Permissions
    """The bot's."""

    @classmethod
    def pressing(cls, interaction: discord.Interaction[ChorusBot]) -> Asker:
        """Who pressed a button or used a command."""
        return cls(
            user_id=interaction.user.id,
            name=interaction.user.display_name,
            guild_id=interaction.guild_id,
            channel_id=interaction.channel_id or 0,
            channel=interaction.channel,
            permissions=interaction.permissions,
            own_permissions=interaction.app_permissions,
        )

    @classmethod
    def reacting(cls, payload: discord.RawReactionActionEvent, channel: Any) -> Asker | None:
        """Who reacted; None: a bot, or somebody who is not there any more."""
        if payload.guild_id is None:
            everything = discord.Permissions.all()
            return cls(payload.user_id, "", None, payload.channel_id, channel, everything, everything)
        member = payload.member
        guild = getattr(channel, "guild", None)
        if member is None or member.bot or guild is None:
            return None
        try:
            theirs, ours = channel.permissions_for(member), channel.permissions_for(guild.me)
        except discord.ClientException:  # a thread whose channel is hidden from the bot
            return None
        return cls(member.id, member.display_name, guild.id, channel.id, channel, theirs, ours)

    @property
    def is_direct(self) -> bool:
        """In a direct message."""
        return self.guild_id is None

    @property
    def may_write(self) -> bool:
        """Send messages here; a thread has a permission of its own for that."""
        needed = "send_messages_in_threads" if isinstance(self.channel, discord.Thread) else "send_messages"
        return self.is_direct or (self.permissions.view_channel and getattr(self.permissions, needed))

    @property
    def moderates(self) -> bool:
        """Manage Messages here."""
        return not self.is_direct and self.permissions.manage_messages

    def by(self, *, reply_to: int | None, interaction_id: int | None = None) -> Requester:
        """As generation wants it: the answer goes here, as a reply to that message."""
        newest = getattr(self.channel, "last_message_id", None) or 0
        origin = Origin(
            guild_id=self.guild_id,
            channel_id=self.channel_id,
            after_message_id=max(newest, interaction_id or 0, reply_to or 0) or None,
            interaction_id=interaction_id,
            reply_to_message_id=reply_to,
            age_restricted=is_age_restricted(self.channel),
        )
        return Requester(self.user_id, self.name, origin)

    # -- rules; each raises NotAllowed

    def require_served(self, bot: ChorusBot) -> None:
        """The bot serves this server, or direct messages are on."""
        settings = bot.services.settings.discord
        if self.is_direct and not settings.allow_dms:
            raise NotAllowed("I do not work in direct messages.", advice="Use me in a server.")
        if not self.is_direct and settings.guild_ids and self.guild_id not in settings.guild_ids:
            raise NotAllowed("I do not serve this server.")

    def require_may_ask(self, bot: ChorusBot, requester_id: int | None) -> None:
        """May ask for a follow-up: anyone who may write here, or (`regenerate.by`) the first requester alone."""
        if not self.may_write:
            raise NotAllowed("Only people who may write here can do that.", advice="Ask somebody who may.")
        if bot.services.settings.regenerate.by == "requester" and self.user_id != requester_id:
            raise NotAllowed(
                "Only the person who asked first can do that here.", advice="Ask for one of your own with `/imagine`."
            )

    def require_control(self, requester_id: int | None) -> None:
        """Own results are one's own; others' need Manage Messages."""
        if self.user_id != requester_id and not self.moderates:
            raise NotAllowed(
                "Only the person who asked, or somebody who manages messages here, can do that.",
                advice="Ask that person, or a moderator with Manage Messages.",
            )

    def require_room_to_post(self) -> None:
        """The bot may see, send and attach here."""
        if self.is_direct:
            return
        missing = missing_to_post(self.own_permissions, thread=isinstance(self.channel, discord.Thread))
        if missing:
            listed = ", ".join(missing)
            raise NotAllowed(
                f"I may not post a result in this channel: I am missing {listed}.",
                advice=f"Somebody who manages this server can give me {listed} in this channel's settings.",
            )

    def require_fitting(self, character: Character | None) -> None:
        """A character for adults appears in age-restricted channels (and direct messages) only."""
        if character is None or not character.nsfw or self.is_direct or is_age_restricted(self.channel):
            return
        raise NotAllowed(
            f"{character.name} appears in age-restricted channels only.",
            advice="Ask somebody to mark this channel as age-restricted.",
        )
