"""Conversation turns in Discord: posted as the character, growing by edits, in as many messages as they need.

A turn's messages have rows like everything else that is posted (kind TURN, part 0, 1, ...). Alternatives of a turn
share its messages: another alternative is an edit, with messages more or fewer.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import discord

from bot.conversation.messages import Message, Thread
from bot.conversation.pieces import split_message
from bot.discord_errors import NETWORK_ERRORS, Trouble, trouble_of
from bot.errors import ChorusError
from bot.generation.deliveries import Delivery, DeliveryState
from cogs.delivery._drawn import draw_for_turn
from cogs.delivery._speaker import Speaker
from cogs.ui.errors import error_embed
from cogs.ui.turn_buttons import turn_view

if TYPE_CHECKING:
    from bot.bot import ChorusBot
    from bot.characters import Character
    from bot.conversation.messages import Scene
    from bot.generation.jobs import Job
    from cogs.delivery._outbox import Outbox
    from cogs.delivery._webhooks import Webhooks

log = logging.getLogger(__name__)


TurnListener = Callable[[Message, Thread], Awaitable[None]]


class TurnPoster:
    """Implements `bot.conversation.ports.TurnPresenter`."""

    def __init__(self, bot: ChorusBot, outbox: Outbox, webhooks: Webhooks, present: Callable[[Job], None]) -> None:
        self._bot = bot
        self._present = present
        self._outbox = outbox
        self._webhooks = webhooks
        self._listeners: list[TurnListener] = []

    def add_listener(self, listener: TurnListener) -> None:
        """Call `listener` whenever all of a turn's text stands, before the turn counts as delivered.

        So a crash in between leads to another call: it must find what it did before.
        """
        self._listeners.append(listener)

    @asynccontextmanager
    async def open(self, turn: Message, thread: Thread) -> AsyncGenerator[TurnPost]:
        """The turn's messages, ready to grow. The bot is typing there while nothing of the turn is to be seen."""
        speaker = await Speaker.find(self._bot, self._outbox, self._webhooks, turn, thread)
        rows = await self._bot.services.deliveries.of_turn(turn.id)
        interval = self._bot.services.settings.conversation.edit_interval_seconds
        post = TurnPost(speaker, turn, sorted(rows, key=lambda row: row.part), interval)
        try:
            yield post
        finally:
            await post.close()
        if post.finished is not None and post.finished.job_id is not None:
            job = await self._bot.services.orchestrator.job(uuid.UUID(post.finished.job_id))
            if job is not None and not job.state.ended:
                self._present(job)
        if post.finished is not None and post.stands:
            await self._tell(post.finished, thread)

    async def _tell(self, turn: Message, thread: Thread) -> None:
        for listener in self._listeners:
            try:
                await listener(turn, thread)
            except Exception:
                log.exception("a listener to turn %s failed", turn.id)

    async def retract(self, turn: Message, thread: Thread) -> None:
        """Delete what is posted of the turn."""
        speaker = await Speaker.find(self._bot, self._outbox, self._webhooks, turn, thread)
        for row in await self._bot.services.deliveries.of_turn(turn.id):
            await speaker.take_back(row)

    async def draw(self, turn: Message, thread: Thread, character: Character, scene: Scene, prompt: str) -> str | None:
        """Submit the turn's picture; it is shown when the turn's words stand."""
        try:
            return str(await draw_for_turn(self._bot, turn, thread, character=character, scene=scene, prompt=prompt))
        except ChorusError as error:
            await self.notice(thread, error)
            return None

    async def notice(self, thread: Thread, error: ChorusError) -> None:
        """An embed of the bot's own: a character's words have none, so that no model can imitate a notice."""
        channel = self._bot.get_partial_messageable(thread.channel_id)
        try:
            await channel.send(embed=error_embed(error, advice=False))
        except (discord.HTTPException, *NETWORK_ERRORS) as failure:
            log.info("channel %s could not be told %s: %s", thread.channel_id, error.code, failure)


class TurnPost:
    """One turn on its way. `grow` notes the newest text; a task of its own posts it when the next edit is due."""

    def __init__(self, speaker: Speaker, turn: Message, rows: list[Delivery], interval: float) -> None:
        self._speaker = speaker
        self._turn = turn
        self._rows = {row.part: row for row in rows if row.state is not DeliveryState.ABANDONED}
        self._shown: dict[int, tuple[str, int | None]] = {}
        self._interval = interval
        self.finished: Message | None = None
        self._newest = ""
        self._changed = asyncio.Event()
        self._gone = False
        self._writing = asyncio.Lock()
        self._task = asyncio.create_task(self._work(), name=f"turn {turn.id}")

    def grow(self, text: str) -> None:
        """All that may be shown so far."""
        if text != self._newest:
            self._newest = text
            self._changed.set()

    async def finish(self, turn: Message) -> None:
        """All of the text, once, and nothing else; returns when it stands.

        A message that somebody deleted meanwhile is not written again.
        """
        await self._stop()
        self.finished = turn
        self._turn = turn
        pieces = split_message(turn.text)
        attempt = 0
        while not self._gone:
            try:
                await self._write(pieces, final=True)
                for part in [part for part in self._rows if part >= len(pieces)]:
                    await self._speaker.take_back(self._rows.pop(part))
            except (discord.HTTPException, *NETWORK_ERRORS) as error:
                if not self._may_repeat(error):
                    break
                attempt += 1
                await asyncio.sleep(min(2.0**attempt, 60.0))
            else:
                return

    @property
    def stands(self) -> bool:
        """After `finish`: nobody deleted or refused it."""
        return not self._gone

    async def close(self) -> None:
        """End the growing; what is posted stays."""
        await self._stop()

    async def _stop(self) -> None:
        async with self._writing:  # a request under way is not cut off: it would leave a doubt about its message
            self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _work(self) -> None:
        with suppress(discord.HTTPException, *NETWORK_ERRORS):  # an indicator, not worth a turn
            async with self._speaker.typing():
                await self._changed.wait()
        while not self._gone:
            await self._changed.wait()
            self._changed.clear()
            try:
                async with self._writing:
                    await self._write(split_message(self._newest), final=False)
            except (discord.HTTPException, *NETWORK_ERRORS) as error:
                if not self._may_repeat(error):
                    return
                log.info("turn %s waits for Discord: %s", self._turn.id, error)
                self._changed.set()
            # Not a poll: Discord's own pace for edits of one message.
            await asyncio.sleep(self._interval)

    async def _write(self, pieces: list[str], *, final: bool) -> None:
        """Make the messages show the pieces; what shows its piece already is left alone."""
        for part, piece in enumerate(pieces):
            view = turn_view(self._turn) if final and part == len(pieces) - 1 else None
            face = (piece, self._turn.shown_alternative if view is not None else None)
            if self._shown.get(part) == face:
                continue
            row = self._rows.get(part)
            if row is not None and row.state is DeliveryState.SENT:
                await self._speaker.edit(row, piece, view)
            else:
                self._rows[part] = await self._speaker.send(part, piece, view)
            self._shown[part] = face

    def _may_repeat(self, error: Exception) -> bool:
        match trouble_of(error):
            case Trouble.AMBIGUOUS:
                return True
            case Trouble.MESSAGE_GONE:
                log.info("turn %s was deleted in Discord while it was written", self._turn.id)
            case trouble:
                log.warning("turn %s cannot be posted: %s (%s)", self._turn.id, trouble.name, error)
        self._gone = True
        return False
