"""What can be made from an earlier job, how it was made, and what became of its workflow since."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.characters.library import CharacterLibrary
from bot.derived_jobs.requests import is_same_derivation
from bot.domain.jobs import UNFINISHED, Artifact, GenerationRequest, InputFile, Job, JobKind
from bot.errors import ChorusError, InputInvalid, WorkflowInvalid, WorkflowNotFound
from bot.generation.acceptance import ADAPTED_FROM, parse_stored_workflow
from bot.generation.sidecar import encode_sidecar, settings_of, sidecar_path
from bot.storage.gallery import GalleryRepository
from bot.storage.jobs import JobRepository
from bot.storage.workflows import WorkflowRepository
from bot.workflows.graph import inputs
from bot.workflows.input_roles import InputRole
from bot.workflows.library import WorkflowLibrary
from bot.workflows.media_assignment import takes_masked_picture, takes_picture
from bot.workflows.parameters import OpenTo, parameters_of
from bot.workflows.value_injection import SEED_LIMIT_OF_UNKNOWN_NODES, seed_limit
from bot.workflows.version_differences import differences
from bot.workflows.workflow import INPAINT_WORKFLOW, OUTPAINT_WORKFLOW, UPSCALE_WORKFLOW, VARY_WORKFLOW, Workflow

_log = logging.getLogger(__name__)

MAIN_SETTINGS = (InputRole.WIDTH, InputRole.HEIGHT, InputRole.STEPS, InputRole.CFG)


@dataclass(frozen=True)
class WorkflowComparison:
    """A job's workflow then and now.

    Attributes:
        used: The version that the job used; None: it is not stored.
        current: The file as it is now; None: it is gone or cannot be used.
        changes: Sentences about what differs.

    """

    used: Workflow | None
    current: Workflow | None
    changes: tuple[str, ...] = ()

    @property
    def unchanged(self) -> bool:
        """Both are known and do the same."""
        return self.used is not None and self.current is not None and not self.changes


class DerivedJobs:
    """One for the whole bot; keeps no state.

    Args:
        characters: For their reference pictures.
        jobs: Stored jobs.
        versions: Stored workflow versions.
        workflows: The files as they are now.
        gallery: Rows of results.
        data_dir: Paths of artifacts are relative to it.
        can_run: Whether the connected ComfyUI has all that a workflow needs.
        delete_files: Whether `remove_result` deletes files from the disk too (`media.delete_files_on_delete`).

    """

    def __init__(
        self,
        *,
        characters: CharacterLibrary,
        jobs: JobRepository,
        versions: WorkflowRepository,
        workflows: WorkflowLibrary,
        gallery: GalleryRepository,
        data_dir: Path,
        can_run: Callable[[Workflow], bool],
        delete_files: bool = False,
    ) -> None:
        self._characters = characters
        self._jobs = jobs
        self._versions = versions
        self._workflows = workflows
        self._gallery = gallery
        self._data_dir = data_dir
        self._can_run = can_run
        self._delete_files = delete_files

    # -- what is possible

    def can_upscale(self, job: Job) -> bool:
        """The job made a picture, and its character has an `upscale` workflow that takes one and that can run."""
        return bool(pictures(job)) and self._fits(job, UPSCALE_WORKFLOW, takes_picture)

    def can_vary_from_picture(self, job: Job) -> bool:
        """The job made a picture, and its character has a `vary` workflow that takes one and that can run."""
        return bool(pictures(job)) and self._fits(job, VARY_WORKFLOW, takes_picture)

    def can_inpaint(self, job: Job) -> bool:
        """The job made a picture, and its character has an `inpaint` workflow, with room for a mask, that can run."""
        return bool(pictures(job)) and self._fits(job, INPAINT_WORKFLOW, takes_masked_picture)

    def can_outpaint(self, job: Job) -> bool:
        """The same with an `outpaint` workflow."""
        return bool(pictures(job)) and self._fits(job, OUTPAINT_WORKFLOW, takes_masked_picture)

    def can_vary(self, job: Job) -> bool:
        """From its picture, or from its prompt in other words, where its workflow takes a prompt."""
        if self.can_vary_from_picture(job):
            return True
        try:
            workflow = self._current(job.request, job.workflow_name)
        except ChorusError:  # its stored version is used then
            return bool(job.request.positive)
        return bool(job.request.positive) and workflow.analysis.takes(InputRole.POSITIVE)

    def new_speech_seed(self, job: Job) -> int | None:
        """A random seed that every node of a speech workflow takes; None for pictures, which choose their own."""
        if job.request.kind is not JobKind.AUDIO:
            return None
        try:
            workflow = self._current(job.request, job.workflow_name)
        except ChorusError:
            return random.randint(0, SEED_LIMIT_OF_UNKNOWN_NODES)
        return random.randint(0, min(seed_limit(workflow), SEED_LIMIT_OF_UNKNOWN_NODES))

    async def input_picture(self, job: Job, n: int) -> InputFile:
        """Artifact `n` of the job as the input of a derived job.

        Raises:
            InputInvalid: It is not a picture, or its file is gone.

        """
        artifact = next((found for number, found in pictures(job) if number == n), None)
        path = self._data_dir / artifact.path if artifact is not None else None
        if artifact is None or path is None or not await asyncio.to_thread(path.is_file):
            raise InputInvalid("That picture's file is no longer there.", advice="Use Again, or choose a newer one.")
        return InputFile(role="reference_image", path=str(path.absolute()), sha256=artifact.sha256)

    async def find_unfinished(self, request: GenerationRequest) -> Job | None:
        """An unfinished job that makes what the request asks for."""
        if request.parent_job_id is not None:
            known = await self._jobs.children(request.parent_job_id)
        elif request.source_message_id is not None:
            known = await self._jobs.about_message(request.source_message_id)
        else:
            return None
        return next((job for job in known if job.state in UNFINISHED and is_same_derivation(job, request)), None)

    def with_available_workflow(self, request: GenerationRequest, job: Job) -> GenerationRequest:
        """The request; with the stored version of the job's workflow if its file is gone."""
        if request.workflow_hash is not None or request.workflow_name != job.workflow_name:
            return request
        try:
            self._current(request, request.workflow_name)
        except WorkflowNotFound:
            return request.model_copy(update={"workflow_hash": job.workflow_hash})
        except WorkflowInvalid:  # acceptance says what is wrong with it
            return request
        return request

    # -- how it was made

    async def compare_workflow(self, job: Job) -> WorkflowComparison:
        """The workflow as the job used it, as it is now, and what differs."""
        request = job.request
        stored = await self._versions.get(job.workflow_hash)
        used = parse_stored_workflow(stored, request.character_id, request.kind, job.workflow_name) if stored else None
        try:
            current = self._current(request, job.workflow_name)
        except ChorusError:
            current = None
        if current is not None and current.content_hash == job.parameters.get(ADAPTED_FROM):
            return WorkflowComparison(used, used or current)
        if used is None or current is None or current.content_hash == job.workflow_hash:
            return WorkflowComparison(used, current)
        return WorkflowComparison(used, current, tuple(differences(used, current)))

    async def sidecar_document(self, job: Job) -> bytes:
        """How the job was made, as JSON that `chorus repeat` takes."""
        content = settings_of(job, await self._versions.get(job.workflow_hash))
        return await asyncio.to_thread(encode_sidecar, content)

    async def main_settings(self, job: Job) -> dict[str, int | float | None]:
        """`width`, `height`, `steps` and `cfg` of the job, as far as its workflow has a place for them.

        None as a value: the workflow has a place for it and its own value there is not a number.
        """
        comparison = await self.compare_workflow(job)
        workflow = comparison.current or comparison.used
        return {} if workflow is None else main_settings(workflow, job.parameters)

    # -- removing

    async def remove_result(self, job: Job) -> None:
        """Take a result that was deleted in Discord out of the gallery, and off the disk if the owner wants that.

        Files that another result shows too stay.
        """
        await self._gallery.remove_job(job.id)
        if self._delete_files and not await self._jobs.copies(job):
            removed = await asyncio.to_thread(_delete_files, self._data_dir, job.artifacts)
            _log.info("job %s: %d files were deleted with its result", job.id, removed)

    def _current(self, request: GenerationRequest, name: str | None) -> Workflow:
        """The workflow of that name as its file is now, in the server that the request came from."""
        return self._workflows.get(request.character_id, request.kind, name, guild_id=request.origin.guild_id)

    def _fits(self, job: Job, name: str, takes: Callable[[Workflow, int], bool]) -> bool:
        """The job's character has an image workflow of that name which takes what it shall, and ComfyUI can run it."""
        try:
            found = self.image_workflow(job, name)
            request = job.request
            character = self._characters.get(request.character_id, request.origin.guild_id)
        except ChorusError:
            return False
        return takes(found, len(character.reference_paths)) and self._can_run(found)

    def image_workflow(self, job: Job, name: str) -> Workflow:
        """The image workflow of that name of the job's character.

        Raises:
            WorkflowNotFound: There is none.
            WorkflowInvalid: Its file cannot be used.

        """
        request = job.request
        return self._workflows.get(request.character_id, JobKind.IMAGE, name, guild_id=request.origin.guild_id)


