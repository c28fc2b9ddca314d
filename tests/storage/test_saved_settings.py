from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.domain.jobs import Derivation, JobKind
from bot.domain.saved_settings import Draft, Preset, SettingValue
from bot.errors import InputInvalid
from bot.storage.database import Database
from bot.storage.drafts import DRAFT_DAYS, MAX_DRAFTS, DraftRepository
from bot.storage.jobs import JobRepository
from bot.storage.last_settings import LastSettingsRepository
from bot.storage.presets import MAX_PRESETS, PresetRepository
from tests.storage.factories import make_job

NOW = datetime.now(UTC)
VALUES: dict[str, SettingValue] = {"steps": 30, "cfg": 6.5, "9.flag": True, "prompt": "a \N{PILE OF POO} `x`"}


def draft(user_id: int = 1, *, age: timedelta = timedelta(0)) -> Draft:
    return Draft(id=uuid.uuid4(), user_id=user_id, character_id="nova", kind=JobKind.IMAGE, workflow_name="default",
                 values=VALUES, source_job_id=uuid.uuid4(), notes=("one",), created_at=NOW - age,
                 updated_at=NOW - age)  # fmt: skip


def preset(name: str = "Soft light", guild_id: int = 1) -> Preset:
    return Preset(guild_id=guild_id, name=name, character_id="nova", kind=JobKind.IMAGE, workflow_name="default",
                  values=VALUES, author_id=7, created_at=NOW)  # fmt: skip


async def test_a_draft_is_kept_as_it_is(database: Database) -> None:
    made = draft()
    await DraftRepository(database).add(made)
    assert await DraftRepository(database).get(made.id) == made
    assert await DraftRepository(database).get(uuid.uuid4()) is None


async def test_changes_at_the_same_time_all_count(database: Database) -> None:
    drafts, made = DraftRepository(database), draft()
    await drafts.add(made)
    changes = [drafts.change(made.id, {f"{n}.x": n}, unset=["steps"]) for n in range(10)]
    await asyncio.gather(*changes)
    found = await drafts.get(made.id)
    assert found is not None
    kept = {name: value for name, value in VALUES.items() if name != "steps"}
    assert found.values == kept | {f"{n}.x": n for n in range(10)}
    assert found.updated_at > made.updated_at
    replaced = await drafts.replace(made.id, {"cfg": 1}, ["two"])
    assert replaced is not None
    assert (replaced.values, replaced.notes) == ({"cfg": 1}, ("two",))
    started = await drafts.set_started(made.id, made.id)
    assert started is not None
    assert started.started_job_id == made.id
    assert await drafts.change(uuid.uuid4(), {}) is None
    assert await drafts.replace(uuid.uuid4(), {}) is None


async def test_old_drafts_and_too_many_of_a_person_are_removed(database: Database) -> None:
    drafts = DraftRepository(database)
    old, recent, others = draft(age=timedelta(days=DRAFT_DAYS + 1)), draft(age=timedelta(days=DRAFT_DAYS - 1)), draft(2)
    for each in (others, recent, old):
        await drafts.add(each)
    assert await drafts.get(old.id) == old  # removed when the next one is made
    for _ in range(MAX_DRAFTS - 1):
        await drafts.add(draft())
    assert await drafts.get(old.id) is None
    assert await drafts.get(recent.id) == recent
    await drafts.add(draft())
    assert await drafts.get(recent.id) is None
    assert await drafts.get(others.id) == others


async def test_presets_are_named_without_case_within_a_guild(database: Database) -> None:
    presets = PresetRepository(database)
    await presets.put(preset())
    await presets.put(preset(guild_id=2))
    assert await presets.get(1, " soft  LIGHT ") == preset()
    await presets.put(preset("SOFT light"))
    assert [each.name for each in await presets.of_guild(1)] == ["SOFT light"]
    assert await presets.remove(1, "soft light")
    assert not await presets.remove(1, "soft light")
    assert await presets.of_guild(2) == [preset(guild_id=2)]


async def test_a_guild_has_only_so_many_presets(database: Database) -> None:
    presets = PresetRepository(database)
    for n in range(MAX_PRESETS):
        await presets.put(preset(f"p{n}"))
    with pytest.raises(InputInvalid, match="200 presets"):
        await presets.put(preset("one more"))
    await presets.put(preset("P0"))
    assert len(await presets.of_guild(1)) == MAX_PRESETS


async def test_the_last_settings_are_those_of_the_last_own_job(database: Database) -> None:
    jobs, last = JobRepository(database), LastSettingsRepository(database)
    first = make_job(requester_id=5, overrides={"steps": "30"})
    parameters = {"seed": 1, "positive": "x", "steps": 30, "overrides": {"sampler": "euler"}}
    await jobs.add(first.model_copy(update={"parameters": parameters}), owner="run")
    request = first.request
    key = (request.character_id, request.kind, first.workflow_name)
    assert await last.get(5, *key) == {"steps": 30, "sampler": "euler"}
    assert await last.get(6, *key) is None
    assert await last.get(5, request.character_id, request.kind, "other") is None
    own: dict[str, Any] = {"requester_id": 5, "overrides": {"steps": 9}}
    ignored: list[dict[str, Any]] = [{"overrides": {}}, {"derivation": Derivation.AGAIN}, {"requester_id": 0}]
    for changes in ignored:
        other = make_job(**own | changes)
        await jobs.add(other.model_copy(update={"parameters": parameters | {"steps": 9}}), owner="run")
    assert await last.get(5, *key) == {"steps": 30, "sampler": "euler"}
    newer = make_job(requester_id=5, overrides={"steps": 9})
    await jobs.add(newer.model_copy(update={"parameters": {"seed": 1, "steps": 9}}), owner="run")
    assert await last.get(5, *key) == {"steps": 9}
