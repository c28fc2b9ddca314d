"""Bindings files, `<name>.bindings.yaml` beside a workflow: the owner names inputs that the analysis got wrong.

::

    positive: ["6.text"]        # node id and input; one, or several
    negative: []                # an empty list: none
    seed: ["3.seed", "12.value"]
    media:                      # what the files that are loaded are for
      start: ["10.image"]
      mask: ["14.image"]
      control: []               # there is none
    defaults:                   # what is used where the person chose nothing
      width: 832
      steps: 28
      sampler: dpmpp_2m
    expose: ["12.filename_prefix"]   # everybody may change it
    hide: ["12.shift"]               # nobody sees it
    lock: [model]                    # people see it and cannot change it
    limits: {size: 1536, steps: [1, 50], sampler: [euler, dpmpp_2m]}
    label: {"12.shift": "Contrast"}

Where a key is left out, the inputs that the analysis has found are used. The last five name parameters: a well-known
name such as `steps`, or node id and input.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from itertools import islice
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from bot.workflows.errors import BindingsInvalid
from bot.workflows.graph import Graph, NodeInput, inputs, is_link, node_title
from bot.workflows.input_roles import InputRole
from bot.workflows.media_roles import MediaRole
from bot.workflows.parameter_names import canonical_name, is_well_known, nearest_well_known
from bot.yaml_documents import CONSTRUCTION_ERRORS

MAX_BINDINGS_BYTES = 100_000
"""PyYAML reads some 100 kB a second."""
_MAX_COMPARED_INPUTS = 2_000
"""Inputs among which the nearest to a misspelt one is looked for."""


def _as_list(value: object) -> object:
    return [value] if isinstance(value, (str, int, float)) else value


NodeInputNames = Annotated[tuple[str, ...] | None, BeforeValidator(_as_list)]
"""`"6.text"` or a list of such names; None where the key is left out."""


ParameterNames = Annotated[tuple[str, ...], BeforeValidator(_as_list)]
"""Parameters by their well-known names or by node id and input."""
Limit = int | float | tuple[int | float | str, ...]
"""The largest number; or the smallest and the largest; or what may be chosen."""


class ParameterDefaults(BaseModel):
    """The values that are used where neither the person nor the character chose one; further keys name parameters."""

    model_config = ConfigDict(frozen=True, extra="allow")

    negative: str | None = None
    width: int | None = Field(default=None, ge=1)
    height: int | None = Field(default=None, ge=1)
    steps: int | None = Field(default=None, ge=1)
    cfg: float | None = Field(default=None, ge=0, allow_inf_nan=False)

    def named(self) -> dict[str, int | float | str | bool]:
        """Return every default that the owner has given, by the name of its parameter."""
        own = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: value for name, value in (own | self.further).items() if value is not None}

    @property
    def further(self) -> dict[str, Any]:
        """The defaults of parameters that have no field here."""
        return self.__pydantic_extra__ or {}


class Bindings(BaseModel):
    """A validated bindings file: one field for each `InputRole`, and the defaults of placeholders."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    positive: NodeInputNames = None
    negative: NodeInputNames = None
    seed: NodeInputNames = None
    width: NodeInputNames = None
    height: NodeInputNames = None
    steps: NodeInputNames = None
    cfg: NodeInputNames = None
    text: NodeInputNames = None
    voice_sample: NodeInputNames = None
    voice_transcript: NodeInputNames = None
    reference_image: NodeInputNames = None
    character_name: NodeInputNames = None
    media: Mapping[MediaRole, ParameterNames] = Field(default_factory=dict[MediaRole, tuple[str, ...]])
    defaults: ParameterDefaults = ParameterDefaults()
    expose: ParameterNames = ()
    hide: ParameterNames = ()
    lock: ParameterNames = ()
    limits: Mapping[str, Limit] = Field(default_factory=dict[str, Limit])
    label: Mapping[str, str] = Field(default_factory=dict[str, str])

    def input_names(self, role: InputRole) -> tuple[str, ...] | None:
        """Return the names of the inputs of a role; None where the owner named none."""
        return getattr(self, role.value)

    def parameter_names(self) -> tuple[str, ...]:
        """Return every name of a parameter in the file."""
        return (*self.expose, *self.hide, *self.lock, *self.limits, *self.label, *self.defaults.named())


