"""The widgets and sockets that a saved node has in ComfyUI's editor, with the values of its `widgets_values`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from bot.workflows.conversion.frontend_nodes import frontend_widgets, is_button_row
from bot.workflows.conversion.input_descriptions import (
    AUTOGROW,
    DYNAMIC_COMBO,
    MATCH_TYPE,
    NO_VALUE,
    InputDescription,
    members_of_choice,
)
from bot.workflows.conversion.ui_workflow import UiInput, UiNode

MAX_COMBO_DEPTH: Final = 20
"""Dynamic combos inside dynamic combos; ComfyUI's own nodes have three."""


@dataclass(frozen=True, slots=True)
class Socket:
    """An input that something can be connected to."""

    name: str
    type: str
    link_id: str | None


@dataclass(slots=True)
class NodeLayout:
    """What a node has in the editor."""

    sockets: list[Socket] = field(default_factory=list[Socket])
    """In the editor's order, by which a bypassed node chooses: sockets, then widgets that have a socket."""
    widgets: dict[str, InputDescription] = field(default_factory=dict[str, InputDescription])
    values: dict[str, Any] = field(default_factory=dict[str, Any])
    """The widgets' own values by name; of those that the editor adds too, which have no `widgets` entry."""

    def socket_named(self, name: str) -> Socket | None:
        """Return the socket of that name."""
        return next((socket for socket in self.sockets if socket.name == name), None)

    def is_widget(self, name: str) -> bool:
        """Whether an input of that name has a value of its own."""
        return name in self.values


def lay_out(node: UiNode, described: Sequence[InputDescription]) -> NodeLayout:
    """Return the widgets and sockets of a node of an installed class."""
    return _Builder(node, described).build()


def lay_out_unknown(node: UiNode) -> NodeLayout:
    """Return the sockets of a node whose class is not known: those that the file lists."""
    return NodeLayout([Socket(found.name, found.type, found.link_id) for found in node.inputs])


class _Builder:
    def __init__(self, node: UiNode, described: Sequence[InputDescription]) -> None:
        self._node = node
        self._described = described
        self._saved = {found.name: found for found in reversed(node.inputs)}
        self._layout = NodeLayout()
        self._placed = set[str]()
        self._groups = list[str]()
        values = node.widget_values
        self._by_name = values if isinstance(values, Mapping) else None
        self._in_order = () if isinstance(values, Mapping) else without_socket_slots(values, described)
        self._next = 0

    def build(self) -> NodeLayout:
        for described in self._described:
            if described.widget_type is None:
                self._add_socket(described)
        for described in self._described:
            if described.widget_type is not None:
                self._add_widget(described, 0)
        frontend_widgets(self._node.type, self._layout.values, self._in_order[self._next :])
        for found in self._node.inputs:
            # The editor removes members of choices that are not the current ones, and inputs of widgets that are gone.
            is_removed = found.is_widget or found.name.startswith(tuple(self._groups))
            if found.name not in self._placed and not is_removed:
                self._place(found, found.type)
        return self._layout

    def _add_socket(self, described: InputDescription) -> None:
        if described.spec.type == AUTOGROW:
            group = f"{described.name}."
            for found in self._node.inputs:
                if found.name.startswith(group):
                    self._place(found, found.type)
            return
        saved = self._saved.get(described.name, UiInput(described.name, described.type, None))
        known = described.type
        if described.spec.type == MATCH_TYPE and saved.type not in {"*", MATCH_TYPE}:
            known = saved.type  # the type that the connections gave it
        self._place(saved, known)

    def _add_widget(self, described: InputDescription, depth: int) -> None:
        layout = self._layout
        if is_button_row(described, layout.widgets):
            frontend_widgets(described.type, layout.values, self._take(3))
        layout.widgets[described.name] = described
        value = layout.values[described.name] = self._value(described)
        self._take(described.extra_slots())
        if described.has_socket:
            self._place(self._saved.get(described.name, UiInput(described.name, "", None)), described.type)
        if described.widget_type == DYNAMIC_COMBO and depth < MAX_COMBO_DEPTH:
            self._groups.append(f"{described.name}.")
            for member in members_of_choice(described, value):
                if member.widget_type is None:
                    self._add_socket(member)
                else:
                    self._add_widget(member, depth + 1)

    def _place(self, found: UiInput, type_name: str) -> None:
        if found.name not in self._placed:
            self._placed.add(found.name)
            self._layout.sockets.append(Socket(found.name, type_name, found.link_id))

    def _value(self, described: InputDescription) -> Any:
        if self._by_name is not None:
            value = self._by_name.get(described.name, NO_VALUE)
        else:
            value = next(iter(self._take(1)), NO_VALUE)
        if value is NO_VALUE:
            return described.default()
        return described.first_choice() if value is None and described.is_combo else value

    def _take(self, count: int) -> Sequence[Any]:
        taken = self._in_order[self._next : self._next + count]
        self._next += count
        return taken


def without_socket_slots(values: Sequence[Any], described: Iterable[InputDescription]) -> Sequence[Any]:
    """Leave out the values that files of before 2025 hold for inputs with `forceInput`.

    The editor knows such a file by the number of its values: one for each widget and each `forceInput` input, and one
    for each `control_after_generate`.
    """
    is_socket = list[bool]()
    for found in described:
        forced = bool(found.spec.options.get("forceInput"))
        if forced or found.widget_type is not None:
            is_socket.append(forced)
            if found.spec.options.get("control_after_generate"):
                is_socket.append(False)
    if len(is_socket) != len(values) or not any(is_socket):
        return values
    return [value for value, left_out in zip(values, is_socket, strict=True) if not left_out]
