"""A turn while it is written: its messages grow by edits, and there are as many as the text needs."""

from __future__ import annotations

import asyncio
import logging
import math
from contextlib import suppress
from typing import TYPE_CHECKING

import discord

from bot.conversation.message_splitting import split_message
from bot.discord_client.errors import NETWORK_ERRORS, FailureKind, failure_kind
from bot.domain.deliveries import Delivery, DeliveryState
from cogs.ui.job_buttons import turn_view
from cogs.ui.text import without_masked_links

if TYPE_CHECKING:
    from bot.domain.conversations import Message
    from bot.settings.discord_section import Reactions
    from cogs.delivery.turn_sender import TurnSender

log = logging.getLogger(__name__)

CLOSE_SECONDS = 2.0
"""How long a request under way may take to end when the bot stops; the next start finds what became of it."""
_POSTED = frozenset({DeliveryState.PENDING, DeliveryState.SENT})

_Shown = tuple[str, int | None]
"""The text of a message, and the alternative whose buttons are under it (None: no buttons)."""


class TurnMessage:
    """Implements `bot.conversation.ports.TurnPost` for one turn.

    `grow` notes the newest text; a task posts it when the next edit is due.

    Args:
        sender: Sends to the turn's channel.
        turn: As stored.
        rows: The turn's deliveries so far, by part.
        interval: Least seconds between two edits.
        reactions: Emoji of the buttons.

    Attributes:
        finished: The turn after `finish`.

    """

    def __init__(
        self, sender: TurnSender, turn: Message, rows: list[Delivery], *, interval: float, reactions: Reactions
    ) -> None:
        self._sender = sender
        self._turn = turn
        self._rows = {row.part: row for row in rows if row.state in _POSTED}
        self._shown: dict[int, _Shown] = {}
        self._interval = interval
        self._reactions = reactions
        self.finished: Message | None = None
        self._newest = ""
        self._changed = asyncio.Event()
        self._gone = False
        self._edited_at = -math.inf
        self._writing = asyncio.Lock()
        self._task = asyncio.create_task(self._keep_writing(), name=f"turn {turn.id}")

    def update(self, text: str) -> None:
        """Show this text, which is all of the turn that may be shown so far."""
        if text != self._newest:
            self._newest = text
            self._changed.set()

    async def finish(self, turn: Message) -> None:
        """Return when Discord shows all of the turn's text once, and nothing else of it.

        A message that somebody deleted meanwhile is not written again.
        """
        await self._stop()
        self.finished = turn
        self._turn = turn
        chunks = split_message(without_masked_links(turn.text), self._sender.max_chunk_length)
        attempt = 0
        while not self._gone:
            try:
                if not self._shows(chunks):
                    await self._wait_for_interval()
                await self._write(chunks, final=True)
                await self._delete_from(len(chunks))
            except (discord.HTTPException, *NETWORK_ERRORS) as error:
                if not self._may_repeat(error):
                    break
                attempt += 1
                await asyncio.sleep(min(2.0**attempt, 60.0))
            else:
                return

    @property
    def is_shown(self) -> bool:
        """After `finish`: the text was neither refused nor deleted."""
        return not self._gone

    async def close(self) -> None:
        """Stop growing; what is posted stays. A request without an answer is waited for `CLOSE_SECONDS` only."""
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._stop()
        except TimeoutError:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _stop(self) -> None:
        async with self._writing:  # a request under way is not cut off, so that it is clear whether it arrived
            self._task.cancel()
        await asyncio.wait([self._task])
        if not self._task.cancelled() and (error := self._task.exception()) is not None:
            log.error("turn %s could not grow", self._turn.id, exc_info=error)

    async def _keep_writing(self) -> None:
        typing = asyncio.create_task(self._show_typing(), name=f"typing {self._turn.id}")
        try:
            await self._changed.wait()
        finally:
            typing.cancel()
        while not self._gone:
            await self._changed.wait()
            self._changed.clear()
            try:
                async with self._writing:
                    chunks = split_message(without_masked_links(self._newest), self._sender.max_chunk_length)
                    await self._write(chunks, final=False)
            except (discord.HTTPException, *NETWORK_ERRORS) as error:
                if not self._may_repeat(error):
                    return
                log.info("turn %s waits for Discord: %s", self._turn.id, error)
                self._changed.set()
            # Discord limits how often one message may be edited.
            await asyncio.sleep(self._interval)

    async def _show_typing(self) -> None:
        # In a task of its own: an indicator that waits for a rate limit must not delay the text.
        with suppress(discord.HTTPException, *NETWORK_ERRORS):
            async with self._sender.typing():
                await asyncio.Event().wait()

    async def _write(self, chunks: list[str], *, final: bool) -> None:
        """Make the messages show the chunks; a message that shows its chunk already is left alone."""
        for part, wanted in enumerate(self._wanted(chunks, final=final)):
            if self._shown.get(part) == wanted:
                continue
            text, alternative = wanted
            view = None
            if alternative is not None:
                view = turn_view(self._turn, self._reactions, can_speak=self._sender.can_speak)
            row = self._rows.get(part)
            if row is not None and row.state is DeliveryState.SENT:
                self._edited_at = asyncio.get_running_loop().time()
                changed = await self._sender.edit(row, text, view)
                if changed.discord_message_id != row.discord_message_id:
                    await self._delete_from(part + 1)  # they are above the new message now
            else:
                changed = await self._sender.send(part, text, view)
            self._rows[part] = changed
            self._shown[part] = wanted

    def _wanted(self, chunks: list[str], *, final: bool) -> list[_Shown]:
        """What each message shall show: the last one has the buttons, once the turn is finished."""
        has_buttons = final and turn_view(self._turn, self._reactions) is not None
        buttons = self._turn.shown_alternative if has_buttons else None
        return [(chunk, buttons if part == len(chunks) - 1 else None) for part, chunk in enumerate(chunks)]

    def _shows(self, chunks: list[str]) -> bool:
        shown = [self._shown.get(part) for part in sorted(self._rows)]
        return shown == list(self._wanted(chunks, final=True))

    async def _wait_for_interval(self) -> None:
        wait = self._edited_at + self._interval - asyncio.get_running_loop().time()
        if wait > 0:
            await asyncio.sleep(wait)

    async def _delete_from(self, first: int) -> None:
        """Delete the turn's messages from that part on."""
        for part in sorted(part for part in self._rows if part >= first):
            if self._rows[part].state in _POSTED:
                await self._sender.delete(self._rows[part])
            self._rows.pop(part)
            self._shown.pop(part, None)

    def _may_repeat(self, error: Exception) -> bool:
        match failure_kind(error):
            case FailureKind.AMBIGUOUS:
                return True
            case FailureKind.MESSAGE_GONE:
                log.info("turn %s was deleted in Discord while it was written", self._turn.id)
            case kind:
                log.warning("turn %s cannot be posted: %s (%s)", self._turn.id, kind.name, error)
        self._gone = True
        return False
