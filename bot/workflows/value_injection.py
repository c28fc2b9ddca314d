"""Writing the values of one run (prompt, seed, size, ...) into a copy of a workflow's graph."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from bot.errors import InputInvalid, VoiceUnavailable
from bot.workflows.bindings import ParameterDefaults
from bot.workflows.foreign_placeholders import find_foreign_placeholders, known_value
from bot.workflows.graph import NodeInput, class_type, inputs, is_link
from bot.workflows.graph_analysis import InputSource
from bot.workflows.input_roles import NUMERIC_ROLES, InputRole, InputValues
from bot.workflows.model_files import respelled_model_files
from bot.workflows.object_info import ObjectInfo, input_spec, inputs_of_choice
from bot.workflows.parameter_names import LORA_NAME
from bot.workflows.parameters import chosen_loras, lora_changes, parameters_of, scaled_boundaries
from bot.workflows.placeholders import PlaceholderUse, substitute
from bot.workflows.validation import ambiguity_error
from bot.workflows.workflow import Workflow

SEED_LIMIT_OF_UNKNOWN_NODES = 2**32 - 1
"""The largest seed that every known node takes: ComfyUI's own samplers take 64 bits, many TTS packs only 32."""

_FALLBACK_DEFAULTS: Mapping[InputRole, Any] = {
    InputRole.WIDTH: 1024,
    InputRole.HEIGHT: 1024,
    InputRole.STEPS: 20,
    InputRole.CFG: 7.0,
    InputRole.SEED: 0,
}
_OTHER_TEXT_ROLE = {InputRole.TEXT: InputRole.POSITIVE, InputRole.POSITIVE: InputRole.TEXT}
"""A job brings one text; a speech workflow may have a placeholder for the "prompt", and a picture's one for "text"."""
_FOLDER_INPUTS = frozenset(
    {
        ("VHS_LoadAudio", "audio_file"),
        ("VHS_LoadVideoPath", "video"),
        ("VHS_LoadVideoFFmpegPath", "video"),
        ("VHS_LoadImagePath", "image"),
    }
)
"""(class, input) of Video Helper Suite that take a path from ComfyUI's own folder, not a name in its input folder."""


def inject(workflow: Workflow, values: InputValues, object_info: ObjectInfo | None = None) -> dict[str, Any]:
    """Return the graph to queue. It shares every node that does not change; the workflow itself is left as it is.

    Args:
        workflow: The workflow; its `analysis` says which inputs take which value.
        values: What to write. Where a value is None, inputs keep what the workflow has, and placeholders become the
            default of the bindings file, else (numbers only) that of `object_info`, else 1024 x 1024, 20 steps, cfg 7,
            seed 0.
        object_info: The body of `GET /object_info`, if known. It bounds the seed of each node (32 bits where unknown)
            and gives the server's spelling of model files.

    Raises:
        InputInvalid: The workflow has a placeholder for a picture, and there is none.
        VoiceUnavailable: The workflow has a placeholder for a voice sample, and there is none.
        InputInvalid: A LoRA is asked for that cannot be inserted.
        AmbiguousInput: There is a value that could go to several different inputs.

    """
    writer = _GraphWriter(workflow, values, object_info)
    for role in InputRole:
        writer.write_role(role)
    writer.write_files()
    writer.write_defaults()
    writer.write_overrides()
    writer.fill_placeholders(workflow.analysis.placeholders)
    writer.fill_foreign_placeholders()
    if object_info is not None:
        writer.respell_model_files(object_info)
    return writer.graph


def seed_limit(workflow: Workflow, object_info: ObjectInfo | None = None) -> int:
    """Return the largest seed (inclusive) that every seed input of the workflow takes; 2**32 - 1 for unknown nodes."""
    analysis = workflow.analysis
    in_placeholders = {use.node_input for use in analysis.placeholders if use.role is InputRole.SEED and use.whole}
    seeds = {*analysis.inputs_for(InputRole.SEED), *in_placeholders}
    return min((_seed_limit_of(workflow, seed, object_info) for seed in seeds), default=SEED_LIMIT_OF_UNKNOWN_NODES)


