"""`chorus repeat FILE`: make a result again from its sidecar, also on another machine."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape

from bot.cli.job_progress import copy_results, wait_for_job
from bot.cli.sidecar_file import Sidecar, read_sidecar
from bot.cli.workflow_consent import ask_consent
from bot.comfyui.exceptions import ComfyError
from bot.domain.jobs import Derivation, GenerationRequest, InputFile, Job, Origin
from bot.domain.workflow_versions import StoredWorkflow
from bot.errors import ChorusError, ConfigError, InputInvalid
from bot.file_hash import sha256_of_file
from bot.generation.acceptance import ADAPTED_FROM, parse_stored_workflow
from bot.generation.input_files import FOLDER as INPUTS_FOLDER
from bot.services import open_services
from bot.workflows import parse_workflow
from bot.workflows.version_differences import differences, shortened

if TYPE_CHECKING:
    from bot.services import Services
    from bot.settings import Settings
    from bot.workflows import Workflow
    from bot.workflows.object_info import ObjectInfo

_MAX_DIFFERENCES = 8
_ASK_COMFYUI_SECONDS = 15


class WorkflowVersionChoice(StrEnum):
    """Which version of a workflow that has changed: the one of the sidecar, or the file as it is now."""

    THEN = "then"
    NOW = "now"


@dataclass(frozen=True)
class RepeatOptions:
    """The arguments of `chorus repeat`."""

    file: Path
    """The sidecar, or the result that it lies beside."""
    use: WorkflowVersionChoice | None = None
    """None: an error where the workflow has changed."""
    character: str | None = None
    """Id or name of the character to use; None: the sidecar's, or the default one where that is not here."""
    out: Path | None = None
    """A file or folder to which the new files are copied from the data folder."""
    trusted: bool = False
    """Whether a workflow that only the sidecar has is run without asking."""


def repeat(settings: Settings, options: RepeatOptions, console: Console) -> list[Path]:
    """Make the result again, print whether it is the same, and return the paths of the new files.

    Args:
        settings: The configuration.
        options: What to repeat.
        console: Where progress and remarks are printed.

    Raises:
        ChorusError: It cannot be made; where the workflow has changed and `use` is None, the error says what differs.
        InputInvalid: The sidecar brings a workflow that has never run here, and nobody wants it to be run.

    """
    sidecar = read_sidecar(options.file)
    try:
        return asyncio.run(_repeat(settings, options, sidecar, console))
    except _UnknownWorkflow as unknown:
        # Asked between two event loops, since one that waits for a person could not be interrupted.
        ask_consent(unknown.workflow, unknown.object_info, options.file.name, console)
    return asyncio.run(_repeat(settings, replace(options, trusted=True), sidecar, console))


class _UnknownWorkflow(Exception):
    """The sidecar's workflow has never run on this machine: somebody has to be asked first."""

    def __init__(self, workflow: Workflow, object_info: ObjectInfo | None) -> None:
        super().__init__(workflow.name)
        self.workflow = workflow
        self.object_info = object_info


async def _repeat(settings: Settings, options: RepeatOptions, sidecar: Sidecar, console: Console) -> list[Path]:
    async with open_services(settings) as services:
        request = await _request(services, options, sidecar, console)
        job = await wait_for_job(services, await services.orchestrator.submit(request), console)
        await services.orchestrator.mark_delivered(job.id)
        console.print(escape(_comparison(sidecar, job)))
        made = [settings.storage.data_dir / artifact.path for artifact in job.artifacts]
        return await asyncio.to_thread(copy_results, made, options.out) if options.out else made


