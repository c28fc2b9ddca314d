"""Saving, restoring and removing: what is on the disk and in the rows after crashes and changes by hand."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.jobs import JobKind
from bot.domain.workflow_history import VersionOrigin, WorkflowPlace, WorkflowVersion
from bot.errors import InputInvalid, StorageUnavailable, WorkflowInvalid, WorkflowNotFound
from bot.generation.acceptance import stored_workflow
from bot.storage.repositories import open_repositories
from bot.storage.workflow_history import KEPT_DAYS, utc_now
from bot.workflow_store.saved_workflows import ChangedMeanwhile, SavedWorkflows
from bot.workflows import Workflow, WorkflowLibrary, parse_workflow
from tests.e2e.system import graph
from tests.migrated_database import migrated_database

GUILD = 77
PLACE = WorkflowPlace(guild_id=GUILD, character_id="nova", kind=JobKind.IMAGE, name="boat")


def workflow(steps: int, bindings: str | None = None) -> Workflow:
    return parse_workflow(json.dumps(graph(steps=steps)), bindings=bindings)


@dataclass
class Store:
    saved: SavedWorkflows
    folder: Path

    @property
    def file(self) -> Path:
        return self.folder / "guilds" / str(GUILD) / "workflows" / "nova" / "image" / "boat.json"

    @property
    def steps(self) -> int:
        return json.loads(self.file.read_text("utf-8"))["5"]["inputs"]["steps"]

    async def save(self, steps: int) -> int:
        return await self.saved.save(PLACE, workflow(steps), origin=VersionOrigin.UPLOAD, author_id=1)

    async def origins(self) -> list[str]:
        return [version.origin.value for version in reversed(await self.saved.history.versions(PLACE))]


@asynccontextmanager
async def opened(folder: Path) -> AsyncGenerator[Store]:
    """As a process has it that runs the bot."""
    migrated_database(folder / "chorus.db")
    url = f"sqlite+aiosqlite:///{folder / 'chorus.db'}"
    async with (
        open_repositories(url) as store,
        WorkflowLibrary(folder / "workflows", guilds=folder / "guilds") as library,
    ):
        saved = SavedWorkflows(library, store.workflow_history, store.workflow_versions, max_per_guild=3)
        await saved.start()
        yield Store(saved, folder)
        await saved.close()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with opened(tmp_path) as made:
        yield made


async def test_what_was_not_written_before_a_crash_is_written_at_the_next_start(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        await store.save(1)
        # As after kill -9 between the row and the file.
        await store.saved.keep_content(workflow(2))
        version = WorkflowVersion(
            place=PLACE,
            number=0,
            content_hash=workflow(2).content_hash,
            origin=VersionOrigin.UPLOAD,
            is_written=False,
            created_at=utc_now(),
        )
        await store.saved.history.add_version(version)
        await store.saved.record_changes()
        assert store.steps == 1
    async with opened(tmp_path) as store:
        assert store.steps == 2
        assert await store.origins() == ["upload", "upload"]


async def test_a_file_that_cannot_be_written_leaves_no_version(store: Store) -> None:
    store.file.parent.parent.parent.mkdir(parents=True)
    store.file.parent.parent.write_text("a file where a folder should be")
    with pytest.raises(StorageUnavailable):
        await store.save(1)
    assert await store.origins() == []


async def test_the_same_content_is_no_new_version(store: Store) -> None:
    assert [await store.save(1), await store.save(1), await store.save(2), await store.save(1)] == [1, 1, 2, 3]


async def test_bindings_are_part_of_a_version(store: Store) -> None:
    await store.save(1)
    bound = workflow(1, 'positive: ["3.text"]')
    await store.saved.save(PLACE, bound, origin=VersionOrigin.UPLOAD)
    beside = store.file.with_name("boat.bindings.yaml")
    assert "3.text" in beside.read_text()
    assert store.saved.current_hash(PLACE) == bound.content_hash
    await store.saved.rollback(PLACE, 1, None)
    assert not beside.exists()
    assert store.saved.current_hash(PLACE) == workflow(1).content_hash


async def test_a_version_made_by_hand_and_a_removal_by_hand_are_recorded(store: Store) -> None:
    await store.save(1)
    store.file.write_text(json.dumps(graph(steps=9)), encoding="utf-8")
    await store.saved.library.reload()
    await store.saved.record_changes()
    assert await store.origins() == ["upload", "hand"]
    store.file.unlink()
    await store.saved.library.reload()
    await store.saved.record_changes()
    [newest, _] = await store.saved.versions(PLACE)
    assert newest.removed_at is not None
    assert await store.saved.rollback(PLACE, 1, None) == 3
    assert store.steps == 1


async def test_a_broken_change_by_hand_is_no_version(store: Store) -> None:
    await store.save(1)
    store.file.write_text("{", encoding="utf-8")
    await store.saved.library.reload()
    await store.saved.record_changes()
    assert await store.origins() == ["upload"]


async def test_a_removed_workflow_is_forgotten_after_thirty_days(store: Store) -> None:
    await store.save(1)
    await store.saved.remove(PLACE)
    assert not store.file.exists()
    with pytest.raises(WorkflowNotFound):
        await store.saved.remove(PLACE)
    await store.saved.history.forget_old(utc_now() + timedelta(days=KEPT_DAYS - 1))
    assert await store.origins() == ["upload"]
    await store.saved.history.forget_old(utc_now() + timedelta(days=KEPT_DAYS + 1))
    with pytest.raises(WorkflowNotFound):
        await store.saved.versions(PLACE)


async def test_a_base_that_changed_is_not_overwritten(store: Store) -> None:
    await store.save(1)
    base = store.saved.current_hash(PLACE)
    await store.save(2)
    with pytest.raises(ChangedMeanwhile):
        await store.saved.save(PLACE, workflow(3), origin=VersionOrigin.UPLOAD, check_base=True, base_hash=base)
    assert store.steps == 2


async def test_a_name_that_is_taken_is_not_given_twice(store: Store) -> None:
    await store.save(1)
    other = PLACE.model_copy(update={"name": "ship"})
    await store.saved.copy(PLACE, other, 1)
    with pytest.raises(InputInvalid):
        await store.saved.rename(PLACE, "ship")
    await store.save(2)
    with pytest.raises(InputInvalid):
        await store.saved.copy(PLACE, other, 1)
    await store.saved.remove(other)
    with pytest.raises(InputInvalid):
        await store.saved.rename(PLACE, "ship")
    renamed = await store.saved.rename(PLACE, "raft")
    assert [version.number for version in await store.saved.versions(renamed)] == [2, 1]


async def test_a_refused_node_of_an_old_version_does_not_come_back(store: Store) -> None:
    harmful = parse_workflow(json.dumps(graph() | {"8": {"class_type": "RunPython", "inputs": {}}}))
    await store.saved.contents.put(stored_workflow(harmful))
    version = WorkflowVersion(
        place=PLACE, number=0, content_hash=harmful.content_hash, origin=VersionOrigin.UPLOAD, created_at=utc_now()
    )
    await store.saved.history.add_version(version)
    with pytest.raises(WorkflowInvalid, match="runs code"):
        await store.saved.rollback(PLACE, 1, None)
    assert not store.file.exists()


async def test_a_server_has_at_most_so_many(store: Store) -> None:
    for name in ("a", "b", "c"):
        await store.saved.save(PLACE.model_copy(update={"name": name}), workflow(1), origin=VersionOrigin.UPLOAD)
    with pytest.raises(InputInvalid, match="more than 3"):
        await store.save(1)
