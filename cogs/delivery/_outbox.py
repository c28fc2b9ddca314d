"""Posting exactly once as the user sees it: a row before each send, and a look at the channel after a doubt.

Generic over what is posted: results, notices, voice bubbles and conversation turns differ only in how they are posted
and how they are recognised.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from bot.discord_client.errors import Trouble, retry_after, trouble_of
from bot.domain.deliveries import Delivery, DeliveryState

if TYPE_CHECKING:
    import uuid

    from bot.domain.deliveries import OutgoingMessage
    from bot.storage.deliveries import DeliveryRepository

log = logging.getLogger(__name__)

Post = Callable[[Delivery], Awaitable[int]]
"""Sends the message and returns its id. Called again after a failure, so it builds its files anew each time."""
Find = Callable[[Delivery], Awaitable["int | None"]]
"""Looks for the message of a row in the channel; None: it is certainly not there."""


class Outbox:
    """Sends with rows. One per process.

    Args:
        store: The rows.
        pause: Seconds to wait after the n-th failure without a clear answer.

    Attributes:
        taken_back: The newest messages we deleted ourselves: that they are gone is nobody's wish.
        gone_unknown: The newest deleted messages that nobody knew: perhaps ours, deleted before we had noted them.

    """

    def __init__(self, store: DeliveryRepository, *, pause: Callable[[Exception, int], float] = retry_after) -> None:
        self.store = store
        self.taken_back = deque[int](maxlen=1000)
        self.gone_unknown = deque[int](maxlen=1000)
        self._pause = pause

    async def send(self, outgoing: OutgoingMessage, post: Post, find: Find) -> int:
        """Post unless it was posted already, and return the id of the message.

        The row is committed before the first request. A row left over from another life, and every ambiguous failure
        (no answer, 5xx: Discord may have applied it), leads to `find` before anything is posted again. A Discord that
        is away is waited for as long as it takes.

        Raises:
            discord.HTTPException: Discord refuses (no permission, channel gone, too large, ...); the row is abandoned.

        """
        doubtful = await self._left_over(outgoing)
        row = await self.store.prepare(outgoing)
        if row.state is DeliveryState.SENT and row.discord_message_id is not None:
            return row.discord_message_id
        message_id = await self._until_posted(row, post, find, doubtful=doubtful)
        await self.store.mark_sent(row.id, message_id)
        return message_id

    async def _until_posted(self, row: Delivery, post: Post, find: Find, *, doubtful: bool) -> int:
        attempt = 0
        while True:
            try:
                if doubtful:
                    found = await self._look(row, find)
                    if found is not None:
                        log.info("delivery %s had arrived as message %s", row.id, found)
                        return found
                return await post(row)
            except Exception as error:
                trouble = trouble_of(error)
                if trouble is not Trouble.AMBIGUOUS:
                    await self.store.abandon(row.id)
                    raise
                wait = self._pause(error, attempt)
                log.warning("delivery %s: no clear answer (%s), looking again in %.1f s", row.id, error, wait)
            await asyncio.sleep(wait)
            doubtful, attempt = True, attempt + 1

    async def _look(self, row: Delivery, find: Find) -> int | None:
        try:
            return await find(row)
        except Exception as error:
            if trouble_of(error) is Trouble.FORBIDDEN:
                # The history may not be read: the nonce is all there is against a double.
                log.warning("delivery %s: the channel may not be read, so nothing can be looked up", row.id)
                return None
            raise

    async def _left_over(self, outgoing: OutgoingMessage) -> bool:
        """A row of an earlier try that may or may not have arrived."""
        same = [row for row in await self._rows(outgoing.job_id, outgoing.message_id) if _same(row, outgoing)]
        return any(row.state is DeliveryState.PENDING for row in same)

    async def _rows(self, job_id: uuid.UUID | None, message_id: str | None) -> list[Delivery]:
        if job_id is not None:
            return await self.store.of_job(job_id)
        return await self.store.of_turn(message_id) if message_id is not None else []


def _same(row: Delivery, outgoing: OutgoingMessage) -> bool:
    return (row.kind, row.part, row.alternative) == (outgoing.kind, outgoing.part, outgoing.alternative)
