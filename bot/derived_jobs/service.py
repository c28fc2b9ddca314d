"""What can follow from a finished job, and what became of its workflow since."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from bot.derived_jobs.requests import UPSCALE, VARY, is_like
from bot.domain.gallery import Gallery
from bot.domain.jobs import Artifact, GenerationRequest, InputFile, Job, JobKind, JobState
from bot.errors import ChorusError, InputInvalid, WorkflowInvalid, WorkflowNotFound
from bot.generation.acceptance import restored
from bot.generation.sidecar import encoded, settings_of, sidecar_path
from bot.generation.store import JobStore, WorkflowStore
from bot.workflows.difference import differences
from bot.workflows.graph import inputs
from bot.workflows.injection import UNKNOWN_SEED_MAX, seed_limit
from bot.workflows.roles import Role
from bot.workflows.values import Workflow

_log = logging.getLogger(__name__)

SETTINGS = (Role.WIDTH, Role.HEIGHT, Role.STEPS, Role.CFG)
_UNFINISHED = {JobState.QUEUED, JobState.RUNNING}


class Workflows(Protocol):
    """The workflow library."""

    def get(self, character_id: str, kind: JobKind, name: str | None = None) -> Workflow:
        """Raises WorkflowNotFound, WorkflowInvalid."""
        ...


@dataclass(frozen=True)
class WorkflowComparison:
    """What became of a job's workflow. `then` None: that version is not known; `now` None: its file is gone."""

    then: Workflow | None
    now: Workflow | None
    changes: tuple[str, ...] = ()

    @property
    def same(self) -> bool:
        """Both are there and do the same."""
        return self.then is not None and self.now is not None and not self.changes


