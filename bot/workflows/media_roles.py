"""What a picture, mask, film or sound that a workflow loads is for, told by the inputs that it reaches.

A graph in API format says nothing about types, so the evidence is the names of the inputs and classes behind a loader.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from bot.workflows import name_patterns as patterns
from bot.workflows.graph import Graph, class_type, inputs, is_link, node_title

_FURTHEST = 400
"""Nodes that are followed behind one loader; larger graphs are not searched to their end."""


class MediaRole(StrEnum):
    """What a file is for; the keys of `media` in bindings files, in the order in which pictures fill them."""

    START = "start"
    """The picture that is worked on: encoded by a VAE, given to an edit model, enlarged."""
    FIRST_FRAME = "first_frame"
    CONTROL = "control"
    """It steers the composition: a ControlNet's pose, depth map, outline, ..."""
    REFERENCE = "reference"
    """What something should look like: IP-Adapter, Redux, CLIP vision, a face."""
    LAST_FRAME = "last_frame"
    MASK = "mask"
    FILM = "film"
    SOUND = "sound"


PICTURE_ROLES = tuple(role for role in MediaRole if role not in {MediaRole.FILM, MediaRole.SOUND})
"""The roles of pictures, in the order in which they are filled."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one input behind a loader says about the file.

    Attributes:
        role: What it is for.
        weak: It counts only where nothing else is known.
        place: The number in the name of the input (`image2`), or how deep in a chain; several files are ordered by it.
        kind: Of a control picture: `pose`, `depth`, ...

    """

    role: MediaRole
    weak: bool = False
    place: int | None = None
    kind: str = ""


_MASK_NAME = re.compile(r"mask")
_LAST_NAME = re.compile(
    r"^(?:end|last|tail)_?(?:image|frame|img)s?$|^image_(?:end|tail|last)$|^(?:end|last)_image_\w+$"
)
_FIRST_NAME = re.compile(r"^(?:start|first|init)_?(?:image|frame|img)s?$|^image_(?:start|first)$")
_NUMBER_NAME = re.compile(
    r"^(?:width|height|\w+_width|\w+_height|batch_size|length|num_frames|frames?_count|fps|frame_rate|seed|steps|cfg|amount"
    r"|\w*text\w*|prompt|value|string|[ab]|x|y|megapixels|scale_by|resolution|switch|boolean|select|index|strength)$"
)
"""Inputs that take numbers or texts; a picture does not come through them."""
_SIZE_CLASS = re.compile(
    r"get\w*(?:image)?\s?size|image_?size|resolution|imageinfo|aspect|countimages|videoinfo", re.IGNORECASE
)
_REFERENCE_NAME = re.compile(
    r"^(?:ref|reference|style|face|source|garment|cloth\w*|subject|character|id|identity|human|clip_vision)"
    r"_?(?:image|img|latent)?s?$"
    r"|^reference_\w+$|^ref_\w+$|^image_ref\w*$|^image_(?:face|style)\w*$|^image_prompt$"
)
_REFERENCE_CLASS = re.compile(
    r"ip_?adapter|clip_?vision|style_?model|redux|instant_?id|pulid|photo_?maker|face_?id|insightface|face_?analysis"
    r"|ecomid|infiniteyou|acn_reference|unclip|faceembed|face_?segment|analyze|(?:reference|subject)_?to_?video"
    r"|motion_?control",
    re.IGNORECASE,
)
_CONTROL_NAME = re.compile(
    r"^(?:control|pose|depth|canny|hint|guide)_?(?:image|video|img|frame|map|latent)?s?$|^control_\w+$"
)
_CONTROL_CLASS = re.compile(
    r"control_?net|control_?lora|t2i_?adapter|diffsynthcontrol|funcontrol|unicontrol", re.IGNORECASE
)
_IMAGE_NAME = re.compile(r"^(?:input_|source_|target_)?(?:image|images|img|pixels|image_kps|video|frames)(?:_?\d+)?$")
_NUMBERED = re.compile(r"^(?:\w*\.)?(?:image|img|picture|reference_image|input_image|images)_?(\d{1,2})$")
_FILM_CLASS = re.compile(
    r"(?:image|img|first\w*|frame|sound|audio)_?s?(?:to|2)_?video|i2v|svd_|cogvideo\w*image|wanvideo\w*image|ltxv?_?add_?guide"
    r"|hunyuan\w*i2v|framepack|wan\w*tovideo|ltxv\w*img|latenttovideo",
    re.IGNORECASE,
)
_EDIT_CLASS = re.compile(
    r"textencode\w*edit|kontext|omnigen|hidream\w*e1|instructpix|pix2pix|editmodel|imageedit|textencode\w*image\w*plus|flux2?\w*edit"
    r"|seedream|nanobanana|gemini\w*image|gptimage|openaigpt",
    re.IGNORECASE,
)
_START_CLASS = re.compile(
    r"vae_?encode|vaeencode|encode\w*vae|inpaint|outpaint|upscale\w*model|ultimate\s?sd|detailer|reactor|faceswap|face_?swap|rembg"
    r"|removebackground|restore|supir|seedvr|ccsr|topaz|colorize|ddcolor|latentcomposite|imagetolatent|differential",
    re.IGNORECASE,
)
_LATENT_NAME = re.compile(r"latent|^samples$")
_CONDITIONING_NAME = re.compile(
    r"^(?:positive|negative|conditioning\w*|cond|model|guider|clip|vae|embeds|image_embeds)$"
)
_SEGMENTER = re.compile(
    r"segment|grounding|clipseg|rmbg|rembg|remove_?b|birefnet|matting|graphormer|face_?pars|person_?mask|\bsam\d?",
    re.IGNORECASE,
)
"""Nodes that compute a mask from a picture, which is no mask itself."""
_SWAP_CLASS = re.compile(r"reactor|face_?swap", re.IGNORECASE)
_PREPROCESSOR = re.compile(
    r"preprocessor|estimat|detector|canny|depth|midas|zoe|marigold|openpose|dwpose|lineart|hed|mlsd|normal|lotus",
    re.IGNORECASE,
)
_KINDS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("pose", re.compile(r"pose|dwpre|skeleton", re.IGNORECASE)),
    ("depth", re.compile(r"depth|midas|zoe|marigold|leres", re.IGNORECASE)),
    ("canny", re.compile(r"canny", re.IGNORECASE)),
    ("line art", re.compile(r"line_?art|line|mlsd|teed|anyline", re.IGNORECASE)),
    ("scribble", re.compile(r"scribble|sketch|fake_?scribble", re.IGNORECASE)),
    ("soft edge", re.compile(r"hed(?:pre|[^a-z]|$)|soft_?edge|pidi", re.IGNORECASE)),
    ("normal map", re.compile(r"normal(?!ize)|bae", re.IGNORECASE)),
    ("segmentation", re.compile(r"segment|seg(?![a-z])|oneformer", re.IGNORECASE)),
    ("tile", re.compile(r"tile", re.IGNORECASE)),
    ("colour", re.compile(r"recolor|colou?r", re.IGNORECASE)),
    ("qr code", re.compile(r"qr", re.IGNORECASE)),
)


