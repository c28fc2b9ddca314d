"""Modals that can be submitted after a restart: the values are read from the submission, not from a stored view."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import discord

from cogs.ui.text import clip

TITLE = 45
LABEL = 45
LONGEST_INPUT = 4000


@dataclass(frozen=True)
class Field:
    """A text input.

    Attributes:
        custom_id: Its name in `submitted_values`.
        label: At most 45 characters are shown.
        value: What is filled in.
        note: Shown under the label.
        placeholder: Shown while nothing is written.
        long: Several lines.
        required: It may not be left empty.
        max_length: In characters.

    """

    custom_id: str
    label: str
    value: str = ""
    note: str | None = None
    placeholder: str | None = None
    long: bool = False
    required: bool = False
    max_length: int = LONGEST_INPUT


@dataclass(frozen=True)
class MenuField:
    """A menu of which one option may be chosen.

    Attributes:
        custom_id: Its name in `submitted_values`.
        label: At most 45 characters are shown.
        options: (label, value) of each, at most 25.
        value: The one that is chosen already; none if no option has it.
        note: Shown under the label.

    """

    custom_id: str
    label: str
    options: Sequence[tuple[str, str]]
    value: str = ""
    note: str | None = None


def stateless_modal(title: str, custom_id: str, fields: Sequence[Field | MenuField]) -> discord.ui.Modal:
    """A modal of at most five fields, already stopped, so that discord.py keeps nothing of it.

    Its submission arrives at `cogs.component_router` by its custom id, whatever process sent the modal.
    """
    modal = discord.ui.Modal(title=clip(title, TITLE), custom_id=custom_id, timeout=None)
    for field in fields:
        box = _menu(field) if isinstance(field, MenuField) else _text_input(field)
        modal.add_item(
            discord.ui.Label(
                text=clip(field.label, LABEL), description=clip(field.note, 100) if field.note else None, component=box
            )
        )
    modal.stop()
    return modal


def _text_input(field: Field) -> discord.ui.TextInput[Any]:
    return discord.ui.TextInput(
        custom_id=field.custom_id,
        style=discord.TextStyle.long if field.long else discord.TextStyle.short,
        # An empty default is refused where something is required.
        default=field.value[: field.max_length] or None,
        placeholder=clip(field.placeholder, 100) if field.placeholder else None,
        required=field.required,
        max_length=field.max_length,
    )


def _menu(field: MenuField) -> discord.ui.Select[Any]:
    options = [
        discord.SelectOption(label=clip(label, 100), value=value, default=value == field.value)
        for label, value in field.options
    ]
    return discord.ui.Select(custom_id=field.custom_id, options=options, required=False)


def submitted_values(interaction: discord.Interaction[Any]) -> dict[str, str]:
    """What was written or chosen in a submitted modal, by the custom ids of its fields; empty: nothing."""
    data = cast("Mapping[str, Any]", interaction.data or {})
    return dict(_values(cast("Iterable[Mapping[str, Any]]", data.get("components") or ())))


def _values(components: Iterable[Mapping[str, Any]]) -> Iterable[tuple[str, str]]:
    for component in components:
        if "value" in component:
            yield str(component["custom_id"]), str(component["value"] or "")
        elif "values" in component:
            yield str(component["custom_id"]), next((str(value) for value in component["values"] or ()), "")
        inner = component.get("component")
        yield from _values([inner] if inner else component.get("components") or ())
