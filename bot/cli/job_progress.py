"""What `chorus imagine` and `chorus repeat` share: waiting for a job with a progress bar, and copying its files."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as ProgressBar

from bot.domain.job_updates import Ended, JobUpdate, Progress, Waiting
from bot.domain.jobs import Job
from bot.errors import ERRORS_BY_CODE, ChorusError, ConfigError

if TYPE_CHECKING:
    from bot.services import Services


_TERMINATED = 128 + signal.SIGTERM
"""The exit code that a shell shows for a process that SIGTERM ended."""


async def wait_for_job(services: Services, job: Job, console: Console) -> Job:
    """Show the progress of a job until it has ended, and return it. Ctrl-C and SIGTERM cancel the job.

    Raises:
        ChorusError: The job has failed or was cancelled.
        SystemExit: SIGTERM came, with its usual code.

    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
    )
    printed_reasons: set[str] = set()
    terminated = _cancel_on_sigterm()
    try:
        with ProgressBar(*columns, console=console, transient=True) as bar:
            task = bar.add_task("Accepted", total=None)
            async for update in services.orchestrator.watch(job.id):
                _show(bar, task, update)
                _print_reason_once(update, printed_reasons, console)
                if isinstance(update, Ended):
                    return _succeeded(update.job)
    except asyncio.CancelledError:
        # Nobody waits for the result any more, so ComfyUI must not go on.
        await asyncio.shield(services.orchestrator.cancel(job.id))
        if terminated.is_set():
            raise SystemExit(_TERMINATED) from None
        raise
    raise ChorusError


def _cancel_on_sigterm() -> asyncio.Event:
    """Cancel the current task at SIGTERM, as Ctrl-C does already; the event says that it came."""
    came, task = asyncio.Event(), asyncio.current_task()

    def cancel() -> None:
        came.set()
        if task is not None:
            task.cancel()

    with contextlib.suppress(NotImplementedError):  # Windows has no such signal
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, cancel)
    return came


def copy_results(made: list[Path], out: Path) -> list[Path]:
    """Copy files and return the paths of the copies. Blocking.

    Args:
        made: The files.
        out: A folder, if it is one, has no suffix, or there are several files; else the path of the copy.

    Raises:
        ConfigError: A copy cannot be written.

    """
    is_folder = out.is_dir() or len(made) > 1 or not out.suffix
    targets = [out / path.name for path in made] if is_folder else [out]
    try:
        for path, target in zip(made, targets, strict=True):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    except OSError as error:
        raise ConfigError(f"{out} cannot be written ({(error.strerror or 'error').lower()}).") from error
    return targets


def _print_reason_once(update: JobUpdate, printed: set[str], console: Console) -> None:
    """Print why the job waits, also where no bar is drawn (a pipe, cron)."""
    if isinstance(update, Waiting) and update.reason and update.reason not in printed:
        printed.add(update.reason)
        console.print(f"Waiting: {update.reason}. Ctrl-C gives up; `chorus doctor` checks the connection.")


def _show(bar: ProgressBar, task: TaskID, update: JobUpdate) -> None:
    match update:
        case Waiting():
            bar.update(task, description=update.reason or f"Waiting, place {update.position}")
        case Progress(fraction=None):
            bar.update(task, description=_described(update), total=None)
        case Progress():
            bar.update(task, description=_described(update), total=1.0, completed=update.fraction)
        case Ended():
            bar.update(task, description="Done", total=1.0, completed=1.0)


def _described(update: Progress) -> str:
    words = update.node_title or "Working"
    if update.step is not None:
        words += f", step {update.step}/{update.steps}"
    if update.remaining_seconds is not None and update.remaining_seconds >= 1:
        words += f", about {update.remaining_seconds:.0f} s left"
    return words


def _succeeded(job: Job) -> Job:
    if job.error is not None:
        raise ERRORS_BY_CODE.get(job.error.code, ChorusError)(job.error.message, advice=job.error.advice)
    return job
