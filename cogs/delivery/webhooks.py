"""The webhooks that characters speak through: one per channel and character, with its name and picture.

They are made by the application, so that their messages may have buttons. After a restart they are found again by the
id in the guild's settings; tokens are fetched from Discord and never stored. The picture is uploaded as the webhook's
avatar.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
import unicodedata
from typing import TYPE_CHECKING, Any, Final

import discord

from bot.discord_client.errors import INVALID_WEBHOOK_TOKEN, TOO_MANY_WEBHOOKS, UNKNOWN_WEBHOOK
from bot.discord_client.webhook_session import WebhookSession, webhook_session

if TYPE_CHECKING:
    from bot.characters import Character
    from bot.discord_client.bot import ChorusBot

log = logging.getLogger(__name__)

NAME_LIMIT: Final = 80
REFUSED_SECONDS: Final = 600.0
"""For how long a refused webhook is not asked for again."""
PATIENCE_SECONDS: Final = 5.0
"""How long a character's words wait for its webhook. Discord may limit the making of webhooks for half a minute."""
_FORBIDDEN = re.compile("clyde|discord", re.IGNORECASE)
_RESERVED = {"everyone", "here"}

WebhookChannel = discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.ForumChannel


def webhook_name(name: str) -> str:
    """The character's name as Discord allows it: 1 to 80 characters without "clyde" and "discord".

    A forbidden word gets a hyphen after its first letter, so that people still recognise it.
    """
    visible = "".join(
        char for char in name if unicodedata.category(char) not in {"Cf", "Cc", "Co", "Cn"} or char == "\t"
    )
    cleaned = " ".join(visible.split())
    cleaned = _FORBIDDEN.sub(lambda found: f"{found[0][0]}-{found[0][1:]}", cleaned)[:NAME_LIMIT].strip()
    return f"{cleaned}." if cleaned.lower() in _RESERVED else cleaned or "Character"


def webhook_channel(channel: Any) -> WebhookChannel | None:
    """The channel whose webhooks can post here: a thread's parent, else the channel itself; None in direct messages."""
    if isinstance(channel, discord.Thread):
        channel = channel.parent
    return channel if isinstance(channel, WebhookChannel) else None


