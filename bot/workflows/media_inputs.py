"""Finding the inputs of a graph that take uploaded files, what each file is for, and a voice sample's transcript."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from bot.workflows import name_patterns as patterns
from bot.workflows.graph import Graph, NodeInput, class_type, inputs, is_link, links, node_order, node_title
from bot.workflows.linked_inputs import LinkedInputs
from bot.workflows.media_roles import (
    PICTURE_ROLES,
    Evidence,
    GraphConsumers,
    MediaRole,
    control_kind,
    decide_role,
    gather_evidence,
)
from bot.workflows.text_selection import InputSelection

_TITLE_OF_INPUT = re.compile(r"\b(?:input|source|init|start|reference|first)\b", re.IGNORECASE)
_DEFAULT_TITLE = re.compile(r"^load ?(?:image|video|audio|mask)\b.*|^vhs_\w+$|^etn_\w+$", re.IGNORECASE)
_LONGEST_LABEL = 40


@dataclass(frozen=True, slots=True)
class MediaInput:
    """One file that a workflow loads.

    Attributes:
        role: What it is for.
        places: The inputs of the loaders; several where the same file is loaded more than once.
        kind: Of a control picture: `pose`, `depth`, ...; empty: not known.
        label: The title that its owner gave the loader; empty: only that of its class.
        own: The value that the workflow has there.
        base64: The loader takes the file itself as base64 text, not a file name.
        place: Which of several files of its role it is; None: the graph does not tell.

    """

    role: MediaRole
    places: tuple[NodeInput, ...]
    kind: str = ""
    label: str = ""
    own: str = ""
    base64: bool = False
    place: int | None = None

    @property
    def is_picture(self) -> bool:
        """It takes a picture or a mask."""
        return self.role in PICTURE_ROLES


@dataclass(frozen=True, slots=True)
class _Loader:
    place: NodeInput
    own: str
    fixed: MediaRole | None
    """The role that the loader's class alone tells."""
    base64: bool


def find_media(
    graph: Graph, reachable: frozenset[str], chosen: Mapping[MediaRole, tuple[NodeInput, ...]] | None = None
) -> tuple[MediaInput, ...]:
    """Return the files that a workflow loads, in the order in which pictures fill them.

    Args:
        graph: The workflow's graph.
        reachable: Ids of the nodes that an output depends on.
        chosen: Inputs whose role the owner has named; a role that is named has no others.

    """
    chosen = chosen or {}
    consumers = GraphConsumers(graph, reachable)
    owners = {place: role for role, places in chosen.items() for place in places}
    found: list[MediaInput] = []
    for loader in _media_loaders(graph, reachable, owners):
        role = owners.get(loader.place) or loader.fixed
        evidence = decide_role(gather_evidence(consumers, loader.place.node_id))
        if role is None and (evidence is None or evidence.role in chosen):
            continue
        if role in chosen and loader.place not in owners:
            continue
        found.append(_media_input(graph, loader, evidence, role))
    return tuple(sorted(_joined(found), key=_order))


def primary_picture(media: Iterable[MediaInput]) -> InputSelection:
    """Select what a person's one picture goes into: what is worked on, else the first frame, else the only one.

    Several that the graph does not order are candidates.
    """
    pictures = [each for each in media if each.is_picture and each.role is not MediaRole.MASK]
    if not pictures:
        return InputSelection()
    first = [each for each in pictures if each.role is pictures[0].role]
    if len(first) == 1 or first[0].place is not None:
        return InputSelection(selected=first[0].places)
    titled = [each for each in first if _TITLE_OF_INPUT.search(each.label)]
    if len(titled) == 1:
        return InputSelection(selected=titled[0].places)
    return InputSelection(candidates=tuple(place for each in first for place in each.places))


def find_voice_sample(graph: Graph, reachable: frozenset[str]) -> InputSelection:
    """Select the sound loader that an output node depends on, or all loaders of the same file."""
    return _select_one_file(graph, _loaders(graph, reachable, patterns.AUDIO_LOADER, patterns.AUDIO_LOADER_INPUTS))


def find_transcript(graph: Graph, reachable: frozenset[str]) -> tuple[NodeInput, ...]:
    """Return the inputs for the words of the voice sample (`reference_text`, `sample_text`), behind links too."""
    found: list[NodeInput] = []
    texts = LinkedInputs(graph, lambda node_id: _look_for_text(graph, node_id))
    for node_id in sorted(reachable):
        for name, value in inputs(graph, node_id).items():
            if not patterns.TRANSCRIPT_NAME.match(name.lower()):
                continue
            if isinstance(value, str):
                found.append(NodeInput(node_id, name))
            elif is_link(value) and (source := texts.behind(value[0])):
                found.append(source)
    return tuple(dict.fromkeys(found))


