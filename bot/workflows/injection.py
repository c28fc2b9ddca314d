"""The values of one run into a copy of the graph: pure, in one pass, each value with its own type."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from bot.errors import InputInvalid, VoiceUnavailable
from bot.workflows.bindings import Defaults
from bot.workflows.graph import class_type, inputs
from bot.workflows.models import installed_spelling
from bot.workflows.object_info import ObjectInfo, input_spec
from bot.workflows.placeholders import substitute
from bot.workflows.roles import NUMERIC_ROLES, Role
from bot.workflows.validation import ambiguous
from bot.workflows.values import Injection, PlaceholderUse, Source, Target, Workflow

UNKNOWN_SEED_MAX = 2**32 - 1
"""What every node's seed takes; TTS packs refuse more, ComfyUI's own samplers take 64 bits."""

_LAST_RESORT: Mapping[Role, Any] = {
    Role.WIDTH: 1024,
    Role.HEIGHT: 1024,
    Role.STEPS: 20,
    Role.CFG: 7.0,
    Role.SEED: 0,
}
_ONE_TEXT = {Role.TEXT: Role.POSITIVE, Role.POSITIVE: Role.TEXT}
"""A run brings one text; a speech workflow may well ask for the "prompt", and the other way round."""
_FOLDER_INPUTS = frozenset(
    {("VHS_LoadAudio", "audio_file"), ("VHS_LoadVideoPath", "video"), ("VHS_LoadImagePath", "image")}
)
"""Inputs that take a path from ComfyUI's own folder instead of a name in its input folder (Video Helper Suite)."""


def inject(workflow: Workflow, values: Injection, object_info: ObjectInfo | None = None) -> dict[str, Any]:
    """The graph to queue: a copy that shares every node that does not change. The workflow itself never changes.

    Args:
        workflow: Where the values go is its `reading`.
        values: None leaves what the workflow has; a placeholder then takes its default (bindings file, then
            `object_info`, then 1024 x 1024, 20 steps, cfg 7).
        object_info: ComfyUI's `/object_info`; bounds the seed of each node (32 bits where unknown).

    Raises:
        InputInvalid: The workflow has a placeholder for a picture and none was given.
        VoiceUnavailable: It has one for a voice sample and none was given.
        AmbiguousTarget: A value was given that could go to several different places.

    """
    writer = _Writer(workflow, values, object_info)
    for role in Role:
        writer.write_role(role)
    writer.fill_placeholders(workflow.reading.placeholders)
    if object_info is not None:
        writer.respell_paths(object_info)
    return writer.graph


def seed_limit(workflow: Workflow, object_info: ObjectInfo | None = None) -> int:
    """The largest seed (inclusive) that fits every seed input of the workflow; 2**32 - 1 where a node is unknown."""
    reading = workflow.reading
    used = {use.target for use in reading.placeholders if use.role is Role.SEED and use.whole}
    limits = [_seed_max(workflow, target, object_info) for target in {*reading.seeds, *used}]
    return min(limits, default=UNKNOWN_SEED_MAX)