class DerivedJobs:
    """One for the whole bot. Keeps nothing.

    Args:
        jobs: The store of jobs.
        versions: The store of workflow versions.
        workflows: The files as they are now.
        gallery: Where retired results leave.
        data_dir: What artifacts' paths are relative to.
        delete_files: Whether `retire` takes files off the disk too.

    """

    def __init__(
        self,
        *,
        jobs: JobStore,
        versions: WorkflowStore,
        workflows: Workflows,
        gallery: Gallery,
        data_dir: Path,
        delete_files: bool = False,
    ) -> None:
        self._jobs = jobs
        self._versions = versions
        self._workflows = workflows
        self._gallery = gallery
        self._data_dir = data_dir
        self._delete_files = delete_files

    # -- what is possible

    def can_upscale(self, job: Job) -> bool:
        """There is a picture, and a workflow that takes one."""
        return any(True for _ in pictures(job)) and self._takes_picture(job.request.character_id, UPSCALE)

    def can_start_from(self, job: Job) -> bool:
        """As above, for `vary`; without it a variation is another wording."""
        return any(True for _ in pictures(job)) and self._takes_picture(job.request.character_id, VARY)

    def new_seed(self, job: Job) -> int | None:
        """For speech once more: another one that every node of the workflow takes. None: any will do."""
        if job.request.kind is not JobKind.AUDIO:
            return None
        try:
            workflow = self._workflows.get(job.request.character_id, job.request.kind, job.workflow_name)
        except ChorusError:
            return random.randint(0, UNKNOWN_SEED_MAX)
        return random.randint(0, min(seed_limit(workflow), UNKNOWN_SEED_MAX))

    async def picture(self, job: Job, n: int) -> InputFile:
        """Artifact `n` as something to start from.

        Raises:
            InputInvalid: It is no picture, or its file is gone.

        """
        artifact = next((found for number, found in pictures(job) if number == n), None)
        path = self._data_dir / artifact.path if artifact is not None else None
        if artifact is None or path is None or not await asyncio.to_thread(path.is_file):
            raise InputInvalid("That picture's file is no longer there.", advice="Use Again, or choose a newer one.")
        return InputFile(role="reference_image", path=str(path.absolute()), sha256=artifact.sha256)

    async def under_way(self, request: GenerationRequest) -> Job | None:
        """An unfinished job that does what the request would do once more."""
        if request.parent_job_id is not None:
            known = await self._jobs.children(request.parent_job_id)
        elif request.source_message_id is not None:
            known = await self._jobs.about_message(request.source_message_id)
        else:
            return None
        return next((job for job in known if job.state in _UNFINISHED and is_like(job, request)), None)

    def by_what_there_is(self, request: GenerationRequest, job: Job) -> GenerationRequest:
        """The request; with the job's own version of the workflow where its file is gone meanwhile."""
        if request.workflow_hash is not None or request.workflow_name != job.workflow_name:
            return request
        try:
            self._workflows.get(request.character_id, request.kind, request.workflow_name)
        except WorkflowNotFound:
            return request.model_copy(update={"workflow_hash": job.workflow_hash})
        except WorkflowInvalid:  # acceptance says what is wrong with it
            return request
        return request

    # -- what it was made with

    async def since(self, job: Job) -> WorkflowComparison:
        """The workflow then and now, and what differs."""
        request = job.request
        stored = await self._versions.get(job.workflow_hash)
        then = restored(stored, request.character_id, request.kind, job.workflow_name) if stored else None
        try:
            now = self._workflows.get(request.character_id, request.kind, job.workflow_name)
        except ChorusError:
            now = None
        if then is None or now is None or now.content_hash == job.workflow_hash:
            return WorkflowComparison(then, now)
        return WorkflowComparison(then, now, tuple(differences(then, now)))

    async def document(self, job: Job) -> bytes:
        """What the job's sidecars say of how it was made, as JSON: `chorus repeat` takes it."""
        content = settings_of(job, await self._versions.get(job.workflow_hash))
        return await asyncio.to_thread(encoded, content)

    async def settings(self, job: Job) -> dict[str, int | float | None]:
        """Width, height, steps and cfg as the job had them, as far as its workflow has a place for each.

        None: there is a place, and what was in it is the workflow's own affair (a placeholder's default).
        """
        since = await self.since(job)
        workflow = since.now or since.then
        return {} if workflow is None else main_settings(workflow, job.parameters)

    # -- leaving

    async def retire(self, job: Job) -> None:
        """Its result was deleted in Discord: it leaves the gallery, and the disk where the owner wants that."""
        await self._gallery.remove_job(job.id)
        if self._delete_files:
            removed = await asyncio.to_thread(_unlink, self._data_dir, job.artifacts)
            _log.info("job %s was deleted with %d files", job.id, removed)

    def _takes_picture(self, character_id: str, name: str) -> bool:
        try:
            reading = self._workflows.get(character_id, JobKind.IMAGE, name).reading
        except ChorusError:
            return False
        marked = any(use.role is Role.REFERENCE_IMAGE for use in reading.placeholders)
        return marked or bool(reading.reference_image)


def pictures(job: Job) -> Iterable[tuple[int, Artifact]]:
    """The artifacts that are still pictures, with their numbers."""
    return [(n, found) for n, found in enumerate(job.artifacts) if found.media_type.startswith("image/")]


def main_settings(workflow: Workflow, parameters: Mapping[str, Any]) -> dict[str, int | float | None]:
    """See `DerivedJobs.settings`."""
    found: dict[str, int | float | None] = {}
    for role in SETTINGS:
        targets = workflow.reading.of(role)
        marked = any(use.role is role for use in workflow.reading.placeholders)
        if not targets and not marked:
            continue
        used = parameters.get(role.value)
        own = [inputs(workflow.graph, target.node_id).get(target.input_name) for target in targets]
        number = next((value for value in (used, *own) if _is_number(value)), None)
        found[role.value] = number
    return found


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _unlink(data_dir: Path, artifacts: Iterable[Artifact]) -> int:
    removed = 0
    for artifact in artifacts:
        names = (artifact.path, artifact.thumbnail, artifact.original)
        paths = [data_dir / name for name in names if name]
        for path in (*paths, sidecar_path(data_dir / artifact.path)):
            if path.is_file():
                path.unlink()
                removed += 1
    return removed
