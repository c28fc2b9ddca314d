"""Saved workflows: their files, and a row for each version. A change by hand becomes a version when it is noticed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from bot.domain.workflow_history import HOST, VersionOrigin, WorkflowPlace, WorkflowVersion
from bot.errors import ChorusError, InputInvalid, StorageUnavailable, WorkflowNotFound
from bot.generation.acceptance import parse_stored_workflow, stored_workflow
from bot.storage.workflow_history import WorkflowHistory, utc_now
from bot.storage.workflows import WorkflowRepository
from bot.workflow_store.folder_conversion import ui_workflow_of
from bot.workflow_store.workflow_writing import remove_workflow, write_workflow
from bot.workflows.library import WorkflowLibrary
from bot.workflows.upload_screening import ScreeningRules, require_allowed
from bot.workflows.workflow import Workflow
from bot.workflows.workflow_files import WorkflowKey

_log = logging.getLogger(__name__)

_RETRY_SECONDS: Final = 5.0


class SavedWorkflows:
    """Saves, restores, renames, copies and removes workflows, and records what is changed by hand.

    Args:
        library: Workflow files.
        history: Rows of versions.
        versions: Content of versions.
        rules: What is refused in a server's workflows.
        max_per_guild: The most workflows that a server may have of its own.

    """

    def __init__(
        self,
        library: WorkflowLibrary,
        history: WorkflowHistory,
        versions: WorkflowRepository,
        *,
        rules: ScreeningRules | None = None,
        max_per_guild: int = 200,
    ) -> None:
        self.library = library
        self.history = history
        self.contents = versions
        self.rules = rules or ScreeningRules()
        self._max_per_guild = max_per_guild
        self._lock = asyncio.Lock()
        """One change of files at a time, so that a half-written workflow is taken for nobody's change."""
        self._recording: asyncio.Task[None] | None = None

    # -- following changes by hand

    async def start(self) -> None:
        """Finish what an earlier process did not write, record what was changed meanwhile, and go on recording."""
        revision = self.library.revision
        async with self._lock:
            for version in await self.history.unwritten():
                try:
                    await self._write(version.place, version.number, await self.content(version))
                except ChorusError as error:
                    _log.warning("version %d of workflow %s is lost: %s", version.number, version.place.name, error)
            await self.history.forget_old(utc_now())
            await self.library.reload()
        await self.record_changes()
        self._recording = asyncio.create_task(self._record(revision), name="workflows: record changes by hand")

    async def close(self) -> None:
        """Stop recording."""
        if self._recording is not None:
            self._recording.cancel()
            await asyncio.gather(self._recording, return_exceptions=True)

    async def record_changes(self) -> None:
        """Add a version for each file that differs from its newest version, and mark those that are gone.

        A server's workflows have versions from the first look on, the host's from the first command that asked.
        """
        async with self._lock:
            newest = await self.history.newest()
            present = self.library.all_keys()
            for key in present:
                place = place_of(key)
                if place.guild_id != HOST or place in newest:
                    await self._record_change(place, newest.get(place))
            known = set(present)
            for place, version in newest.items():
                key = key_of(place)
                if key in known or version.removed_at is not None or not version.is_written:
                    continue
                if not await asyncio.to_thread(self.library.path(key).exists):
                    await self.history.mark_removed(place, utc_now())

    async def _record(self, revision: int) -> None:
        while True:
            revision = await self.library.wait_changed(revision)
            try:
                await self.record_changes()
            except Exception:  # noqa: BLE001 - task boundary: the next change, or the next start, records it
                _log.exception("changes of workflow files cannot be recorded")
                await asyncio.sleep(_RETRY_SECONDS)

    async def _record_change(self, place: WorkflowPlace, newest: WorkflowVersion | None) -> None:
        workflow = self.library.at(key_of(place))
        if workflow is None:
            return
        if newest is not None:
            if not newest.is_written:
                return  # another process is writing it
            if newest.content_hash == workflow.content_hash and newest.removed_at is None:
                return
        await self.contents.put(stored_workflow(workflow))
        version = WorkflowVersion(
            place=place,
            number=0,
            content_hash=workflow.content_hash,
            origin=VersionOrigin.HAND,
            source=workflow.path.name,
            created_at=utc_now(),
        )
        number = await self.history.add_version(version, await _brought_as(workflow))
        _log.info("workflow %s of %s: version %d was made by hand", place.name, place.character_id, number)

    # -- reading

    async def versions(self, place: WorkflowPlace) -> list[WorkflowVersion]:
        """All versions of a workflow, newest first; the present file is the first one.

        Raises:
            WorkflowNotFound: There is no such workflow, and none was removed lately.

        """
        async with self._lock:
            found = await self.history.versions(place)
            before = found[0] if found else None
            await self._record_change(place, before)
            found = await self.history.versions(place)
        if not found:
            raise WorkflowNotFound("There is no workflow of that name.", advice="`/workflow list` shows all of them.")
        return found

    async def version(self, place: WorkflowPlace, number: int | None = None) -> WorkflowVersion:
        """The version with that number; None: the newest.

        Raises:
            WorkflowNotFound: There is no such workflow.
            InputInvalid: It has no such version.

        """
        found = await self.versions(place)
        for version in found:
            if number is None or version.number == number:
                return version
        raise InputInvalid(f"{place.name} has no version {number}.", advice=f"Its versions are 1 to {found[0].number}.")

    async def content(self, version: WorkflowVersion) -> Workflow:
        """The workflow as it was in that version.

        Raises:
            WorkflowNotFound: Its content is no longer known.

        """
        return await self.stored(version.content_hash, version.place)

    async def stored(self, content_hash: str, place: WorkflowPlace) -> Workflow:
        """The workflow with that content, as if it lay in that place.

        Raises:
            WorkflowNotFound: That content is not known.

        """
        stored = await self.contents.get(content_hash)
        if stored is None:
            raise WorkflowNotFound("That version of the workflow is no longer known.")

        def parse() -> Workflow:
            workflow = parse_stored_workflow(stored, place.character_id, place.kind, place.name)
            _ = workflow.analysis  # computed here, in the thread, and cached
            return workflow

        return await asyncio.to_thread(parse)

    async def keep_content(self, workflow: Workflow) -> None:
        """Keep the content of a workflow, so that a request can name it by its hash."""
        await self.contents.put(stored_workflow(workflow))

    def current_hash(self, place: WorkflowPlace) -> str | None:
        """What the files of a place hold now; None: there are none."""
        workflow = self.library.at(key_of(place))
        return None if workflow is None else workflow.content_hash

    # -- changing

    async def save(
        self,
        place: WorkflowPlace,
        workflow: Workflow,
        *,
        origin: VersionOrigin,
        author_id: int | None = None,
        source: str = "",
        ui_workflow: Mapping[str, Any] | None = None,
        check_base: bool = False,
        base_hash: str | None = None,
    ) -> int:
        """Make a workflow the newest version of a place: the row first, then the files. Returns its number.

        Args:
            place: Where it belongs.
            workflow: Its content.
            origin: How the version came about.
            author_id: Who made it; None: a terminal.
            source: The name of the file, or what was restored.
            ui_workflow: What it was brought as, if that was in the UI format.
            check_base: Whether it matters what the place holds now.
            base_hash: What the place holds, as the author knows it; None: nothing.

        Raises:
            ChangedMeanwhile: With `check_base`: the place holds something else than `base_hash`; nothing was saved.
            WorkflowInvalid: It has nodes that are refused.
            InputInvalid: The server has too many workflows.
            StorageUnavailable: The files cannot be written.

        """
        if place.guild_id != HOST:
            require_allowed(workflow.graph, self.rules, None)
        async with self._lock:
            history = await self.history.versions(place)
            newest = history[0] if history else None
            await self._record_change(place, newest)
            current = self.current_hash(place)
            if check_base and current not in {base_hash, workflow.content_hash}:
                raise ChangedMeanwhile
            if newest is not None and current == workflow.content_hash and newest.content_hash == current:
                return newest.number  # pressed twice, or saved by somebody else
            self._require_space(place)
            await self.contents.put(stored_workflow(workflow))
            version = WorkflowVersion(
                place=place,
                number=0,
                content_hash=workflow.content_hash,
                origin=origin,
                author_id=author_id,
                source=source,
                is_written=False,
                created_at=utc_now(),
            )
            number = await self.history.add_version(version, ui_workflow)
            await self._write(place, number, workflow)
            await self.library.reload()
        return number

    async def rollback(self, place: WorkflowPlace, number: int, author_id: int | None) -> int:
        """Make an older version the newest one, under a number of its own, which is returned.

        Jobs that were accepted with another version keep theirs. A removed workflow comes back.

        Raises:
            ChorusError: As from `version` and `save`.

        """
        version = await self.version(place, number)
        workflow = await self.content(version)
        return await self.save(
            place, workflow, origin=VersionOrigin.ROLLBACK, author_id=author_id, source=f"version {number}"
        )

    async def copy(self, place: WorkflowPlace, target: WorkflowPlace, author_id: int | None) -> int:
        """Save the present content of a place at another one.

        Raises:
            InputInvalid: There is a workflow already.
            ChorusError: As from `save`.

        """
        workflow = self.library.at(key_of(place))
        if workflow is None:
            raise WorkflowNotFound("There is no workflow of that name.", advice="`/workflow list` shows all of them.")
        ui_workflow = await self.history.ui_workflow(place, workflow.content_hash)
        try:
            return await self.save(
                target,
                workflow,
                origin=VersionOrigin.COPY,
                author_id=author_id,
                source=f"{place.name} of {place.character_id}",
                ui_workflow=ui_workflow,
                check_base=True,
            )
        except ChangedMeanwhile as error:
            raise InputInvalid(
                f"There is a workflow called {target.name} already.", advice="Choose another name."
            ) from error

    async def rename(self, place: WorkflowPlace, name: str) -> WorkflowPlace:
        """Give a workflow another name; its versions go with it.

        Raises:
            WorkflowNotFound: There is no such workflow.
            InputInvalid: The name is taken, perhaps by one that was removed lately.
            StorageUnavailable: The files cannot be written.

        """
        await self.versions(place)
        target = place.model_copy(update={"name": name})
        async with self._lock:
            workflow = self.library.at(key_of(place))
            if workflow is None:
                raise WorkflowNotFound("That workflow was removed.", advice="`/workflow rollback` brings it back.")
            if self.library.at(key_of(target)) is not None or await self.history.versions(target):
                raise InputInvalid(f"The name {name} is taken, perhaps by a workflow that was removed lately.")
            try:
                await asyncio.to_thread(write_workflow, self.library.path(key_of(target)), workflow)
                await self.history.move(place, name)
                await asyncio.to_thread(remove_workflow, self.library.path(key_of(place)))
            except OSError as error:
                raise _unwritable(error) from error
            await self.library.reload()
        return target

    async def remove(self, place: WorkflowPlace) -> None:
        """Remove the files of a workflow; its versions are kept for 30 days, and `rollback` brings it back.

        Raises:
            WorkflowNotFound: There is no such workflow.
            StorageUnavailable: The files cannot be removed.

        """
        newest = await self.version(place)
        async with self._lock:
            if newest.removed_at is not None:
                raise WorkflowNotFound("That workflow was removed already.")
            try:
                await asyncio.to_thread(remove_workflow, self.library.path(key_of(place)))
            except OSError as error:
                raise _unwritable(error) from error
            await self.history.mark_removed(place, utc_now())
            await self.library.reload()

    def _require_space(self, place: WorkflowPlace) -> None:
        if place.guild_id == HOST or self.library.at(key_of(place)) is not None:
            return
        own = sum(key.guild_id == place.guild_id for key in self.library.all_keys())
        if own >= self._max_per_guild:
            raise InputInvalid(
                f"This server has {own} workflows of its own; more than {self._max_per_guild} are not kept.",
                advice="Remove some with `/workflow remove`.",
            )

    async def _write(self, place: WorkflowPlace, number: int, workflow: Workflow) -> None:
        path: Path = self.library.path(key_of(place))
        try:
            await asyncio.to_thread(write_workflow, path, workflow)
        except OSError as error:
            await self.history.drop_version(place, number)
            raise _unwritable(error) from error
        await self.history.mark_written(place, number)


