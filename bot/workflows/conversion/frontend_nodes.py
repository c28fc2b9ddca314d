"""Widgets that only ComfyUI's editor adds to some nodes, and that `/object_info` does not list.

The editor writes them into the prompt. ComfyUI ignores inputs that a class does not have.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from bot.workflows.conversion.input_descriptions import InputDescription

CUSTOM_COMBO: Final = "CustomCombo"
CHOICE: Final = "choice"
INDEX: Final = "index"
OPTION_PREFIX: Final = "option"
IMAGE_COMPARE: Final = "IMAGECOMPARE"
COMPARED_PICTURES: Final[Mapping[str, Any]] = {"__value__": ["", ""]}
"""What an ImageCompare node sends for its widget, whatever the file holds."""

_BUTTONS: Mapping[str, str] = {
    "upload 3d model": "upload3dmodel",
    "upload extra resources": "uploadExtraResources",
    "clear": "clear",
}
"""The buttons before a LOAD_3D widget of a node that has a model file: name -> value."""
_VIEWERS = frozenset({"Preview3D", "SaveGLB"})


def is_button_row(described: InputDescription, before: Collection[str]) -> bool:
    """Whether the buttons for a 3D model stand before this widget. `before`: the names of the widgets before it."""
    return described.widget_type == "LOAD_3D" and "model_file" in before


def frontend_widgets(kind: str, values: dict[str, Any], given: Sequence[Any]) -> None:
    """Add the widgets that the editor adds at this place.

    Args:
        kind: A node class, or `LOAD_3D` for the buttons before such a widget.
        values: The values of the node's widgets by name; they are added here.
        given: What the file holds for them, which may be less or more than there are.

    """
    if kind == "LOAD_3D":
        saved = dict(zip(_BUTTONS, given, strict=False))
        values.update({name: saved.get(name, value) for name, value in _BUTTONS.items()})
    elif kind in _VIEWERS:
        values["image"] = ""
    elif kind == CUSTOM_COMBO:
        options = list[Any]()
        for option in given[1:]:  # the first is the index, which is counted anew
            if not option:
                break
            options.append(option)
        values[INDEX] = -1
        values.update({f"{OPTION_PREFIX}{number}": option for number, option in enumerate([*options, ""], start=1)})


def index_of_choice(values: Mapping[str, Any], choice: object) -> int:
    """Return the place of a CustomCombo's choice among its options, from 0; -1 where it is none of them."""
    options = [value for name, value in values.items() if name.startswith(OPTION_PREFIX)]
    return next((index for index, option in enumerate(options) if option == choice), -1)