async def _request(services: Services, options: RepeatOptions, sidecar: Sidecar, console: Console) -> GenerationRequest:
    given = dict(sidecar.request)
    folders = _input_folders(services, options, str(given.get("character_id")))
    try:
        needed = [InputFile.model_validate(each) for each in given.get("inputs") or ()]
    except (ValidationError, TypeError) as error:
        raise InputInvalid(f"{options.file.name} is no sidecar that can be repeated.") from error
    inputs = [await asyncio.to_thread(_found, each, folders) for each in needed]
    used = sidecar.parameters
    changes: dict[str, Any] = {
        "character_id": _character(services, options, str(given.get("character_id")), console),
        "requester_id": 0,
        "requester_name": "terminal",
        "origin": Origin(),
        "inputs": tuple(inputs),
        "positive": used.get("positive") or given.get("positive") or "",
        "negative": used.get("negative", given.get("negative")),
        "rewrite": False,
        "seed": sidecar.seed,
        "workflow_name": sidecar.workflow.name,
        "follow_up": Derivation.REPEAT,
        "parent_job_id": sidecar.job,
        "voice_sample_id": None,  # a row in the database of the other machine
        # So is the conversation, whose id would otherwise decide the folder of the new files.
        **dict.fromkeys(("conversation_id", "thread_id", "message_id", "source_message_id", "alternative")),
        "live": False,
    }
    try:
        request = GenerationRequest.model_validate(given | changes)
    except ValidationError as error:
        raise InputInvalid(f"{options.file.name} is no sidecar that can be repeated.") from error
    pinned = await _is_pinned(services, options, sidecar, request, console)
    return request.model_copy(update={"workflow_hash": sidecar.workflow.hash if pinned else None})


# -- which version of the workflow


async def _is_pinned(
    services: Services, options: RepeatOptions, sidecar: Sidecar, request: GenerationRequest, console: Console
) -> bool:
    """Whether to use the sidecar's version of the workflow; it is stored then, if only the sidecar has it.

    Raises:
        InputInvalid: The workflow has changed and `use` does not say which version to use, or there is no version.
        _UnknownWorkflow: Only the sidecar has the version, and nobody has agreed to run it.

    """
    then, is_stored = await _sidecar_version(services, sidecar, request)
    try:
        now = services.workflows.get(request.character_id, request.kind, sidecar.workflow.name)
    except ChorusError:
        now = None
    if then is None and now is None:
        raise InputInvalid("Neither this machine nor the sidecar has the workflow.", advice="Put its file in place.")
    if now is None:
        console.print(f"The workflow {escape(sidecar.workflow.name)} is not on this machine: the sidecar's is used.")
    elif now.content_hash == sidecar.workflow.hash:
        if then is None:
            return False
    elif now.content_hash == sidecar.parameters.get(ADAPTED_FROM) and options.use is None:
        if not is_stored:  # made elsewhere: this machine has its own models
            return False
    elif not _wants_version_of_then(options, sidecar, then, now):
        return False
    if not is_stored and then is not None:
        is_here = any(each.content_hash == then.content_hash for each in services.workflows.all())
        if not (is_here or options.trusted):
            raise _UnknownWorkflow(then, await _object_info(services))
        await services.workflow_versions.put(_stored_version(sidecar))
    return True


def _wants_version_of_then(options: RepeatOptions, sidecar: Sidecar, then: Workflow | None, now: Workflow) -> bool:
    """Which version to use of a workflow that has changed.

    Raises:
        InputInvalid: `use` does not say, or there is no version of then.

    """
    if options.use is None:
        raise InputInvalid(
            f'The workflow "{sidecar.workflow.name}" here is not the one of then: {_changes(then, now)}.',
            advice="Say which one: --use then or --use now.",
        )
    if options.use is WorkflowVersionChoice.THEN and then is None:
        raise InputInvalid("The version of then is neither here nor in the sidecar.", advice="Use --use now.")
    return options.use is WorkflowVersionChoice.THEN


