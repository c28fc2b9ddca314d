"""`<name>.bindings.yaml`: the owner's word on where the values go, where reading the graph went wrong.

::

    positive: ["6.text"]        # node id and input; one, or several
    negative: []                # an empty list: nowhere
    seed: ["3.seed", "12.value"]
    defaults:                   # what a placeholder takes where the person chose nothing
      width: 832
      steps: 28

A key that is left out stays with what was found in the graph.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from bot.workflows.errors import BindingsInvalid
from bot.workflows.graph import Graph, Target, inputs, is_link, node_title
from bot.workflows.roles import Role


def _as_list(value: object) -> object:
    return [value] if isinstance(value, (str, int, float)) else value


Places = Annotated[tuple[str, ...] | None, BeforeValidator(_as_list)]
"""`"6.text"`, or a list of such; None: not said."""


class Defaults(BaseModel):
    """What a placeholder takes where the person and the character chose nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    negative: str | None = None
    width: int | None = Field(default=None, ge=1)
    height: int | None = Field(default=None, ge=1)
    steps: int | None = Field(default=None, ge=1)
    cfg: float | None = Field(default=None, ge=0)


class Bindings(BaseModel):
    """A validated bindings file; the fields are the roles of `ChatRole`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    positive: Places = None
    negative: Places = None
    seed: Places = None
    width: Places = None
    height: Places = None
    steps: Places = None
    cfg: Places = None
    text: Places = None
    voice_sample: Places = None
    voice_transcript: Places = None
    reference_image: Places = None
    character_name: Places = None
    defaults: Defaults = Defaults()

    def places(self, role: Role) -> tuple[str, ...] | None:
        """What the owner said about a role; None if nothing."""
        return getattr(self, role.value)


def parse_bindings(data: bytes | str) -> Bindings:
    """A bindings file's content (empty: nothing said).

    Raises:
        BindingsInvalid: No YAML mapping, an unknown key (the nearest known one is named), a wrong type.

    """
    try:
        text = data.decode("utf-8-sig") if isinstance(data, bytes) else data
        loaded: Any = yaml.safe_load(text)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
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


def resolve_place(graph: Graph, place: str) -> Target:
    """The input that `6.text` means in this graph (node ids may themselves hold dots and colons).

    Raises:
        BindingsInvalid: No such node or input, with the nearest that exists.

    """
    for at in (index for index, letter in enumerate(place) if letter == "."):
        node_id, name = place[:at], place[at + 1 :]
        if node_id in graph and name in inputs(graph, node_id):
            return Target(node_id, name)
    known = [str(Target(node_id, name)) for node_id in graph for name, _ in _literals(graph, node_id)]
    node_id = place.split(".", 1)[0]
    if node_id in graph:
        names = ", ".join(f'"{Target(node_id, name)}"' for name, _ in _literals(graph, node_id)) or "none"
        raise BindingsInvalid(
            f'The bindings file names "{place[:60]}", but node {node_id} ({node_title(graph, node_id)[:60]}) has no'
            f" such input. Its inputs: {names}.",
        )
    near = difflib.get_close_matches(place, known, n=1, cutoff=0)
    hint = f' The nearest is "{near[0]}".' if near else ""
    raise BindingsInvalid(f'The bindings file names "{place[:60]}", but the workflow has no such node.{hint}')


def _literals(graph: Graph, node_id: str) -> list[tuple[str, Any]]:
    return [(name, value) for name, value in inputs(graph, node_id).items() if not is_link(value)]


def _sentence(error: ValidationError) -> str:
    first = error.errors()[0]
    loc = list(first["loc"])
    key = ".".join(str(part) for part in loc if not str(part).startswith(("tuple", "function-")))
    if first["type"] != "extra_forbidden":
        return f'The bindings file has a wrong value at "{key[:60]}": {first["msg"]}.'
    fields: Mapping[str, Any] = Defaults.model_fields if len(loc) > 1 else Bindings.model_fields
    near = difflib.get_close_matches(str(loc[-1]), list(fields), n=1, cutoff=0)
    return f'The bindings file has an unknown key "{key[:60]}"; the nearest known one is "{near[0]}".'