class CharacterWebhooks:
    """Finds or makes the webhook of a character in a channel. Tokens are kept in memory only."""

    def __init__(self, bot: ChorusBot) -> None:
        self._bot = bot
        self._known: dict[tuple[int, str], discord.Webhook] = {}
        self._listed: dict[tuple[int, int], discord.Webhook | None] = {}
        self._refused: dict[tuple[int, str], float] = {}
        self._used: dict[int, int] = {}
        self._uses = 0
        self._locks: dict[int, asyncio.Lock] = {}
        self._making: dict[tuple[int, str], asyncio.Task[discord.Webhook | None]] = {}
        self._session: WebhookSession | None = None

    async def close(self) -> None:
        """Close the connections; call it when no turn is posted any more."""
        for task in self._making.values():
            task.cancel()
        await asyncio.gather(*self._making.values(), return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    async def of(self, channel: WebhookChannel, character: Character) -> discord.Webhook | None:
        """The webhook that speaks as `character`.

        Returns:
            None where the bot speaks itself: it may not manage webhooks, Discord refuses one, or Discord takes longer
            than `PATIENCE_SECONDS`. Then it is found or made in the background, for the next message.

        Raises:
            discord.DiscordServerError: Discord is away.

        """
        if not channel.permissions_for(channel.guild.me).manage_webhooks:
            return None
        key = (channel.id, character.id)
        webhook = self._known.get(key)
        if webhook is None:
            task = self._making.get(key) or self._start_making(channel, character)
            await asyncio.wait([task], timeout=PATIENCE_SECONDS)
            if not task.done():
                log.warning("the webhook of %s takes long: the bot speaks itself", character.id)
                return None
            webhook = task.result()
        if webhook is None:
            return None
        self._uses += 1
        self._used[webhook.id] = self._uses
        await self._remember_use(channel, character, webhook)
        return webhook

    def _start_making(self, channel: WebhookChannel, character: Character) -> asyncio.Task[discord.Webhook | None]:
        key = (channel.id, character.id)
        task = asyncio.create_task(self._known_webhook(channel, character), name=f"webhook of {character.id}")
        self._making[key] = task

        def done(_: asyncio.Task[discord.Webhook | None]) -> None:
            del self._making[key]
            if not task.cancelled() and (error := task.exception()) is not None:
                log.info("no webhook for %s: %s", character.id, error)  # whoever still waits raises it

        task.add_done_callback(done)
        return task

    async def _known_webhook(self, channel: WebhookChannel, character: Character) -> discord.Webhook | None:
        async with self._locks.setdefault(channel.id, asyncio.Lock()):
            webhook = await self._find_or_make(channel, character)
            if webhook is not None:
                self._known[channel.id, character.id] = webhook
            return webhook

    async def by_id(self, channel: WebhookChannel, webhook_id: int) -> discord.Webhook | None:
        """A webhook that was used here before, of whatever character; None: it is gone, or may not be used any more.

        Raises:
            discord.DiscordServerError: Discord is away.

        """
        for (channel_id, _), webhook in self._known.items():
            if channel_id == channel.id and webhook.id == webhook_id:
                return webhook
        key = (channel.id, webhook_id)
        if key not in self._listed:
            try:
                webhooks = await channel.webhooks()
            except discord.Forbidden:
                return None
            found = next((each for each in webhooks if each.id == webhook_id and each.token is not None), None)
            self._listed[key] = None if found is None else self._without_repeated_posts(found)
        return self._listed[key]

    def forget(self, webhook_id: int) -> None:
        """It does not exist any more: the next `of` makes a new one."""
        self._known = {key: webhook for key, webhook in self._known.items() if webhook.id != webhook_id}
        self._listed = {key: webhook for key, webhook in self._listed.items() if key[1] != webhook_id}

    def forget_channel(self, channel_id: int) -> None:
        """Somebody changed the channel's webhooks: look again."""
        self._known = {key: webhook for key, webhook in self._known.items() if key[0] != channel_id}
        self._listed = {key: webhook for key, webhook in self._listed.items() if key[0] != channel_id}

    def _without_repeated_posts(self, webhook: discord.Webhook) -> discord.Webhook:
        """The same webhook over a session that does not let discord.py post a second time by itself."""
        if self._session is None:
            self._session = webhook_session()
        webhook.session = self._session
        return webhook

    async def _find_or_make(self, channel: WebhookChannel, character: Character) -> discord.Webhook | None:
        key = (channel.id, character.id)
        if time.monotonic() < self._refused.get(key, 0.0):
            return None
        try:
            return self._without_repeated_posts(
                await self._find(channel, character) or await self._make(channel, character)
            )
        except discord.DiscordServerError:
            raise
        except discord.HTTPException as error:
            # No permission, too many webhooks of others, too many requests: the bot speaks itself, for a while.
            log.warning("no webhook for %s in channel %s: %s", character.id, channel.id, error)
            self._refused[key] = time.monotonic() + REFUSED_SECONDS
            return None

    async def _find(self, channel: WebhookChannel, character: Character) -> discord.Webhook | None:
        """The one recorded for this character, or made for it and not recorded; with its present name and picture."""
        recorded = self._recorded(channel, character.id)
        name = webhook_name(character.name)
        # Only this listing holds the tokens.
        own = [each for each in await channel.webhooks() if self._is_own(each)]
        webhook = next((each for each in own if each.id == recorded.get("webhook_id")), None)
        if webhook is None:  # a crash came between its making and the record
            claimed = self._claimed(channel)
            webhook = next((each for each in own if each.name == name and each.id not in claimed), None)
        if webhook is None:
            return None
        changed: dict[str, Any] = {"name": name} if webhook.name != name else {}
        if webhook.id != recorded.get("webhook_id") or recorded.get("avatar") != character.avatar_sha256:
            changed["avatar"] = await _avatar(character)
        if changed:
            webhook = await self._changed(webhook, changed)
            await self._record(channel, character, webhook)
        return webhook

    async def _changed(self, webhook: discord.Webhook, changed: dict[str, Any]) -> discord.Webhook:
        try:
            return await webhook.edit(**changed)
        except discord.HTTPException as error:
            if "avatar" not in changed or error.status >= 500:
                raise
            log.warning("Discord refuses a character's picture: %s", error)
            return await webhook.edit(name=changed.get("name", webhook.name))

    async def _make(self, channel: WebhookChannel, character: Character) -> discord.Webhook:
        name, avatar = webhook_name(character.name), await _avatar(character)
        reason = f"{character.name} speaks here"[:500]
        for _ in range(3):
            try:
                webhook = await channel.create_webhook(name=name, avatar=avatar, reason=reason)
            except (discord.HTTPException, ValueError) as error:  # ValueError: no picture that discord.py knows
                status, code = getattr(error, "status", 400), getattr(error, "code", 0)
                if code == TOO_MANY_WEBHOOKS and await self._make_room(channel):
                    continue
                if avatar is None or status not in {400, 413} or code == TOO_MANY_WEBHOOKS:
                    raise
                log.warning("Discord refuses the picture of %s: %s", character.id, error)
                avatar = None
            else:
                break
        else:
            webhook = await channel.create_webhook(name=name, reason=reason)
        await self._record(channel, character, webhook)
        return webhook

    async def _make_room(self, channel: WebhookChannel) -> bool:
        """Remove our least used webhook there, the one whose last use is longest ago; never somebody else's."""
        own = [each for each in await channel.webhooks() if self._is_own(each)]
        if not own:
            return False
        times = {record.get("webhook_id"): record.get("used", 0) for record in self._records(channel)}
        least = min(own, key=lambda each: (self._used.get(each.id, 0), times.get(each.id, 0), each.id))
        log.info("channel %s has 15 webhooks; the least used one of ours makes room", channel.id)
        await least.delete(reason="Makes room for another character")
        self.forget(least.id)
        return True

    def _is_own(self, webhook: discord.Webhook) -> bool:
        me = self._bot.user
        mine = me is not None and webhook.user is not None and webhook.user.id == me.id
        return mine and webhook.token is not None

    def _recorded(self, channel: WebhookChannel, character_id: str) -> dict[str, Any]:
        settings = self._bot.services.guild_settings
        return settings.get(channel.guild.id, f"webhook.{character_id}", channel_id=channel.id) or {}

    def _records(self, channel: WebhookChannel) -> list[dict[str, Any]]:
        known = self._bot.services.characters.names(channel.guild.id)
        return [self._recorded(channel, character_id) for character_id in known]

    def _claimed(self, channel: WebhookChannel) -> set[Any]:
        return {record.get("webhook_id") for record in self._records(channel)}

    async def _record(self, channel: WebhookChannel, character: Character, webhook: discord.Webhook) -> None:
        value = {"webhook_id": webhook.id, "avatar": character.avatar_sha256, "used": int(time.time())}
        settings = self._bot.services.guild_settings
        await settings.set(channel.guild.id, f"webhook.{character.id}", value, channel_id=channel.id)

    async def _remember_use(self, channel: WebhookChannel, character: Character, webhook: discord.Webhook) -> None:
        """Once an hour is enough to know, after a restart, which one is least used."""
        if time.time() - self._recorded(channel, character.id).get("used", 0) > 3600:
            await self._record(channel, character, webhook)


def thread_argument(channel: object) -> Any:
    """What discord.py's webhook methods take as `thread`."""
    return channel if isinstance(channel, discord.Thread) else discord.utils.MISSING


def is_gone(error: discord.HTTPException) -> bool:
    """The webhook was deleted."""
    return error.code in {UNKNOWN_WEBHOOK, INVALID_WEBHOOK_TOKEN}


async def _avatar(character: Character) -> bytes | None:
    path = character.avatar_path
    try:
        return None if path is None else await asyncio.to_thread(path.read_bytes)
    except OSError as error:
        log.warning("the picture of %s cannot be read: %s", character.id, error)
        return None
