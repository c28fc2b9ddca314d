"""Posts conversation turns: as the character, growing by edits, in as many messages as they need.

A turn's messages are deliveries of the kind TURN with part 0, 1, ... Alternatives of a turn share its messages: showing
another alternative edits them, with messages more or fewer.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import discord

from bot.conversation.presenter import ChannelUnavailableError
from bot.discord_client.errors import NETWORK_ERRORS, FailureKind, failure_kind, retry_after
from bot.domain.conversations import Message, Thread
from bot.domain.deliveries import DeliveryKind, DeliveryState
from bot.errors import ChorusError
from cogs.delivery.turn_message import TurnMessage
from cogs.delivery.turn_pictures import PictureEditor, submit_turn_picture
from cogs.delivery.turn_sender import TurnSender
from cogs.ui.errors import error_embed

if TYPE_CHECKING:
    from bot.characters import Character
    from bot.discord_client.bot import ChorusBot
    from bot.domain.conversations import Scene
    from bot.domain.jobs import Job
    from cogs.delivery.outbox import Outbox
    from cogs.delivery.webhooks import CharacterWebhooks

log = logging.getLogger(__name__)

T = TypeVar("T")

TurnListener = Callable[[Message, Thread], Awaitable[None]]


class TurnPoster:
    """Implements `bot.conversation.presenter.TurnPresenter`."""

    def __init__(
        self, bot: ChorusBot, outbox: Outbox, webhooks: CharacterWebhooks, present: Callable[[Job], None]
    ) -> None:
        self._bot = bot
        self._present = present
        self._outbox = outbox
        self._webhooks = webhooks
        self._listeners: list[TurnListener] = []
        self.edit: PictureEditor | None = None
        """Puts the picture that is to be changed into the request of a turn's picture."""

    def add_listener(self, listener: TurnListener) -> None:
        """Call `listener` whenever all of a turn's text is shown, before the turn counts as delivered.

        After a crash in between it is called again, so it must find what it did before.
        """
        self._listeners.append(listener)

    @asynccontextmanager
    async def open(self, turn: Message, thread: Thread) -> AsyncGenerator[TurnMessage]:
        """The turn's messages, ready to grow. The bot shows that it is typing until there is some text."""
        sender = await self._sender(turn, thread)
        rows = await self._bot.services.deliveries.of_turn(turn.id)
        own = [row for row in rows if row.kind is DeliveryKind.TURN]
        settings = self._bot.services.settings
        message = TurnMessage(
            sender,
            turn,
            sorted(own, key=lambda row: row.part),
            interval=settings.conversation.edit_interval_seconds,
            reactions=settings.discord.reactions,
        )
        try:
            yield message
        finally:
            await message.close()
        if message.finished is not None and message.finished.job_id is not None:
            job = await self._bot.services.orchestrator.job(uuid.UUID(message.finished.job_id))
            if job is not None and not job.state.ended:
                self._present(job)
        if message.finished is not None and message.is_shown:
            await self._tell(message.finished, thread)

    async def _tell(self, turn: Message, thread: Thread) -> None:
        for listener in self._listeners:
            try:
                await listener(turn, thread)
            except Exception:  # a fault of one listener must not keep the turn from being delivered
                log.exception("a listener to turn %s failed", turn.id)

    async def delete_posts(self, turn: Message, thread: Thread) -> None:
        """Delete what is posted of the turn; returns when Discord has answered clearly."""
        try:
            sender = await self._sender(turn, thread)
        except ChannelUnavailableError:
            return
        for row in await self._bot.services.deliveries.of_turn(turn.id):
            if row.kind is DeliveryKind.TURN and row.state in {DeliveryState.PENDING, DeliveryState.SENT}:
                await _until_clear(partial(sender.delete, row))

    async def _sender(self, turn: Message, thread: Thread) -> TurnSender:
        find = partial(TurnSender.find, self._bot, self._outbox, self._webhooks, turn, thread)
        try:
            return await _until_clear(find)
        except discord.HTTPException as error:
            raise ChannelUnavailableError(f"channel {thread.channel_id}: {error.code}") from error

    async def draw(self, turn: Message, thread: Thread, character: Character, scene: Scene, prompt: str) -> str | None:
        """Submit the turn's picture, which is shown after the turn's text; the job's id, or None if it was refused."""
        try:
            job_id = await submit_turn_picture(
                self._bot, turn, thread, character=character, scene=scene, prompt=prompt, edit=self.edit
            )
        except ChorusError as error:
            await self.show_error(thread, error)
            return None
        return str(job_id)

    async def show_error(self, thread: Thread, error: ChorusError) -> None:
        """Tell the channel, in an embed of the bot. Turns have no embeds, so no model can imitate an error."""
        channel = self._bot.get_partial_messageable(thread.channel_id)
        try:
            await channel.send(embed=error_embed(error, advice=False))
        except (discord.HTTPException, *NETWORK_ERRORS) as failure:
            log.info("channel %s could not be told %s: %s", thread.channel_id, error.code, failure)


async def _until_clear(request: Callable[[], Awaitable[T]]) -> T:
    """Repeat a request until Discord answers clearly.

    Raises:
        discord.HTTPException: Discord refuses.

    """
    attempt = 0
    while True:
        try:
            return await request()
        except Exception as error:  # `failure_kind` raises what is neither Discord's nor the network's
            if failure_kind(error) is not FailureKind.AMBIGUOUS:
                raise
            await asyncio.sleep(retry_after(error, attempt))
            attempt += 1
