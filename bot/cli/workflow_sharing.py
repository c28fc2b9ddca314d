"""`chorus workflow try` and `chorus workflow share`: one run of a file, and a file for other servers."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from bot.cli.convert_workflow import file_content, write_file
from bot.cli.job_progress import copy_results, wait_for_job
from bot.cli.saved_workflows import kind_named, place_at
from bot.cli.workflow_consent import ask_consent
from bot.domain.jobs import JobKind, Origin
from bot.domain.workflow_history import HOST, WorkflowPlace
from bot.errors import WorkflowNotFound
from bot.services import open_services
from bot.services.workflow_trials import trial_request
from bot.settings import Settings
from bot.workflow_store.drafts import Upload
from bot.workflow_store.saved_workflows import key_of
from bot.workflow_store.uploads import kind_of, name_of_file


@dataclass(frozen=True)
class TryOptions:
    """The arguments of `chorus workflow try`.

    Attributes:
        file: A workflow in any form.
        character: Id, name or alias of whose workflow it is tried as; None: the default character.
        kind: What it makes; None: what its output nodes say.
        out: A file or folder to which the result is copied.
        trusted: Run a workflow that never ran here without asking.

    """

    file: Path
    character: str | None = None
    kind: str | None = None
    out: Path | None = None
    trusted: bool = False


def try_workflow(settings: Settings, options: TryOptions, console: Console) -> list[Path]:
    """Run a workflow once, save nothing of it, and return the paths of what it made. Blocking.

    Raises:
        ChorusError: The file holds no workflow that can be used here, or the run failed.

    """
    return asyncio.run(_try(settings, options, console))


async def _try(settings: Settings, options: TryOptions, console: Console) -> list[Path]:
    async with open_services(settings) as services:
        character = services.characters.find(options.character or settings.default_character)
        upload = Upload(
            data=await asyncio.to_thread(file_content, options.file),
            file_name=options.file.name,
            guild_id=HOST,
            character_id=character.id,
            author_id=0,
            kind=kind_named(options.kind) if options.kind is not None else None,
        )
        found = await services.workflow_drafts.read(upload)
        for note in found.notes:
            console.print(f"[yellow]{escape(note)}[/]", soft_wrap=True)
        workflow = found.workflow
        if not options.trusted and await services.workflow_versions.get(workflow.content_hash) is None:
            info = await services.workflow_drafts.installed()
            await asyncio.to_thread(ask_consent, workflow, info, options.file.name, console)
        await services.saved_workflows.keep_content(workflow)
        kind: JobKind = upload.kind or (found.shared.kind if found.shared is not None else kind_of(workflow))
        place = WorkflowPlace(guild_id=HOST, character_id=character.id, kind=kind, name=name_of_file(options.file.name))
        request = await trial_request(
            services, place, workflow, character, requester_id=0, requester_name="terminal", origin=Origin()
        )
        job = await wait_for_job(services, await services.orchestrator.submit(request), console)
        await services.orchestrator.mark_delivered(job.id)
        made = [settings.storage.data_dir / artifact.path for artifact in job.artifacts]
        return await asyncio.to_thread(copy_results, made, options.out) if options.out else made


def share_workflow(
    settings: Settings, path: str, out: Path | None, console: Console, *, server: int | None = None
) -> None:
    """Write a workflow as one picture that `upload` and `add` take. Blocking.

    Args:
        settings: The configuration.
        path: `nova/image/portrait`.
        out: The file; None: `<name>.png` in this folder.
        console: Where to print.
        server: The Discord server that it belongs to, whose presets come along; None: the host.

    Raises:
        WorkflowNotFound: There is no such workflow.
        InputInvalid: The file cannot be written.

    """
    asyncio.run(_share(settings, path, out, console, server))


async def _share(settings: Settings, path: str, out: Path | None, console: Console, server: int | None) -> None:
    async with open_services(settings) as services:
        place = place_at(path, server)
        workflow = services.workflows.at(key_of(place))
        if workflow is None:
            raise WorkflowNotFound("There is no workflow of that name.", advice="`chorus workflow list` shows all.")
        shared = await services.workflow_sharing.share(
            workflow, place, guild_id=server, requester_id=0, object_info=await services.workflow_drafts.installed()
        )
        target = out or Path(shared.name)
        await asyncio.to_thread(write_file, target, shared.data)
        console.print(f"[green]Written[/] to {escape(str(target))}.", soft_wrap=True)
        for preset in shared.content.presets:
            console.print(f"  with the preset {escape(preset.name)}", soft_wrap=True)