class _GraphWriter:
    """Writes values into a copy of the graph; each node is copied when one of its inputs is first written."""

    def __init__(self, workflow: Workflow, values: InputValues, object_info: ObjectInfo | None) -> None:
        self.graph: dict[str, Any] = dict(workflow.graph)
        self._workflow = workflow
        self._values = values
        self._object_info = object_info
        self._copied = set[str]()
        self._with_placeholder = {(use.node_input, use.role) for use in workflow.analysis.placeholders}
        self._replaced = set[NodeInput]()

    def write_role(self, role: InputRole) -> None:
        """Write a role's value, if there is one, into its inputs, except for those with a placeholder to be filled."""
        value = self._values.value(role)
        if value is None:
            return
        analysis = self._workflow.analysis
        if role is InputRole.REFERENCE_IMAGE and analysis.ambiguity(role) and self._values.files:
            return  # `assign_files` has found a place for each of several pictures
        if ambiguity := analysis.ambiguity(role):
            raise ambiguity_error(self._workflow.graph, ambiguity, self._workflow.name)
        from_bindings = analysis.sources.get(role) is InputSource.BINDINGS
        for node_input in analysis.inputs_for(role):
            if from_bindings or (node_input, role) not in self._with_placeholder:
                self._write(node_input, self._fitted(node_input, role, value))
                self._replaced.add(node_input)

    def write_files(self) -> None:
        """Write the uploaded files into the loaders that they are for."""
        for place, value in self._values.files.items():
            self._write(place, self._fitted(place, InputRole.REFERENCE_IMAGE, value))
            self._replaced.add(place)

    def write_defaults(self) -> None:
        """Write what the owner wants where nobody chose anything (`defaults` of the bindings file)."""
        defaults = self._workflow.bindings.defaults.named()
        if not defaults:
            return
        given = {role.value for role in InputRole if self._values.value(role) is not None}
        parameters = parameters_of(self._workflow, self._object_info)
        for name, value in defaults.items():
            parameter = parameters.find(name)
            if parameter is None or name in given or parameter.name in self._values.overrides:
                continue
            for place in parameter.places:
                if place not in self._replaced and not self._is_filled_by_role(place):
                    self._write_parameter(place, value)

    def write_overrides(self) -> None:
        """Write the parameters that were changed for this run; steps that samplers share move with their number."""
        values = self._values
        if values.steps is not None:
            places = self._workflow.analysis.inputs_for(InputRole.STEPS)
            reachable = self._workflow.analysis.reachable_nodes
            for place, boundary in scaled_boundaries(self._workflow.graph, reachable, places, values.steps):
                self._write(place, boundary)
        if not values.overrides:
            return
        parameters = parameters_of(self._workflow, self._object_info)
        for name, value in values.overrides.items():
            parameter = None if LORA_NAME.fullmatch(name) else parameters.find(name)
            for place in () if parameter is None else parameter.places:
                self._write_parameter(place, value)
        if loras := chosen_loras(values.overrides):
            changes = lora_changes(
                self._workflow.graph, self._workflow.analysis.reachable_nodes, loras, self._object_info
            )
            for place, value in changes.values.items():
                self._write(place, value)
            self.graph.update(changes.nodes)

    def fill_placeholders(self, uses: Iterable[PlaceholderUse]) -> None:
        """Replace the placeholders of every text that `write_role` has not replaced as a whole."""
        done = set[tuple[NodeInput, tuple[str | int, ...]]]()
        for use in uses:
            if (use.node_input, use.path) in done or use.node_input in self._replaced:
                continue
            done.add((use.node_input, use.path))
            self._fill(use)

    def fill_foreign_placeholders(self) -> None:
        """Replace placeholders of other programs by what the server itself has there, if that is known."""
        graph = self._workflow.graph
        for each in find_foreign_placeholders(graph, self._workflow.analysis.reachable_nodes):
            if each.node_input not in self._replaced:
                value = known_value(graph, each, self._object_info)
                if value is not None:
                    self._write(each.node_input, value)

    def respell_model_files(self, object_info: ObjectInfo) -> None:
        """Write model files with the path separators of the server (a workflow from Windows, a server on Linux)."""
        for node_input, spelling in list(respelled_model_files(self.graph, object_info)):
            self._write(node_input, spelling)

    def _fill(self, use: PlaceholderUse) -> None:
        node_id, input_name = use.node_input

        def filled(text: str) -> Any:
            return substitute(text, lambda role: self._value_or_default(use.node_input, role), input_name)

        if not use.path:
            self._write(use.node_input, filled(inputs(self._workflow.graph, node_id)[input_name]))
            return
        self._write(use.node_input, _with_change_at(inputs(self.graph, node_id)[input_name], use.path, filled))

    def _is_filled_by_role(self, place: NodeInput) -> bool:
        return any((place, role) in self._with_placeholder for role in InputRole)

    def _write_parameter(self, place: NodeInput, value: Any) -> None:
        """Write a value; a choice of a V3 dynamic combo brings its further inputs with their defaults."""
        node_class = class_type(self._workflow.graph, place.node_id)
        given = inputs(self.graph, place.node_id)
        changes = given.get(place.input_name) != value
        added = inputs_of_choice(self._object_info, node_class, place.input_name, value, given) if changes else {}
        self._write(place, value)
        self._replaced.add(place)
        if added:
            written = self.graph[place.node_id]["inputs"]
            for name in [name for name in written if name.startswith(f"{place.input_name}.") and name not in added]:
                if not is_link(written[name]):
                    del written[name]
            for name, default in added.items():
                written.setdefault(name, default)

    def _write(self, node_input: NodeInput, value: Any) -> None:
        node_id, input_name = node_input
        if node_id not in self._copied:
            self._copied.add(node_id)
            node = cast("Mapping[str, Any]", self.graph[node_id])
            self.graph[node_id] = {**node, "inputs": dict(node["inputs"])}
        self.graph[node_id]["inputs"][input_name] = value

    def _value_or_default(self, node_input: NodeInput, role: InputRole) -> Any:
        value = self._values.value(role)
        if value is None and role in _OTHER_TEXT_ROLE:
            value = self._values.value(_OTHER_TEXT_ROLE[role])
        if value is None:
            value = self._default(node_input, role)
        return self._fitted(node_input, role, value)

    def _fitted(self, node_input: NodeInput, role: InputRole, value: Any) -> Any:
        if role is InputRole.SEED:
            return value % (_seed_limit_of(self._workflow, node_input, self._object_info) + 1)
        if role in {InputRole.VOICE_SAMPLE, InputRole.REFERENCE_IMAGE}:
            node_class = class_type(self._workflow.graph, node_input.node_id)
            return f"input/{value}" if (node_class, node_input.input_name) in _FOLDER_INPUTS else value
        return value

    def _default(self, node_input: NodeInput, role: InputRole) -> Any:
        if role is InputRole.REFERENCE_IMAGE:
            raise InputInvalid("That workflow needs a picture to start from.", advice="Attach a picture and try again.")
        if role is InputRole.VOICE_SAMPLE:
            raise VoiceUnavailable(
                "That workflow needs a voice sample, and the character has none.",
                advice="Add one with `/voice sample add`.",
            )
        has_default = role.value in ParameterDefaults.model_fields
        own = getattr(self._workflow.bindings.defaults, role.value) if has_default else None
        if own is not None or role not in NUMERIC_ROLES:
            return "" if own is None else own
        node_class = class_type(self._workflow.graph, node_input.node_id)
        spec = input_spec(self._object_info, node_class, node_input.input_name)
        default = None if spec is None else spec.options.get("default")
        is_usable = isinstance(default, (int, float)) and role is not InputRole.SEED
        return default if is_usable else _FALLBACK_DEFAULTS[role]


def _seed_limit_of(workflow: Workflow, seed: NodeInput, object_info: ObjectInfo | None) -> int:
    limits: list[int] = []
    for node_input in (seed, *workflow.analysis.seed_consumers.get(seed, ())):
        spec = input_spec(object_info, class_type(workflow.graph, node_input.node_id), node_input.input_name)
        limit = None if spec is None else spec.options.get("max")
        limits.append(int(limit) if isinstance(limit, (int, float)) and limit > 0 else SEED_LIMIT_OF_UNKNOWN_NODES)
    return min(limits)


def _with_change_at(value: Any, path: tuple[str | int, ...], change: Any) -> Any:
    """A copy of a nested value in which `change` was applied to the text at `path`; all else is shared."""
    root = holder = _shallow_copy(value)
    for key in path[:-1]:
        holder[key] = _shallow_copy(holder[key])
        holder = holder[key]
    holder[path[-1]] = change(holder[path[-1]])
    return root


def _shallow_copy(value: Any) -> Any:
    return dict(cast("dict[str, Any]", value)) if isinstance(value, dict) else list(value)
