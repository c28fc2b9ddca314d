"""Checking a workflow before it is queued: its structure without a server, its nodes and models against one."""

from __future__ import annotations

from bot.domain.jobs import JobKind
from bot.errors import MissingModel, MissingNode
from bot.workflows.errors import AmbiguousInput, NoOutputNode, NoPromptInput
from bot.workflows.graph import Graph, class_type, node_title, upstream
from bot.workflows.graph_analysis import Ambiguity, GraphAnalysis
from bot.workflows.input_roles import InputRole
from bot.workflows.media_roles import MediaRole
from bot.workflows.model_files import ModelFile, model_files, nearest_names
from bot.workflows.object_info import ObjectInfo, is_output_node
from bot.workflows.placeholders import placeholder_uses
from bot.workflows.workflow import DEFAULT_WORKFLOW, Workflow

_WORDS_FOR_ROLE = {
    InputRole.POSITIVE: ("texts that could be the prompt", "__CHORUS_PROMPT__"),
    InputRole.TEXT: ("texts that could be what is spoken", "__CHORUS_TEXT__"),
    InputRole.REFERENCE_IMAGE: ("pictures that could be the one to start from", "__CHORUS_REFERENCE_IMAGE__"),
    InputRole.VOICE_SAMPLE: ("recordings that could be the voice sample", "__CHORUS_VOICE_SAMPLE__"),
}
_MAX_NAMED = 6
"""How many nodes or classes an error names."""
_MAX_TITLE_CHARS = 60

_SAVES_NOTHING = frozenset({
    "CLIPTextEncode", "CLIPTextEncodeSDXL", "CLIPTextEncodeFlux", "KSampler", "KSamplerAdvanced", "SamplerCustom",
    "SamplerCustomAdvanced", "VAEDecode", "VAEDecodeTiled", "VAEEncode", "ImageScale", "ImageScaleBy", "LoadImage",
    "ImageUpscaleWithModel", "EmptyLatentImage", "LoraLoader", "LoraLoaderModelOnly", "VAEDecodeAudio", "CreateVideo",
    "FluxGuidance", "BasicGuider", "CFGGuider", "ConditioningZeroOut", "ControlNetApply", "ControlNetApplyAdvanced",
    "CheckpointLoaderSimple", "UNETLoader", "VAELoader", "CLIPLoader", "DualCLIPLoader", "ImageBatch", "ImageCrop",
    "LatentUpscale", "LatentUpscaleBy", "CLIPSetLastLayer", "LoadAudio", "Reroute", "ImageInvert",
    "ImagePadForOutpaint",
})  # fmt: skip
"""Core classes that are no output nodes; any other class may be one."""


def validate_structure(
    workflow: Workflow,
    kind: JobKind | None = None,
    *,
    object_info: ObjectInfo | None = None,
    has_reference: bool | None = None,
) -> None:
    """Check that a job of this kind can write its values into the workflow and will get a file. Asks no server.

    Args:
        workflow: The workflow.
        kind: What the job makes; None: the workflow's own kind.
        object_info: The body of `GET /object_info`, if known: it says which classes are output nodes.
        has_reference: Whether the job brings a file; a workflow that starts from a picture or film needs no prompt
            then. None: not known yet.

    Raises:
        NoOutputNode: No node saves or shows a file.
        AmbiguousInput: Several different texts could be the prompt (speech: the spoken text).
        NoPromptInput: There is no text that could be.

    """
    analysis = workflow.analysis
    _require_output_node(workflow.graph, analysis, object_info)
    asked = kind or workflow.kind
    role = InputRole.TEXT if asked is JobKind.AUDIO else InputRole.POSITIVE
    if analysis.inputs_for(role):
        return
    if ambiguity := analysis.ambiguity(role) or analysis.ambiguity(InputRole.POSITIVE):
        raise ambiguity_error(workflow.graph, ambiguity, workflow.name)
    starts_from_picture = bool(
        analysis.inputs_for(InputRole.REFERENCE_IMAGE)
        or analysis.ambiguity(InputRole.REFERENCE_IMAGE)
        or any(media.role is MediaRole.FILM for media in analysis.media)
    )
    if asked is JobKind.AUDIO or not starts_from_picture or has_reference is False:
        raise _no_prompt_input(workflow, role)


def _no_prompt_input(workflow: Workflow, role: InputRole) -> NoPromptInput:
    """Where a placeholder stands in a node that ComfyUI would not execute, the error names it."""
    for use in placeholder_uses(workflow.graph):
        if use.role in {role, InputRole.POSITIVE} and use.node_input.node_id not in workflow.analysis.reachable_nodes:
            node_id = use.node_input.node_id
            title = node_title(workflow.graph, node_id)[:_MAX_TITLE_CHARS]
            return NoPromptInput(
                f'The prompt would go into node {node_id} ("{title}"), but no output node depends on it.',
                advice="Connect that node to what is saved, or write the placeholder into a node that is connected.",
            )
    return NoPromptInput()


