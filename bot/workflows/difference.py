"""What changed between two versions of a workflow, in sentences for the person who wants the old one again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from bot.workflows.graph import Graph, class_type, inputs, is_link, node_title
from bot.workflows.values import Workflow

_LONGEST_VALUE = 60


def differences(old: Workflow, new: Workflow) -> list[str]:
    """One line for each node that came, went or changed, and one for the bindings; empty: they do the same.

    Titles and the layout of the file do not count: they change nothing that is made.
    """
    before, after = old.graph, new.graph
    lines = [f"new node {_called(after, node)}" for node in after if node not in before]
    lines += [f"node {_called(before, node)} is gone" for node in before if node not in after]
    for node in before:
        if node in after:
            lines += _node(before, after, node)
    if old.bindings != new.bindings:
        lines.append("the bindings file says something else")
    return lines


def shortened(lines: Sequence[str], most: int) -> list[str]:
    """At most `most` lines, the last one saying how many more there are."""
    if len(lines) <= most:
        return list(lines)
    return [*lines[: most - 1], f"and {len(lines) - most + 1} more"]


def _node(before: Graph, after: Graph, node: str) -> Iterator[str]:
    if class_type(before, node) != class_type(after, node):
        yield f"node {_called(before, node)} is a {class_type(after, node)[:_LONGEST_VALUE]} now"
        return
    was, now = inputs(before, node), inputs(after, node)
    for name in dict.fromkeys((*was, *now)):
        if was.get(name) != now.get(name):
            yield f"{_called(after, node)}, {name[:_LONGEST_VALUE]}: {_shown(was.get(name))} → {_shown(now.get(name))}"


def _called(graph: Graph, node: str) -> str:
    return f'"{node_title(graph, node)[:_LONGEST_VALUE]}"'


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    if is_link(value):
        return f"from node {value[0]}"
    text = " ".join(str(value).split())
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"
