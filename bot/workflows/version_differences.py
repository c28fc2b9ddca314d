"""The differences between two versions of a workflow, in sentences for the person who repeats an old job."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from bot.workflows.graph import Graph, class_type, inputs, is_link, node_title
from bot.workflows.workflow import Workflow

_MAX_CHARS = 60
"""Of a name or value in a sentence."""


def differences(old: Workflow, new: Workflow) -> list[str]:
    """Return one line for each node that is new, gone or different, and one if the bindings differ.

    Titles and the layout of the file do not count, since they change nothing in the result: without other differences
    the list is empty.
    """
    before, after = old.graph, new.graph
    lines = [f"new node {_quoted_title(after, node_id)}" for node_id in after if node_id not in before]
    lines += [f"node {_quoted_title(before, node_id)} is gone" for node_id in before if node_id not in after]
    for node_id in before:
        if node_id in after:
            lines += _node_differences(before, after, node_id)
    if old.bindings != new.bindings:
        lines.append("the bindings file says something else")
    return lines


def shortened(lines: Sequence[str], most: int) -> list[str]:
    """Return at most `most` lines; where there were more, the last one says how many."""
    if len(lines) <= most:
        return list(lines)
    return [*lines[: most - 1], f"and {len(lines) - most + 1} more"]


def _node_differences(before: Graph, after: Graph, node_id: str) -> Iterator[str]:
    if class_type(before, node_id) != class_type(after, node_id):
        yield f"node {_quoted_title(before, node_id)} is a {class_type(after, node_id)[:_MAX_CHARS]} now"
        return
    old, new = inputs(before, node_id), inputs(after, node_id)
    for name in dict.fromkeys((*old, *new)):
        if old.get(name) != new.get(name):
            change = f"{_shown(old.get(name))} → {_shown(new.get(name))}"
            yield f"{_quoted_title(after, node_id)}, {name[:_MAX_CHARS]}: {change}"


def _quoted_title(graph: Graph, node_id: str) -> str:
    return f'"{node_title(graph, node_id)[:_MAX_CHARS]}"'


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    if is_link(value):
        return f"from node {value[0]}"
    text = " ".join(str(value).split())
    return text if len(text) <= _MAX_CHARS else f"{text[:_MAX_CHARS]}…"
