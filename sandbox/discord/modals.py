"""Filling in a modal as Discord's client does (components/reference, "Modal")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sandbox.discord.command_options import NotOfferedError
from sandbox.discord.component_types import FILE_UPLOAD, LABEL, ROW, SELECTS, STRING_SELECT, TEXT_DISPLAY, TEXT_INPUT
from sandbox.discord.json_values import Json, get_int, get_list
from sandbox.discord.resolved_data import ResolvedData
from sandbox.discord.uploads import Upload

FieldValue = str | Sequence[str | Upload]


def fill_modal(modal: Json, values: Mapping[str, FieldValue], resolved: ResolvedData) -> Json:
    """The `data` of a modal's submission.

    Args:
        modal: The modal of the callback.
        values: Custom id or label of a field -> its value. Fields that are not named keep the text or the
            choice they are shown with.
        resolved: Collects the files that are uploaded.

    Raises:
        NotOfferedError: A name fits no field, or a value is outside the limits of its field.

    """
    remaining = dict(values)
    components: list[Json] = []
    for index, entry in enumerate(modal["components"], 1):
        if entry["type"] == ROW:
            inner = [_field(child, child.get("label", ""), remaining, resolved) for child in entry["components"]]
            components.append({"type": ROW, "id": entry.get("id", index), "components": inner})
        elif entry["type"] == LABEL:
            filled = _field(entry["component"], entry["label"], remaining, resolved)
            components.append({"type": LABEL, "id": entry.get("id", index), "component": filled})
        elif entry["type"] == TEXT_DISPLAY:
            components.append({"type": TEXT_DISPLAY, "id": entry.get("id", index), "content": entry["content"]})
    if remaining:
        raise NotOfferedError(f"The modal has no field {sorted(remaining)}.")
    data: Json = {"custom_id": modal["custom_id"], "components": components}
    return data | ({"resolved": resolved.data} if resolved.data else {})


def _field(field: Json, label: str, remaining: dict[str, FieldValue], resolved: ResolvedData) -> Json:
    key = next((name for name in (field["custom_id"], label) if name in remaining), None)
    value = remaining.pop(key) if key is not None else None
    body: Json = {"type": field["type"], "custom_id": field["custom_id"], "id": field.get("id", 0)}
    if field["type"] == TEXT_INPUT:
        return body | {"value": _text(field, label, field.get("value") or "" if value is None else value)}
    if value is None and field["type"] == STRING_SELECT:
        value = [str(option["value"]) for option in get_list(field, "options") if option.get("default")]
    values = [value] if isinstance(value, str) else list(value or [])
    if field["type"] in SELECTS and (values or field.get("required", True)):
        low, high = get_int(field, "min_values", 1), get_int(field, "max_values", 1)
        if not low <= len(values) <= high:
            raise NotOfferedError(f"{label}: the menu takes {low} to {high} values.")
    if field["type"] == FILE_UPLOAD:
        return body | {"values": [_upload(entry, resolved) for entry in values]}
    if field["type"] == STRING_SELECT:
        return body | {"values": [_option(field, entry) for entry in values]}
    return body | {"values": [str(entry) for entry in values]}


def _text(field: Json, label: str, value: FieldValue) -> str:
    if not isinstance(value, str):
        raise NotOfferedError(f"{label}: a text field takes text.")
    low = field.get("min_length") or (1 if field.get("required", True) else 0)
    high = field.get("max_length") or 4000
    if (value or field.get("required", True)) and not low <= len(value) <= high:
        raise NotOfferedError(f"{label}: the field takes {low} to {high} characters.")
    return value


def _upload(value: str | Upload, resolved: ResolvedData) -> str:
    if isinstance(value, str):
        raise NotOfferedError("A file field takes files.")
    return resolved.upload(value)


def _option(field: Json, value: str | Upload) -> str:
    options: list[Json] = field.get("options") or []
    found = next((entry for entry in options if value in (entry["value"], entry["label"])), None)
    if found is None:
        raise NotOfferedError(f"The menu offers {[entry['label'] for entry in options]}.")
    return str(found["value"])
