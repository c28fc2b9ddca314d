"""A workflow as it may be given to strangers: without the prompts that somebody wrote, and without paths."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from bot.workflows.embedded.shared_workflow import MAX_PRESETS, SharedPreset, SharedWorkflow
from bot.workflows.graph import NodeInput, class_type, inputs, is_link
from bot.workflows.input_roles import InputRole
from bot.workflows.model_files import model_files
from bot.workflows.object_info import ObjectInfo
from bot.workflows.parameter_names import canonical_name, is_well_known
from bot.workflows.parameters import ParameterType, WorkflowParameters, parameters_of
from bot.workflows.parameters.parameter import TEXT_TYPES
from bot.workflows.placeholders import find_placeholders
from bot.workflows.workflow import Workflow, parse_workflow

_WRITTEN_BY_PEOPLE: Final = (
    InputRole.POSITIVE,
    InputRole.NEGATIVE,
    InputRole.TEXT,
    InputRole.VOICE_TRANSCRIPT,
    InputRole.CHARACTER_NAME,
)
_OWN_WORDS: Final = frozenset(
    {ParameterType.TEXT, ParameterType.LONG_TEXT, ParameterType.PICTURE, ParameterType.SOUND, ParameterType.FILM}
)
_PATH: Final = re.compile(r"\s*(?:/|\\\\|~[\\/]|[A-Za-z]:[\\/]|file:)[^\n]{0,500}")


def without_own_words(workflow: Workflow) -> Workflow:
    """Return the workflow with empty prompts and with file names in place of paths.

    Emptied are the inputs that take the prompt, the negative prompt, the spoken text, the transcript and the
    character's name, all that could be meant where that is not clear; texts around a placeholder are the workflow's own
    and stay. Of absolute paths the last part stays.
    Which inputs take which value stays as it was: where the analysis would find others now, bindings name them.

    Raises:
        BindingsInvalid: Never for a workflow that was parsed before.

    """
    graph: dict[str, Any] = json.loads(json.dumps(workflow.graph))
    for node in graph.values():
        meta = node.pop("_meta", None)
        if isinstance(meta, dict) and isinstance(meta.get("title"), str):  # pyright: ignore[reportUnknownMemberType] - JSON
            node["_meta"] = {"title": meta["title"]}
    for place in _own_texts(workflow):
        value = graph[place.node_id]["inputs"].get(place.input_name)
        if isinstance(value, str) and not find_placeholders(value, place.input_name):
            graph[place.node_id]["inputs"][place.input_name] = ""
    for node_id in graph:
        for name, value in inputs(graph, node_id).items():
            if isinstance(value, str) and not is_link(value) and _PATH.fullmatch(value):
                graph[node_id]["inputs"][name] = re.split(r"[\\/]", value.rstrip("\\/ "))[-1]
    given: dict[str, Any] = workflow.bindings.model_dump(mode="json", exclude_defaults=True)
    _remove_texts(given, parameters_of(workflow))
    shared = _parsed(workflow, graph, given)
    for role in InputRole:
        before = workflow.analysis.inputs_for(role)
        if set(shared.analysis.inputs_for(role)) != set(before):
            given[role.value] = [str(place) for place in before]
    return _parsed(workflow, graph, given)


def shared_workflow(
    workflow: Workflow, presets: Mapping[str, Mapping[str, Any]], object_info: ObjectInfo | None
) -> SharedWorkflow:
    """Return what is shared beside the graph of a workflow from `without_own_words`.

    Args:
        workflow: The workflow.
        presets: Values by the name of their preset; texts that people wrote are left out.
        object_info: The body of `GET /object_info`, if known.

    """
    graph = workflow.graph
    known = parameters_of(workflow, object_info)
    kept = {name: _without_texts(values, known) for name, values in presets.items()}
    found = [SharedPreset(name=name, values=values) for name, values in kept.items() if values]
    return SharedWorkflow(
        name=workflow.name,
        kind=workflow.kind,
        bindings=workflow.bindings.model_dump(mode="json", exclude_defaults=True),
        presets=tuple(found[:MAX_PRESETS]),
        nodes=tuple(sorted({class_type(graph, node_id)[:300] for node_id in graph})),
        models=tuple(dict.fromkeys(model.name[:300] for model in model_files(graph, graph, object_info))),
    )


def _own_texts(workflow: Workflow) -> Iterator[NodeInput]:
    """The inputs whose texts somebody wrote; where it is not known which one takes the prompt, every text."""
    analysis = workflow.analysis
    for role in _WRITTEN_BY_PEOPLE:
        yield from analysis.inputs_for(role)
        ambiguity = analysis.ambiguity(role)
        yield from ambiguity.candidates if ambiguity is not None else ()
    if not analysis.takes(InputRole.POSITIVE) and not analysis.takes(InputRole.TEXT):
        for parameter in parameters_of(workflow):
            if parameter.type in TEXT_TYPES and parameter.choices is None:
                yield from parameter.places


def _without_texts(values: Mapping[str, Any], known: WorkflowParameters) -> dict[str, Any]:
    return {name: value for name, value in values.items() if not (isinstance(value, str) and _is_text(name, known))}


def _is_text(name: str, known: WorkflowParameters) -> bool:
    """A value that people write, or the name of a file of theirs; also one of a parameter that is not known."""
    if canonical_name(name) in {"prompt", "negative"}:
        return True
    parameter = known.find(name)
    if parameter is None:
        return not is_well_known(canonical_name(name))
    return parameter.type in _OWN_WORDS and parameter.choices is None


def _remove_texts(bindings: dict[str, Any], known: WorkflowParameters) -> None:
    """Remove the defaults of a bindings file that are texts."""
    defaults = bindings.get("defaults")
    if isinstance(defaults, dict):
        bindings["defaults"] = _without_texts(defaults, known)  # pyright: ignore[reportUnknownArgumentType] - JSON


def _parsed(workflow: Workflow, graph: Mapping[str, Any], bindings: Mapping[str, Any]) -> Workflow:
    return parse_workflow(
        json.dumps(graph),
        bindings=json.dumps(bindings) if bindings else None,
        kind=workflow.kind,
        name=workflow.name,
        character_id=workflow.character_id,
    )
