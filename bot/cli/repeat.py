"""`chorus repeat FILE`: make a result again from its sidecar, also on another machine."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape

from bot.cli.job_progress import copy_results, wait_for_job
from bot.cli.sidecar_file import Sidecar, read_sidecar
from bot.domain.jobs import Derivation, GenerationRequest, InputFile, Job, Origin
from bot.domain.workflow_versions import StoredWorkflow
from bot.errors import ChorusError, ConfigError, InputInvalid
from bot.file_hash import sha256_of_file
from bot.generation.acceptance import parse_stored_workflow
from bot.services import open_services
from bot.workflows import parse_workflow
from bot.workflows.version_differences import differences, shortened

if TYPE_CHECKING:
    from bot.services import Services
    from bot.settings import Settings
    from bot.workflows import Workflow

_MAX_DIFFERENCES = 8


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


def repeat(settings: Settings, options: RepeatOptions, console: Console) -> list[Path]:
    """Make the result again, print whether it is the same, and return the paths of the new files.

    Args:
        settings: The configuration.
        options: What to repeat.
        console: Where progress and remarks are printed.

    Raises:
        ChorusError: It cannot be made; where the workflow has changed and `use` is None, the error says what differs.

    """
    return asyncio.run(_repeat(settings, options, read_sidecar(options.file), console))


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
    inputs = [await asyncio.to_thread(_found, InputFile.model_validate(each), folders) for each in given["inputs"]]
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
    """Whether to use the sidecar's version of the workflow; it is stored first if only the sidecar has it.

    Raises:
        InputInvalid: The workflow has changed and `use` does not say which version to use, or there is no version.

    """
    then = await _sidecar_version(services, sidecar, request)
    try:
        now = services.workflows.get(request.character_id, request.kind, sidecar.workflow.name)
    except ChorusError:
        now = None
    if then is None and now is None:
        raise InputInvalid("Neither this machine nor the sidecar has the workflow.", advice="Put its file in place.")
    if now is not None and now.content_hash == sidecar.workflow.hash:
        return then is not None
    if now is None:
        console.print(f"The workflow {escape(sidecar.workflow.name)} is not on this machine: the sidecar's is used.")
        return True
    if options.use is None:
        raise InputInvalid(
            f'The workflow "{sidecar.workflow.name}" here is not the one of then: {_changes(then, now)}.',
            advice="Say which one: --use then or --use now.",
        )
    if options.use is WorkflowVersionChoice.THEN and then is None:
        raise InputInvalid("The version of then is neither here nor in the sidecar.", advice="Use --use now.")
    return options.use is WorkflowVersionChoice.THEN


async def _sidecar_version(services: Services, sidecar: Sidecar, request: GenerationRequest) -> Workflow | None:
    """The version that the result was made with: from the database, else from the sidecar; None if neither has it.

    Raises:
        InputInvalid: The sidecar's graph does not have the hash that the sidecar says.

    """
    given = sidecar.workflow
    stored = await services.workflow_versions.get(given.hash)
    if stored is None and given.graph is not None:
        bindings = dict(given.bindings or {})
        stored = StoredWorkflow(content_hash=given.hash, graph=dict(given.graph), bindings=bindings)
        parsed = parse_workflow(json.dumps(stored.graph), bindings=json.dumps(bindings) if bindings else None)
        if parsed.content_hash != given.hash:
            raise InputInvalid("The sidecar's workflow is not the one its hash names.", advice="Use an untouched file.")
        await services.workflow_versions.put(stored)
    return None if stored is None else parse_stored_workflow(stored, request.character_id, request.kind, given.name)


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
    return [*near, *(path for path in data.glob("*/*") if path.is_dir()), *data.glob("guilds/*/voice/*")]


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
