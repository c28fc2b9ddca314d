"""`chorus imagine`: a picture from the terminal, with the bot's own queue and workflows."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from bot.cli.job_progress import copy_results, wait_for_job
from bot.derived_jobs.picture_workflows import with_picture_workflow
from bot.domain.jobs import GenerationRequest, Job, JobKind
from bot.errors import CharacterNotFound, InputInvalid, WorkflowNotFound
from bot.services import open_services
from bot.workflows.media_assignment import MASK, mask_is_transparency
from bot.workflows.parameters import ParameterValue, parameters_of
from bot.workflows.settings_text import settings_of_pairs

if TYPE_CHECKING:
    from bot.characters.character import Character
    from bot.services import Services
    from bot.settings import Settings


@dataclass(frozen=True)
class ImagineOptions:
    """The arguments of `chorus imagine`."""

    character: str
    """Id, name or alias."""
    prompt: str
    negative: str | None = None
    workflow: str | None = None
    seed: int | None = None
    settings: tuple[str, ...] = ()
    """Each `name=value`."""
    images: tuple[Path, ...] = ()
    """Pictures to start from, or a film or a sound, as the workflow takes them; at most four pictures."""
    mask: Path | None = None
    """Which part of the first picture may change: what is white or transparent in this one."""
    out: Path | None = None
    """A file or folder to which the pictures are copied from the data folder."""


def imagine(settings: Settings, options: ImagineOptions, *, console: Console | None = None) -> list[Path]:
    """Draw, show the progress, and return the paths of the pictures.

    May run beside the bot on the same data folder: it touches no job but its own.

    Args:
        settings: The configuration.
        options: What to draw.
        console: Where the progress is shown; None: standard error.

    Raises:
        ChorusError: There is no picture; the error says why.

    """
    return asyncio.run(_imagine(settings, options, console or Console(stderr=True)))


async def _imagine(settings: Settings, options: ImagineOptions, console: Console) -> list[Path]:
    async with open_services(settings) as services:
        character = _character(services, options.character)
        request = GenerationRequest(
            kind=JobKind.IMAGE,
            character_id=character.id,
            requester_id=0,
            requester_name="terminal",
            positive=options.prompt,
            negative=options.negative,
            workflow_name=options.workflow,
            seed=options.seed,
        )
        if options.mask is not None and not options.images:
            raise InputInvalid("A mask needs a picture that it belongs to.", advice="Name the picture with --image.")
        request = await _with_files(services, request, options.images)
        if request.inputs and options.workflow is None:
            roles = [*(file.role for file in request.inputs), *([MASK] if options.mask else [])]
            request = with_picture_workflow(services.workflows, character, request, roles)
        request = _with_settings(services, character, request, options.settings)
        if options.mask is not None:
            request = await _with_mask(services, character, request, options.mask)
        job = await wait_for_job(services, await _submit(services, request), console)
        if job.note:
            console.print(escape(job.note))
        await services.orchestrator.mark_delivered(job.id)
        made = [settings.storage.data_dir / artifact.path for artifact in job.artifacts]
        return await asyncio.to_thread(copy_results, made, options.out) if options.out else made


def _character(services: Services, name: str) -> Character:
    """Find a character. A terminal offers no list while one types, so the error lists all characters."""
    try:
        return services.characters.find(name)
    except CharacterNotFound as error:
        known = ", ".join(services.characters.names())
        raise CharacterNotFound(error.message, advice=f"There are: {known or 'no characters at all'}.") from error


def _with_settings(
    services: Services, character: Character, request: GenerationRequest, settings: Sequence[str]
) -> GenerationRequest:
    """The request with the settings; whoever has the terminal is the owner, so files and texts are open too."""
    if not settings:
        return request
    name = request.workflow_name or character.default_workflow(request.kind)
    workflow = services.orchestrator.adapted(services.workflows.get(character.id, request.kind, name))
    parameters = parameters_of(workflow, services.orchestrator.object_info)
    overrides: dict[str, ParameterValue] = {}
    for setting in settings:
        typed, equals, value = setting.partition("=")
        if not equals or not typed.strip():
            raise InputInvalid(f"`{setting[:60]}` is no setting.", advice="Write --set name=value, such as steps=30.")
        overrides |= settings_of_pairs({typed: value}, parameters, before=overrides)
    return request.model_copy(update={"overrides": overrides})


async def _with_files(services: Services, request: GenerationRequest, paths: Sequence[Path]) -> GenerationRequest:
    """The request with the files, checked and kept.

    Raises:
        InputInvalid: One cannot be read or used.

    """
    contents = [await _content(services, path) for path in paths]
    kept = await services.input_files.keep(contents)
    note = " ".join(dict.fromkeys(filter(None, (request.note, *(each.note for each in kept))))) or None
    return request.model_copy(update={"inputs": tuple(each.file for each in kept), "note": note})


async def _with_mask(
    services: Services, character: Character, request: GenerationRequest, path: Path
) -> GenerationRequest:
    """The request with a mask of its first picture, as its workflow takes it.

    Raises:
        InputInvalid: It cannot be read or used, or there is no picture.
        WorkflowNotFound: There is no such workflow.

    """
    name = request.workflow_name or character.default_workflow(request.kind)
    as_transparency = mask_is_transparency(services.workflows.get(character.id, request.kind, name))
    data = await _content(services, path)
    files = await services.input_files.with_mask(request.inputs, data, as_transparency=as_transparency)
    return request.model_copy(update={"inputs": files})


async def _content(services: Services, path: Path) -> bytes:
    try:
        services.input_files.require_size((await asyncio.to_thread(path.stat)).st_size)
        return await asyncio.to_thread(path.read_bytes)
    except OSError as error:
        raise InputInvalid(f"The file {path.name[:100]} cannot be read.", advice="Check its path.") from error


async def _submit(services: Services, request: GenerationRequest) -> Job:
    try:
        return await services.orchestrator.submit(request)
    except WorkflowNotFound as error:
        known = ", ".join(services.workflows.names(request.character_id, request.kind))
        raise WorkflowNotFound(error.message, advice=f"There are: {known}." if known else error.advice) from error
