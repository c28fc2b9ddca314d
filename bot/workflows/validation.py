"""What can be known to be wrong before anything is queued."""

from __future__ import annotations

from collections.abc import Collection

from bot.domain.jobs import JobKind
from bot.errors import MissingModel, MissingNode
from bot.workflows.bindings import Bindings
from bot.workflows.errors import AmbiguousTarget, NoOutputNode, NoPromptTarget
from bot.workflows.graph import Graph, class_type, node_title
from bot.workflows.models import model_files, nearest_names
from bot.workflows.object_info import ObjectInfo, is_output_node
from bot.workflows.reading import read_graph
from bot.workflows.roles import Role
from bot.workflows.values import Ambiguity, GraphReading, Workflow
from bot.workflows.walking import upstream

_WHAT = {
    Role.POSITIVE: ("texts that could be the prompt", "__CHORUS_PROMPT__"),
    Role.TEXT: ("texts that could be what is spoken", "__CHORUS_TEXT__"),
    Role.REFERENCE_IMAGE: ("pictures that could be the one to start from", "__CHORUS_REFERENCE_IMAGE__"),
    Role.VOICE_SAMPLE: ("recordings that could be the voice sample", "__CHORUS_VOICE_SAMPLE__"),
}
_NAMED_AT_MOST = 6


def validate_structure(
    workflow: Workflow | Graph,
    kind: JobKind | None = None,
    *,
    object_info: ObjectInfo | None = None,
    has_reference: bool | None = None,
) -> None:
    """Whether a run of this kind could put its values in and would get a file out; needs no server.

    Args:
        workflow: A workflow, or a bare graph.
        kind: What the run is for; the workflow's own kind where left out.
        object_info: Says which classes are output nodes, where it is at hand.
        has_reference: Whether the run brings a picture; a graph without a prompt is fine then. None: not known yet.

    Raises:
        NoOutputNode: Nothing is saved or shown.
        AmbiguousTarget: Several different texts could be the prompt.
        NoPromptTarget: None could.

    """
    graph = workflow.graph if isinstance(workflow, Workflow) else workflow
    reading = workflow.reading if isinstance(workflow, Workflow) else read_graph(graph, Bindings())
    _need_output(graph, reading, object_info)
    asked = kind or (workflow.kind if isinstance(workflow, Workflow) else JobKind.IMAGE)
    role = Role.TEXT if asked is JobKind.AUDIO else Role.POSITIVE
    if reading.of(role):
        return
    if ambiguity := reading.ambiguity(role) or reading.ambiguity(Role.POSITIVE):
        raise ambiguous(graph, ambiguity, workflow.name if isinstance(workflow, Workflow) else "default")
    starts_from_picture = bool(reading.reference_image or reading.ambiguity(Role.REFERENCE_IMAGE))
    if asked is JobKind.AUDIO or not starts_from_picture or has_reference is False:
        raise NoPromptTarget


def ambiguous(graph: Graph, ambiguity: Ambiguity, name: str = "default") -> AmbiguousTarget:
    """The error that names the candidates and the line that settles it."""
    what, placeholder = _WHAT.get(ambiguity.role, (f"places for {ambiguity.role.value}", "the placeholder"))
    shown = ambiguity.candidates[:_NAMED_AT_MOST]
    places = ", ".join(f'{target} ("{node_title(graph, target.node_id)[:40]}")' for target in shown)
    more = len(ambiguity.candidates) - len(shown)
    return AmbiguousTarget(
        f"The workflow has several different {what}: {places}{f' and {more} more' if more else ''}.",
        advice=(
            f"Write one line into {name}.bindings.yaml beside the workflow, such as"
            f' {ambiguity.role.value}: ["{shown[0]}"] (several are allowed),'
            f" or write {placeholder} into the right node and export again."
        ),
    )


