"""Limits of modals (interactions/receiving-and-responding)."""

from __future__ import annotations

from sandbox.discord.component_types import FILE_UPLOAD, LABEL, MAX_CUSTOM_ID, ROW, TEXT_DISPLAY
from sandbox.discord.errors import FormErrors
from sandbox.discord.json_values import Json, get_int, get_object
from sandbox.discord.message_models import flatten
from sandbox.discord.rules_components import check_component, check_custom_ids_differ
from sandbox.discord.rules_inputs import check_custom_id


def _label(entry: Json, path: str, form: FormErrors) -> None:
    if form.required(f"{path}.label", entry.get("label")):
        form.length(f"{path}.label", entry["label"], 1, 45)
    form.length(f"{path}.description", entry.get("description"), 0, 100)
    inner = get_object(entry, "component")
    if inner.get("type") == FILE_UPLOAD:
        check_custom_id(inner, f"{path}.component", form)
        if not 0 <= get_int(inner, "min_values", 1) <= get_int(inner, "max_values", 1) <= 10:
            form.add(f"{path}.component.max_values", "NUMBER_TYPE_MAX", "Must be between min_values and 10.")
    elif form.required(f"{path}.component", inner.get("type")):
        check_component(inner, f"{path}.component", form)


def check_modal(data: Json, form: FormErrors) -> None:
    """Check a modal: title, custom id, and 1 to 5 labels, rows or text displays."""
    for key, limit in (("title", 45), ("custom_id", MAX_CUSTOM_ID)):
        if form.required(f"data.{key}", data.get(key)):
            form.length(f"data.{key}", data[key], 1, limit)
    components: list[Json] = data.get("components") or []
    form.length("data.components", components, 1, 5)
    for index, entry in enumerate(components):
        path = f"data.components.{index}"
        if entry.get("type") == LABEL:
            _label(entry, path, form)
        elif entry.get("type") in {ROW, TEXT_DISPLAY}:
            check_component(entry, path, form)
        else:
            form.add(path, "UNION_TYPE_CHOICES", "A modal holds labels, rows and text displays.")
    check_custom_ids_differ(list(flatten(components)), form)