def pictures(job: Job) -> list[tuple[int, Artifact]]:
    """The artifacts that are pictures, with their numbers."""
    return [(n, found) for n, found in enumerate(job.artifacts) if found.media_type.startswith("image/")]


def main_settings(workflow: Workflow, parameters: Mapping[str, Any]) -> dict[str, int | float | None]:
    """Size, steps and guidance of a job: as written into the graph, else as the workflow has them.

    The keys are the names of the parameters; what the owner has locked or hidden is left out.
    """
    found: dict[str, int | float | None] = {}
    known = {parameter.places: parameter for parameter in parameters_of(workflow)}
    for role in MAIN_SETTINGS:
        parameter = known.get(workflow.analysis.inputs_for(role))
        closed = parameter is None or parameter.open_to is not OpenTo.EVERYONE
        if not workflow.analysis.takes(role) or (workflow.analysis.inputs_for(role) and closed):
            continue
        used = parameters.get(role.value)
        found_in = workflow.analysis.inputs_for(role)
        own = [inputs(workflow.graph, node_input.node_id).get(node_input.input_name) for node_input in found_in]
        found[parameter.name if parameter else role.value] = next(
            (value for value in (used, *own) if _is_number(value)), None
        )
    return found


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _delete_files(data_dir: Path, artifacts: Iterable[Artifact]) -> int:
    removed = 0
    for artifact in artifacts:
        names = (artifact.path, artifact.thumbnail, artifact.original)
        paths = [data_dir / name for name in names if name]
        for path in (*paths, sidecar_path(data_dir / artifact.path)):
            if path.is_file():
                path.unlink()
                removed += 1
    return removed