def ambiguity_error(graph: Graph, ambiguity: Ambiguity, name: str = DEFAULT_WORKFLOW) -> AmbiguousInput:
    """Return the error that names the candidates and the line of the bindings file that decides between them.

    Args:
        graph: The workflow's graph.
        ambiguity: The role and its candidates.
        name: The workflow's name.

    """
    what, placeholder = _WORDS_FOR_ROLE.get(ambiguity.role, (f"places for {ambiguity.role.value}", "the placeholder"))
    named = ambiguity.candidates[:_MAX_NAMED]
    inputs = ", ".join(f'{found} ("{node_title(graph, found.node_id)[:40]}")' for found in named)
    more = len(ambiguity.candidates) - len(named)
    return AmbiguousInput(
        f"The workflow has several different {what}: {inputs}{f' and {more} more' if more else ''}.",
        advice=(
            f"Write one line into {name}.bindings.yaml beside the workflow, such as"
            f' {ambiguity.role.value}: ["{named[0]}"] (several are allowed),'
            f" or write {placeholder} into the right node and export again."
        ),
    )


def validate_installed(graph: Graph, object_info: ObjectInfo) -> None:
    """Check that the server has every node class and model file of the graph.

    As ComfyUI does it, classes are checked for every node, models only for nodes that an output node depends on. A
    model file that the server spells with other path separators counts as installed: `inject` writes the server's
    spelling.

    Args:
        graph: A workflow's graph, before or after `inject`.
        object_info: The body of `GET /object_info`.

    Raises:
        MissingNode: Names the missing classes, the first node that uses one, and the nearest installed classes.
        MissingModel: Names the file, the node and the nearest installed files.

    """
    missing = [node_id for node_id in graph if class_type(graph, node_id) not in object_info]
    if missing:
        raise _missing_node(graph, missing, object_info)
    output_nodes = [node_id for node_id in graph if is_output_node(object_info, class_type(graph, node_id))]
    for model in model_files(graph, upstream(graph, output_nodes), object_info):
        if model.installed is False:
            raise _missing_model(graph, model)


def _require_output_node(graph: Graph, analysis: GraphAnalysis, object_info: ObjectInfo | None) -> None:
    if object_info is not None and all(class_type(graph, node_id) in object_info for node_id in graph):
        if not any(is_output_node(object_info, class_type(graph, node_id)) for node_id in graph):
            raise NoOutputNode
        return
    saves_nothing = all(class_type(graph, node_id) in _SAVES_NOTHING for node_id in analysis.output_nodes)
    if not analysis.output_nodes or (not analysis.output_classes_known and saves_nothing):
        raise NoOutputNode


def _missing_node(graph: Graph, nodes: list[str], object_info: ObjectInfo) -> MissingNode:
    classes = list(dict.fromkeys(class_type(graph, node_id) for node_id in nodes))
    named = ", ".join(f'"{name[:60]}"' for name in classes[:_MAX_NAMED])
    more = f" and {len(classes) - _MAX_NAMED} more" if len(classes) > _MAX_NAMED else ""
    # Hundreds of classes are installed, so without a high cutoff there would always be some name a little alike.
    near = nearest_names(classes[0], object_info, cutoff=0.6)
    hint = "The nearest installed: " + ", ".join(f'"{name}"' for name in near) + ". " if near else ""
    return MissingNode(
        f"That workflow needs {'a node' if len(classes) == 1 else 'nodes'} that ComfyUI does not have: {named}{more}"
        f' (first used by "{_short_title(graph, nodes[0])}", id {nodes[0][:20]}).',
        advice=f"{hint}The owner should install the custom node and restart ComfyUI.",
    )


def _missing_model(graph: Graph, model: ModelFile) -> MissingModel:
    near = ", ".join(f'"{name}"' for name in model.nearest)
    hint = f"The nearest installed: {near}. " if near else "No file of that kind is installed. "
    return MissingModel(
        f'That workflow needs the model "{model.name[:120]}" (node "{_short_title(graph, model.node_input.node_id)}",'
        f" input {model.node_input.input_name}), which ComfyUI does not have.",
        advice=f"{hint}The owner should put the model file in place or choose an installed one in the workflow.",
    )


def _short_title(graph: Graph, node_id: str) -> str:
    return node_title(graph, node_id)[:_MAX_TITLE_CHARS]
