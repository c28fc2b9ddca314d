"""What was found in a workflow, in words: for `chorus workflow inspect` and for `chorus doctor`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bot.domain.jobs import JobKind
from bot.errors import ChorusError
from bot.workflows.graph import Graph, Target, class_type, inputs, node_title
from bot.workflows.models import ModelFile, model_files
from bot.workflows.object_info import ObjectInfo
from bot.workflows.placeholders import unknown_placeholders
from bot.workflows.roles import Role
from bot.workflows.validation import validate_installed, validate_structure
from bot.workflows.values import Source, Workflow

_LABELS = {
    Role.POSITIVE: "prompt",
    Role.CFG: "guidance",
    Role.TEXT: "spoken text",
    Role.VOICE_SAMPLE: "voice sample",
    Role.VOICE_TRANSCRIPT: "voice transcript",
    Role.REFERENCE_IMAGE: "input picture",
    Role.CHARACTER_NAME: "character name",
}
_FILE_ROLES = (Role.REFERENCE_IMAGE, Role.VOICE_SAMPLE)
_SHOWN = 70


@dataclass(frozen=True, slots=True)
class Place:
    """One input that a value goes to."""

    target: Target
    node_title: str
    class_type: str
    value: Any
    """What the file has there now."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Where the values of one role go."""

    role: Role
    label: str
    source: Source | None
    """How it was found; None for an open question."""
    places: tuple[Place, ...]
    candidates: tuple[Place, ...]
    """Not empty: several different places, and the owner has to choose."""


@dataclass(frozen=True, slots=True)
class WorkflowDescription:
    """Everything `chorus workflow inspect` shows."""

    name: str
    kind: str
    content_hash: str
    node_count: int
    unreachable: tuple[str, ...]
    """Ids of leftovers that no output depends on."""
    findings: tuple[Finding, ...]
    outputs: tuple[Place, ...]
    """The output nodes (`value` is their file name prefix, if they have one)."""
    models: tuple[ModelFile, ...]
    class_types: tuple[str, ...]
    custom_nodes: tuple[str, ...] | None
    """Classes that do not come with ComfyUI; None where no `/object_info` says."""
    missing_nodes: tuple[str, ...] | None
    """Classes the server does not have; None where no `/object_info` says."""
    input_files: tuple[Place, ...]
    """Files that ComfyUI must have or that the run brings along."""
    unknown_placeholders: tuple[str, ...]
    """Things that look like placeholders and are left as they are."""
    problems: tuple[ChorusError, ...]
    """What would stop a run of this kind, as far as can be known."""

    def finding(self, role: Role) -> Finding | None:
        """What was found for a role."""
        return next((found for found in self.findings if found.role is role), None)


def describe(workflow: Workflow, object_info: ObjectInfo | None = None) -> WorkflowDescription:
    """Read a workflow for a person; with `/object_info` also what is installed. Raises nothing."""
    graph, reading = workflow.graph, workflow.reading
    classes = tuple(sorted({class_type(graph, node_id) for node_id in graph}))
    findings = tuple(_finding(workflow, role) for role in Role if _worth_showing(workflow, role))
    files = [place for found in findings if found.role in _FILE_ROLES for place in (*found.places, *found.candidates)]
    return WorkflowDescription(
        name=workflow.name,
        kind=workflow.kind.value,
        content_hash=workflow.content_hash,
        node_count=len(graph),
        unreachable=tuple(node_id for node_id in graph if node_id not in reading.reachable),
        findings=findings,
        outputs=tuple(_place(graph, Target(node_id, "filename_prefix")) for node_id in reading.outputs),
        models=tuple(model_files(graph, (node_id for node_id in graph if node_id in reading.reachable), object_info)),
        class_types=classes,
        custom_nodes=None if object_info is None else tuple(name for name in classes if _is_custom(object_info, name)),
        missing_nodes=None if object_info is None else tuple(name for name in classes if name not in object_info),
        input_files=tuple(files),
        unknown_placeholders=tuple(dict.fromkeys(unknown_placeholders(graph))),
        problems=tuple(_problems(workflow, object_info)),
    )


def describe_text(description: WorkflowDescription) -> list[str]:
    """The description as lines for a terminal."""
    lines = [
        f"{description.name} ({description.kind}, {description.node_count} nodes, {description.content_hash[:12]})",
        *(line for found in description.findings for line in _finding_lines(found)),
    ]
    lines += [
        f"output: {place.target.node_id} {place.node_title} ({place.class_type})" for place in description.outputs
    ]
    for model in description.models:
        state = {True: "", False: " - not installed", None: ""}[model.installed]
        near = f" (nearest: {', '.join(model.nearest)})" if model.nearest else ""
        lines.append(f"needs model: {model.name}{state}{near}")
    lines += [f"needs custom node: {name}" for name in description.custom_nodes or ()]
    lines += [f"missing node: {name}" for name in description.missing_nodes or ()]
    lines += [f"left as it is: {token}" for token in description.unknown_placeholders]
    if description.unreachable:
        lines.append(f"not used by any output: {', '.join(description.unreachable)}")
    for problem in description.problems:
        lines += [f"{problem.code}: {problem.message}", f"  {problem.advice}"]
    return lines


def _worth_showing(workflow: Workflow, role: Role) -> bool:
    reading = workflow.reading
    if role is Role.POSITIVE and workflow.kind is JobKind.AUDIO and reading.positive == reading.text:
        return False  # the spoken text, once more
    return bool(reading.of(role) or reading.ambiguity(role) or role in reading.sources)


def _finding_lines(found: Finding) -> list[str]:
    if found.candidates:
        yours = [f"  {_shown(place)}" for place in found.candidates]
        return [f"{found.label}: several different places, name one in the bindings file:", *yours]
    source = "" if found.source is None else f"  [{found.source.value}]"
    return [f"{found.label}: {_shown(place)}{source}" for place in found.places] or [f"{found.label}: nowhere{source}"]


def _shown(place: Place) -> str:
    text = " ".join(str(place.value).split())
    short = text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
    return f'{place.target} {place.node_title} = "{short}"'


def _finding(workflow: Workflow, role: Role) -> Finding:
    reading = workflow.reading
    ambiguity = reading.ambiguity(role)
    return Finding(
        role=role,
        label=_LABELS.get(role, role.value),
        source=reading.sources.get(role),
        places=tuple(_place(workflow.graph, target) for target in reading.of(role)),
        candidates=tuple(_place(workflow.graph, target) for target in ambiguity.candidates) if ambiguity else (),
    )


def _place(graph: Graph, target: Target) -> Place:
    node_id = target.node_id
    value = inputs(graph, node_id).get(target.input_name)
    return Place(target, node_title(graph, node_id), class_type(graph, node_id), value)


def _is_custom(object_info: ObjectInfo, node_class: str) -> bool:
    return str(object_info.get(node_class, {}).get("python_module", "")).startswith("custom_nodes")


def _problems(workflow: Workflow, object_info: ObjectInfo | None) -> list[ChorusError]:
    found: list[ChorusError] = []
    try:
        validate_structure(workflow, object_info=object_info)
    except ChorusError as error:
        found.append(error)
    if object_info is not None:
        try:
            validate_installed(workflow.graph, object_info)
        except ChorusError as error:
            found.append(error)
    return found