class _Writer:
    """Copies a node the first time one of its inputs is written."""

    def __init__(self, workflow: Workflow, values: Injection, object_info: ObjectInfo | None) -> None:
        self.graph: dict[str, Any] = dict(workflow.graph)
        self._workflow = workflow
        self._values = values
        self._object_info = object_info
        self._copied = set[str]()
        self._marked = {(use.target, use.role) for use in workflow.reading.placeholders}
        self._replaced = set[Target]()

    def write_role(self, role: Role) -> None:
        value = self._values.value(role)
        if value is None:
            return
        if question := self._workflow.reading.ambiguity(role):
            raise ambiguous(self._workflow.graph, question, self._workflow.name)
        said = self._workflow.reading.sources.get(role) is Source.BINDINGS
        for target in self._workflow.reading.of(role):
            if said or (target, role) not in self._marked:
                self._write(target, self._fitted(target, role, value))
                self._replaced.add(target)

    def fill_placeholders(self, uses: Iterable[PlaceholderUse]) -> None:
        done = set[tuple[Target, tuple[str | int, ...]]]()
        for use in uses:
            if (use.target, use.path) in done or use.target in self._replaced:
                continue
            done.add((use.target, use.path))
            self._fill(use)

    def respell_paths(self, object_info: ObjectInfo) -> None:
        """Model paths with the separators of the server's system (a graph from Windows, a server on Linux)."""
        for target, spelling in list(installed_spelling(self.graph, object_info)):
            self._write(target, spelling)

    def _fill(self, use: PlaceholderUse) -> None:
        original = inputs(self._workflow.graph, use.target.node_id)[use.target.input_name]

        def filled(text: str) -> Any:
            return substitute(text, lambda role: self._value_or_default(use.target, role), use.target.input_name)

        if not use.path:
            self._write(use.target, filled(original))
            return
        current = inputs(self.graph, use.target.node_id)[use.target.input_name]
        self._write(use.target, _replaced(current, use.path, filled))

    def _write(self, target: Target, value: Any) -> None:
        if target.node_id not in self._copied:
            self._copied.add(target.node_id)
            node = cast("Mapping[str, Any]", self.graph[target.node_id])
            self.graph[target.node_id] = {**node, "inputs": dict(node["inputs"])}
        self.graph[target.node_id]["inputs"][target.input_name] = value

    def _value_or_default(self, target: Target, role: Role) -> Any:
        value = self._values.value(role)
        if value is None and role in _ONE_TEXT:
            value = self._values.value(_ONE_TEXT[role])
        if value is None:
            value = self._default(target, role)
        return self._fitted(target, role, value)

    def _fitted(self, target: Target, role: Role, value: Any) -> Any:
        if role is Role.SEED:
            return value % (_seed_max(self._workflow, target, self._object_info) + 1)
        if role in {Role.VOICE_SAMPLE, Role.REFERENCE_IMAGE}:
            node_class = class_type(self._workflow.graph, target.node_id)
            return f"input/{value}" if (node_class, target.input_name) in _FOLDER_INPUTS else value
        return value

    def _default(self, target: Target, role: Role) -> Any:
        if role is Role.REFERENCE_IMAGE:
            raise InputInvalid("That workflow needs a picture to start from.", advice="Attach a picture and try again.")
        if role is Role.VOICE_SAMPLE:
            raise VoiceUnavailable(
                "That workflow needs a voice sample, and the character has none.",
                advice="Add one with `/voice sample add`.",
            )
        own = (
            getattr(self._workflow.bindings.defaults, role.value, None) if role.value in Defaults.model_fields else None
        )
        if own is not None or role not in NUMERIC_ROLES:
            return "" if own is None else own
        node_class = class_type(self._workflow.graph, target.node_id)
        spec = input_spec(self._object_info, node_class, target.input_name)
        default = None if spec is None else spec.options.get("default")
        return default if isinstance(default, (int, float)) and role is not Role.SEED else _LAST_RESORT[role]


def _seed_max(workflow: Workflow, target: Target, object_info: ObjectInfo | None) -> int:
    limits: list[int] = []
    for place in (target, *workflow.reading.seed_consumers.get(target, ())):
        spec = input_spec(object_info, class_type(workflow.graph, place.node_id), place.input_name)
        limit = None if spec is None else spec.options.get("max")
        limits.append(int(limit) if isinstance(limit, (int, float)) and limit > 0 else UNKNOWN_SEED_MAX)
    return min(limits)


def _replaced(value: Any, path: tuple[str | int, ...], change: Any) -> Any:
    """A copy of a nested value with the text at `path` changed; everything beside the path is shared."""
    root = holder = _shallow(value)
    for key in path[:-1]:
        holder[key] = _shallow(holder[key])
        holder = holder[key]
    holder[path[-1]] = change(holder[path[-1]])
    return root


def _shallow(value: Any) -> Any:
    return dict(cast("dict[str, Any]", value)) if isinstance(value, dict) else list(value)
