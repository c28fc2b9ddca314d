"""Extracting the parameters of a workflow: every literal input of every node that an output depends on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from bot.workflows.graph import Graph, NodeInput, class_type, inputs, is_link, links, node_order
from bot.workflows.graph_analysis import GraphAnalysis
from bot.workflows.object_info import ObjectInfo, chosen_input_spec
from bot.workflows.parameter_names import WELL_KNOWN_NAMES
from bot.workflows.parameters.access import default_access
from bot.workflows.parameters.labels import labels
from bot.workflows.parameters.parameter import Parameter, ParameterType
from bot.workflows.parameters.value_types import (
    ValueLimits,
    fallback_limits,
    limits_of_spec,
    limits_of_value,
    narrowed,
)
from bot.workflows.parameters.well_known import group_of_class
from bot.workflows.parameters.well_known_places import Found, find_by_rules, find_roles

_LONGEST_TOOLTIP = 300
_ORDER = {name: at for at, name in enumerate(WELL_KNOWN_NAMES)}


def extract_parameters(
    graph: Graph, analysis: GraphAnalysis, object_info: ObjectInfo | None = None
) -> tuple[list[Parameter], dict[str, str]]:
    """Return the parameters of a graph, and further names (inputs behind links) -> the name of the parameter.

    Pure, and independent of what the owner has written into the bindings file about names and limits.

    Args:
        graph: The workflow's graph.
        analysis: Of the same graph.
        object_info: The body of `GET /object_info`, if known: it has types, ranges, lists and tooltips.

    """
    nodes = sorted(analysis.reachable_nodes, key=node_order)
    by_role = find_roles(graph, analysis, nodes)
    # A boundary of a shared sampling is both its end and the next one's start, so places may repeat; see `covered`.
    by_rule = find_by_rules(graph, analysis, nodes, {place for each in by_role for place in each.places})
    builder = _Builder(graph, object_info)
    covered = {place for each in (*by_role, *by_rule) for place in each.places}
    consumers = _consumers(graph, nodes)
    others = [
        Found(str(place), group_of_class(class_type(graph, place.node_id)), (place,), taken, well_known=False)
        for place in _literals(graph, nodes)
        if place not in covered
        for taken in [consumers.get(place.node_id, []) if place.input_name == "value" else []]
    ]
    known = sorted((*by_role, *by_rule), key=lambda each: _ORDER.get(each.name, len(_ORDER)))
    found = [*known, *others]
    names = labels(graph, (each.places[0] for each in found), object_info)
    parameters = [builder.parameter(each, names[each.places[0]]) for each in found]
    other_names = {str(consumer): each.name for each in known for consumer in each.consumers}
    present = {each.name for each in known}
    if ("cfg" in present) != ("guidance" in present):
        other_names |= {"guidance": "cfg"} if "cfg" in present else {"cfg": "guidance"}
    return [each for each in parameters if each is not None], other_names


class _Builder:
    """Makes parameters of what was found; looks up each description once."""

    def __init__(self, graph: Graph, object_info: ObjectInfo | None) -> None:
        self._graph = graph
        self._object_info = object_info
        self._known: dict[tuple[str, str], ValueLimits | None] = {}
        """(class, input) -> its limits; those of dynamic combos depend on the node and are not kept."""

    def parameter(self, found: Found, label: str) -> Parameter | None:
        """The parameter; None where the value is of no type that people could change."""
        place = found.places[0]
        node_class = class_type(self._graph, place.node_id)
        default = inputs(self._graph, place.node_id)[place.input_name]
        if not isinstance(default, (int, float, str)):
            default = None if default is None and found.well_known else default
            if default is not None or not found.well_known:
                return None
        limits = self._limits(found, default)
        if limits is None:
            return None
        if isinstance(default, str) and limits.type.value in {"integer", "number", "seed"}:
            default = _number_of(default)  # a placeholder, or a number that was written as text
        return Parameter(
            name=found.name,
            label=label,
            type=limits.type,
            default=default,
            places=found.places,
            group=found.group,
            open_to=default_access(
                node_class,
                place.input_name,
                limits.type,
                well_known=found.well_known,
                has_choices=limits.choices is not None,
            ),
            minimum=limits.minimum,
            maximum=limits.maximum,
            step=limits.step,
            choices=limits.choices,
            tooltip=self._tooltip(place),
        )

    def _limits(self, found: Found, default: Any) -> ValueLimits | None:
        """The limits of all inputs that take the value; a sampler's go before those of a primitive node."""
        known = [limits for each in (*found.consumers, *found.places) if (limits := self._declared(each)) is not None]
        own = found.places[0].input_name
        if not known:
            well_known = found.name if found.well_known else None
            if isinstance(default, str) and found.well_known:
                fallback = fallback_limits(found.name)
                if fallback is not None:
                    return fallback
            if default is None:
                return ValueLimits(ParameterType.LONG_TEXT) if found.name in {"prompt", "negative"} else None
            return limits_of_value(default, own, well_known)
        first, *others = known
        for other in others:
            first = narrowed(first, other)
        return first

    def _declared(self, node_input: NodeInput) -> ValueLimits | None:
        node_class, name = class_type(self._graph, node_input.node_id), node_input.input_name
        key = (node_class, name)
        if key in self._known:
            return self._known[key]
        spec = chosen_input_spec(self._object_info, node_class, name, inputs(self._graph, node_input.node_id))
        limits = None if spec is None else limits_of_spec(spec, name)
        if "." not in name:
            self._known[key] = limits
        return limits

    def _tooltip(self, place: NodeInput) -> str:
        node_class = class_type(self._graph, place.node_id)
        given = inputs(self._graph, place.node_id)
        spec = chosen_input_spec(self._object_info, node_class, place.input_name, given)
        tooltip = None if spec is None else spec.options.get("tooltip")
        return " ".join(tooltip.split())[:_LONGEST_TOOLTIP] if isinstance(tooltip, str) else ""


def _literals(graph: Graph, nodes: list[str]) -> Iterator[NodeInput]:
    for node_id in nodes:
        for name, value in inputs(graph, node_id).items():
            if isinstance(value, (int, float, str)) and not is_link(value):
                yield NodeInput(node_id, name)


def _consumers(graph: Graph, nodes: list[str]) -> dict[str, list[NodeInput]]:
    """Id of a node without links (a primitive) -> the inputs that take its value."""
    found: dict[str, list[NodeInput]] = {}
    primitive: Callable[[str], bool] = lambda node_id: next(links(graph, node_id), None) is None  # noqa: E731
    for node_id in nodes:
        for name, source in links(graph, node_id):
            if "value" in inputs(graph, source) and primitive(source):
                found.setdefault(source, []).append(NodeInput(node_id, name))
    return found


def _number_of(text: str) -> int | float | None:
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return None
