"""What the analysis of a workflow has found and what the workflow needs, as one value to be shown to a person."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bot.domain.jobs import JobKind
from bot.errors import ChorusError
from bot.workflows.families import adapted
from bot.workflows.foreign_placeholders import find_foreign_placeholders, known_value, unknown_placeholder
from bot.workflows.graph import Graph, NodeInput, class_type, inputs, node_title
from bot.workflows.graph_analysis import InputSource
from bot.workflows.input_roles import InputRole
from bot.workflows.media_inputs import MediaInput
from bot.workflows.model_files import ModelFile, model_files
from bot.workflows.object_info import ObjectInfo
from bot.workflows.parameters import Parameter, parameters_of
from bot.workflows.run_warnings import Metadata, run_warnings
from bot.workflows.validation import validate_installed, validate_structure
from bot.workflows.value_injection import seed_limit
from bot.workflows.workflow import Workflow

_LABELS = {
    InputRole.POSITIVE: "prompt",
    InputRole.CFG: "guidance",
    InputRole.TEXT: "spoken text",
    InputRole.VOICE_SAMPLE: "voice sample",
    InputRole.VOICE_TRANSCRIPT: "transcript",
    InputRole.REFERENCE_IMAGE: "start picture",
    InputRole.CHARACTER_NAME: "character's name",
}
_ALWAYS_DESCRIBED = frozenset(
    {
        InputRole.POSITIVE,
        InputRole.NEGATIVE,
        InputRole.SEED,
        InputRole.WIDTH,
        InputRole.HEIGHT,
        InputRole.STEPS,
    }
)


@dataclass(frozen=True, slots=True)
class DescribedInput:
    """An input that a value is written into."""

    node_input: NodeInput
    node_title: str
    value: Any
    """What the workflow itself has there."""


@dataclass(frozen=True, slots=True)
class DescribedRole:
    """The inputs of one role. Neither inputs nor candidates: the workflow has no place for such a value."""

    role: InputRole
    label: str
    source: InputSource | None
    """How the inputs were found; None: there are none, or only candidates."""
    inputs: tuple[DescribedInput, ...]
    candidates: tuple[NodeInput, ...]
    """Several different inputs, of which the owner has to choose."""


@dataclass(frozen=True, slots=True)
class DescribedNode:
    """An output node."""

    node_id: str
    title: str
    class_type: str


@dataclass(frozen=True, slots=True)
class RequiredClass:
    """A node class that the workflow uses."""

    name: str
    installed: bool | None
    """None: not known without `/object_info`."""


@dataclass(frozen=True, slots=True)
class WorkflowDescription:
    """A workflow for a person who wants to know whether the bot understands it."""

    name: str
    kind: JobKind
    content_hash: str
    roles: tuple[DescribedRole, ...]
    """The common roles, and those others that have an input or candidates."""
    parameters: tuple[Parameter, ...]
    """Everything that can be changed for a run, well-known parameters first."""
    seed_limit: int
    """The largest seed (inclusive) that it takes."""
    output_nodes: tuple[DescribedNode, ...]
    classes: tuple[RequiredClass, ...]
    """By name."""
    models: tuple[ModelFile, ...]
    media: tuple[MediaInput, ...]
    """The files that it loads, in the order in which a person's pictures fill them."""
    problems: tuple[ChorusError, ...]
    """Why a job of this kind would fail, as far as that can be known."""
    warnings: tuple[str, ...] = ()
    """What will probably go wrong; empty without `/object_info`."""


def describe(
    workflow: Workflow,
    kind: JobKind | None = None,
    object_info: ObjectInfo | None = None,
    *,
    metadata: Metadata | None = None,
) -> WorkflowDescription:
    """Describe a workflow.

    Args:
        workflow: The workflow.
        kind: What the jobs make that it shall be used for; None: the workflow's own kind.
        object_info: The body of `GET /object_info`, to compare nodes and models with what is installed.
        metadata: Of its model files, as far as it was asked for.

    """
    unsuitable: list[ChorusError] = []
    if object_info is not None:
        try:
            workflow = adapted(workflow, object_info)
        except ChorusError as error:
            unsuitable.append(error)
    graph, analysis = workflow.graph, workflow.analysis
    reachable = [node_id for node_id in graph if node_id in analysis.reachable_nodes]
    classes = sorted({class_type(graph, node_id) for node_id in graph})
    roles = (_described_role(workflow, role) for role in InputRole)
    return WorkflowDescription(
        name=workflow.name,
        kind=kind or workflow.kind,
        content_hash=workflow.content_hash,
        roles=tuple(role for role in roles if role.inputs or role.candidates or role.role in _ALWAYS_DESCRIBED),
        parameters=tuple(parameters_of(workflow, object_info)),
        seed_limit=seed_limit(workflow, object_info),
        output_nodes=tuple(_described_node(graph, node_id) for node_id in analysis.output_nodes),
        classes=tuple(RequiredClass(name, None if object_info is None else name in object_info) for name in classes),
        models=tuple(model_files(graph, reachable, object_info)),
        media=workflow.analysis.media,
        problems=tuple(unsuitable or _problems(workflow, kind, object_info)),
        warnings=() if object_info is None else run_warnings(workflow, object_info, metadata),
    )


def _described_role(workflow: Workflow, role: InputRole) -> DescribedRole:
    analysis = workflow.analysis
    ambiguity = analysis.ambiguity(role)
    return DescribedRole(
        role=role,
        label=_LABELS.get(role, role.value),
        source=analysis.sources.get(role),
        inputs=tuple(_described_input(workflow.graph, node_input) for node_input in analysis.inputs_for(role)),
        candidates=ambiguity.candidates if ambiguity else (),
    )


def _described_input(graph: Graph, node_input: NodeInput) -> DescribedInput:
    value = inputs(graph, node_input.node_id).get(node_input.input_name)
    return DescribedInput(node_input, node_title(graph, node_input.node_id), value)


def _described_node(graph: Graph, node_id: str) -> DescribedNode:
    return DescribedNode(node_id, node_title(graph, node_id), class_type(graph, node_id))


def _problems(workflow: Workflow, kind: JobKind | None, object_info: ObjectInfo | None) -> Iterator[ChorusError]:
    try:
        validate_structure(workflow, kind, object_info=object_info)
    except ChorusError as error:
        yield error
    defaults = workflow.bindings.defaults.named()
    left = [
        each
        for each in find_foreign_placeholders(workflow.graph, workflow.analysis.reachable_nodes)
        if str(each.node_input) not in defaults and known_value(workflow.graph, each, object_info) is None
    ]
    if left:
        yield unknown_placeholder(workflow.graph, left, workflow.name)
    if object_info is not None:
        try:
            validate_installed(workflow.graph, object_info)
        except ChorusError as error:
            yield error
