"""`chorus repeat FILE`: exactly the same again from a sidecar, also on another machine."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, ValidationError
from rich.console import Console
from rich.markup import escape

from bot.cli.imagine import copy_out, finish
from bot.domain.jobs import Derivation, GenerationRequest, InputFile, Job, Origin
from bot.domain.workflow_versions import StoredWorkflow
from bot.errors import ChorusError, ConfigError, InputInvalid
from bot.generation.acceptance import parse_stored_workflow
from bot.generation.sidecar import FORMAT
from bot.services import open_services
from bot.workflows import parse_workflow
from bot.workflows.version_differences import differences, shortened

if TYPE_CHECKING:
    from bot.services import Services
    from bot.settings import Settings
    from bot.workflows import Workflow

LARGEST_SIDECAR = 50 * 2**20


class Use(StrEnum):
    """Which workflow, where the file here is not the one of then."""

    THEN = "then"
    NOW = "now"


@dataclass(frozen=True)
class Repetition:
    """What the command line asked for."""

    file: Path
    use: Use | None = None
    character: str | None = None
    """Somebody of this machine, where the sidecar's character is not here."""
    out: Path | None = None


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Workflow(_Part):
    name: str
    hash: str
    graph: Mapping[str, Any] | None = None
    bindings: Mapping[str, Any] | None = None


class _File(_Part):
    sha256: str


class Sidecar(_Part):
    """A sidecar as far as it is needed to do the same again."""

    chorus_sidecar: int
    job: UUID
    request: Mapping[str, Any]
    workflow: _Workflow
    seed: int
    parameters: Mapping[str, Any]
    file: _File | None = None


def read_sidecar(path: Path) -> Sidecar:
    """Parse the file; a picture's own name does for the JSON file beside it.

    Raises:
        InputInvalid: It cannot be read, or is something else.

    """
    path = path if path.suffix.lower() == ".json" else path.with_suffix(".json")
    try:
        if path.stat().st_size > LARGEST_SIDECAR:
            raise InputInvalid(f"{path.name} is larger than a sidecar is.")
        found = Sidecar.model_validate(json.loads(path.read_bytes()))
    except OSError as error:
        raise InputInvalid(f"{path.name} cannot be read ({(error.strerror or 'error').lower()}).") from error
    except (ValueError, RecursionError, ValidationError) as error:
        raise InputInvalid(
            f"{path.name} is no sidecar.", advice="Give the .json file that lies beside a result."
        ) from error
    if found.chorus_sidecar > FORMAT:
        raise InputInvalid(f"{path.name} comes from a newer version.", advice="Update Chorus and try again.")
    return found


def repeat(settings: Settings, wish: Repetition, console: Console) -> list[Path]:
    """Make it again, say whether it became the same, return the paths.

    Raises:
        ChorusError: Why not; where the workflow has changed and `use` is not given, what differs.

    """
    return asyncio.run(_repeat(settings, wish, read_sidecar(wish.file), console))


async def _repeat(settings: Settings, wish: Repetition, sidecar: Sidecar, console: Console) -> list[Path]:
    async with open_services(settings) as services:
        request = await _request(services, wish, sidecar, console)
        job = await finish(services, await services.orchestrator.submit(request), console)
        await services.orchestrator.mark_delivered(job.id)
        console.print(escape(_compared(sidecar, job)))
        made = [settings.storage.data_dir / artifact.path for artifact in job.artifacts]
        return await asyncio.to_thread(copy_out, made, wish.out) if wish.out else made


async def _request(services: Services, wish: Repetition, sidecar: Sidecar, console: Console) -> GenerationRequest:
    given = dict(sidecar.request)
    folders = _folders(services, wish, str(given.get("character_id")))
    inputs = [await asyncio.to_thread(_input, InputFile.model_validate(each), folders) for each in given["inputs"]]
    used = sidecar.parameters
    changes: dict[str, Any] = {
        "character_id": _character(services, wish, str(given.get("character_id")), console),
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
        "voice_sample_id": None,  # a row of the other machine
        # What it belonged to is on the other machine too, and would decide the folder here.
        **dict.fromkeys(("conversation_id", "thread_id", "message_id", "source_message_id", "alternative")),
        "live": False,
    }
    try:
        request = GenerationRequest.model_validate(given | changes)
    except ValidationError as error:
        raise InputInvalid(f"{wish.file.name} is no sidecar that can be repeated.") from error
    pinned = await _pinned(services, wish, sidecar, request, console)
    return request.model_copy(update={"workflow_hash": sidecar.workflow.hash if pinned else None})


