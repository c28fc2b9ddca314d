import uuid
from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.jobs import JobError
from bot.domain.voice_samples import NewVoiceSample
from bot.domain.workflow_failures import WorkflowFailures
from bot.domain.workflow_versions import StoredWorkflow
from bot.errors import InputInvalid
from bot.storage.database import Database
from bot.storage.guild_settings import GuildSettings
from bot.storage.voice_samples import VoiceSampleRepository
from bot.storage.workflow_failures import WorkflowFailureRepository
from bot.storage.workflows import WorkflowRepository

# -- workflows

GRAPH = StoredWorkflow(
    content_hash="a" * 64, graph={"1": {"class_type": "X", "inputs": {}}}, bindings={"seed": ["1.x"]}
)


async def test_a_workflow_version_is_kept_for_good(database: Database) -> None:
    for _ in range(2):
        workflows = WorkflowRepository(database)
        await workflows.put(GRAPH)
        await workflows.put(GRAPH)
        assert await workflows.get("a" * 64) == GRAPH
    assert await WorkflowRepository(database).get("b" * 64) is None


async def test_a_name_stands_for_its_newest_version(database: Database) -> None:
    workflows = WorkflowRepository(database)
    newer = GRAPH.model_copy(update={"content_hash": "b" * 64})
    for version in (GRAPH, newer, newer):
        await workflows.put(version)
        await workflows.set_current("nova", "image", "default", version.content_hash)
    await WorkflowRepository(database).set_current("nova", "image", "default", "a" * 64)
    assert await workflows.get("a" * 64) is not None


async def test_failures_in_a_row_are_kept_until_they_are_removed_or_old(database: Database) -> None:
    failures = WorkflowFailureRepository(database)
    now = datetime.now(UTC)
    first = WorkflowFailures(
        content_hash="a" * 64,
        server="http://127.0.0.1:8188",
        count=1,
        error=JobError(code="MISSING_NODE", message="no", advice="do"),
        installed="f" * 64,
        comfyui_version="0.33.0",
        inputs=("b" * 64,),
        job_id=uuid.uuid4(),
        failed_at=now,
    )
    second = first.model_copy(update={"count": 2, "inputs": ()})
    other = first.model_copy(update={"server": "http://127.0.0.1:8189", "failed_at": now - timedelta(days=2)})
    for one in (first, other, second):
        await failures.put(one)
    assert sorted(await failures.all(since=now - timedelta(days=3)), key=lambda one: one.server) == [second, other]
    assert await failures.all(since=now - timedelta(days=1)) == [second]
    await failures.remove(first.content_hash, [first.server])
    assert await failures.all(since=now - timedelta(days=3)) == []


# -- settings


@pytest.mark.parametrize("value", [True, False, 3, 2.5, "text", "3", ["a"], {"k": None}])
async def test_settings_survive_and_are_found_from_narrow_to_wide(database: Database, value: object) -> None:
    settings = GuildSettings(database)
    await settings.load()
    assert settings.get(1, "k", default="wide") == "wide"
    await settings.set(1, "k", "guild", set_by=9)
    await settings.set(1, "k", value, channel_id=5)
    await settings.set(None, "k", "in direct messages")
    again = GuildSettings(database)
    await again.load()
    for one in (settings, again):
        assert one.get(1, "k", channel_id=5) == value
        assert type(one.get(1, "k", channel_id=5)) is type(value)
        assert one.get(1, "k", channel_id=6) == "guild"
        assert one.get(2, "k") is None
        assert one.get(None, "k") == "in direct messages"
    await settings.set(1, "k", "changed", channel_id=5)
    assert await settings.clear(1, "k", channel_id=5)
    assert not await settings.clear(1, "k", channel_id=5)
    assert settings.get(1, "k", channel_id=5) == "guild"


# -- voice samples


def sample(**changes: object) -> NewVoiceSample:
    base = NewVoiceSample(
        character_id="nova", name="calm", filename="x.wav", sha256="a" * 64, transcript="hi", duration_seconds=4
    )
    return base.model_copy(update=changes)


async def test_the_first_sample_is_the_default_and_a_guilds_goes_first(database: Database) -> None:
    samples = VoiceSampleRepository(database)
    hosts = await samples.add(sample())
    loud = await samples.add(sample(name="loud"))
    guilds = await samples.add(sample(guild_id=7, added_by=3))
    assert (hosts.is_default, loud.is_default, guilds.is_default) == (True, False, True)
    assert await samples.visible("nova", None) == [hosts, loud]
    assert [one.id for one in await samples.visible("nova", 7)] == [guilds.id, hosts.id, loud.id]
    assert [one.id for one in await samples.visible("nova", 8)] == [hosts.id, loud.id]
    assert await samples.visible("alex", 7) == []


async def test_names_are_taken_once_in_each_place(database: Database) -> None:
    samples = VoiceSampleRepository(database)
    for where in (None, 7):
        await samples.add(sample(guild_id=where))
        with pytest.raises(InputInvalid, match="exists already"):
            await samples.add(sample(guild_id=where))


async def test_the_default_can_be_changed_and_samples_removed(database: Database) -> None:
    samples = VoiceSampleRepository(database)
    first, second = await samples.add(sample()), await samples.add(sample(name="loud"))
    changed = await samples.set_default(second.id)
    assert changed is not None
    assert changed.is_default
    no_default = first.model_copy(update={"is_default": False})
    assert await samples.visible("nova", None) == [no_default, changed]
    assert await samples.remove(first.id) == no_default
    assert await samples.visible("nova", None) == [changed]
    assert await samples.remove(first.id) is None
    assert await samples.set_default(first.id) is None
