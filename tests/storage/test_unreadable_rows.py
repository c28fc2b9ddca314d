"""One row that this version cannot read (a newer one wrote it, a hand changed it) costs that row and nothing else."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text

from bot.domain.channels import Channel
from bot.domain.conversations import ChannelBinding, IncomingMessage
from bot.domain.deliveries import DeliveryKind, OutgoingMessage
from bot.domain.gallery import GalleryQuery
from bot.domain.jobs import JobQuery, JobState
from bot.domain.voice_samples import NewVoiceSample
from bot.storage.conversations import ConversationRepository
from bot.storage.database import Database
from bot.storage.deliveries import DeliveryRepository
from bot.storage.gallery import GalleryRepository
from bot.storage.guild_settings import GuildSettings
from bot.storage.jobs import JobRepository
from bot.storage.voice_samples import VoiceSampleRepository
from tests.storage.factories import make_artifact, make_attempt, make_job

SECRET = "what nobody else should read"
SPOILED = {
    "a key of a newer version": f"""request = json_set(request, '$.invented_later', '{SECRET}')""",
    "a state of a newer version": "kind = kind, seed = 'many'",
    "no JSON": f"request = '{SECRET}'",
    "no time": "created_at = 'yesterday'",
    "no id": "id = 'x'",
}


async def execute(database: Database, statement: str, **values: Any) -> None:
    async with database.write() as connection:
        await connection.execute(text("PRAGMA defer_foreign_keys=ON"))
        assert (await connection.execute(text(statement), values)).rowcount == 1


@pytest.mark.parametrize("spoiled", SPOILED.values(), ids=SPOILED.keys())
async def test_a_job(database: Database, spoiled: str, caplog: pytest.LogCaptureFixture) -> None:
    jobs = JobRepository(database)
    stored = [make_job(source_message_id=1, positive=SECRET) for _ in range(3)]
    for job in stored:
        await jobs.add(job, owner="run")
    await execute(database, f"UPDATE jobs SET {spoiled} WHERE number = 2")
    readable = [stored[0].id, stored[2].id]
    assert [job.id for job in await jobs.unfinished("run")] == readable
    assert [job.id for job in await jobs.about_message(1)] == readable
    assert await jobs.get(stored[1].id) is None
    assert "of jobs cannot be read" in caplog.text
    assert SECRET not in caplog.text


async def test_an_attempt(database: Database) -> None:
    jobs = JobRepository(database)
    job = make_job()
    await jobs.add(job, owner="run")
    for n in range(3):
        await jobs.begin_attempt(make_attempt(job, n=n), {})
    await execute(database, "UPDATE attempts SET collected = '[{\"invented_later\": 1}]' WHERE n = 1")
    assert [attempt.n for attempt in await jobs.open_attempts("run")] == [0, 2]
    assert [attempt.n for attempt in await jobs.attempts(job.id)] == [0, 2]


async def test_a_page_of_the_history_is_full_all_the_same(database: Database) -> None:
    jobs = JobRepository(database)
    stored = [make_job() for _ in range(8)]
    for job in stored:
        await jobs.add(job, owner="run")
    async with database.write() as connection:
        await connection.execute(text("UPDATE jobs SET seed = 'many' WHERE number IN (5, 6, 7)"))
    found = await jobs.recent(JobQuery(channel_id=5, limit=4))
    assert [job.id for job in found] == [stored[n].id for n in (7, 3, 2, 1)]


async def test_a_result_in_the_gallery(database: Database) -> None:
    jobs, gallery = JobRepository(database), GalleryRepository(database)
    for _ in range(4):
        job = make_job(state=JobState.GENERATED, artifacts=(make_artifact(),))
        await jobs.add(job, owner="run")
    await execute(database, "UPDATE images SET seed = 'many' WHERE id = 4")
    page = await gallery.page(GalleryQuery(channel_id=5, limit=2))
    assert [item.id for item in page.items] == [3, 2]
    assert page.has_older
    assert await gallery.item(4) is None


def incoming(n: int) -> IncomingMessage:
    return IncomingMessage(
        discord_message_id=n,
        channel=Channel(guild_id=9, channel_id=5),
        author_id=1,
        author_name="Ada",
        content=f"line {n}",
        created_at=datetime.now(UTC),
    )


async def test_a_message(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    repository = ConversationRepository(database)
    conversation = await repository.create_conversation(character_id="nova", title="x", guild_id=9, channel_id=5)
    thread = await repository.get_or_create_thread(conversation.id, 5)
    for n in range(3):
        await repository.add_user_message(thread, incoming(n), addressed_to="nova", state=JobState.QUEUED)
    await execute(database, "UPDATE messages SET created_at = 'yesterday' WHERE discord_message_id = 1")
    expected = ["line 0", "line 2"]
    assert [message.content for message in await repository.history(thread)] == expected
    assert [message.content for message in await repository.waiting_messages(thread.id)] == expected
    assert sorted(message.content for message in await repository.unfinished_messages()) == expected
    assert "line 1" not in caplog.text


async def test_an_alternative(database: Database) -> None:
    repository = ConversationRepository(database)
    conversation = await repository.create_conversation(character_id="nova", title="x", guild_id=9, channel_id=5)
    thread = await repository.get_or_create_thread(conversation.id, 5)
    turn = await repository.begin_turn(thread.id, "nova", None)
    for words in ("one", "two"):
        await repository.add_alternative(turn.id, words, None)
    await execute(database, "UPDATE message_alternatives SET created_at = 'yesterday' WHERE n = 0")
    assert [message.text for message in await repository.history(thread)] == ["two"]


async def test_a_conversation_and_a_binding(database: Database) -> None:
    repository = ConversationRepository(database)
    made = [
        await repository.create_conversation(character_id="nova", title=title, guild_id=9, channel_id=5)
        for title in ("one", "two")
    ]
    for channel in (5, 6):
        await repository.bind(ChannelBinding(channel_id=channel, guild_id=9, character_id="nova", conversation_id=None))
    await execute(database, "UPDATE conversations SET created_at = 'yesterday' WHERE title = 'one'")
    await execute(database, "UPDATE channel_bindings SET mode = 'whisper' WHERE channel_id = 5")
    assert [one.id for one in await repository.conversations(5)] == [made[1].id]
    assert await repository.conversation(made[0].id) is None
    assert [one.channel_id for one in await repository.bindings()] == [6]
    assert await repository.binding(5) is None
    await repository.bind(ChannelBinding(channel_id=5, guild_id=9, character_id="nova", conversation_id=None))
    assert await repository.binding(5) is not None


async def test_a_delivery(database: Database) -> None:
    deliveries = DeliveryRepository(database)
    job = make_job()
    await JobRepository(database).add(job, owner="run")
    for part in range(3):
        await deliveries.prepare(OutgoingMessage(kind=DeliveryKind.RESULT, channel_id=5, job_id=job.id, part=part))
    await execute(database, "UPDATE deliveries SET created_at = 'yesterday' WHERE part = 1")
    assert [row.part for row in await deliveries.pending()] == [0, 2]
    assert [row.part for row in await deliveries.of_job(job.id)] == [0, 2]


async def test_a_setting(database: Database) -> None:
    settings = GuildSettings(database)
    await settings.set(1, "one", value=True)
    await settings.set(1, "two", value=True)
    await execute(database, "UPDATE guild_settings SET value = '{' WHERE key = 'one'")
    reopened = GuildSettings(database)
    await reopened.load()
    assert (reopened.get(1, "one"), reopened.get(1, "two")) == (None, True)


async def test_a_voice_sample(database: Database) -> None:
    samples = VoiceSampleRepository(database)
    for name in ("one", "two"):
        await samples.add(
            NewVoiceSample(
                character_id="nova", name=name, filename=name, sha256="c" * 64, transcript="x", duration_seconds=5
            )
        )
    await execute(database, "UPDATE voice_samples SET duration_seconds = 'long' WHERE name = 'one'")
    assert [sample.name for sample in await samples.visible("nova", None)] == ["two"]