def _media_loaders(graph: Graph, reachable: frozenset[str], owners: Mapping[NodeInput, MediaRole]) -> list[_Loader]:
    """Every loader of a picture, mask, film or sound, and the inputs that the owner has named."""
    used = {value[0] for node_id in reachable for value in inputs(graph, node_id).values() if is_link(value)}
    nodes = reachable & used
    found: dict[NodeInput, _Loader] = {}
    for pattern, names, role, base64 in (
        (patterns.BASE64_MASK_LOADER, patterns.BASE64_LOADER_INPUTS, MediaRole.MASK, True),
        (patterns.BASE64_LOADER, patterns.BASE64_LOADER_INPUTS, None, True),
        (patterns.MASK_LOADER, patterns.IMAGE_LOADER_INPUTS, MediaRole.MASK, False),
        (patterns.FILM_LOADER, patterns.FILM_LOADER_INPUTS, MediaRole.FILM, False),
        (patterns.AUDIO_LOADER, patterns.AUDIO_LOADER_INPUTS, MediaRole.SOUND, False),
        (patterns.IMAGE_LOADER, patterns.IMAGE_LOADER_INPUTS, None, False),
    ):
        for place in _loaders(graph, nodes, pattern, names):
            own = str(inputs(graph, place.node_id)[place.input_name])
            if not any(known.node_id == place.node_id for known in found):
                found[place] = _Loader(place, own, role, base64)
    for place in owners:
        own = inputs(graph, place.node_id).get(place.input_name)
        found.setdefault(place, _Loader(place, own if isinstance(own, str) else "", None, base64=False))
    return sorted(found.values(), key=lambda loader: node_order(loader.place.node_id))


def _media_input(graph: Graph, loader: _Loader, evidence: Evidence | None, role: MediaRole | None) -> MediaInput:
    title = node_title(graph, loader.place.node_id)
    is_own_title = title != class_type(graph, loader.place.node_id) and not _DEFAULT_TITLE.match(title)
    decided = role or (evidence.role if evidence is not None else MediaRole.START)
    kind = (evidence.kind if evidence is not None else "") or control_kind(title)
    return MediaInput(
        role=decided,
        places=(loader.place,),
        kind=kind if decided is MediaRole.CONTROL else "",
        label=title[:_LONGEST_LABEL] if is_own_title else "",
        own=loader.own,
        base64=loader.base64,
        place=evidence.place if evidence is not None else None,
    )


def _joined(found: list[MediaInput]) -> list[MediaInput]:
    """Loaders of the same file for the same purpose are one input."""
    joined: dict[tuple[MediaRole, str, bool], MediaInput] = {}
    for each in found:
        key = (each.role, each.own, each.base64)
        known = joined.get(key)
        joined[key] = each if known is None else replace(known, places=(*known.places, *each.places))
    return list(joined.values())


def _order(media: MediaInput) -> tuple[int, int, tuple[int, str]]:
    roles = list(MediaRole)
    place = 10_000 if media.place is None else media.place
    return roles.index(media.role), place, node_order(media.places[0].node_id)


def _loaders(
    graph: Graph, nodes: Iterable[str], class_pattern: re.Pattern[str], names: tuple[str, ...]
) -> list[NodeInput]:
    found: list[NodeInput] = []
    for node_id in sorted(nodes):
        if not class_pattern.match(class_type(graph, node_id)):
            continue
        given = inputs(graph, node_id)
        name = next((name for name in names if isinstance(given.get(name), str)), None)
        if name is not None:
            found.append(NodeInput(node_id, name))
    return found


def _select_one_file(graph: Graph, loaders: list[NodeInput]) -> InputSelection:
    """All loaders if they load the same file, else the only one whose title names it as the input."""
    files = {str(inputs(graph, loader.node_id)[loader.input_name]) for loader in loaders}
    if len(files) <= 1:
        return InputSelection(selected=tuple(loaders))
    titled = [loader for loader in loaders if _TITLE_OF_INPUT.search(node_title(graph, loader.node_id))]
    return InputSelection(selected=tuple(titled)) if len(titled) == 1 else InputSelection(candidates=tuple(loaders))


def _look_for_text(graph: Graph, node_id: str) -> tuple[NodeInput | None, str | None]:
    """The literal text at a node, or else the node whose text it passes on; neither where several links lead on."""
    given = inputs(graph, node_id)
    texts = [name for name in patterns.TEXT_NAMES if isinstance(given.get(name), str)]
    if texts:
        return NodeInput(node_id, texts[0]), None
    onward = [source for _, source in links(graph, node_id)]
    return None, onward[0] if len(onward) == 1 else None