async def _sidecar_version(
    services: Services, sidecar: Sidecar, request: GenerationRequest
) -> tuple[Workflow | None, bool]:
    """The version that the result was made with, from the database or the sidecar, and whether the former has it."""
    given = sidecar.workflow
    stored = await services.workflow_versions.get(given.hash)
    is_stored = stored is not None
    if stored is None and _parsed(sidecar) is not None:
        stored = _stored_version(sidecar)
    if stored is None:
        return None, False
    return parse_stored_workflow(stored, request.character_id, request.kind, given.name), is_stored


async def _object_info(services: Services) -> ObjectInfo | None:
    """What the first ComfyUI server has; None: it does not answer."""
    try:
        async with asyncio.timeout(_ASK_COMFYUI_SECONDS):
            return await services.comfy[0].object_info()
    except (ComfyError, TimeoutError):
        return None


def _stored_version(sidecar: Sidecar) -> StoredWorkflow:
    """The sidecar's workflow as the database keeps it."""
    given = sidecar.workflow
    return StoredWorkflow(content_hash=given.hash, graph=dict(given.graph or {}), bindings=dict(given.bindings or {}))


def _parsed(sidecar: Sidecar) -> Workflow | None:
    """The sidecar's workflow; None: it has none.

    Raises:
        InputInvalid: The graph does not have the hash that the sidecar says.

    """
    given = sidecar.workflow
    if given.graph is None:
        return None
    bindings = dict(given.bindings or {})
    parsed = parse_workflow(json.dumps(dict(given.graph)), bindings=json.dumps(bindings) if bindings else None)
    if parsed.content_hash != given.hash:
        raise InputInvalid("The sidecar's workflow is not the one its hash names.", advice="Use an untouched file.")
    return parsed


def _changes(then: Workflow | None, now: Workflow) -> str:
    if then is None:
        return "what it was is not known"
    return "; ".join(shortened(differences(then, now), _MAX_DIFFERENCES)) or "only its layout"


# -- character and input files


def _character(services: Services, options: RepeatOptions, character_id: str, console: Console) -> str:
    if options.character is not None:
        return services.characters.find(options.character).id
    known = services.characters.names()
    if character_id in known:
        return character_id
    default = services.settings.default_character
    instead = default if default in known else next(iter(known), None)
    if instead is None:
        raise ConfigError("There is no character on this machine.", advice="Put a file into `characters/`.")
    console.print(f"{escape(character_id)} is not on this machine: it is made in the name of {escape(instead)}.")
    return instead


def _input_folders(services: Services, options: RepeatOptions, character_id: str) -> list[Path]:
    """The folders in which an input file of the job may lie on this machine."""
    data = services.settings.storage.data_dir
    character = services.settings.paths.characters / Path(character_id).name
    near = [options.file.absolute().parent, character, character / "voice"]
    return [
        *near,
        data / INPUTS_FOLDER,
        *(path for path in data.glob("*/*") if path.is_dir()),
        *data.glob("guilds/*/voice/*"),
    ]


def _found(file: InputFile, folders: list[Path]) -> InputFile:
    """The same input file on this machine: a file of that name with that content.

    Raises:
        InputInvalid: There is none.

    """
    for folder in folders:
        path = folder / Path(file.path).name
        if path.is_file() and sha256_of_file(path) == file.sha256:
            return file.model_copy(update={"path": str(path.absolute())})
    raise InputInvalid(
        f"It needs the file {Path(file.path).name}, which is not here.", advice="Copy it beside the sidecar."
    )


def _comparison(sidecar: Sidecar, job: Job) -> str:
    """A sentence that says whether the new file is the same."""
    if sidecar.file is None:
        return f"Made with seed {job.seed}."
    if any(artifact.sha256 == sidecar.file.sha256 for artifact in job.artifacts):
        return "The same file, byte for byte."
    then, now = sidecar.parameters.get("comfyui_version"), job.parameters.get("comfyui_version")
    versions = f" (ComfyUI {then} then, {now} now)" if then != now else ""
    return f"Made with the same values; the file's bytes differ, as they may on another machine{versions}."
