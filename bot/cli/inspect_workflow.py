"""`chorus workflow inspect FILE`: what the analysis of a workflow file has found, and what the workflow needs."""

from __future__ import annotations

from pathlib import Path

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bot.cli.server_object_info import server_object_info
from bot.domain.jobs import JobKind
from bot.errors import WorkflowInvalid
from bot.workflows import InputRole, Workflow, WorkflowDescription, describe, read_workflow
from bot.workflows.parameters import Parameter

_MAX_VALUE_CHARS = 60
_NO_SERVER = "Check the address; leave --comfyui out to go without."


def inspect_workflow(file: Path, console: Console, *, server: str | None = None) -> bool:
    """Print what was found in a workflow and return whether it can be used.

    Args:
        file: The workflow file; its `<name>.bindings.yaml` is read too.
        console: Where to print.
        server: Base URL of a ComfyUI with which nodes and models are compared.

    Raises:
        WorkflowInvalid: The file cannot be read or holds no graph in API format.
        ComfyUnavailable: `server` does not answer.

    """
    folder_kind = _kind_of_folder(file)
    try:
        workflow = read_workflow(file, kind=folder_kind or JobKind.IMAGE)
    except OSError as error:
        reason = (error.strerror or "error").lower()
        raise WorkflowInvalid(f"{file.name} cannot be read ({reason}).", advice="Check the path.") from error
    object_info = server_object_info(server, _NO_SERVER) if server else None
    description = describe(workflow, folder_kind or _kind_of_graph(workflow), object_info)
    console.print(_table_of_inputs(description))
    console.print(_table_of_parameters(description))
    console.print(_table_of_requirements(description))
    for problem in description.problems:
        console.print(f"[red]{escape(problem.message)}[/] [dim]({problem.code})[/]", soft_wrap=True)
        console.print(f"  {escape(problem.advice)}", soft_wrap=True)
    for warning in description.warnings:
        console.print(f"[yellow]{escape(warning)}[/]", soft_wrap=True)
    if not description.problems:
        compared = "" if object_info is not None else "; compare it with your ComfyUI: --comfyui http://127.0.0.1:8188"
        console.print(f"[green]It can be used[/] for {description.kind.value}{compared}", soft_wrap=True)
    return not description.problems


def _kind_of_folder(file: Path) -> JobKind | None:
    """The kind by the folder that the file lies in (`workflows/nova/audio/default.json`), if it is one of a kind."""
    parent = file.absolute().parent.name
    return JobKind(parent) if parent in set(JobKind) else None


def _kind_of_graph(workflow: Workflow) -> JobKind:
    return JobKind.AUDIO if workflow.analysis.inputs_for(InputRole.TEXT) else JobKind.IMAGE


def _table_of_inputs(description: WorkflowDescription) -> Table:
    title = f"{escape(description.name)}  [dim]{description.content_hash[:12]}[/]"
    table = Table(title=title, box=box.SIMPLE, title_justify="left")
    for column in ("", "node and input", "title", "now", "found by"):
        table.add_column(column, overflow="fold")
    for role in description.roles:
        source = role.source.value if role.source is not None else ""
        for n, found in enumerate(role.inputs):
            cells = (str(found.node_input), found.node_title, _shortened(found.value), source)
            table.add_row("" if n else role.label, *(escape(text) for text in cells))
        if role.candidates:
            names = ", ".join(str(candidate) for candidate in role.candidates)
            table.add_row(role.label, escape(names), "", "", "[yellow]several could be it[/]")
        elif not role.inputs:
            table.add_row(role.label, "[dim]none[/]")
    for media in description.media:
        role = f"{media.role.value} ({media.kind})" if media.kind else media.role.value
        places = ", ".join(str(place) for place in media.places)
        table.add_row("file", escape(places), escape(media.label), _shortened(media.own), escape(role))
    table.add_row("largest seed", str(description.seed_limit))
    for n, node in enumerate(description.output_nodes):
        table.add_row("" if n else "outputs", escape(node.node_id), escape(node.title), escape(node.class_type))
    return table


def _table_of_parameters(description: WorkflowDescription) -> Table:
    table = Table(title="What people can change", box=box.SIMPLE, title_justify="left")
    for column in ("name", "node and input", "type", "now", "allowed", "open to"):
        table.add_column(column, overflow="fold")
    for parameter in description.parameters:
        now = "" if parameter.default is None else _shortened(parameter.default)
        cells = (
            parameter.name,
            parameter.label,
            parameter.type.value,
            now,
            _allowed(parameter),
            parameter.open_to.value,
        )
        table.add_row(*(escape(text) for text in cells))
    return table


def _allowed(parameter: Parameter) -> str:
    if parameter.choices is not None:
        return f"one of {len(parameter.choices)}"
    if parameter.minimum is None or parameter.maximum is None:
        return ""
    step = f", step {parameter.step:g}" if parameter.step else ""
    return f"{parameter.minimum} to {parameter.maximum}{step}"


def _table_of_requirements(description: WorkflowDescription) -> Table:
    table = Table(title="What it needs", box=box.SIMPLE, title_justify="left")
    table.add_column("kind")
    table.add_column("name", overflow="fold")
    table.add_column("installed")
    for required in description.classes:
        table.add_row("node", escape(required.name), _installed(required.installed))
    for model in description.models:
        table.add_row("model", escape(model.name), _installed(model.installed))
    return table


def _installed(known: bool | None) -> str:
    return {None: "[dim]not asked[/]", True: "[green]yes[/]", False: "[red]no[/]"}[known]


def _shortened(value: object) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= _MAX_VALUE_CHARS else text[: _MAX_VALUE_CHARS - 1] + "…"
