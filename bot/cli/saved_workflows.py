"""`chorus workflow add|list|versions|diff|rollback`: saved workflows of the host or of a server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bot.cli.convert_workflow import file_content
from bot.domain.jobs import JobKind
from bot.domain.workflow_history import HOST, WorkflowPlace
from bot.errors import ChorusError, InputInvalid
from bot.services import Services, open_services
from bot.settings import Settings
from bot.workflow_store.drafts import Upload
from bot.workflow_store.saved_workflows import key_of, place_of
from bot.workflow_store.uploads import checked_name
from bot.workflows import SHARED, validate_installed
from bot.workflows.version_differences import differences

T = TypeVar("T")


@dataclass(frozen=True)
class AddOptions:
    """What `chorus workflow add` was given.

    Attributes:
        file: A workflow in any form.
        character: The id of the character that it will belong to.
        kind: What it makes; None: what its output nodes say.
        name: What it will be called; None: as the file.
        server: The id of the Discord server that it will belong to; None: the host.

    """

    file: Path
    character: str
    kind: str | None = None
    name: str | None = None
    server: int | None = None


def add_workflow(settings: Settings, options: AddOptions, console: Console) -> None:
    """Save a workflow as the newest version of its place. Blocking.

    Raises:
        ChorusError: The file cannot be read, or holds no workflow that can be used here.

    """

    async def add(services: Services) -> None:
        owner = options.character
        if owner != SHARED:
            owner = services.characters.get(owner, options.server).id
        upload = Upload(
            data=await asyncio.to_thread(file_content, options.file),
            file_name=options.file.name,
            guild_id=options.server or HOST,
            character_id=owner,
            author_id=0,
            kind=kind_named(options.kind) if options.kind is not None else None,
            name=checked_name(options.name) if options.name is not None else None,
        )
        page = await services.workflow_drafts.upload(upload)
        number = await services.workflow_drafts.save(page.draft, None)
        for note in page.draft.notes:
            console.print(f"[yellow]{escape(note)}[/]", soft_wrap=True)
        for problem in page.description.problems:
            console.print(f"[red]{escape(problem.message)}[/] [dim]({problem.code})[/]", soft_wrap=True)
            console.print(f"  {escape(problem.advice)}", soft_wrap=True)
        console.print(f"{escape(_path(page.draft.place))} is version {number} now.")

    _run(settings, add)


def list_workflows(settings: Settings, console: Console, *, server: int | None = None) -> None:
    """Print the workflows of the host, and those of a server. Blocking."""

    async def show(services: Services) -> None:
        newest = await services.saved_workflows.history.newest()
        info = await services.workflow_drafts.installed()
        table = Table(box=box.SIMPLE)
        for column in ("workflow", "of", "version", "can run now"):
            table.add_column(column, overflow="fold")
        for key in services.workflows.all_keys():
            if key.guild_id not in {HOST, server or HOST}:
                continue
            version = newest.get(place_of(key))
            workflow = services.workflows.at(key)
            state = "not known"
            if info is not None and workflow is not None:
                try:
                    validate_installed(workflow.graph, info)
                    state = "yes"
                except ChorusError as error:
                    state = f"no: {error.message}"
            whose = "the host" if key.guild_id == HOST else str(key.guild_id)
            table.add_row(escape(_path(place_of(key))), whose, str(version.number) if version else "", escape(state))
        console.print(table)

    _run(settings, show)


def show_versions(settings: Settings, path: str, console: Console, *, server: int | None = None) -> None:
    """Print every version of a workflow, newest first. Blocking.

    Raises:
        WorkflowNotFound: There is no such workflow.

    """

    async def show(services: Services) -> None:
        table = Table(box=box.SIMPLE)
        for column in ("version", "made by", "from", "when", "content"):
            table.add_column(column, overflow="fold")
        for version in await services.saved_workflows.versions(place_at(path, server)):
            removed = " (removed)" if version.removed_at is not None else ""
            table.add_row(
                f"{version.number}{removed}",
                version.origin.value,
                escape(version.source),
                f"{version.created_at:%Y-%m-%d %H:%M}",
                version.content_hash[:12],
            )
        console.print(table)

    _run(settings, show)


def show_differences(
    settings: Settings, path: str, versions: tuple[int, int | None], console: Console, *, server: int | None = None
) -> None:
    """Print what differs between two versions; the second one None: the newest. Blocking.

    Raises:
        WorkflowNotFound: There is no such workflow.
        InputInvalid: It has no such version.

    """

    async def show(services: Services) -> None:
        saved, place = services.saved_workflows, place_at(path, server)
        first, second = [await saved.version(place, number) for number in versions]
        lines = differences(await saved.content(first), await saved.content(second))
        console.print(f"version {first.number} → {second.number}")
        for line in lines or ["They do the same."]:
            console.print(escape(line), soft_wrap=True)

    _run(settings, show)


def roll_back(settings: Settings, path: str, number: int, console: Console, *, server: int | None = None) -> None:
    """Make an older version the newest one. Blocking.

    Raises:
        ChorusError: There is no such workflow or version, or its file cannot be written.

    """

    async def restore(services: Services) -> None:
        place = place_at(path, server)
        now = await services.saved_workflows.rollback(place, number, None)
        console.print(f"{escape(_path(place))} is as in version {number} again; that is version {now} now.")

    _run(settings, restore)


def _run(settings: Settings, work: Callable[[Services], Awaitable[None]]) -> None:
    async def run() -> None:
        async with open_services(settings) as services:
            await work(services)

    asyncio.run(run())


def place_at(path: str, server: int | None) -> WorkflowPlace:
    """The place that is written `nova/image/portrait`, as `chorus workflow list` shows it.

    Raises:
        InputInvalid: It is written in another way.

    """
    parts = path.strip("/").split("/")
    if len(parts) != 3 or not all(parts):
        raise InputInvalid(
            f"{path} names no workflow.", advice="Write character/kind/name, such as nova/image/default."
        )
    return WorkflowPlace(guild_id=server or HOST, character_id=parts[0], kind=kind_named(parts[1]), name=parts[2])


def kind_named(text: str) -> JobKind:
    """The kind that somebody wrote.

    Raises:
        InputInvalid: There is none of that name.

    """
    if text not in set(JobKind):
        raise InputInvalid(f"{text} is no kind of workflow.", advice="It is image, audio or video.")
    return JobKind(text)


def _path(place: WorkflowPlace) -> str:
    key = key_of(place)
    return f"{key.character_id}/{key.kind.value}/{key.name}"
