"""`chorus imagine`: the same orchestrator from a terminal, with a progress bar."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from bot.domain.job_updates import Ended, JobUpdate, Progress, Waiting
from bot.domain.jobs import GenerationRequest, Job, JobKind
from bot.errors import ERRORS_BY_CODE, CharacterNotFound, ChorusError, ConfigError, WorkflowNotFound
from bot.services import open_services

if TYPE_CHECKING:
    from bot.characters.character import Character
    from bot.services import Services
    from bot.settings import Settings


@dataclass(frozen=True)
class Wish:
    """What the command line asked for."""

    character: str
    prompt: str
    negative: str | None = None
    workflow: str | None = None
    seed: int | None = None
    out: Path | None = None
    """A file or a folder to copy the pictures to, besides the data folder."""


def imagine(settings: Settings, wish: Wish, *, console: Console | None = None) -> list[Path]:
    """Draw, show progress, return the paths of the pictures.

    Works beside a running bot on the same data folder: only the job made here is touched.

    Raises:
        ChorusError: Why there is no picture.

    """
    return asyncio.run(_imagine(settings, wish, console or Console(stderr=True)))


async def _imagine(settings: Settings, wish: Wish, console: Console) -> list[Path]:
    async with open_services(settings) as services:
        character = _character(services, wish.character)
        request = GenerationRequest(
            kind=JobKind.IMAGE,
            character_id=character.id,
            requester_id=0,
            requester_name="terminal",
            positive=wish.prompt,
            negative=wish.negative,
            workflow_name=wish.workflow,
            seed=wish.seed,
        )
        job = await finish(services, await _submitted(services, request), console)
        await services.orchestrator.mark_delivered(job.id)
        made = [settings.storage.data_dir / artifact.path for artifact in job.artifacts]
        return await asyncio.to_thread(copy_out, made, wish.out) if wish.out else made


def _character(services: Services, name: str) -> Character:
    """As the library finds it; in a terminal nothing appears while one types, so the error lists what there is."""
    try:
        return services.characters.find(name)
    except CharacterNotFound as error:
        there = ", ".join(services.characters.names())
        raise CharacterNotFound(error.message, advice=f"There are: {there or 'no characters at all'}.") from error


async def _submitted(services: Services, request: GenerationRequest) -> Job:
    try:
        return await services.orchestrator.submit(request)
    except WorkflowNotFound as error:
        there = ", ".join(services.workflows.names(request.character_id, request.kind))
        raise WorkflowNotFound(error.message, advice=f"There are: {there}." if there else error.advice) from error


async def finish(services: Services, job: Job, console: Console) -> Job:
    """Show progress until the job is over; its result.

    Raises:
        ChorusError: Why there is none.

    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
    )
    told: set[str] = set()
    try:
        with Bar(*columns, console=console, transient=True) as bar:
            task = bar.add_task("Accepted", total=None)
            async for update in services.orchestrator.watch(job.id):
                _show(bar, task, update)
                _tell_once(update, told, console)
                if isinstance(update, Ended):
                    return _result(update.job)
    except asyncio.CancelledError:
        # Ctrl-C: the prompt must not go on for nobody.
        await asyncio.shield(services.orchestrator.cancel(job.id))
        raise
    raise ChorusError


def _tell_once(update: JobUpdate, told: set[str], console: Console) -> None:
    """Say why nothing moves, also where no bar is drawn (a pipe, cron)."""
    if isinstance(update, Waiting) and update.reason and update.reason not in told:
        told.add(update.reason)
        console.print(f"Waiting: {update.reason}. Ctrl-C gives up; `chorus doctor` checks the connection.")


def _show(bar: Bar, task: TaskID, update: JobUpdate) -> None:
    match update:
        case Waiting():
            bar.update(task, description=update.reason or f"Waiting, place {update.position}")
        case Progress(fraction=None):
            bar.update(task, description=update.node_title or "Working", total=None)
        case Progress():
            bar.update(task, description=update.node_title or "Working", total=1.0, completed=update.fraction)
        case Ended():
            bar.update(task, description="Done", total=1.0, completed=1.0)


def _result(job: Job) -> Job:
    if job.error is not None:
        raise ERRORS_BY_CODE.get(job.error.code, ChorusError)(job.error.message, advice=job.error.advice)
    return job


def copy_out(made: list[Path], out: Path) -> list[Path]:
    """Copy the files to `out`: a folder (it exists, has no suffix, or there are several files), else a file name.

    Raises:
        ConfigError: It cannot be written.

    """
    folder = out.is_dir() or len(made) > 1 or not out.suffix
    targets = [out / path.name for path in made] if folder else [out]
    try:
        for path, target in zip(made, targets, strict=True):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    except OSError as error:
        raise ConfigError(f"{out} cannot be written ({(error.strerror or 'error').lower()}).") from error
    return targets