def control_kind(text: str) -> str:
    """The kind of control that the name of a class, a model file or a title tells; empty: none."""
    return next((kind for kind, pattern in _KINDS if pattern.search(text)), "")


class GraphConsumers:
    """Output slots of nodes -> the inputs that are linked to them, of the nodes that an output depends on."""

    def __init__(self, graph: Graph, reachable: frozenset[str]) -> None:
        self.graph = graph
        self._consumers: dict[str, list[tuple[int, str, str]]] = {}
        for node_id in sorted(reachable):
            for name, value in inputs(graph, node_id).items():
                if is_link(value):
                    self._consumers.setdefault(value[0], []).append((value[1], node_id, name))

    def of(self, node_id: str) -> list[tuple[int, str, str]]:
        """`(output slot, consumer's id, input name)` of everything linked to a node."""
        return self._consumers.get(node_id, [])


def gather_evidence(consumers: GraphConsumers, loader: str) -> list[Evidence]:
    """Everything that the inputs behind a loader say about its file."""
    found: list[Evidence] = []
    waiting: list[tuple[str, str, bool]] = [(loader, "", False)]
    seen = {loader}
    while waiting and len(seen) < _FURTHEST:
        node_id, kind, segmented = waiting.pop(0)
        for _, consumer, name in consumers.of(node_id):
            evidence = _of_input(consumers, consumer, name.lower(), kind)
            if evidence is not None:
                found.extend(_of_picture(each) if segmented else each for each in evidence)
            elif consumer not in seen:
                seen.add(consumer)
                consumer_class = class_type(consumers.graph, consumer)
                onward = control_kind(consumer_class) if _PREPROCESSOR.search(consumer_class) else ""
                waiting.append((consumer, onward or kind, segmented or bool(_SEGMENTER.search(consumer_class))))
    return found


def _of_picture(evidence: Evidence) -> Evidence:
    """What is known of a picture from which a mask is computed: it is worked on, if nothing else is known of it."""
    return Evidence(MediaRole.START, weak=True) if evidence.role is MediaRole.MASK else evidence


