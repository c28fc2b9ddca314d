"""Sends the messages of a turn: through the character's webhook, or as the bot with the character's name in bold."""

from __future__ import annotations

import logging
from contextlib import AbstractAsyncContextManager, suppress
from typing import TYPE_CHECKING, Any

import discord

from bot.discord_client.errors import THREAD_ARCHIVED, FailureKind, failure_kind
from bot.domain.deliveries import Delivery, DeliveryKind, DeliveryState, OutgoingMessage
from bot.domain.discord_limits import MAX_MESSAGE_LENGTH
from bot.domain.jobs import JobKind
from bot.errors import ChorusError
from cogs.delivery.message_search import SEARCH_LIMIT
from cogs.delivery.webhooks import is_gone, thread_argument, webhook_channel, webhook_name

if TYPE_CHECKING:
    from bot.characters import Character
    from bot.discord_client.bot import ChorusBot
    from bot.domain.conversations import Message, Thread
    from cogs.delivery.outbox import Outbox
    from cogs.delivery.webhooks import CharacterWebhooks


log = logging.getLogger(__name__)


class TurnSender:
    """Sends, edits and deletes the messages of one turn in one channel."""

    def __init__(
        self,
        bot: ChorusBot,
        outbox: Outbox,
        webhooks: CharacterWebhooks,
        *,
        turn: Message,
        channel: Any,
        character: Character | None,
        anchor: int | None,
    ) -> None:
        self._bot = bot
        self._outbox = outbox
        self._webhooks = webhooks
        self._turn = turn
        self._channel = channel
        self._character = character
        self._anchor = anchor

    @classmethod
    async def find(
        cls, bot: ChorusBot, outbox: Outbox, webhooks: CharacterWebhooks, turn: Message, thread: Thread
    ) -> TurnSender:
        """The sender for a turn. A channel that is not in the cache (a direct message) is fetched.

        Raises:
            discord.HTTPException: The channel is gone or closed to the bot.

        """
        channel = bot.get_channel(thread.channel_id) or await bot.fetch_channel(thread.channel_id)
        guild = getattr(channel, "guild", None)
        try:
            character = bot.services.characters.find(turn.character_id or "", guild.id if guild else None)
        except ChorusError:  # its file is gone; its messages can still be edited and deleted
            character = None
        # The channel of direct messages does not know its newest message; the last one we stored is before our own.
        anchor = await bot.services.conversations.repository.newest_discord_message_id(thread.channel_id)
        return cls(bot, outbox, webhooks, turn=turn, channel=channel, character=character, anchor=anchor)

    @property
    def can_speak(self) -> bool:
        """The character has a voice."""
        character = self._character
        if character is None or not character.voice.enabled:
            return False
        guild = getattr(self._channel, "guild", None)
        return bool(self._bot.services.workflows.names(character.id, JobKind.AUDIO, guild.id if guild else None))

    @property
    def max_chunk_length(self) -> int:
        """Characters that a message has left for the turn's text, by webhook and by bot, so that chunks stay."""
        return MAX_MESSAGE_LENGTH - len(self._named(""))

    def typing(self) -> AbstractAsyncContextManager[Any]:
        """Discord's typing indicator, renewed until the block ends."""
        return self._channel.typing()

    async def send(self, part: int, chunk: str, view: discord.ui.View | None) -> Delivery:
        """Post a chunk once.

        Returns:
            The row, with the id of the message.


        Raises:
            discord.HTTPException: Discord refuses.

        """
        webhook = await self._webhook()
        try:
            return await self._send(webhook, part, chunk, view)
        except discord.HTTPException as error:
            if webhook is None or not is_gone(error):
                raise
            self._webhooks.forget(webhook.id)
            return await self._send(await self._webhook(), part, chunk, view)

    async def edit(self, row: Delivery, chunk: str, view: discord.ui.View | None) -> Delivery:
        """Make a message of the turn show a chunk.

        Returns:
            The row of the message that shows it: another one where the old message takes no more edits (its webhook
            was deleted, it is too old). Then the old one is taken away as far as Discord lets us.

        Raises:
            discord.HTTPException: 10008: somebody deleted it; or Discord refuses otherwise.

        """
        try:
            if await self._edit(row, chunk, view):
                return row
        except discord.HTTPException as error:
            if failure_kind(error) is FailureKind.MESSAGE_GONE:
                await self._forget(row.discord_message_id or 0)
            if failure_kind(error) not in {FailureKind.EXPIRED, FailureKind.UNEDITABLE}:
                raise
            if row.webhook_id is not None and is_gone(error):
                self._webhooks.forget(row.webhook_id)
        log.info("message %s of turn %s takes no edits; it is posted anew", row.discord_message_id, self._turn.id)
        await self.delete(row)
        return await self.send(row.part, chunk, view)

    async def delete(self, row: Delivery) -> None:
        """Delete a message of the turn. One that is gone, or that Discord does not let us delete, is left alone.

        Raises:
            discord.HTTPException: No clear answer.

        """
        if row.state is DeliveryState.PENDING:
            found = await self._look(row)
            if found is None:
                await self._outbox.deliveries.abandon(row.id)
                return
            await self._outbox.deliveries.mark_sent(row.id, found)
            row = row.model_copy(update={"discord_message_id": found})
        if row.discord_message_id is None:
            return
        self._outbox.own_deletions.append(row.discord_message_id)
        await self._delete(row.discord_message_id, row.webhook_id)
        await self._outbox.deliveries.mark_deleted(row.discord_message_id)

    async def _forget(self, message_id: int) -> None:
        await self._bot.services.conversations.delete_message(message_id)

    async def _edit(self, row: Delivery, chunk: str, view: discord.ui.View | None) -> bool:
        """False: its webhook cannot be used any more."""
        message_id = row.discord_message_id or 0
        webhook = await self._webhook_of(row)
        if row.webhook_id is not None and webhook is None:
            return False
        try:
            await self._edit_by(webhook, message_id, chunk, view)
        except discord.HTTPException as error:
            if error.code != THREAD_ARCHIVED or not isinstance(self._channel, discord.Thread):
                raise
            await self._channel.edit(archived=False)
            await self._edit_by(webhook, message_id, chunk, view)
        return True

    async def _edit_by(
        self, webhook: discord.Webhook | None, message_id: int, chunk: str, view: discord.ui.View | None
    ) -> None:
        if webhook is not None:
            await webhook.edit_message(message_id, content=chunk, view=view, thread=self._thread)
        else:
            await self._channel.get_partial_message(message_id).edit(content=self._named(chunk), view=view)

    async def _delete(self, message_id: int, webhook_id: int | None) -> None:
        home = webhook_channel(self._channel)
        webhook = await self._webhooks.by_id(home, webhook_id) if home is not None and webhook_id is not None else None
        try:
            if webhook is not None:
                with suppress(discord.NotFound):
                    await webhook.delete_message(message_id, thread=self._thread)
                    return
            await self._channel.get_partial_message(message_id).delete()
        except discord.HTTPException as error:
            if failure_kind(error) is FailureKind.AMBIGUOUS:
                raise
            log.info("message %s cannot be deleted: %s", message_id, error.code)

    async def _send(
        self, webhook: discord.Webhook | None, part: int, chunk: str, view: discord.ui.View | None
    ) -> Delivery:
        guild = getattr(self._channel, "guild", None)
        outgoing = OutgoingMessage(
            kind=DeliveryKind.TURN,
            channel_id=self._channel.id,
            part=part,
            message_id=self._turn.id,
            guild_id=guild.id if guild else None,
            after_message_id=getattr(self._channel, "last_message_id", None) or self._anchor,
            webhook_id=webhook.id if webhook else None,
            content=chunk if webhook else self._named(chunk),
        )

        async def post(row: Delivery) -> int:
            if webhook is None:
                given = {} if view is None else {"view": view}
                return (await self._channel.send(self._named(chunk), nonce=row.nonce, **given)).id
            options: dict[str, Any] = {"view": view} if view is not None else {}
            if self._thread is not discord.utils.MISSING:
                options["thread"] = self._thread
            name = webhook_name(self._character.name) if self._character else discord.utils.MISSING
            return (await webhook.send(chunk, username=name, wait=True, **options)).id

        message_id = await self._outbox.send(outgoing, post, self._look)
        if message_id in self._outbox.deletions:  # it was deleted before its id was stored
            await self._forget(message_id)
        rows = await self._outbox.deliveries.of_turn(self._turn.id)
        row = next(row for row in rows if row.discord_message_id == message_id and row.part == part)
        if row.content != outgoing.content:  # an earlier process posted it with other words
            return await self.edit(row, chunk, view)
        return row

    async def _look(self, row: Delivery) -> int | None:
        """Find a chunk by the words it was sent with, among messages that are not known to belong to another turn."""
        after = discord.Object(row.after_message_id or 0)
        me = self._bot.user
        async for message in self._channel.history(limit=SEARCH_LIMIT, after=after, oldest_first=True):
            if row.webhook_id is not None:
                ours = message.webhook_id == row.webhook_id
            else:
                ours = me is not None and message.author.id == me.id
            # Discord keeps our words, but not all white space around them.
            if ours and message.content.split() == (row.content or "").split():
                known = await self._outbox.deliveries.by_message(message.id)
                if known is None or known.id == row.id:
                    return message.id
        return None

    async def _webhook(self) -> discord.Webhook | None:
        home = webhook_channel(self._channel)
        if home is None or self._character is None:
            return None
        return await self._webhooks.of(home, self._character)

    async def _webhook_of(self, row: Delivery) -> discord.Webhook | None:
        home = webhook_channel(self._channel)
        if home is None or row.webhook_id is None:
            return None
        return await self._webhooks.by_id(home, row.webhook_id)

    @property
    def _thread(self) -> Any:
        return thread_argument(self._channel)

    def _named(self, chunk: str) -> str:
        name = self._character.name if self._character else "Character"
        return f"**{discord.utils.escape_markdown(name)}:** {chunk}"
