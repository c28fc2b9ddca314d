"""A parameter: one value of a workflow that can be changed for a run, and where it is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from bot.workflows.graph import NodeInput

ParameterValue = int | float | str | bool
"""Integers, numbers, texts (also choices and names of files), switches."""


class ParameterType(StrEnum):
    """What kind of value a parameter takes."""

    INTEGER = "integer"
    NUMBER = "number"
    TEXT = "text"
    """One line."""
    LONG_TEXT = "long text"
    FILE_NAME = "file name"
    """The name that ComfyUI gives the files of a node; never a path."""
    SWITCH = "switch"
    CHOICE = "choice"
    MODEL = "model file"
    LORA = "LoRA file"
    PICTURE = "picture file"
    SOUND = "sound file"
    FILM = "film file"
    SEED = "seed"


NUMERIC_TYPES = frozenset({ParameterType.INTEGER, ParameterType.NUMBER, ParameterType.SEED})
TEXT_TYPES = frozenset({ParameterType.TEXT, ParameterType.LONG_TEXT})
FILE_TYPES = frozenset(
    {ParameterType.MODEL, ParameterType.LORA, ParameterType.PICTURE, ParameterType.SOUND, ParameterType.FILM}
)


class ParameterGroup(StrEnum):
    """The section of a form in which a parameter is shown."""

    PROMPT = "prompt"
    SIZE = "size"
    SAMPLER = "sampler"
    MODEL = "model"
    LORAS = "loras"
    CONTROL = "control"
    FILM = "film"
    OTHER = "other"


class OpenTo(StrEnum):
    """Who may change a parameter."""

    EVERYONE = "everyone"
    MANAGERS = "managers"
    """People with Manage Server."""
    NOBODY = "nobody"
    """The owner has locked it, or it is a path, URL or code that the owner has not exposed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One value of a workflow, with its limits. Inputs that repeat a value are all written by one parameter."""

    name: str
    """A well-known name such as `steps`, else node id and input, such as `12.shift`."""
    label: str
    """The node's title and the input's name, different for each parameter of a workflow."""
    type: ParameterType
    default: ParameterValue | None
    """The workflow's own value, or that of the bindings file; None: a placeholder without a default stands there."""
    places: tuple[NodeInput, ...]
    """The inputs that the value is written into."""
    group: ParameterGroup
    open_to: OpenTo
    minimum: int | float | None = None
    maximum: int | float | None = None
    step: int | float | None = None
    """Allowed are the minimum modulo this, and multiples of this above it; None: every number."""
    choices: Sequence[ParameterValue] | None = None
    """What may be chosen; None: not limited to a list, or the list is not known."""
    tooltip: str = ""

    @property
    def well_known(self) -> bool:
        """Whether it has a name that is the same in all workflows."""
        return "." not in self.name
