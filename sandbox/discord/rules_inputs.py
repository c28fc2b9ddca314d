"""Limits of buttons, select menus and text inputs (components/reference)."""

from __future__ import annotations

from sandbox.discord.component_types import MAX_CUSTOM_ID, MAX_LABEL, MAX_OPTIONS, STRING_SELECT
from sandbox.discord.errors import FormErrors
from sandbox.discord.json_values import Json, get_int


def check_custom_id(entry: Json, path: str, form: FormErrors) -> None:
    """Check the custom id of a component: 1 to 100 characters."""
    if form.required(f"{path}.custom_id", entry.get("custom_id")):
        form.length(f"{path}.custom_id", entry["custom_id"], 1, MAX_CUSTOM_ID)


def check_button(entry: Json, path: str, form: FormErrors) -> None:
    """Check a button."""
    style = entry.get("style")
    form.length(f"{path}.label", entry.get("label"), 0, MAX_LABEL)
    if style == 5:
        if form.required(f"{path}.url", entry.get("url")):
            form.length(f"{path}.url", entry["url"], 1, 512)
        if entry.get("custom_id") is not None:
            form.add(
                f"{path}.custom_id", "BUTTON_COMPONENT_CUSTOM_ID_URL_MUTUALLY_EXCLUSIVE", "A link button has no id."
            )
    elif style in {1, 2, 3, 4}:
        check_custom_id(entry, path, form)
        if not entry.get("label") and not entry.get("emoji"):
            form.add(f"{path}.label", "BUTTON_COMPONENT_INVALID_LABEL_OR_EMOJI", "A button needs a label or an emoji.")
    elif style != 6:
        form.add(f"{path}.style", "BASE_TYPE_CHOICES", "Value must be one of {1, 2, 3, 4, 5, 6}.")


def check_select(entry: Json, path: str, form: FormErrors) -> None:
    """Check a select menu."""
    check_custom_id(entry, path, form)
    form.length(f"{path}.placeholder", entry.get("placeholder"), 0, 150)
    low, high = get_int(entry, "min_values", 1), get_int(entry, "max_values", 1)
    if not (0 <= low <= 25 and 1 <= high <= 25 and low <= high):
        form.add(f"{path}.max_values", "NUMBER_TYPE_MAX", "Must be between min_values and 25.")
    if entry["type"] != STRING_SELECT:
        return
    options: list[Json] = entry.get("options") or []
    form.length(f"{path}.options", options, 1, MAX_OPTIONS)
    for index, option in enumerate(options):
        where = f"{path}.options.{index}"
        for key in ("label", "value"):
            if form.required(f"{where}.{key}", option.get(key)):
                form.length(f"{where}.{key}", option[key], 1, 100)
        form.length(f"{where}.description", option.get("description"), 0, 100)
    values = [option.get("value") for option in options]
    if len(set(values)) != len(values):
        form.add(
            f"{path}.options", "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED", "The specified option value is already used"
        )


def check_text_input(entry: Json, path: str, form: FormErrors) -> None:
    """Check a text input."""
    check_custom_id(entry, path, form)
    if entry.get("style") not in {1, 2}:
        form.add(f"{path}.style", "BASE_TYPE_CHOICES", "Value must be one of {1, 2}.")
    form.length(f"{path}.label", entry.get("label"), 1, 45)
    form.length(f"{path}.placeholder", entry.get("placeholder"), 0, 100)
    form.length(f"{path}.value", entry.get("value"), 0, 4000)
    value, high = entry.get("value"), entry.get("max_length")
    if value and high and len(value) > high:
        form.add(f"{path}.value", "BASE_TYPE_MAX_LENGTH", f"Must be {high} or fewer in length.")
