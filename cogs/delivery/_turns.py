"""Conversation turns in Discord: posted as the character, growing by edits, in as many messages as they need.

A turn's messages have rows like everything else that is posted (kind TURN, part 0, 1, ...). Alternatives of a turn
share its messages: another alternative is an edit, with messages more or fewer.
"""

from __future__ import annotations

import asyncio
import logging
import math
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import discord

from bot.conversation.message_splitting import split_message
from bot.conversation.presenter import ChannelUnavailableError
from bot.discord_client.errors import NETWORK_ERRORS, Trouble, retry_after, trouble_of
from bot.domain.conversations import Message, Thread
from bot.domain.deliveries import Delivery, DeliveryKind, DeliveryState
from bot.errors import ChorusError
from cogs.delivery._drawn import draw_for_turn
from cogs.delivery._speaker import Speaker
from cogs.ui.errors import error_embed
from cogs.ui.turn_buttons import turn_view

if TYPE_CHECKING:
    from bot.characters import Character
    from bot.discord_client.bot import ChorusBot
    from bot.domain.conversations import Scene
    from bot.domain.jobs import Job
    from cogs.delivery._outbox import Outbox
    from cogs.delivery._webhooks import Webhooks

log = logging.getLogger(__name__)

T = TypeVar("T")
CLOSE_SECONDS = 2.0
"""How long a request under way may take to end when the bot stops; the next start looks what became of it."""


TurnListener = Callable[[Message, Thread], Awaitable[None]]


class TurnPoster:
    """Implements `bot.conversation.presenter.TurnPresenter`."""

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
        speaker = await self._speaker(turn, thread)
        rows = await self._bot.services.deliveries.of_turn(turn.id)
        interval = self._bot.services.settings.conversation.edit_interval_seconds
        own = [row for row in rows if row.kind is DeliveryKind.TURN]
        post = TurnPost(speaker, turn, sorted(own, key=lambda row: row.part), interval)
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

    async def delete_posts(self, turn: Message, thread: Thread) -> None:
        """Delete what is posted of the turn; returns when Discord has answered clearly."""
        try:
            speaker = await self._speaker(turn, thread)
        except ChannelUnavailableError:
            return
        for row in await self._bot.services.deliveries.of_turn(turn.id):
            if row.kind is DeliveryKind.TURN and row.state in {DeliveryState.PENDING, DeliveryState.SENT}:
                await _until_answered(partial(speaker.take_back, row))

    async def _speaker(self, turn: Message, thread: Thread) -> Speaker:
        find = partial(Speaker.find, self._bot, self._outbox, self._webhooks, turn, thread)
        try:
            return await _until_answered(find)
        except discord.HTTPException as error:
            raise ChannelUnavailableError(f"channel {thread.channel_id}: {error.code}") from error

    async def draw(self, turn: Message, thread: Thread, character: Character, scene: Scene, prompt: str) -> str | None:
        """Submit the turn's picture; it is shown when the turn's words stand."""
        try:
            return str(await draw_for_turn(self._bot, turn, thread, character=character, scene=scene, prompt=prompt))
        except ChorusError as error:
            await self.show_error(thread, error)
            return None

    async def show_error(self, thread: Thread, error: ChorusError) -> None:
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
        self._rows = {row.part: row for row in rows if row.state in {DeliveryState.PENDING, DeliveryState.SENT}}
        self._shown: dict[int, tuple[str, int | None]] = {}
        self._interval = interval
        self.finished: Message | None = None
        self._newest = ""
        self._changed = asyncio.Event()
        self._gone = False
        self._edited = -math.inf
        self._writing = asyncio.Lock()
        self._task = asyncio.create_task(self._work(), name=f"turn {turn.id}")

    def update(self, text: str) -> None:
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
        pieces = split_message(turn.text, self._speaker.room)
        attempt = 0
        while not self._gone:
            try:
                if not self._shows(pieces):
                    await self._pace()
                await self._write(pieces, final=True)
                await self._drop(len(pieces))
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
        """End the growing; what is posted stays. A request without an answer is not waited for longer than a moment."""
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._stop()
        except TimeoutError:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _stop(self) -> None:
        async with self._writing:  # a request under way is not cut off: it would leave a doubt about its message
            self._task.cancel()
        await asyncio.wait([self._task])
        if not self._task.cancelled() and (error := self._task.exception()) is not None:
            log.error("turn %s could not grow", self._turn.id, exc_info=error)

    async def _work(self) -> None:
        typing = asyncio.create_task(self._type(), name=f"typing {self._turn.id}")
        try:
            await self._changed.wait()
        finally:
            typing.cancel()
        while not self._gone:
            await self._changed.wait()
            self._changed.clear()
            try:
                async with self._writing:
                    await self._write(split_message(self._newest, self._speaker.room), final=False)
            except (discord.HTTPException, *NETWORK_ERRORS) as error:
                if not self._may_repeat(error):
                    return
                log.info("turn %s waits for Discord: %s", self._turn.id, error)
                self._changed.set()
            # Not a poll: Discord's own pace for edits of one message.
            await asyncio.sleep(self._interval)

    async def _type(self) -> None:
        # Beside the text, not before it: an indicator that has to wait its turn must not hold up the words.
        with suppress(discord.HTTPException, *NETWORK_ERRORS):
            async with self._speaker.typing():
                await asyncio.Event().wait()

    async def _write(self, pieces: list[str], *, final: bool) -> None:
        """Make the messages show the pieces; what shows its piece already is left alone."""
        for part, face in enumerate(self._faces(pieces, final=final)):
            if self._shown.get(part) == face:
                continue
            view = turn_view(self._turn, can_speak=self._speaker.can_speak) if face[1] is not None else None
            row = self._rows.get(part)
            if row is not None and row.state is DeliveryState.SENT:
                self._edited = asyncio.get_running_loop().time()
                changed = await self._speaker.edit(row, face[0], view)
                if changed.discord_message_id != row.discord_message_id:
                    await self._drop(part + 1)  # they stand above it now
            else:
                changed = await self._speaker.send(part, face[0], view)
            self._rows[part] = changed
            self._shown[part] = face

    def _faces(self, pieces: list[str], *, final: bool) -> list[tuple[str, int | None]]:
        """Words, and the alternative under whose buttons they stand; None: no buttons."""
        buttons = self._turn.shown_alternative if final and turn_view(self._turn) is not None else None
        return [(piece, buttons if part == len(pieces) - 1 else None) for part, piece in enumerate(pieces)]

    def _shows(self, pieces: list[str]) -> bool:
        shown = [self._shown.get(part) for part in sorted(self._rows)]
        return shown == list(self._faces(pieces, final=True))

    async def _pace(self) -> None:
        """An edit after an edit waits its time, the last one too."""
        wait = self._edited + self._interval - asyncio.get_running_loop().time()
        if wait > 0:
            await asyncio.sleep(wait)

    async def _drop(self, first: int) -> None:
        """Take back the messages from that part on."""
        for part in sorted(part for part in self._rows if part >= first):
            if self._rows[part].state in {DeliveryState.PENDING, DeliveryState.SENT}:
                await self._speaker.take_back(self._rows[part])
            self._rows.pop(part)
            self._shown.pop(part, None)

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


async def _until_answered(ask: Callable[[], Awaitable[T]]) -> T:
    """Ask until Discord answers clearly.

    Raises:
        discord.HTTPException: It refuses.

    """
    attempt = 0
    while True:
        try:
            return await ask()
        except Exception as error:
            if trouble_of(error) is not Trouble.AMBIGUOUS:
                raise
            await asyncio.sleep(retry_after(error, attempt))
            attempt += 1
