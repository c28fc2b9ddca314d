"""Posts messages exactly once: a row is stored before each send, and after a doubtful send the channel is read.

Results, notices, voice messages and conversation turns differ only in how they are posted and how they are found again.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from bot.discord_client.errors import FailureKind, failure_kind, retry_after
from bot.domain.deliveries import Delivery, DeliveryState
from bot.storage.waiting import waiting_for_store

if TYPE_CHECKING:
    from bot.domain.deliveries import OutgoingMessage
    from bot.storage.deliveries import DeliveryRepository

log = logging.getLogger(__name__)

REOPENINGS = 3
"""How often a thread that is archived again and again is opened for one message."""

Post = Callable[[Delivery], Awaitable[int]]
"""Sends the message and returns its id. It may be called again, so it makes its files anew each time."""
Reopen = Callable[[int, Exception], Awaitable[bool]]
"""Takes a channel's id and a refusal. Opens the channel again if it is a thread that was refused because it is
archived; whether the message may be sent again."""
Find = Callable[[Delivery], Awaitable["int | None"]]
"""Looks for the message of a row in its channel; None: it is certainly not there."""


class Outbox:
    """Sends messages that have a row in the table `deliveries`. One for the whole bot.

    Args:
        deliveries: The rows.
        pause: Seconds to wait after the n-th send without a clear answer.
        reopen: Opens archived threads; None: a send into one fails.

    Attributes:
        own_deletions: The last messages that the bot deleted itself; nobody else asked for their deletion.
        deletions: The last messages that were deleted by anybody else. One of them may be a message of the bot whose id
            was not stored yet, so that nobody could know what its deletion meant.

    """

    def __init__(
        self,
        deliveries: DeliveryRepository,
        *,
        pause: Callable[[Exception, int], float] = retry_after,
        reopen: Reopen | None = None,
    ) -> None:
        self.deliveries = deliveries
        self.own_deletions = deque[int](maxlen=1000)
        self.deletions = deque[int](maxlen=1000)
        self._pause = pause
        self._reopen = reopen

    async def send(self, outgoing: OutgoingMessage, post: Post, find: Find) -> int:
        """Post the message unless it was posted already; the id of the message.

        The row is stored before the first request. A row that an earlier process left PENDING, and every ambiguous
        failure (no answer, 5xx: Discord may have posted it), lead to `find` before anything is posted again. A Discord
        that is away is waited for as long as it takes.

        Raises:
            discord.HTTPException: Discord refuses (no permission, channel gone, too large, ...); the row is abandoned.
            StorageUnavailable: The current task may wait no longer for the database; nothing was sent.

        """
        is_doubtful = await self._was_left_pending(outgoing)
        row = await self.deliveries.prepare(outgoing)
        if row.state is DeliveryState.SENT and row.discord_message_id is not None:
            return row.discord_message_id
        with waiting_for_store(until=None):  # also where a person waits: the message stands in Discord now
            message_id = await self._post_until_clear(row, post, find, is_doubtful=is_doubtful)
            await self.deliveries.mark_sent(row.id, message_id)
        return message_id

    async def _post_until_clear(self, row: Delivery, post: Post, find: Find, *, is_doubtful: bool) -> int:
        attempt = reopenings = 0
        while True:
            try:
                if is_doubtful:
                    found = await self._find(row, find)
                    if found is not None:
                        log.info("delivery %s had arrived as message %s", row.id, found)
                        return found
                return await post(row)
            except Exception as error:  # `failure_kind` raises what is neither Discord's nor the network's
                if failure_kind(error) is not FailureKind.AMBIGUOUS:
                    reopenings += 1
                    if reopenings <= REOPENINGS and await self._is_reopened(row, error):
                        continue
                    await self.deliveries.abandon(row.id)
                    raise
                wait = self._pause(error, attempt)
                log.warning("delivery %s: no clear answer (%s), looking again in %.1f s", row.id, error, wait)
            await asyncio.sleep(wait)
            is_doubtful, attempt = True, attempt + 1

    async def _is_reopened(self, row: Delivery, error: Exception) -> bool:
        return self._reopen is not None and await self._reopen(row.channel_id, error)

    async def _find(self, row: Delivery, find: Find) -> int | None:
        try:
            return await find(row)
        except Exception as error:  # `failure_kind` raises what is neither Discord's nor the network's
            if failure_kind(error) is FailureKind.FORBIDDEN:
                # The history may not be read: only the nonce is left against posting twice.
                log.warning("delivery %s: the channel may not be read, so nothing can be looked up", row.id)
                return None
            raise

    async def _was_left_pending(self, outgoing: OutgoingMessage) -> bool:
        """An earlier send of the same message may or may not have arrived."""
        rows: list[Delivery] = []
        if outgoing.batch_id is not None:
            rows = await self.deliveries.of_batch(outgoing.batch_id)
        elif outgoing.job_id is not None:
            rows = await self.deliveries.of_job(outgoing.job_id)
        elif outgoing.message_id is not None:
            rows = await self.deliveries.of_turn(outgoing.message_id)
        return any(row.state is DeliveryState.PENDING and _is_same(row, outgoing) for row in rows)


def _is_same(row: Delivery, outgoing: OutgoingMessage) -> bool:
    return (row.kind, row.part, row.alternative) == (outgoing.kind, outgoing.part, outgoing.alternative)
