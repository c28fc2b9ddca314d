"""Nodes that pass on one of several inputs."""

from __future__ import annotations

import re

from bot.workflows.graph import Graph, class_type, inputs, is_link

_SWITCH_CLASS = re.compile(r"switch|conditional|if_?else|^if\b", re.IGNORECASE)
_SELECTORS = ("switch", "cond", "boolean", "select", "index", "input", "condition")
_BRANCHES = {True: ("on_true", "tt_value", "true", "if_true"), False: ("on_false", "ff_value", "false", "if_false")}


def selected_branches(graph: Graph, node_id: str) -> list[str]:
    """Return the names of the inputs that a switch passes on: one if its selector is a literal, else every branch.

    Empty where the node is no switch.
    """
    if not _SWITCH_CLASS.search(class_type(graph, node_id)):
        return []
    given = inputs(graph, node_id)
    selector = next((given[name] for name in _SELECTORS if name in given and not is_link(given[name])), None)
    if both := true_or_false_branches(graph, node_id):
        return [name for name in both if name in _BRANCHES[selector]] if isinstance(selector, bool) else both
    numbered = sorted(name for name, value in given.items() if is_link(value) and re.search(r"\d$", name))
    if isinstance(selector, int) and not isinstance(selector, bool):
        return [name for name in numbered if re.search(rf"(?<!\d)0*{selector}$", name)] or numbered
    return numbered


def true_or_false_branches(graph: Graph, node_id: str) -> list[str]:
    """Return the inputs between which a node with two branches chooses (`ImpactConditionalBranch`), else none."""
    if not _SWITCH_CLASS.search(class_type(graph, node_id)):
        return []
    given = inputs(graph, node_id)
    return [name for names in _BRANCHES.values() for name in names if name in given]
