"""Turns a message of progress into a result, and posts what belongs to it, each exactly once."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING
from uuid import UUID

import discord

from bot.discord_client.errors import NETWORK_ERRORS, REPLY_NEEDS_HISTORY, FailureKind, failure_kind
from bot.domain.deliveries import DeliveryKind, DeliveryState, OutgoingMessage
from cogs.delivery.message_search import Matcher, find_in_channel, has_attachment, replies_to
from cogs.ui.errors import error_embed

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from bot.discord_client.bot import ChorusBot
    from bot.domain.deliveries import Delivery
    from bot.errors import ChorusError
    from cogs.delivery.live_message import LiveMessage, MessagePayload
    from cogs.delivery.outbox import Outbox

log = logging.getLogger(__name__)

TAKES_NO_EDITS = frozenset({FailureKind.MESSAGE_GONE, FailureKind.UNEDITABLE, FailureKind.EXPIRED})
"""The progress message cannot become the result, which is posted as a message of its own: it was deleted, takes no more
edits, or was sent by a webhook that was deleted."""


class LivePoster:
    """Posts messages with rows around a live message."""

    def __init__(self, bot: ChorusBot, outbox: Outbox) -> None:
        self._bot = bot
        self._outbox = outbox

    def outgoing(
        self,
        live: LiveMessage,
        kind: DeliveryKind,
        *,
        part: int,
        job_id: UUID | None = None,
        batch_id: UUID | None = None,
    ) -> OutgoingMessage:
        """A send in the channel of the live message, after it. It belongs to a job or to a batch."""
        channel = self._bot.get_channel(live.channel_id)
        newest = getattr(channel, "last_message_id", None) or 0
        return OutgoingMessage(
            kind=kind,
            part=part,
            job_id=job_id,
            batch_id=batch_id,
            channel_id=live.channel_id,
            guild_id=live.guild_id,
            after_message_id=max(newest, live.id),
        )

    async def post_first(
        self,
        outgoing: OutgoingMessage,
        live: LiveMessage,
        payload: MessagePayload,
        matches: Matcher,
        *,
        has_files: bool,
        reply_to: int | None = None,
    ) -> int:
        """The result as the last edit of the live message, or as a message of its own if that takes no edits.

        Args:
            outgoing: The row of the result.
            live: The message.
            payload: The result.
            matches: Recognises the result. Without files the progress may look the same.
            has_files: The result has files, by which the edited message is told from the progress.
            reply_to: What a message of its own replies to, where the live message is gone.

        """

        async def post(row: Delivery) -> int:
            try:
                await live.edit_until_shown(payload)
            except discord.HTTPException as error:
                if failure_kind(error) not in TAKES_NO_EDITS:
                    raise
                log.info("message %s takes no edits (%s), the result is posted anew", live.id, error.code)
                answered = reply_to if await self.remove(live) else live.id
                return await self._send(live, payload, row, reply_to=answered)
            return live.id

        async def find(row: Delivery) -> int | None:
            if has_files and await self._shows(live, matches):
                return live.id
            # The progress message may match too: only another message can be the result.
            return await find_in_channel(self._bot, lambda message: message.id != live.id and matches(message))(row)

        return await self._outbox.send(outgoing, post, find)

    async def remove(self, live: LiveMessage) -> bool:
        """Delete a progress message that another message has taken the place of; False: the bot may not.

        Raises:
            discord.HTTPException: No clear answer.

        """
        self._outbox.own_deletions.append(live.id)
        return await live.remove()

    async def post_further(
        self,
        outgoing: OutgoingMessage,
        live: LiveMessage,
        payload: MessagePayload,
        names: Collection[str],
        *,
        reply_to: int,
    ) -> None:
        """Files that the first message has no room for, as a reply to it; `names` are those of the files."""
        await self._outbox.send(
            outgoing,
            lambda row: self._send(live, payload, row, reply_to=reply_to),
            find_in_channel(self._bot, has_attachment(*names)),
        )

    async def mention(self, notice: Delivery, person_id: int, words: str, *, shown: int) -> None:
        """A short reply to the message `shown` that mentions the person: Discord notifies nobody of an edit."""
        mention = f"<@{person_id}>"
        text = f"{mention} {words}"
        person = discord.AllowedMentions(users=[discord.Object(person_id)], replied_user=False)
        channel = self._bot.get_partial_messageable(notice.channel_id, guild_id=notice.guild_id)
        reference = discord.MessageReference(message_id=shown, channel_id=notice.channel_id, fail_if_not_exists=False)

        async def post(row: Delivery) -> int:
            try:
                message = await channel.send(text, reference=reference, allowed_mentions=person, nonce=row.nonce)
            except discord.HTTPException as error:
                if error.code != REPLY_NEEDS_HISTORY:
                    raise
                message = await channel.send(text, allowed_mentions=person, nonce=row.nonce)
            return message.id

        try:
            await self._outbox.send(
                OutgoingMessage.model_validate(notice.model_dump(include=set(OutgoingMessage.model_fields))),
                post,
                find_in_channel(self._bot, replies_to(shown, mention)),
            )
        except discord.HTTPException as error:
            log.info("message %s: the mention was refused (%s)", shown, error.code)

    async def reply_with_error(self, live: LiveMessage, posted: int, error: ChorusError) -> None:
        """Say in a reply why the rest of a result is missing, where Discord lets the bot.

        Args:
            live: The message of progress, for its channel.
            posted: The message that is replied to: the part that was posted.
            error: The reason.

        """
        channel = self._bot.get_partial_messageable(live.channel_id, guild_id=live.guild_id)
        reference = discord.MessageReference(message_id=posted, channel_id=live.channel_id, fail_if_not_exists=False)
        try:
            await channel.send(embed=error_embed(error, advice=False), reference=reference, mention_author=False)
        except (discord.HTTPException, *NETWORK_ERRORS) as failure:
            log.info("message %s: the missing files cannot be explained (%s)", posted, failure)

    async def _shows(self, live: LiveMessage, matches: Matcher) -> bool:
        try:
            return matches(await live.fetch())
        except discord.HTTPException as error:
            if failure_kind(error) is FailureKind.AMBIGUOUS:
                raise
            return False

    async def _send(self, live: LiveMessage, payload: MessagePayload, row: Delivery, *, reply_to: int | None) -> int:
        channel = self._bot.get_partial_messageable(live.channel_id, guild_id=live.guild_id)
        view = payload.view()
        message = await channel.send(
            payload.content,
            embeds=[payload.embed] if payload.embed is not None else [],
            files=payload.files(),
            view=view if view is not None else discord.utils.MISSING,
            reference=discord.MessageReference(
                message_id=reply_to or live.id, channel_id=live.channel_id, fail_if_not_exists=False
            ),
            mention_author=False,
            nonce=row.nonce,
        )
        return message.id


def first_posted(rows: Sequence[Delivery]) -> int | None:
    """The id of the first message of a result; None: it is not posted.

    Args:
        rows: The deliveries of its job or batch.

    """
    for row in rows:
        if row.kind is DeliveryKind.RESULT and row.part == 0 and row.state is DeliveryState.SENT:
            return row.discord_message_id
    return None