def parse_bindings(data: bytes | str) -> Bindings:
    """Parse the content of a bindings file; an empty one names nothing.

    Raises:
        BindingsInvalid: The file is no YAML mapping, or has an unknown key (the error names the nearest known one) or a
            value of a wrong type.

    """
    try:
        text = data.decode("utf-8-sig") if isinstance(data, bytes) else data
        loaded: Any = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, *CONSTRUCTION_ERRORS) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        where = "" if line is None else f" (line {line + 1})"
        raise BindingsInvalid(f"The bindings file is no YAML{where}.") from error
    if loaded is None:
        return Bindings()
    if not isinstance(loaded, dict):
        raise BindingsInvalid('The bindings file must be a mapping such as `positive: ["6.text"]`.')
    try:
        parsed = Bindings.model_validate(loaded)
    except ValidationError as error:
        raise BindingsInvalid(_sentence(error)) from error
    for name, value in parsed.defaults.further.items():
        _require_default(name, value)
    return parsed


def _require_default(name: str, value: object) -> None:
    if not is_well_known(canonical_name(name)) and "." not in name:
        near = nearest_well_known(name)
        raise BindingsInvalid(
            f'The bindings file has an unknown key "defaults.{name[:60]}"; the nearest known one is "{near}".'
        )
    if not isinstance(value, (int, float, str)):
        raise BindingsInvalid(f'The bindings file has a wrong value at "defaults.{name[:60]}": it must be one value.')


def resolve_node_input(graph: Graph, address: str) -> NodeInput:
    """Return the input that is written `6.text`; node ids may themselves contain dots and colons.

    Raises:
        BindingsInvalid: The graph has no such node or input; the error names the nearest one that exists.

    """
    for at in (index for index, letter in enumerate(address) if letter == "."):
        node_id, name = address[:at], address[at + 1 :]
        if node_id in graph and name in inputs(graph, node_id):
            return NodeInput(node_id, name)
    node_id = address.split(".", 1)[0]
    if node_id in graph:
        names = ", ".join(f'"{found}"' for found in _literal_inputs(graph, node_id)) or "none"
        raise BindingsInvalid(
            f'The bindings file names "{address[:60]}", but node {node_id} ({node_title(graph, node_id)[:60]}) has no'
            f" such input. Its inputs: {names}.",
        )
    known = (str(found) for node_id in graph for found in _literal_inputs(graph, node_id))
    near = difflib.get_close_matches(address[:60], list(islice(known, _MAX_COMPARED_INPUTS)), n=1, cutoff=0)
    hint = f' The nearest is "{near[0]}".' if near else ""
    raise BindingsInvalid(f'The bindings file names "{address[:60]}", but the workflow has no such node.{hint}')


def require_parameter_names(graph: Graph, bindings: Bindings) -> None:
    """Check that each parameter in the file is a well-known one or an input of the graph.

    Raises:
        BindingsInvalid: One is neither; the error names the nearest.

    """
    for name in bindings.parameter_names():
        if is_well_known(canonical_name(name)):
            continue
        if "." not in name:
            near = nearest_well_known(name)
            raise BindingsInvalid(
                f'The bindings file names "{name[:60]}", which is no well-known parameter; the nearest is "{near}".'
                " Other inputs are written as node id and input, such as 12.shift."
            )
        resolve_node_input(graph, name)


def _literal_inputs(graph: Graph, node_id: str) -> list[NodeInput]:
    return [NodeInput(node_id, name) for name, value in inputs(graph, node_id).items() if not is_link(value)]


def _sentence(error: ValidationError) -> str:
    """Name the first error. Its location also holds the names of pydantic's validators, which are left out."""
    first = error.errors()[0]
    location = list(first["loc"])
    key = ".".join(str(part) for part in location if not str(part).startswith(("tuple", "function-")))
    if first["type"] != "extra_forbidden":
        return f'The bindings file has a wrong value at "{key[:60]}": {first["msg"]}.'
    near = difflib.get_close_matches(str(location[-1]), list(Bindings.model_fields), n=1, cutoff=0)
    return f'The bindings file has an unknown key "{key[:60]}"; the nearest known one is "{near[0]}".'
