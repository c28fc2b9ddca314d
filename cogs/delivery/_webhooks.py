"""A character's face in a channel: a webhook with its name and its picture.

Made by the application, so that it may carry buttons; found again at start by the id in the settings; its token is
fetched from Discord and never stored. The avatar is uploaded as the webhook's own picture: no public address is needed.
"""

from __future__ import annotations

import asyncio
import logging
import re
from typing import TYPE_CHECKING, Any, Final

import discord

from bot.discord_errors import UNKNOWN_WEBHOOK

if TYPE_CHECKING:
    from bot.bot import ChorusBot
    from bot.characters import Character

log = logging.getLogger(__name__)

TOO_MANY_WEBHOOKS: Final = 30007
"""A channel has at most 15 (resources/webhook)."""
NAME_LIMIT: Final = 80
_FORBIDDEN = re.compile("clyde|discord", re.IGNORECASE)
_RESERVED = {"everyone", "here"}

WebhookChannel = discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.ForumChannel


def webhook_name(name: str) -> str:
    """The character's name as Discord allows it: 1 to 80 characters without "clyde" and "discord".

    A forbidden word gets a hyphen after its first letter, so that people still recognise it.
    """
    cleaned = " ".join(name.split())
    cleaned = _FORBIDDEN.sub(lambda found: f"{found[0][0]}-{found[0][1:]}", cleaned)[:NAME_LIMIT].strip()
    return f"{cleaned}." if cleaned.lower() in _RESERVED else cleaned or "Character"


def home_of(channel: Any) -> WebhookChannel | None:
    """The channel whose webhooks post here: a thread's parent, the channel itself; None in direct messages."""
    if isinstance(channel, discord.Thread):
        channel = channel.parent
    return channel if isinstance(channel, WebhookChannel) else None


class Webhooks:
    """Finds or makes the webhook of a (channel, character). Tokens live in this object's memory only."""

    def __init__(self, bot: ChorusBot) -> None:
        self._bot = bot
        self._known: dict[tuple[int, str], discord.Webhook] = {}
        self._used: dict[int, int] = {}
        self._uses = 0
        self._locks: dict[int, asyncio.Lock] = {}

    async def of(self, channel: WebhookChannel, character: Character) -> discord.Webhook | None:
        """The webhook that speaks as `character`; None where the bot may not manage webhooks."""
        permissions = channel.permissions_for(channel.guild.me)
        if not permissions.manage_webhooks:
            return None
        async with self._locks.setdefault(channel.id, asyncio.Lock()):
            key = (channel.id, character.id)
            webhook = self._known.get(key)
            if webhook is None:
                try:
                    webhook = await self._find(channel, character) or await self._make(channel, character)
                except discord.Forbidden:
                    return None
                self._known[key] = webhook
            self._uses += 1
            self._used[webhook.id] = self._uses
            return webhook

    def forget(self, webhook_id: int) -> None:
        """It does not exist any more: the next use makes a new one."""
        self._known = {key: webhook for key, webhook in self._known.items() if webhook.id != webhook_id}

    def forget_channel(self, channel_id: int) -> None:
        """Somebody changed the channel's webhooks: look again."""
        self._known = {key: webhook for key, webhook in self._known.items() if key[0] != channel_id}

    async def _find(self, channel: WebhookChannel, character: Character) -> discord.Webhook | None:
        """The one recorded for this character, with its present name and picture."""
        recorded = self._recorded(channel, character.id)
        if recorded is None:
            return None
        # Only this listing holds the tokens.
        for webhook in await channel.webhooks():
            if webhook.id != recorded.get("webhook_id") or webhook.token is None:
                continue
            name = webhook_name(character.name)
            changed: dict[str, Any] = {"name": name} if webhook.name != name else {}
            if recorded.get("avatar") != character.avatar_sha256:
                changed["avatar"] = await _avatar(character)
            if changed:
                renamed = await webhook.edit(**changed)
                await self._record(channel, character, renamed)
                return renamed
            return webhook
        return None

    async def _make(self, channel: WebhookChannel, character: Character) -> discord.Webhook:
        name, avatar = webhook_name(character.name), await _avatar(character)
        reason = f"{character.name} speaks here"
        try:
            webhook = await channel.create_webhook(name=name, avatar=avatar, reason=reason)
        except discord.HTTPException as error:
            if error.code != TOO_MANY_WEBHOOKS or not await self._make_room(channel):
                raise
            webhook = await channel.create_webhook(name=name, avatar=avatar, reason=reason)
        await self._record(channel, character, webhook)
        return webhook

    async def _make_room(self, channel: WebhookChannel) -> bool:
        """Remove our least used webhook there; never somebody else's."""
        me = self._bot.user
        own = [each for each in await channel.webhooks() if me is not None and each.user and each.user.id == me.id]
        if not own:
            return False
        least = min(own, key=lambda each: (self._used.get(each.id, 0), each.id))
        log.info("channel %s has 15 webhooks; the least used one of ours makes room", channel.id)
        await least.delete(reason="Makes room for another character")
        self.forget(least.id)
        return True

    def _recorded(self, channel: WebhookChannel, character_id: str) -> dict[str, Any] | None:
        settings = self._bot.services.guild_settings
        return settings.get(channel.guild.id, f"webhook.{character_id}", channel_id=channel.id)

    async def _record(self, channel: WebhookChannel, character: Character, webhook: discord.Webhook) -> None:
        value = {"webhook_id": webhook.id, "avatar": character.avatar_sha256}
        settings = self._bot.services.guild_settings
        await settings.set(channel.guild.id, f"webhook.{character.id}", value, channel_id=channel.id)


def is_gone(error: discord.HTTPException) -> bool:
    """Somebody deleted the webhook."""
    return error.code == UNKNOWN_WEBHOOK


async def _avatar(character: Character) -> bytes | None:
    path = character.avatar_path
    return None if path is None else await asyncio.to_thread(path.read_bytes)
