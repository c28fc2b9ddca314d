"""`chorus workflow templates` and `chorus workflow models`: what a ComfyUI brings and what is installed there."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, TypeVar

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bot.cli.convert_workflow import write_file
from bot.cli.server_object_info import server_object_info, unavailable
from bot.comfyui.client import ComfyClient
from bot.comfyui.exceptions import ComfyError
from bot.errors import ComfyUnavailable
from bot.workflow_store.installed_models import InstalledModels
from bot.workflow_store.template_gallery import TemplateGallery
from bot.workflows.conversion import convert_ui_workflow

_SHOWN: Final = 30
_NO_SERVER: Final = "Start ComfyUI, or give its address with --comfyui."
T = TypeVar("T")


def list_templates(server: str, text: str, console: Console) -> None:
    """Print the templates of a ComfyUI's gallery in which every word of the text occurs.

    Raises:
        ComfyUnavailable: The server does not answer.
        InputInvalid: It has no gallery.

    """
    found = _asked(server, lambda gallery, _: gallery.search(text))
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
    found = _asked(server, lambda gallery, _: gallery.get(name))
    converted = convert_ui_workflow(found.workflow, server_object_info(server, _NO_SERVER))
    write_file(out, json.dumps(converted.graph, indent=2, ensure_ascii=False).encode("utf-8", "replace") + b"\n")
    console.print(f"[green]Written[/] to {escape(str(out))}.", soft_wrap=True)
    for note in converted.notes:
        console.print(f"[yellow]{escape(note)}[/]", soft_wrap=True)
    missing = [model for model in found.models if not model.installed]
    for model in missing:
        console.print(f"[yellow]{escape(model.advice)}[/]", soft_wrap=True)
    if not missing:
        console.print("Its models are installed.")


def list_models(server: str, folder: str | None, text: str, console: Console) -> None:
    """Print the model files that a ComfyUI has, of one folder or of all, in which the text occurs.

    Raises:
        ComfyUnavailable: The server does not answer.
        InputInvalid: It has no such folder; the error names those it has.

    """
    found = _asked(server, lambda _, installed: installed.find(folder, text))
    for name, files in found.items():
        if files:
            console.print(f"[bold]{escape(name)}[/]")
            for file in files:
                console.print(f"  {escape(file)}", soft_wrap=True)
    if not any(found.values()):
        console.print("There are no such model files.")


def _asked(server: str, ask: Callable[[TemplateGallery, InstalledModels], Awaitable[T]]) -> T:
    async def run() -> T:
        async with ComfyClient(server) as client:
            installed = InstalledModels(client)
            return await ask(TemplateGallery(client, installed), installed)

    try:
        return asyncio.run(run())
    except ComfyUnavailable as error:
        if isinstance(error.__cause__, ComfyError):
            raise unavailable(server, error.__cause__, _NO_SERVER) from error
        raise


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size else ""
