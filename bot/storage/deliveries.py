"""The rows that make delivery exactly once; see `bot.domain.deliveries.DeliveryStore`."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, and_, insert, select, update

from bot.domain.deliveries import Delivery, DeliveryKind, DeliveryState, OutgoingMessage
from bot.storage.database import Database
from bot.storage.reading import read_mappings
from bot.storage.retrying import retrying
from bot.storage.schema import deliveries

_SETTLED = {DeliveryState.PENDING, DeliveryState.SENT}


@retrying
class DeliveryRepository:
    """Implements `DeliveryRepository`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def prepare(self, outgoing: OutgoingMessage) -> Delivery:
        """Commit the row before the send.

        Asked again for the same (owner, kind, alternative, part): a `SENT` or `PENDING` row comes back as it is (the
        caller must not send the one, and must look for the other first); an `ABANDONED` or `DELETED` one is renewed.

        Raises:
            ValueError: It belongs to neither a job nor a turn nor a batch.
        """
        if outgoing.job_id is None and outgoing.message_id is None and outgoing.batch_id is None:
            msg = "a delivery belongs to a job, to a turn or to a batch"
            raise ValueError(msg)
        row = _row(outgoing)
        async with self._database.write() as connection:
            found = (await connection.execute(select(deliveries).where(_same(outgoing)))).mappings().first()
            if found is None:
                added = await connection.execute(insert(deliveries).values(row))
                primary_key = added.inserted_primary_key
                key = primary_key[0] if primary_key is not None else None
            else:
                key = found["id"]
                if DeliveryState(found["state"]) in _SETTLED:
                    return _value(found)
                await connection.execute(update(deliveries).where(deliveries.c.id == key).values(row))
            stored = (await connection.execute(select(deliveries).where(deliveries.c.id == key))).mappings().one()
        return _value(stored)

    async def mark_sent(self, delivery_id: int, discord_message_id: int) -> None:
        """Commit what Discord answered, or what was found in the channel."""
        values = {
            "state": DeliveryState.SENT.value,
            "discord_message_id": discord_message_id,
            "sent_at": datetime.now(UTC),
        }
        await self._update(deliveries.c.id == delivery_id, values)

    async def abandon(self, delivery_id: int) -> None:
        """It did not arrive and shall not be sent."""
        await self._update(deliveries.c.id == delivery_id, {"state": DeliveryState.ABANDONED.value})

    async def mark_deleted(self, discord_message_id: int) -> None:
        """The message is gone from Discord; unknown ids are ignored."""
        mine = deliveries.c.discord_message_id == discord_message_id
        await self._update(mine, {"state": DeliveryState.DELETED.value})

    async def pending(self) -> list[Delivery]:
        """Every send without a known end, oldest first."""
        return await self._find(deliveries.c.state == DeliveryState.PENDING.value)

    async def by_message(self, discord_message_id: int) -> Delivery | None:
        """The newest row behind a Discord message, also a deleted one; None: the message is not ours."""
        found = await self._find(deliveries.c.discord_message_id == discord_message_id)
        return found[-1] if found else None

    async def of_job(self, job_id: uuid.UUID) -> list[Delivery]:
        """Every row of a job, by kind and part."""
        found = await self._find(deliveries.c.job_id == str(job_id))
        return sorted(found, key=lambda delivery: (delivery.kind, delivery.part))

    async def of_batch(self, batch_id: uuid.UUID) -> list[Delivery]:
        """Every row of a batch, by kind and part."""
        found = await self._find(deliveries.c.batch_id == str(batch_id))
        return sorted(found, key=lambda delivery: (delivery.kind, delivery.part))

    async def of_turn(self, message_id: str) -> list[Delivery]:
        """Every row of a conversation turn, by alternative and part."""
        found = await self._find(deliveries.c.message_id == message_id)
        return sorted(found, key=lambda delivery: (delivery.alternative, delivery.kind, delivery.part))

    async def _update(self, which: ColumnElement[bool], values: dict[str, Any]) -> None:
        async with self._database.write() as connection:
            await connection.execute(update(deliveries).where(which).values(values))

    async def _find(self, which: ColumnElement[bool]) -> list[Delivery]:
        query = select(deliveries).where(which).order_by(deliveries.c.id)
        async with self._database.read() as connection:
            return read_mappings(await connection.execute(query), _value, "deliveries")


def _same(outgoing: OutgoingMessage) -> ColumnElement[bool]:
    """The row of the same (owner, kind, alternative, part); a job owns before a turn does."""
    what = and_(deliveries.c.kind == outgoing.kind.value, deliveries.c.part == outgoing.part)
    if outgoing.batch_id is not None:
        return and_(deliveries.c.batch_id == str(outgoing.batch_id), what)
    if outgoing.job_id is not None:
        return and_(deliveries.c.job_id == str(outgoing.job_id), what)
    return and_(
        deliveries.c.job_id.is_(None),
        deliveries.c.message_id == outgoing.message_id,
        deliveries.c.alternative == outgoing.alternative,
        what,
    )


def _row(outgoing: OutgoingMessage) -> dict[str, Any]:
    return {
        "job_id": str(outgoing.job_id) if outgoing.job_id else None,
        "batch_id": str(outgoing.batch_id) if outgoing.batch_id else None,
        "message_id": outgoing.message_id,
        "alternative": outgoing.alternative,
        "kind": outgoing.kind.value,
        "part": outgoing.part,
        "state": DeliveryState.PENDING.value,
        "guild_id": outgoing.guild_id,
        "channel_id": outgoing.channel_id,
        "after_message_id": outgoing.after_message_id,
        "interaction_id": outgoing.interaction_id,
        "webhook_id": outgoing.webhook_id,
        "nonce": None if outgoing.webhook_id else outgoing.nonce,
        "content": outgoing.content,
        "discord_message_id": None,
        "created_at": datetime.now(UTC),
        "sent_at": None,
    }


def _value(row: RowMapping) -> Delivery:
    return Delivery(
        id=row["id"],
        kind=DeliveryKind(row["kind"]),
        state=DeliveryState(row["state"]),
        channel_id=row["channel_id"],
        part=row["part"],
        job_id=uuid.UUID(row["job_id"]) if row["job_id"] else None,
        batch_id=uuid.UUID(row["batch_id"]) if row["batch_id"] else None,
        message_id=row["message_id"],
        alternative=row["alternative"],
        guild_id=row["guild_id"],
        after_message_id=row["after_message_id"],
        interaction_id=row["interaction_id"],
        webhook_id=row["webhook_id"],
        content=row["content"],
        discord_message_id=row["discord_message_id"],
        created_at=row["created_at"],
        sent_at=row["sent_at"],
    )
