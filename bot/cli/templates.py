"""`chorus workflow templates` and `chorus workflow models`: what a ComfyUI brings and what is installed there."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final, TypeVar

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bot.cli.convert_workflow import write_graph
from bot.cli.server_object_info import unavailable
from bot.comfyui.client import ComfyClient
from bot.comfyui.exceptions import AccessDenied, ComfyError, UnexpectedResponse
from bot.errors import InputInvalid
from bot.workflows.conversion import convert_ui_workflow
from bot.workflows.template_gallery import TEMPLATE_NAME, TemplateModel, read_index, search, template_models

_SHOWN: Final = 30
_NO_SERVER: Final = "Start ComfyUI, or give its address with --comfyui."
T = TypeVar("T")


def list_templates(server: str, text: str, console: Console) -> None:
    """Print the templates of a ComfyUI's gallery in which every word of the text occurs.

    Raises:
        ComfyUnavailable: The server does not answer.
        InputInvalid: It has no gallery.

    """
    found = search(read_index(_asked(server, _index)), text)
    table = Table(box=box.SIMPLE_HEAD)
    for column in ("name", "title", "models", "size"):
        table.add_column(column, overflow="fold")
    for template in found[:_SHOWN]:
        size = "paid service" if template.costs_money else _gigabytes(template.size_bytes)
        table.add_row(escape(template.name), escape(template.title), escape(", ".join(template.models)), size)
    console.print(table)
    console.print(f"{len(found)} templates" + (f", {_SHOWN} shown: search for words" if len(found) > _SHOWN else ""))


def get_template(server: str, name: str, out: Path, console: Console) -> None:
    """Convert a template to the API format, write it to a file, and print the models that it needs.

    Raises:
        ComfyUnavailable: The server does not answer.
        InputInvalid: There is no template of that name, or the file cannot be written.
        ChorusError: It cannot be converted, for instance because node classes are missing.

    """

    async def fetch(client: ComfyClient) -> tuple[Any, Any, dict[str, list[str]]]:
        workflow = await _template(client, name)
        folders = {model.folder for model in template_models(workflow)}
        return workflow, await client.object_info(), {folder: await _models_in(client, folder) for folder in folders}

    workflow, object_info, installed = _asked(server, fetch)
    converted = convert_ui_workflow(workflow, object_info)
    write_graph(out, json.dumps(converted.graph, indent=2, ensure_ascii=False).encode("utf-8", "replace") + b"\n")
    console.print(f"[green]Written[/] to {escape(str(out))}.", soft_wrap=True)
    for note in converted.notes:
        console.print(f"[yellow]{escape(note)}[/]", soft_wrap=True)
    missing = [model for model in template_models(workflow) if model.name not in installed[model.folder]]
    for model in missing:
        console.print(f"[yellow]{escape(_advice(model))}[/]", soft_wrap=True)
    if not missing:
        console.print("Its models are installed.")


def list_models(server: str, folder: str | None, text: str, console: Console) -> None:
    """Print the model files that a ComfyUI has, of one folder or of all, in which the text occurs.

    Raises:
        ComfyUnavailable: The server does not answer.
        InputInvalid: It has no such folder; the error names those it has.

    """

    async def fetch(client: ComfyClient) -> dict[str, list[str]]:
        folders = await client.model_folders()
        if folder is not None and folder not in folders:
            raise InputInvalid(f"ComfyUI has no folder {folder}.", advice=f"There are: {', '.join(folders)}.")
        return {name: await _models_in(client, name) for name in (folders if folder is None else [folder])}

    wanted = text.casefold()
    found = {
        name: [file for file in files if wanted in file.casefold()] for name, files in _asked(server, fetch).items()
    }
    for name, files in found.items():
        if files:
            console.print(f"[bold]{escape(name)}[/]")
            for file in files:
                console.print(f"  {escape(file)}", soft_wrap=True)
    if not any(found.values()):
        console.print("There are no such model files.")


def _asked(server: str, ask: Callable[[ComfyClient], Awaitable[T]]) -> T:
    async def run() -> T:
        async with ComfyClient(server) as client:
            return await ask(client)

    try:
        return asyncio.run(run())
    except ComfyError as error:
        raise unavailable(server, error, _NO_SERVER) from error


async def _index(client: ComfyClient) -> list[Any]:
    try:
        return await client.template_index()
    except AccessDenied:
        raise
    except UnexpectedResponse as error:
        raise InputInvalid(
            "This ComfyUI serves no templates.", advice="Install its package comfyui-workflow-templates."
        ) from error


async def _template(client: ComfyClient, name: str) -> Any:
    known = {template.name for template in read_index(await _index(client))}
    if TEMPLATE_NAME.fullmatch(name) is None or name not in known:
        raise InputInvalid("There is no template of that name.", advice="`chorus workflow templates` lists the names.")
    return await client.template(name)


async def _models_in(client: ComfyClient, folder: str) -> list[str]:
    try:
        return await client.models_in(folder)
    except AccessDenied:
        raise
    except UnexpectedResponse:  # no such folder
        return []


def _advice(model: TemplateModel) -> str:
    source = f" from {model.url}" if model.url else ""
    return f"It needs {model.name}: download it{source} to ComfyUI's models/{model.folder}."


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size else ""
