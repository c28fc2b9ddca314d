"""Finding the places of well-known parameters in a graph."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.workflows import name_patterns as patterns
from bot.workflows.graph import Graph, NodeInput, class_type, downstream_of_others, inputs, is_link, node_order
from bot.workflows.graph_analysis import GraphAnalysis
from bot.workflows.input_roles import InputRole
from bot.workflows.parameters.literal_sources import LiteralSources
from bot.workflows.parameters.parameter import ParameterGroup
from bot.workflows.parameters.well_known import (
    CONTROL_STRENGTH,
    ROLE_GROUPS,
    ROLE_INPUTS,
    ROLE_NAMES,
    RULES,
    WellKnownRule,
)


@dataclass(slots=True)
class Found:
    """A parameter that is found by its role or by a rule.

    Attributes:
        name: The well-known name, or the role's key in bindings files.
        places: The inputs that hold its value.
        consumers: Inputs that take the value through links; the limits of their nodes count.

    """

    name: str
    group: ParameterGroup
    places: tuple[NodeInput, ...]
    consumers: list[NodeInput] = field(default_factory=list[NodeInput])
    well_known: bool = True


def find_roles(graph: Graph, analysis: GraphAnalysis, nodes: Iterable[str]) -> list[Found]:
    """Return the parameters behind the roles that the analysis has found."""
    found: dict[InputRole, Found] = {}
    for role, places in analysis.inputs.items():
        name = ROLE_NAMES.get(role, role.value)
        if role is InputRole.CFG and places and all(place.input_name.lower() == "guidance" for place in places):
            name = "guidance"
        group = ROLE_GROUPS.get(role, ParameterGroup.OTHER)
        if places:
            found[role] = Found(name, group, places, well_known=role in ROLE_NAMES)
    wanted = {role: pattern for role, pattern in ROLE_INPUTS.items() if role in found}
    sources = {role: LiteralSources(graph, pattern) for role, pattern in wanted.items()}
    for node_id in nodes:
        for name, value in inputs(graph, node_id).items():
            if not is_link(value):
                continue
            for role, pattern in wanted.items():
                if pattern.fullmatch(name.lower()):
                    source = sources[role].of_input(NodeInput(node_id, name))
                    if source in found[role].places:
                        found[role].consumers.append(NodeInput(node_id, name))
    return list(found.values())


def find_by_rules(graph: Graph, analysis: GraphAnalysis, nodes: list[str], taken: set[NodeInput]) -> list[Found]:
    """Return the other well-known parameters.

    Args:
        graph: The workflow's graph.
        analysis: What is known about it.
        nodes: Ids of the nodes that an output depends on, in order.
        taken: Inputs that belong to a role.

    """
    matches = _Matches(graph, nodes, taken)
    steps_nodes = _nodes_of_main_steps(graph, analysis, nodes)
    found: list[Found] = []
    for rule in RULES:
        made = matches.found(rule, steps_nodes)
        if made is not None and all(each.name != made.name for each in found):
            found.append(made)
    names = {each.name for each in found}
    lora = next((each for each in found if each.name == "lora"), None)
    strength = next((each for each in found if each.name == "strength"), None)
    if lora is not None and strength is not None:
        _keep_strengths_of(lora, strength)
    if "strength" not in names and (control := matches.found(CONTROL_STRENGTH, steps_nodes)) is not None:
        found.append(control)
    if _cfg_beside_guidance(analysis):
        cfg = WellKnownRule("cfg", ParameterGroup.SAMPLER, re.compile("cfg"), sampling=True)
        if (made := matches.found(cfg, steps_nodes)) is not None:
            found.append(made)
    if (end := next((each for each in found if each.name == "end_step"), None)) is not None:
        _join_boundary(graph, matches, end)
    return found


class _Matches:
    """The inputs that match rules: consumer -> place that holds its literal."""

    def __init__(self, graph: Graph, nodes: list[str], taken: set[NodeInput]) -> None:
        self._graph = graph
        self._nodes = nodes
        self._taken = taken
        self._used = set[NodeInput]()
        self._sources: dict[str, LiteralSources] = {}
        self._by_name: dict[str, list[NodeInput]] = {}
        for node_id in nodes:
            for name in inputs(graph, node_id):
                self._by_name.setdefault(name.lower(), []).append(NodeInput(node_id, name))

    def all(self, rule: WellKnownRule) -> dict[NodeInput, NodeInput]:
        """Consumer -> place, in the order of the nodes."""
        found: dict[NodeInput, NodeInput] = {}
        sources = self._sources.setdefault(rule.name, LiteralSources(self._graph, rule.input_name))
        for lower, candidates in self._by_name.items():
            if not rule.input_name.fullmatch(lower):
                continue
            for consumer in candidates:
                if rule.matches(class_type(self._graph, consumer.node_id), consumer.input_name):
                    place = sources.of_input(consumer)
                    if place is not None and place not in self._taken and self._fits(rule, place):
                        found[consumer] = place
        return dict(sorted(found.items(), key=lambda item: node_order(item[0].node_id)))

    def found(self, rule: WellKnownRule, main_nodes: frozenset[str]) -> Found | None:
        """The places of the main value of a rule, and every other place that repeats it."""
        candidates = {each: place for each, place in self.all(rule).items() if place not in self._used}
        if not candidates:
            return None
        main = self._main(rule, candidates, main_nodes)
        value = self._value(candidates[main])
        places = dict.fromkeys(place for place in candidates.values() if self._value(place) == value)
        self._used.update(places)
        consumers = [each for each, place in candidates.items() if place in places and each != place]
        return Found(rule.name, rule.group, tuple(places), consumers)

    def _main(
        self, rule: WellKnownRule, candidates: Mapping[NodeInput, NodeInput], main_nodes: frozenset[str]
    ) -> NodeInput:
        if len(candidates) == 1:
            return next(iter(candidates))
        if rule.sampling and (main := [each for each in candidates if each.node_id in main_nodes]):
            return main[0]
        primary = [
            each for each in candidates if not patterns.SECONDARY_CLASS.search(class_type(self._graph, each.node_id))
        ]
        if rule.sampling and len(primary) > 1:
            marked = {each.node_id for each in primary}
            dependent = downstream_of_others(self._graph, self._nodes, marked)
            return next((each for each in primary if each.node_id not in dependent), primary[0])
        return next(iter(primary or candidates))

    def _fits(self, rule: WellKnownRule, place: NodeInput) -> bool:
        value = self._value(place)
        return isinstance(value, str) if rule.text else isinstance(value, (int, float)) and not isinstance(value, bool)

    def _value(self, place: NodeInput) -> Any:
        return inputs(self._graph, place.node_id)[place.input_name]


def _nodes_of_main_steps(graph: Graph, analysis: GraphAnalysis, nodes: list[str]) -> frozenset[str]:
    """Ids of the nodes that hold or take the number of steps that counts for the workflow."""
    places = set(analysis.inputs_for(InputRole.STEPS))
    sources = LiteralSources(graph, ROLE_INPUTS[InputRole.STEPS])
    return frozenset(
        node_id
        for node_id in nodes
        if "steps" in inputs(graph, node_id) and sources.of_input(NodeInput(node_id, "steps")) in places
    )


def _cfg_beside_guidance(analysis: GraphAnalysis) -> bool:
    places = analysis.inputs_for(InputRole.CFG)
    return bool(places) and all(place.input_name.lower() == "guidance" for place in places)


def _keep_strengths_of(lora: Found, strength: Found) -> None:
    """Keep only the strengths of the loaders whose file is the main LoRA, where there are such."""
    loaders = {place.node_id for place in (*lora.places, *lora.consumers)}
    if own := tuple(place for place in strength.places if place.node_id in loaders):
        strength.places = own


def _join_boundary(graph: Graph, matches: _Matches, end: Found) -> None:
    """Where a second sampler starts at the step at which the first one ends, both are one value."""
    start = next(rule for rule in RULES if rule.name == "start_step")
    value = inputs(graph, end.places[0].node_id)[end.places[0].input_name]
    ends = {place.node_id for place in end.places}
    continued = [
        place
        for place in matches.all(start).values()
        if place.node_id not in ends and inputs(graph, place.node_id)[place.input_name] == value and value
    ]
    end.places = tuple(dict.fromkeys((*end.places, *continued)))