class ChangedMeanwhile(InputInvalid):
    """Somebody else has saved a workflow of that name since the draft was made."""

    default = "Somebody has changed that workflow meanwhile."
    default_advice = "Look at it with `/workflow versions`; `Save` again puts yours on top, and theirs stays a version."


async def _brought_as(workflow: Workflow) -> Mapping[str, Any] | None:
    """What the file of a workflow holds, if that is the UI format."""
    if not workflow.is_converted:
        return None
    try:
        return await asyncio.to_thread(ui_workflow_of, workflow.path)
    except (ChorusError, OSError) as error:
        _log.info("workflow %s is not kept in the UI format: %s", workflow.name, error)
        return None


def key_of(place: WorkflowPlace) -> WorkflowKey:
    """The library's key of a place."""
    return WorkflowKey(place.character_id, place.kind, place.name, place.guild_id)


def place_of(key: WorkflowKey) -> WorkflowPlace:
    """The place of a library's key."""
    return WorkflowPlace(guild_id=key.guild_id, character_id=key.character_id, kind=key.kind, name=key.name)


def _unwritable(error: OSError) -> StorageUnavailable:
    _log.warning("a workflow file cannot be written or removed: %s", error)
    return StorageUnavailable(
        "The workflow's file cannot be written.", advice="Ask the person who runs this bot to look at its data folder."
    )