# -- the workflow


async def _pinned(
    services: Services, wish: Repetition, sidecar: Sidecar, request: GenerationRequest, console: Console
) -> bool:
    """Whether to use the version of then; it is stored here when it was only in the sidecar.

    Raises:
        InputInvalid: It has changed, and nobody said which one to use; or there is none at all.

    """
    then = await _then(services, sidecar, request)
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
    if wish.use is None:
        raise InputInvalid(
            f'The workflow "{sidecar.workflow.name}" here is not the one of then: {_differs(then, now)}.',
            advice="Say which one: --use then or --use now.",
        )
    if wish.use is Use.THEN and then is None:
        raise InputInvalid("The version of then is neither here nor in the sidecar.", advice="Use --use now.")
    return wish.use is Use.THEN


async def _then(services: Services, sidecar: Sidecar, request: GenerationRequest) -> Workflow | None:
    """The version it was made with: stored here, else from the sidecar, whose hash must be right."""
    said = sidecar.workflow
    stored = await services.workflow_versions.get(said.hash)
    if stored is None and said.graph is not None:
        bindings = dict(said.bindings or {})
        stored = StoredWorkflow(content_hash=said.hash, graph=dict(said.graph), bindings=bindings)
        found = parse_workflow(json.dumps(stored.graph), bindings=json.dumps(bindings) if bindings else None)
        if found.content_hash != said.hash:
            raise InputInvalid("The sidecar's workflow is not the one its hash names.", advice="Use an untouched file.")
        await services.workflow_versions.put(stored)
    return None if stored is None else parse_stored_workflow(stored, request.character_id, request.kind, said.name)


def _differs(then: Workflow | None, now: Workflow) -> str:
    if then is None:
        return "what it was is not known"
    return "; ".join(shortened(differences(then, now), 8)) or "only its layout"


# -- what it needs


def _character(services: Services, wish: Repetition, character_id: str, console: Console) -> str:
    if wish.character is not None:
        return services.characters.find(wish.character).id
    known = services.characters.names()
    if character_id in known:
        return character_id
    default = services.settings.default_character
    instead = default if default in known else next(iter(known), None)
    if instead is None:
        raise ConfigError("There is no character on this machine.", advice="Put a file into `characters/`.")
    console.print(f"{escape(character_id)} is not on this machine: it is made in the name of {escape(instead)}.")
    return instead


def _folders(services: Services, wish: Repetition, character_id: str) -> list[Path]:
    """Where an input of the sidecar may lie here."""
    data = services.settings.storage.data_dir
    characters = services.settings.paths.characters / Path(character_id).name
    places = [wish.file.absolute().parent, characters, characters / "voice"]
    return [*places, *(path for path in data.glob("*/*") if path.is_dir()), *data.glob("guilds/*/voice/*")]


def _input(file: InputFile, folders: list[Path]) -> InputFile:
    """The same file on this machine: of that name, with that content.

    Raises:
        InputInvalid: There is none.

    """
    for folder in folders:
        path = folder / Path(file.path).name
        if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == file.sha256:
            return file.model_copy(update={"path": str(path.absolute())})
    raise InputInvalid(
        f"It needs the file {Path(file.path).name}, which is not here.", advice="Copy it beside the sidecar."
    )


def _compared(sidecar: Sidecar, job: Job) -> str:
    if sidecar.file is None:
        return f"Made with seed {job.seed}."
    if any(artifact.sha256 == sidecar.file.sha256 for artifact in job.artifacts):
        return "The same file, byte for byte."
    then, now = sidecar.parameters.get("comfyui_version"), job.parameters.get("comfyui_version")
    versions = f" (ComfyUI {then} then, {now} now)" if then != now else ""
    return f"Made with the same values; the file's bytes differ, as they may on another machine{versions}."
