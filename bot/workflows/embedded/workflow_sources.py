"""Finding the workflow in whatever a person brings: JSON in any wrapping, or a media file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from bot.workflows.api_format import decode_graph, decode_json
from bot.workflows.conversion import is_ui_format
from bot.workflows.embedded.generation_parameters import GenerationParameters, parse_generation_parameters
from bot.workflows.embedded.media_metadata import read_media_metadata
from bot.workflows.embedded.shared_workflow import CHUNK, SharedWorkflow, parse_shared_workflow
from bot.workflows.errors import NotAGraph

_MAX_WRAPPINGS = 6
_MAX_VALUES = 1_000
_MAX_PARAMETERS_BYTES = 4 * 2**20
_WRAPPER_KEYS = (
    "prompt",
    "output",
    "workflow",
    "workflow_api",
    "api_prompt",
    "graph",
    "input",
    "data",
    "extra_data",
    "extra_pnginfo",
    "comment",
)
_ADVICE = (
    "Give a workflow saved by ComfyUI, or a picture, sound or film as ComfyUI wrote it. Chat programs and websites"
    " remove the workflow from files: share the original."
)


@dataclass(frozen=True, slots=True)
class WorkflowSource:
    """What was found in a file; at least one is there."""

    graph: dict[str, dict[str, Any]] | None
    """In the API format, checked."""
    ui_workflow: Mapping[str, Any] | None
    """In the UI format, as it stands in the file."""
    parameters: GenerationParameters | None
    """What a picture without a workflow was made with."""
    bindings: Mapping[str, Any] | None
    """The bindings that a sidecar or a shared workflow has for its graph."""
    shared: SharedWorkflow | None = None
    """What a shared workflow brings beside its graph."""


def read_workflow_source(data: bytes) -> WorkflowSource:
    """Return the workflow in a file: in both formats where it has both.

    These are read: both formats of ComfyUI; `{"prompt": ...}`, `{"workflow": ..., "output": ...}` and other wrappings,
    entries of ComfyUI's `/history`, lists with one element; sidecars; the metadata of media files; parameter texts of
    A1111's WebUI; shared workflows.

    Raises:
        NotAGraph: There is no workflow in it, or it is damaged or too large.

    """
    texts = read_media_metadata(data)
    if texts is None:
        return _source_of_text(data)
    found = _Finder()
    for key in ("prompt", "workflow", "comment"):
        found.search(texts.get(key))
    parameters = parse_generation_parameters(texts.get("parameters", ""))
    source = found.source(parameters)
    if source is None:
        raise NotAGraph("The file has no workflow inside.", advice=_ADVICE)
    return _with_shared(source, texts.get(CHUNK))


def _source_of_text(data: bytes) -> WorkflowSource:
    if data.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] not in {b"{", b"[", b'"'}:
        parameters = parse_generation_parameters(data[:_MAX_PARAMETERS_BYTES].decode("utf-8-sig", "replace"))
        if parameters is not None:
            return WorkflowSource(None, None, parameters, None)
    found = _Finder()
    value = decode_json(data)
    found.search_value(value)
    source = found.source(None)
    if source is None:
        raise NotAGraph(advice=_ADVICE)
    shared: Any = cast("Mapping[str, Any]", value).get(CHUNK) if isinstance(value, Mapping) else None
    return _with_shared(source, json.dumps(shared) if isinstance(shared, Mapping) and "format" in shared else None)


def _with_shared(source: WorkflowSource, text: str | None) -> WorkflowSource:
    """The source with what a shared workflow brings beside its graph, if it is one."""
    if text is None or source.graph is None:
        return source
    shared = parse_shared_workflow(text)
    return replace(source, shared=shared, bindings=shared.bindings or None)


class _Finder:
    """Looks for the first graph in the API format and the first in the UI format."""

    def __init__(self) -> None:
        self._graph: Mapping[str, Any] | None = None
        self._ui_workflow: Mapping[str, Any] | None = None
        self._bindings: Mapping[str, Any] | None = None

    def search(self, text: str | None) -> None:
        """Search a text of a media file, which may be no JSON at all."""
        if text and text.startswith(("{", "[", '"')):
            try:
                self.search_value(decode_json(text))
            except NotAGraph:
                return

    def search_value(self, value: Any) -> None:
        """Search a decoded value; every wrapping is opened once."""
        waiting: list[tuple[Any, int]] = [(value, 0)]
        for _ in range(_MAX_VALUES):
            if not waiting or (self._graph is not None and self._ui_workflow is not None):
                return
            here, depth = waiting.pop(0)
            if isinstance(here, str):
                here = _decoded(here)
            if isinstance(here, Mapping):
                inside = self._inside_mapping(cast("Mapping[str, Any]", here))
            else:
                inside = _inside_list(here)
            if depth < _MAX_WRAPPINGS:
                waiting.extend((found, depth + 1) for found in inside)

    def source(self, parameters: GenerationParameters | None) -> WorkflowSource | None:
        """Return what was found; None: nothing.

        Raises:
            NotAGraph: The graph is damaged, and there is no workflow in the UI format in its place.

        """
        if self._graph is None and self._ui_workflow is None and parameters is None:
            return None
        try:
            graph = None if self._graph is None else decode_graph(json.dumps(self._graph))
        except NotAGraph:
            if self._ui_workflow is None:
                raise
            graph = None
        return WorkflowSource(graph, self._ui_workflow, parameters, self._bindings)

    def _inside_mapping(self, found: Mapping[str, Any]) -> list[Any]:
        if is_ui_format(found):
            self._ui_workflow = self._ui_workflow or found
            return []
        if any(_is_node(node) for node in found.values()):
            self._graph = self._graph or found
            return []
        bindings: Any = found.get("bindings")
        if isinstance(bindings, Mapping) and "graph" in found:  # the workflow of a sidecar
            self._bindings = cast("Mapping[str, Any]", bindings)
        wrapped = [found[key] for key in _WRAPPER_KEYS if isinstance(found.get(key), (dict, list, str))]
        if wrapped:
            return wrapped
        # `/history` has entries by prompt id; the newest comes last.
        entries: list[Any] = [entry for entry in found.values() if isinstance(entry, Mapping) and "prompt" in entry]
        return entries[-1:]


def _inside_list(value: Any) -> list[Any]:
    found = cast("list[Any]", value) if isinstance(value, list) else []
    if len(found) == 1:
        return found
    # The prompt of a history entry: number, id, graph, extra data, output nodes.
    if len(found) >= 3 and isinstance(found[1], str) and isinstance(found[2], Mapping):
        return found[2:4]
    return []


def _is_node(value: object) -> bool:
    return isinstance(value, Mapping) and isinstance(cast("Mapping[str, Any]", value).get("class_type"), str)


def _decoded(text: str) -> Any:
    try:
        return decode_json(text) if text.lstrip()[:1] in {"{", "["} else None
    except NotAGraph:
        return None
