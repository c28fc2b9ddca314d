"""Modals that outlive the process: sent stateless, and their submission is read from the interaction itself."""

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
    """One text input. `value` is filled in; `note` stands under the label."""

    custom_id: str
    label: str
    value: str = ""
    note: str | None = None
    placeholder: str | None = None
    long: bool = False
    required: bool = False
    max_length: int = LONGEST_INPUT


def stateless_modal(title: str, custom_id: str, fields: Sequence[Field]) -> discord.ui.Modal:
    """At most five fields. Already stopped, so that discord.py keeps nothing of it.

    A modal kept in memory could not be sent in after a restart. Its submission arrives as an ordinary interaction
    (`is_submission`), whatever process opened it.
    """
    modal = discord.ui.Modal(title=clip(title, TITLE), custom_id=custom_id, timeout=None)
    for field in fields:
        box: discord.ui.TextInput[Any] = discord.ui.TextInput(
            custom_id=field.custom_id,
            style=discord.TextStyle.long if field.long else discord.TextStyle.short,
            # An empty default is refused where something is required.
            default=field.value[: field.max_length] or None,
            placeholder=clip(field.placeholder, 100) if field.placeholder else None,
            required=field.required,
            max_length=field.max_length,
        )
        modal.add_item(
            discord.ui.Label(
                text=clip(field.label, LABEL), description=clip(field.note, 100) if field.note else None, component=box
            )
        )
    modal.stop()
    return modal


def is_submission(interaction: discord.Interaction[Any]) -> str | None:
    """The custom id of the modal that was sent in; None: it is another kind of interaction."""
    if interaction.type is not discord.InteractionType.modal_submit or interaction.data is None:
        return None
    return str(interaction.data.get("custom_id", ""))


def submitted(interaction: discord.Interaction[Any]) -> dict[str, str]:
    """What was written, by the fields' custom ids."""
    data = cast("Mapping[str, Any]", interaction.data or {})
    return dict(_values(cast("Iterable[Mapping[str, Any]]", data.get("components") or ())))


def _values(components: Iterable[Mapping[str, Any]]) -> Iterable[tuple[str, str]]:
    for component in components:
        if "value" in component:
            yield str(component["custom_id"]), str(component["value"] or "")
        inner = component.get("component")
        yield from _values([inner] if inner else component.get("components") or ())