def decide_role(found: list[Evidence]) -> Evidence | None:
    """The role that counts: what is worked on goes before what steers, and a mask is only a mask; None: none."""
    known = [each for each in found if not each.weak] or found
    order = (
        MediaRole.FIRST_FRAME, MediaRole.START, MediaRole.LAST_FRAME, MediaRole.CONTROL, MediaRole.REFERENCE,
        MediaRole.MASK,
    )  # fmt: skip
    for role in order:
        of_role = [each for each in known if each.role is role]
        if of_role:
            places = [each.place for each in of_role if each.place is not None]
            kinds = [each.kind for each in of_role if each.kind]
            return Evidence(role, place=min(places, default=None), kind=kinds[0] if kinds else "")
    return None


def _of_input(  # noqa: C901, PLR0911, PLR0912 - one rule after another, the first that matches counts
    consumers: GraphConsumers, node_id: str, name: str, kind: str
) -> list[Evidence] | None:
    """What one input says; an empty list: nothing, and nothing behind it does either; None: look behind its node."""
    graph = consumers.graph
    node_class = class_type(graph, node_id)
    numbered = _NUMBERED.match(name)
    place = int(numbered[1]) if numbered else None
    if _MASK_NAME.search(name):
        return [Evidence(MediaRole.MASK)]
    if _NUMBER_NAME.match(name) or _SIZE_CLASS.search(node_class):
        return []
    if _LAST_NAME.match(name):
        return [Evidence(MediaRole.LAST_FRAME)]
    if _FIRST_NAME.match(name) and name != "init_image":
        return [Evidence(MediaRole.FIRST_FRAME)]
    if patterns.COMPUTED_TEXT_CLASS.search(node_class) and not _EDIT_CLASS.search(node_class):
        return [Evidence(MediaRole.REFERENCE, weak=True)]
    if _SWAP_CLASS.search(node_class):
        return [Evidence(MediaRole.REFERENCE if name.startswith(("source", "face")) else MediaRole.START)]
    if _CONTROL_NAME.match(name):
        return [Evidence(MediaRole.CONTROL, kind=kind or control_kind(name))]
    if _CONTROL_CLASS.search(node_class) and _IMAGE_NAME.match(name):
        role = MediaRole.START if "inpaint" in node_class.lower() else MediaRole.CONTROL
        return [Evidence(role, kind=kind or _kind_of_model(graph, node_id))]
    if _REFERENCE_CLASS.search(node_class) or (_REFERENCE_NAME.match(name) and not _LATENT_NAME.search(name)):
        return [Evidence(MediaRole.REFERENCE, place=place)]
    if _FILM_CLASS.search(node_class) and (_IMAGE_NAME.match(name) or place is not None):
        return [Evidence(MediaRole.FIRST_FRAME, place=place)]
    if _EDIT_CLASS.search(node_class) and (_IMAGE_NAME.match(name) or place is not None):
        return None if "scale" in node_class.lower() else [Evidence(MediaRole.START, place=place)]
    if _START_CLASS.search(node_class) and (_IMAGE_NAME.match(name) or place is not None):
        return [Evidence(MediaRole.START, place=_place_in_chain(consumers, node_id))]
    if _LATENT_NAME.search(name):
        return [Evidence(MediaRole.START)]
    if _CONDITIONING_NAME.match(name):
        return [Evidence(MediaRole.REFERENCE, weak=True)]
    if patterns.OUTPUT_CLASS.search(node_class):
        return [Evidence(MediaRole.START, weak=True, place=place)]
    return None


def _kind_of_model(graph: Graph, node_id: str) -> str:
    """The kind that the names of a ControlNet's model and type tell, up to three nodes before it."""
    waiting = [node_id]
    for _ in range(3):
        names = [source for each in waiting for name, source in _links(graph, each) if "control_net" in name]
        texts = [value for each in names for value in inputs(graph, each).values() if isinstance(value, str)]
        for text in texts:
            if kind := control_kind(text):
                return kind
        waiting = names
    return control_kind(node_title(graph, node_id))


def _links(graph: Graph, node_id: str) -> Iterator[tuple[str, str]]:
    given: Mapping[str, object] = inputs(graph, node_id)
    for name, value in given.items():
        if is_link(value) and value[0] in graph:
            yield name, value[0]


def _place_in_chain(consumers: GraphConsumers, encoder: str) -> int | None:
    """How many `ReferenceLatent` nodes come before the one that takes the encoder's latent; None: none takes it."""
    graph = consumers.graph
    takers = [taker for _, taker, _ in consumers.of(encoder) if class_type(graph, taker) == "ReferenceLatent"]
    if not takers:
        return None
    depth, node_id = 1, takers[0]
    while depth < _FURTHEST:
        before = [source for name, source in _links(graph, node_id) if name == "conditioning"]
        if not before:
            return depth
        node_id = before[0]
        depth += class_type(graph, node_id) == "ReferenceLatent"
        if class_type(graph, node_id).startswith("CLIPTextEncode"):
            return depth
    return None