def validate_installed(graph: Graph, object_info: ObjectInfo, *, replaced: Collection[str] = ()) -> None:
    """Whether the server has every node class and model file of the graph.

    Classes are checked for every node (ComfyUI does), models only where an output depends on them (as ComfyUI does).
    Paths may be written with the other system's separators: `inject` writes them as the server has them.

    Args:
        graph: A workflow's graph, before or after injection.
        object_info: The body of `GET /object_info`.
        replaced: Old class names that this server rewrites by itself (`GET /node_replacements`).

    Raises:
        MissingNode: Names the classes, the nodes' titles and the nearest installed classes.
        MissingModel: Names the file, the node and the nearest installed files.

    """
    missing = {node_id for node_id in graph if class_type(graph, node_id) not in object_info} - {
        node_id for node_id in graph if class_type(graph, node_id) in replaced
    }
    if missing:
        raise _missing_nodes(graph, [node_id for node_id in graph if node_id in missing], object_info)
    ends = [node_id for node_id in graph if is_output_node(object_info, class_type(graph, node_id))]
    for model in model_files(graph, upstream(graph, ends), object_info):
        if model.installed is False:
            known = ", ".join(f'"{name}"' for name in model.nearest)
            raise MissingModel(
                f'That workflow needs the model "{model.name[:120]}" (node "{_called(graph, model.target.node_id)}",'
                f" input {model.target.input_name}), which ComfyUI does not have.",
                advice=(
                    (f"The nearest installed: {known}. " if known else "No file of that kind is installed. ")
                    + "The owner should put the model file in place or choose an installed one in the workflow."
                ),
            )


def _need_output(graph: Graph, reading: GraphReading, object_info: ObjectInfo | None) -> None:
    known = object_info is not None and all(class_type(graph, node_id) in object_info for node_id in graph)
    if object_info is not None and known:
        if not any(is_output_node(object_info, class_type(graph, node_id)) for node_id in graph):
            raise NoOutputNode
    elif not reading.outputs or (not reading.output_known and _ends_in_core_nodes(graph, reading)):
        raise NoOutputNode


def _ends_in_core_nodes(graph: Graph, reading: GraphReading) -> bool:
    """The graph just stops, at nodes known to save nothing; an unknown class may be an output node."""
    return all(class_type(graph, node_id) in _SAVES_NOTHING for node_id in reading.outputs)


_SAVES_NOTHING = frozenset({
    "CLIPTextEncode", "CLIPTextEncodeSDXL", "CLIPTextEncodeFlux", "KSampler", "KSamplerAdvanced", "SamplerCustom",
    "SamplerCustomAdvanced", "VAEDecode", "VAEDecodeTiled", "VAEEncode", "ImageScale", "ImageScaleBy", "LoadImage",
    "ImageUpscaleWithModel", "EmptyLatentImage", "LoraLoader", "LoraLoaderModelOnly", "VAEDecodeAudio", "CreateVideo",
    "FluxGuidance", "BasicGuider", "CFGGuider", "ConditioningZeroOut", "ControlNetApply", "ControlNetApplyAdvanced",
    "CheckpointLoaderSimple", "UNETLoader", "VAELoader", "CLIPLoader", "DualCLIPLoader", "ImageBatch", "ImageCrop",
    "LatentUpscale", "LatentUpscaleBy", "CLIPSetLastLayer", "LoadAudio", "Reroute", "ImageInvert",
    "ImagePadForOutpaint",
})  # fmt: skip


def _missing_nodes(graph: Graph, nodes: list[str], object_info: ObjectInfo) -> MissingNode:
    classes = list(dict.fromkeys(class_type(graph, node_id) for node_id in nodes))
    shown = ", ".join(f'"{name[:60]}"' for name in classes[:_NAMED_AT_MOST])
    more = f" and {len(classes) - _NAMED_AT_MOST} more" if len(classes) > _NAMED_AT_MOST else ""
    # Among hundreds of nodes something is always a little alike; a far-fetched name helps nobody.
    near = nearest_names(classes[0], object_info, cutoff=0.6)
    hint = "The nearest installed: " + ", ".join(f'"{name}"' for name in near) + ". " if near else ""
    title = _called(graph, nodes[0])
    return MissingNode(
        f"That workflow needs {'a node' if len(classes) == 1 else 'nodes'} that ComfyUI does not have: {shown}{more}"
        f' (first used by "{title}", id {nodes[0][:20]}).',
        advice=f"{hint}The owner should install the custom node and restart ComfyUI.",
    )


def _called(graph: Graph, node_id: str) -> str:
    return node_title(graph, node_id)[:60]
