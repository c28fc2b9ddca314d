"""The rows of `deliveries` in memory, by the same contract as the database's."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from bot.domain.deliveries import Delivery, DeliveryState, OutgoingMessage


class Ledger:
    """A `DeliveryStore`."""

    def __init__(self) -> None:
        self.rows: dict[int, Delivery] = {}

    async def prepare(self, outgoing: OutgoingMessage) -> Delivery:
        for row in self.rows.values():
            if _key(row) == _key(outgoing):
                if row.state in {DeliveryState.ABANDONED, DeliveryState.DELETED}:
                    return self._put(row.id, outgoing)
                return row
        return self._put(len(self.rows) + 1, outgoing)

    async def mark_sent(self, delivery_id: int, discord_message_id: int) -> None:
        self._change(delivery_id, state=DeliveryState.SENT, discord_message_id=discord_message_id)

    async def abandon(self, delivery_id: int) -> None:
        self._change(delivery_id, state=DeliveryState.ABANDONED)

    async def mark_deleted(self, discord_message_id: int) -> None:
        for row in list(self.rows.values()):
            if row.discord_message_id == discord_message_id:
                self._change(row.id, state=DeliveryState.DELETED)

    async def pending(self) -> list[Delivery]:
        return [row for row in self.rows.values() if row.state is DeliveryState.PENDING]

    async def by_message(self, discord_message_id: int) -> Delivery | None:
        found = [row for row in self.rows.values() if row.discord_message_id == discord_message_id]
        return found[-1] if found else None

    async def of_job(self, job_id: uuid.UUID) -> list[Delivery]:
        return [row for row in self.rows.values() if row.job_id == job_id]

    async def of_turn(self, message_id: str) -> list[Delivery]:
        return [row for row in self.rows.values() if row.message_id == message_id]

    def _put(self, row_id: int, outgoing: OutgoingMessage) -> Delivery:
        self.rows[row_id] = Delivery(
            **outgoing.model_dump(), id=row_id, state=DeliveryState.PENDING, created_at=datetime.now(UTC)
        )
        return self.rows[row_id]

    def _change(self, row_id: int, **changes: Any) -> None:
        self.rows[row_id] = self.rows[row_id].model_copy(update=changes)


def _key(row: OutgoingMessage) -> tuple[object, ...]:
    return (row.job_id, row.message_id, row.kind, row.alternative, row.part)
