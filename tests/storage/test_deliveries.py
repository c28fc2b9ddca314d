import uuid

import pytest

from bot.domain.deliveries import DeliveryKind, DeliveryState, OutgoingMessage
from bot.storage.database import Database
from bot.storage.deliveries import DeliveryRepository

JOB = uuid.UUID(int=7)


@pytest.fixture
def deliveries(database: Database) -> DeliveryRepository:
    return DeliveryRepository(database)


def answer(**changes: object) -> OutgoingMessage:
    return OutgoingMessage(kind=DeliveryKind.ANSWER, channel_id=5, job_id=JOB).model_copy(update=changes)


async def test_a_delivery_comes_back_as_it_was(deliveries: DeliveryRepository) -> None:
    outgoing = answer(guild_id=1, after_message_id=2**62, interaction_id=3, content="x")
    delivery = await deliveries.prepare(outgoing)
    assert delivery.model_dump().items() >= outgoing.model_dump().items()
    assert delivery.state is DeliveryState.PENDING
    assert await deliveries.pending() == [delivery]


async def test_sending_is_recorded_once_and_never_prepared_again(deliveries: DeliveryRepository) -> None:
    first = await deliveries.prepare(answer())
    assert await deliveries.prepare(answer(after_message_id=99)) == first, "ambiguous: look for it, do not send again"
    await deliveries.mark_sent(first.id, 1000)
    again = await deliveries.prepare(answer())
    assert again.state is DeliveryState.SENT
    assert again.discord_message_id == 1000
    assert again.sent_at is not None
    assert await deliveries.pending() == []


async def test_an_abandoned_or_deleted_delivery_can_be_prepared_anew(deliveries: DeliveryRepository) -> None:
    first = await deliveries.prepare(answer())
    await deliveries.abandon(first.id)
    second = await deliveries.prepare(answer(after_message_id=12))
    assert (second.id, second.state, second.after_message_id) == (first.id, DeliveryState.PENDING, 12)
    await deliveries.mark_sent(second.id, 1000)
    await deliveries.mark_deleted(1000)
    gone = await deliveries.by_message(1000)
    assert gone is not None
    assert gone.state is DeliveryState.DELETED
    third = await deliveries.prepare(answer())
    assert third.state is DeliveryState.PENDING
    assert third.discord_message_id is None
    await deliveries.mark_deleted(424242)


async def test_messages_find_their_job_and_turns_their_messages(deliveries: DeliveryRepository) -> None:
    other = uuid.UUID(int=8)
    sent = [
        await deliveries.prepare(answer()),
        await deliveries.prepare(answer(kind=DeliveryKind.RESULT, part=1)),
        await deliveries.prepare(answer(kind=DeliveryKind.RESULT, part=0)),
        await deliveries.prepare(answer(job_id=other)),
    ]
    for n, delivery in enumerate(sent):
        await deliveries.mark_sent(delivery.id, 100 + n)
    assert [delivery.discord_message_id for delivery in await deliveries.of_job(JOB)] == [100, 102, 101]
    found = await deliveries.by_message(103)
    assert found is not None
    assert found.job_id == other
    assert await deliveries.by_message(1) is None
    assert await deliveries.of_turn("nothing") == []


async def test_a_delivery_belongs_to_somebody(deliveries: DeliveryRepository) -> None:
    with pytest.raises(ValueError, match="belongs to"):
        await deliveries.prepare(OutgoingMessage(kind=DeliveryKind.NOTICE, channel_id=1))


def test_a_nonce_is_short_and_names_one_send() -> None:
    nonces = {
        answer(part=part, kind=kind, job_id=job).nonce
        for part in range(3)
        for kind in DeliveryKind
        for job in (JOB, uuid.UUID(int=8))
    }
    assert len(nonces) == 3 * len(DeliveryKind) * 2
    assert all(len(nonce) == 24 for nonce in nonces)
    assert answer().nonce == answer(channel_id=6).nonce
