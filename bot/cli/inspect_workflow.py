"""`chorus workflow inspect FILE`: what was found in a workflow, and what it needs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bot.comfyui.client import ComfyClient
from bot.comfyui.exceptions import ComfyError
from bot.domain.jobs import JobKind
from bot.errors import ChorusError, ComfyUnavailable, WorkflowInvalid
from bot.workflows import (
    Role,
    Workflow,
    node_title,
    read_workflow,
    seed_limit,
    validate_installed,
    validate_structure,
)
from bot.workflows.models import model_files

_ROLES = {
    Role.POSITIVE: "prompt",
    Role.NEGATIVE: "negative",
    Role.SEED: "seed",
    Role.WIDTH: "width",
    Role.HEIGHT: "height",
    Role.STEPS: "steps",
    Role.CFG: "guidance",
    Role.TEXT: "spoken text",
    Role.VOICE_SAMPLE: "voice sample",
    Role.VOICE_TRANSCRIPT: "transcript",
    Role.REFERENCE_IMAGE: "start picture",
    Role.CHARACTER_NAME: "character's name",
}
_USUAL = {Role.POSITIVE, Role.NEGATIVE, Role.SEED, Role.WIDTH, Role.HEIGHT, Role.STEPS}


def inspect_workflow(file: Path, console: Console, *, server: str | None = None) -> bool:
    """Print what was found; False where the workflow could not be used.

    Args:
        file: Its `<name>.bindings.yaml` is read too.
        console: Where to.
        server: A ComfyUI to compare nodes and models with.

    Raises:
        WorkflowInvalid: The file holds no API-format graph.
        ComfyUnavailable: `server` does not answer.

    """
    try:
        workflow = read_workflow(file, kind=kind_of(file) or JobKind.IMAGE)
    except OSError as error:
        reason = (error.strerror or "error").lower()
        raise WorkflowInvalid(f"{file.name} cannot be read ({reason}).", advice="Check the path.") from error
    kind = kind_of(file) or (JobKind.AUDIO if workflow.reading.text else JobKind.IMAGE)
    object_info = asyncio.run(_object_info(server)) if server else None
    console.print(_found(workflow, object_info))
    console.print(_needs(workflow, object_info))
    problems = list(_problems(workflow, kind, object_info))
    for problem in problems:
        console.print(f"[red]{escape(problem.message)}[/] [dim]({problem.code})[/]", soft_wrap=True)
        console.print(f"  {escape(problem.advice)}", soft_wrap=True)
    if not problems:
        compared = "" if object_info is not None else "; compare it with your ComfyUI: --comfyui http://127.0.0.1:8188"
        console.print(f"[green]It can be used[/] for {kind.value}{compared}", soft_wrap=True)
    return not problems


def kind_of(file: Path) -> JobKind | None:
    """From the folder it lies in (`workflows/nova/audio/default.json`), if that says so."""
    parent = file.absolute().parent.name
    return JobKind(parent) if parent in set(JobKind) else None


async def _object_info(server: str) -> Mapping[str, Any]:
    try:
        async with ComfyClient(server) as client:
            return await client.object_info()
    except ComfyError as error:
        raise ComfyUnavailable(
            f"ComfyUI at {server} cannot be reached.", advice="Check the address; leave --comfyui out to go without."
        ) from error


def _found(workflow: Workflow, object_info: Mapping[str, Any] | None) -> Table:
    table = Table(
        title=f"{escape(workflow.name)}  [dim]{workflow.content_hash[:12]}[/]", box=box.SIMPLE, title_justify="left"
    )
    for column in ("", "node and input", "title", "now", "found by"):
        table.add_column(column, overflow="fold")
    reading = workflow.reading
    for role, label in _ROLES.items():
        source = reading.sources.get(role)
        for n, target in enumerate(reading.of(role)):
            value = workflow.graph[target.node_id]["inputs"].get(target.input_name)
            title = node_title(workflow.graph, target.node_id)
            found_by = source.value if source is not None else ""
            table.add_row("" if n else label, *(escape(text) for text in (str(target), title, _short(value), found_by)))
        ambiguity = reading.ambiguity(role)
        if ambiguity is not None:
            places = ", ".join(str(target) for target in ambiguity.candidates)
            table.add_row(label, escape(places), "", "", "[yellow]several could be it[/]")
        elif role in _USUAL and not reading.of(role):
            table.add_row(label, "[dim]none[/]")
    table.add_row("largest seed", str(seed_limit(workflow, object_info)))
    for n, node_id in enumerate(reading.outputs):
        node_class = workflow.graph[node_id]["class_type"]
        title = node_title(workflow.graph, node_id)
        table.add_row("" if n else "outputs", escape(node_id), escape(title), escape(node_class))
    return table


def _needs(workflow: Workflow, object_info: Mapping[str, Any] | None) -> Table:
    table = Table(title="What it needs", box=box.SIMPLE, title_justify="left")
    table.add_column("kind")
    table.add_column("name", overflow="fold")
    table.add_column("installed")
    for node_class in sorted({str(node["class_type"]) for node in workflow.graph.values()}):
        table.add_row(
            "node", escape(node_class), _installed(None if object_info is None else node_class in object_info)
        )
    for model in model_files(workflow.graph, workflow.reading.reachable, object_info):
        table.add_row("model", escape(model.name), _installed(model.installed))
    return table


def _problems(workflow: Workflow, kind: JobKind, object_info: Mapping[str, Any] | None) -> Iterator[ChorusError]:
    try:
        validate_structure(workflow, kind, object_info=object_info)
    except ChorusError as error:
        yield error
    if object_info is not None:
        try:
            validate_installed(workflow.graph, object_info)
        except ChorusError as error:
            yield error


def _installed(known: bool | None) -> str:
    return {None: "[dim]not asked[/]", True: "[green]yes[/]", False: "[red]no[/]"}[known]


def _short(value: object) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 60 else text[:59] + "…"
