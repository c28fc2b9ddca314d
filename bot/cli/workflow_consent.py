"""Asking before a workflow is run that came with somebody's file and that this machine has never run."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape

from bot.errors import InputInvalid
from bot.workflows import Workflow
from bot.workflows.graph import class_type, inputs
from bot.workflows.object_info import ObjectInfo

_MAX_LINES = 30
"""Of each list."""
_MAX_CHARS = 100
_FILE_OR_ADDRESS = re.compile(r"^[^\n]{0,400}(?:://|^/|^~|^[A-Za-z]:[\\/]|\.\.[\\/]|\.[A-Za-z0-9]{2,12}$)")
_OWN_MODULES = ("nodes", "comfy_extras.", "comfy_api_nodes.")
"""Where ComfyUI's own nodes are, as `python_module` in `/object_info` says; those of others: `custom_nodes.<pack>`."""


def ask_consent(workflow: Workflow, object_info: ObjectInfo | None, name: str, console: Console) -> None:
    """Show what the workflow would run and load, and ask whether to run it. Blocking.

    Args:
        workflow: The workflow.
        object_info: The body of `GET /object_info`; None: ComfyUI does not answer.
        name: The file that it came with.
        console: Where to show it; the answer is read from standard input.

    Raises:
        InputInvalid: The answer is no, or there is no terminal to give one.

    """
    console.print(f"{_shown(name)} brings a workflow that has never run here. It runs these nodes:", soft_wrap=True)
    classes = sorted({class_type(workflow.graph, node_id) for node_id in workflow.graph})
    _print_list((f"{_shown(each)}{_origin(each, object_info)}" for each in classes), len(classes), console)
    files = list(dict.fromkeys(_files_and_addresses(workflow.graph)))
    if files:
        console.print("with these files and addresses:")
        _print_list((_shown(each) for each in files), len(files), console)
    if object_info is None:
        console.print("Which of them are custom nodes is not known: ComfyUI does not answer.")
    advice = "Run it only if you trust whoever made the file; --yes runs it without asking."
    if not sys.stdin.isatty():
        raise InputInvalid("A workflow that has never run here is not run without being asked for.", advice=advice)
    if console.input("Run it? \\[y/N] ").strip().lower() not in {"y", "yes"}:
        raise InputInvalid("The workflow was not run.", advice=advice)


def _print_list(lines: Iterable[str], count: int, console: Console) -> None:
    for n, line in enumerate(lines):
        if n == _MAX_LINES:
            console.print(f"  and {count - n} more")
            return
        console.print(f"  {line}", soft_wrap=True)


def _origin(node_class: str, object_info: ObjectInfo | None) -> str:
    if object_info is None:
        return ""
    if node_class not in object_info:
        return " [red](not installed)[/]"
    description: Any = object_info[node_class]
    module = str(description.get("python_module", "")) if isinstance(description, Mapping) else ""  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
    return "" if module.startswith(_OWN_MODULES) else f" [yellow](custom node: {_shown(module) or 'unknown'})[/]"


def _files_and_addresses(graph: Mapping[str, Any]) -> Iterator[str]:
    for node_id in graph:
        for value in inputs(graph, node_id).values():
            if isinstance(value, str) and _FILE_OR_ADDRESS.match(value):
                yield value


def _shown(text: str) -> str:
    """A text of a stranger's, for a terminal: short, and without anything that steers the terminal."""
    printable = "".join(letter if letter.isprintable() else "?" for letter in text[:_MAX_CHARS])
    return escape(printable + ("…" if len(text) > _MAX_CHARS else ""))
