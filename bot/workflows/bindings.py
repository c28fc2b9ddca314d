"""Bindings files, `<name>.bindings.yaml` beside a workflow: the owner names inputs that the analysis got wrong.

::

    positive: ["6.text"]        # node id and input; one, or several
    negative: []                # an empty list: none
    seed: ["3.seed", "12.value"]
    defaults:                   # what a placeholder becomes where the person chose nothing
      width: 832
      steps: 28

Where a key is left out, the inputs that the analysis has found are used.
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
from bot.yaml_documents import CONSTRUCTION_ERRORS

MAX_BINDINGS_BYTES = 100_000
"""PyYAML reads some 100 kB a second."""
_MAX_COMPARED_INPUTS = 2_000
"""Inputs among which the nearest to a misspelt one is looked for."""


def _as_list(value: object) -> object:
    return [value] if isinstance(value, (str, int, float)) else value


NodeInputNames = Annotated[tuple[str, ...] | None, BeforeValidator(_as_list)]
"""`"6.text"` or a list of such names; None where the key is left out."""


class PlaceholderDefaults(BaseModel):
    """The values that placeholders become where neither the person nor the character chose one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    negative: str | None = None
    width: int | None = Field(default=None, ge=1)
    height: int | None = Field(default=None, ge=1)
    steps: int | None = Field(default=None, ge=1)
    cfg: float | None = Field(default=None, ge=0, allow_inf_nan=False)


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
    defaults: PlaceholderDefaults = PlaceholderDefaults()

    def input_names(self, role: InputRole) -> tuple[str, ...] | None:
        """Return the names of the inputs of a role; None where the owner named none."""
        return getattr(self, role.value)


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
        return Bindings.model_validate(loaded)
    except ValidationError as error:
        raise BindingsInvalid(_sentence(error)) from error


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


def _literal_inputs(graph: Graph, node_id: str) -> list[NodeInput]:
    return [NodeInput(node_id, name) for name, value in inputs(graph, node_id).items() if not is_link(value)]


def _sentence(error: ValidationError) -> str:
    """Name the first error. Its location also holds the names of pydantic's validators, which are left out."""
    first = error.errors()[0]
    location = list(first["loc"])
    key = ".".join(str(part) for part in location if not str(part).startswith(("tuple", "function-")))
    if first["type"] != "extra_forbidden":
        return f'The bindings file has a wrong value at "{key[:60]}": {first["msg"]}.'
    fields: Mapping[str, Any] = PlaceholderDefaults.model_fields if len(location) > 1 else Bindings.model_fields
    near = difflib.get_close_matches(str(location[-1]), list(fields), n=1, cutoff=0)
    return f'The bindings file has an unknown key "{key[:60]}"; the nearest known one is "{near[0]}".'
