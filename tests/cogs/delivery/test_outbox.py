from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import discord
import pytest

from bot.domain.deliveries import Delivery, DeliveryKind, DeliveryState, OutgoingMessage
from bot.storage.database import Database
from cogs.delivery.outbox import Outbox
from tests.cogs.delivery.rows import Deliveries
from tests.cogs.factories import CHANNEL, refusal
from tests.migrated_database import migrated_database

UNCLEAR = [
    refusal(502, Retry_After="0"),
    ConnectionResetError(),
    TimeoutError(),
    refusal(429, Retry_After="0"),
]


class Channel:
    """A Discord that applies a post or not, and answers or not, by plan."""

    def __init__(self, *plan: tuple[bool, Exception | None]) -> None:
        self.plan = list(plan)
        self.messages: list[tuple[int, str]] = []
        self.looks = 0

    async def post(self, row: Delivery) -> int:
        applied, error = self.plan.pop(0) if self.plan else (True, None)
        if applied:
            self.messages.append((100 + len(self.messages), row.nonce))
        if error is not None:
            raise error
        return self.messages[-1][0]

    async def find(self, row: Delivery) -> int | None:
        self.looks += 1
        return next((message for message, nonce in self.messages if nonce == row.nonce), None)


def wanted(part: int = 0) -> OutgoingMessage:
    return OutgoingMessage(kind=DeliveryKind.RESULT, channel_id=CHANNEL, job_id=JOB, part=part)


def at_once(_error: Exception, _attempt: int) -> float:
    return 0


JOB = uuid.UUID(int=7)


@pytest.fixture
async def deliveries(tmp_path: Path) -> AsyncIterator[Deliveries]:
    async with Database.open(migrated_database(tmp_path / "chorus.db")) as database:
        yield Deliveries(database)


@pytest.fixture
def outbox(deliveries: Deliveries) -> Outbox:
    return Outbox(deliveries, pause=at_once)


async def test_a_send_has_a_row_before_and_after(outbox: Outbox, deliveries: Deliveries) -> None:
    channel = Channel()
    states: list[DeliveryState] = []

    async def post(row: Delivery) -> int:
        states.append((await deliveries.rows())[row.id].state)
        return await channel.post(row)

    assert await outbox.send(wanted(), post, channel.find) == 100
    assert states == [DeliveryState.PENDING]
    assert (await deliveries.rows())[1].state is DeliveryState.SENT
    assert (await deliveries.rows())[1].discord_message_id == 100
    assert channel.looks == 0


@pytest.mark.parametrize("unclear", UNCLEAR, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("applied", [True, False])
async def test_without_a_clear_answer_the_channel_decides(outbox: Outbox, unclear: Exception, applied: bool) -> None:
    channel = Channel((applied, unclear), (applied, unclear), (True, None))
    await outbox.send(wanted(), channel.post, channel.find)
    assert len(channel.messages) == 1


@pytest.mark.parametrize("applied", [True, False])
async def test_a_row_of_an_earlier_life_is_looked_for_first(
    outbox: Outbox, deliveries: Deliveries, applied: bool
) -> None:
    channel = Channel()
    row = await deliveries.prepare(wanted())
    if applied:
        await channel.post(row)
    await outbox.send(wanted(), channel.post, channel.find)
    assert len(channel.messages) == 1
    assert (await deliveries.rows())[row.id].state is DeliveryState.SENT


async def test_what_was_sent_is_not_sent_again_and_parts_are_told_apart(outbox: Outbox) -> None:
    channel = Channel()
    first = await outbox.send(wanted(part=0), channel.post, channel.find)
    assert await outbox.send(wanted(part=0), channel.post, channel.find) == first
    assert await outbox.send(wanted(part=1), channel.post, channel.find) != first
    assert len(channel.messages) == 2


async def test_a_channel_that_cannot_be_read_for_a_while_is_read_later(outbox: Outbox) -> None:
    channel = Channel((True, refusal(502)))
    failures = [refusal(503), ConnectionResetError()]

    async def find(row: Delivery) -> int | None:
        if failures:
            raise failures.pop()
        return await channel.find(row)

    await outbox.send(wanted(), channel.post, find)
    assert len(channel.messages) == 1


async def test_where_the_history_may_not_be_read_the_nonce_is_trusted(outbox: Outbox) -> None:
    channel = Channel((False, refusal(502)))

    async def find(_row: Delivery) -> int | None:
        raise refusal(403, 50013)

    await outbox.send(wanted(), channel.post, find)
    assert len(channel.messages) == 1


@pytest.mark.parametrize(
    "refused", [refusal(403, 50013), refusal(404, 10003), refusal(413, 40005), refusal(400, 50035)]
)
async def test_a_refusal_is_final_and_can_be_tried_anew(
    outbox: Outbox, deliveries: Deliveries, refused: discord.HTTPException
) -> None:
    channel = Channel((False, refused))
    with pytest.raises(discord.HTTPException):
        await outbox.send(wanted(), channel.post, channel.find)
    assert (await deliveries.rows())[1].state is DeliveryState.ABANDONED
    await outbox.send(wanted(), channel.post, channel.find)
    assert channel.looks == 0
    assert (await deliveries.rows())[1].state is DeliveryState.SENT


async def test_a_mistake_of_ours_is_not_taken_for_discords(outbox: Outbox) -> None:
    async def post(_row: Delivery) -> int:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await outbox.send(wanted(), post, Channel().find)
