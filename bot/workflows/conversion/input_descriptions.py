"""The inputs of a node class in the order in which ComfyUI's editor makes them, and which of them are widgets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from bot.workflows.object_info import InputSpec, ObjectInfo, parse_spec

DYNAMIC_COMBO: Final = "COMFY_DYNAMICCOMBO_V3"
AUTOGROW: Final = "COMFY_AUTOGROW_V3"
MATCH_TYPE: Final = "COMFY_MATCHTYPE_V3"

BROWSER_TYPES: Final = frozenset({"LOAD_3D", "WEBCAM", "AUDIO_RECORD"})
"""Widgets whose values are made in the browser when the workflow is run: a scene, a picture or a recording."""

_WIDGET_TYPES = BROWSER_TYPES | {
    "INT",
    "FLOAT",
    "STRING",
    "BOOLEAN",
    "COMBO",
    "COLOR",
    "COLORS",
    "BOUNDING_BOX",
    "BOUNDING_BOXES",
    "CURVE",
    "RANGE",
    "IMAGECOMPARE",
    "COMPOSITOR",
    "PAINTER",
    "MARKDOWN",
    "TEXTAREA",
    DYNAMIC_COMBO,
}
_SECTIONS = ("required", "optional")
_SEED_NAMES = frozenset({"seed", "noise_seed"})
_EMPTY_VALUES: Mapping[str, Any] = {"INT": 0, "FLOAT": 0, "STRING": "", "BOOLEAN": False, "IMAGECOMPARE": ""}


class NoValue:
    """The type of `NO_VALUE`."""


NO_VALUE: Final = NoValue()
"""The widget has no value, and its input is left out of the prompt."""


@dataclass(frozen=True, slots=True)
class InputDescription:
    """An input of a class."""

    name: str
    """With the name of the dynamic combo that it belongs to: `format.codec`."""
    type: str
    """Of the socket; for a widget with a socket too, `COMBO` or `INT`."""
    spec: InputSpec
    widget_type: str | None
    """None: the input is only a socket."""

    @property
    def is_combo(self) -> bool:
        """Whether the widget chooses among values."""
        return self.widget_type in {"COMBO", DYNAMIC_COMBO}

    @property
    def has_socket(self) -> bool:
        """Whether something can be connected."""
        return self.widget_type is None or not self.spec.options.get("socketless")

    def default(self) -> Any:
        """Return the value of a new widget; `NO_VALUE` for a combo without choices."""
        given: Any = self.spec.options.get("default")
        if self.is_combo:
            return given if given and self.widget_type == "COMBO" else self.first_choice()
        if given is not None:
            return given
        return _EMPTY_VALUES.get(self.widget_type or "", NO_VALUE)

    def first_choice(self) -> Any:
        """Return the first choice of a combo; `NO_VALUE` where it has none."""
        return next(iter(self.spec.choices or ()), NO_VALUE)

    def extra_slots(self) -> int:
        """Return how many entries of `widgets_values` follow the widget's own that belong to no input."""
        options = self.spec.options
        control: Any = options.get("control_after_generate")
        if control is None and self.widget_type == "INT":
            control = self.name in _SEED_NAMES
        slots = 0
        if control and self.widget_type in {"INT", "FLOAT", "COMBO"}:
            slots = 2 if self.widget_type == "COMBO" else 1
        remote: Any = options.get("remote")
        if isinstance(remote, Mapping) and cast("Mapping[str, Any]", remote).get("refresh_button"):
            slots += 2  # a switch for refreshing automatically, and the button
        if options.get("component") == "ImageCrop":
            slots += 4  # x, y, width, height
        return slots


class InputDescriptions:
    """The inputs of the classes of one `/object_info`, each class read once."""

    def __init__(self, object_info: ObjectInfo) -> None:
        self._object_info = object_info
        self._known: dict[str, tuple[InputDescription, ...]] = {}

    def of_class(self, node_class: str) -> tuple[InputDescription, ...]:
        """Return the inputs of an installed class: the required, then the optional, each in their order."""
        if node_class not in self._known:
            description = self._description(node_class)
            found = described_inputs(description.get("input"), description.get("input_order"), "")
            self._known[node_class] = tuple(found)
        return self._known[node_class]

    def is_installed(self, node_class: str) -> bool:
        """Whether the server has the class."""
        return isinstance(self._object_info.get(node_class), Mapping)

    def display_name(self, node_class: str) -> str:
        """Return what the editor writes over a node that has no title."""
        return str(self._description(node_class).get("display_name") or node_class)

    def output_types(self, node_class: str) -> tuple[str, ...]:
        """Return the types of the outputs; those of combos are `COMBO`."""
        outputs: Any = self._description(node_class).get("output")
        found = cast("list[Any]", outputs) if isinstance(outputs, list) else []
        return tuple(output if isinstance(output, str) else "COMBO" for output in found)

    def _description(self, node_class: str) -> Mapping[str, Any]:
        return _mapping(self._object_info.get(node_class))


def described_inputs(inputs: object, order: object, prefix: str) -> Iterator[InputDescription]:
    """Yield the inputs of a class, or of one choice of a dynamic combo.

    Args:
        inputs: The sections `required` and `optional`; `hidden` inputs are never written into a prompt.
        order: `input_order` of the class, the names of each section; None: the order of the sections themselves.
        prefix: The name of the dynamic combo with a dot, or nothing.

    """
    for section in _SECTIONS:
        described = _mapping(_mapping(inputs).get(section))
        ordered: Any = _mapping(order).get(section)
        names = [str(name) for name in cast("list[Any]", ordered)] if isinstance(ordered, list) else []
        for name in dict.fromkeys([*names, *described]):
            spec = parse_spec(described.get(name))
            if spec is not None:
                yield InputDescription(prefix + name, _socket_type(spec), spec, _widget_type(spec))


def members_of_choice(combo: InputDescription, choice: object) -> Iterator[InputDescription]:
    """Yield the inputs that a choice of a dynamic combo adds; an unknown choice adds none."""
    listed: Any = combo.spec.options.get("options")
    for option in cast("list[Any]", listed) if isinstance(listed, list) else []:
        if isinstance(option, Mapping) and isinstance(choice, str):
            found = cast("Mapping[str, Any]", option)
            if found.get("key") == choice:
                yield from described_inputs(found.get("inputs"), None, f"{combo.name}.")
                return


def _socket_type(spec: InputSpec) -> str:
    if spec.type == MATCH_TYPE:
        return str(_mapping(spec.options.get("template")).get("allowed_types") or "*")
    return "COMBO" if spec.type == DYNAMIC_COMBO else spec.type


def _widget_type(spec: InputSpec) -> str | None:
    options = spec.options
    if options.get("forceInput") or spec.type in {AUTOGROW, MATCH_TYPE}:
        return None
    if named := options.get("widgetType"):
        return str(named)
    # Only inputs that have an editor of their own say whether they have a socket as well.
    return spec.type if spec.type in _WIDGET_TYPES or "socketless" in options else None


def _mapping(value: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}
