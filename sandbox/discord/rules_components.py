"""Limits of message components and modals (components/reference)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.discord.errors import FormErrors
from sandbox.discord.state import Json, flatten, get_int, get_list, get_object

ROW, BUTTON, STRING_SELECT, TEXT_INPUT, SECTION, TEXT_DISPLAY, THUMBNAIL = 1, 2, 3, 4, 9, 10, 11
GALLERY, FILE, SEPARATOR, CONTAINER, LABEL, FILE_UPLOAD = 12, 13, 14, 17, 18, 19
SELECTS = (3, 5, 6, 7, 8)
V2_ONLY = (SECTION, TEXT_DISPLAY, THUMBNAIL, GALLERY, FILE, SEPARATOR, CONTAINER)
V2_TOP = (ROW, SECTION, TEXT_DISPLAY, GALLERY, FILE, SEPARATOR, CONTAINER)
MAX_ROWS, MAX_V2, MAX_IN_ROW, MAX_CUSTOM_ID, MAX_LABEL, MAX_OPTIONS, MAX_V2_TEXT = 5, 40, 5, 100, 80, 25, 4000


def check_components(components: Any, form: FormErrors, *, v2: bool) -> None:
    """Note everything that is wrong with a message's components."""
    if not components:
        return
    everything = list(flatten(components))
    if v2:
        # components/reference "Legacy Message Component Behavior": 40 in total, nested ones included
        if len(everything) > MAX_V2:
            form.add("components", "BASE_TYPE_MAX_LENGTH", f"The total number of components must be {MAX_V2} or fewer.")
        shown = sum(len(entry.get("content", "")) for entry in everything if entry.get("type") == TEXT_DISPLAY)
        if shown > MAX_V2_TEXT:
            form.add("components", "COMPONENT_MAX_TOTAL_COMPONENTS_TEXT", f"Text exceeds {MAX_V2_TEXT} characters.")
    else:
        form.length("components", components, 0, MAX_ROWS)
    for index, entry in enumerate(components):
        allowed = V2_TOP if v2 else (ROW,)
        if entry.get("type") not in allowed:
            form.add(f"components.{index}", "UNION_TYPE_CHOICES", f'Value of field "type" must be one of {allowed}.')
            continue
        _check(entry, f"components.{index}", form)
    _check_custom_ids(everything, form)


def _check_custom_ids(everything: list[Json], form: FormErrors) -> None:
    seen: set[str] = set()
    for entry in everything:
        custom_id = entry.get("custom_id")
        if custom_id is None:
            continue
        if custom_id in seen:
            form.add("components", "COMPONENT_CUSTOM_ID_DUPLICATED", "Component custom id cannot be duplicated")
        seen.add(custom_id)


def _check(entry: Json, path: str, form: FormErrors) -> None:
    kind = entry.get("type")
    checks: dict[Any, Callable[[Json, str, FormErrors], None]] = {
        ROW: _row, BUTTON: _button, SECTION: _section, TEXT_DISPLAY: _text, GALLERY: _gallery, CONTAINER: _container,
        FILE: _file, THUMBNAIL: _thumbnail, TEXT_INPUT: _text_input, LABEL: _label,
    }  # fmt: skip
    if kind in SELECTS:
        _select(entry, path, form)
    elif kind in checks:
        checks[kind](entry, path, form)


def _each(entries: list[Json], path: str, form: FormErrors) -> None:
    for index, entry in enumerate(entries):
        _check(entry, f"{path}.components.{index}", form)


def _row(entry: Json, path: str, form: FormErrors) -> None:
    inner: list[Json] = entry.get("components") or []
    kinds = {child.get("type") for child in inner}
    form.length(f"{path}.components", inner, 1, MAX_IN_ROW)
    if kinds - {BUTTON} and len(inner) > 1:
        form.add(f"{path}.components", "COMPONENT_LAYOUT_WIDTH_EXCEEDED", "A row holds five buttons or one select.")
    if not kinds <= {BUTTON, TEXT_INPUT, *SELECTS}:
        form.add(f"{path}.components", "UNION_TYPE_CHOICES", "A row holds buttons, selects or a text input.")
    _each(inner, path, form)


def _custom_id(entry: Json, path: str, form: FormErrors) -> None:
    if form.required(f"{path}.custom_id", entry.get("custom_id")):
        form.length(f"{path}.custom_id", entry["custom_id"], 1, MAX_CUSTOM_ID)


def _button(entry: Json, path: str, form: FormErrors) -> None:
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
        _custom_id(entry, path, form)
        if not entry.get("label") and not entry.get("emoji"):
            form.add(f"{path}.label", "BUTTON_COMPONENT_INVALID_LABEL_OR_EMOJI", "A button needs a label or an emoji.")
    elif style != 6:
        form.add(f"{path}.style", "BASE_TYPE_CHOICES", "Value must be one of {1, 2, 3, 4, 5, 6}.")


def _select(entry: Json, path: str, form: FormErrors) -> None:
    _custom_id(entry, path, form)
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


def _section(entry: Json, path: str, form: FormErrors) -> None:
    inner: list[Json] = entry.get("components") or []
    form.length(f"{path}.components", inner, 1, 3)
    if any(child.get("type") != TEXT_DISPLAY for child in inner):
        form.add(f"{path}.components", "UNION_TYPE_CHOICES", "A section holds text displays.")
    if form.required(f"{path}.accessory", entry.get("accessory")):
        _check(entry["accessory"], f"{path}.accessory", form)
    _each(inner, path, form)


def _text(entry: Json, path: str, form: FormErrors) -> None:
    if form.required(f"{path}.content", entry.get("content")):
        form.length(f"{path}.content", entry["content"], 1, MAX_V2_TEXT)


def _gallery(entry: Json, path: str, form: FormErrors) -> None:
    pictures = get_list(entry, "items")
    form.length(f"{path}.items", pictures, 1, 10)
    for index, picture in enumerate(pictures):
        form.length(f"{path}.items.{index}.description", picture.get("description"), 0, 1024)
        form.required(f"{path}.items.{index}.media", picture.get("media"))


def _container(entry: Json, path: str, form: FormErrors) -> None:
    inner: list[Json] = entry.get("components") or []
    form.length(f"{path}.components", inner, 1, MAX_V2)
    if any(child.get("type") not in (ROW, SECTION, TEXT_DISPLAY, GALLERY, FILE, SEPARATOR) for child in inner):
        form.add(f"{path}.components", "UNION_TYPE_CHOICES", "A container holds no containers or loose buttons.")
    _each(inner, path, form)


def _file(entry: Json, path: str, form: FormErrors) -> None:
    url = str(get_object(entry, "file").get("url", ""))
    if not url.startswith("attachment://"):
        form.add(f"{path}.file.url", "UNFURLED_MEDIA_ITEM_FILE_NOT_ATTACHMENT", "Only attachment:// is supported.")


def _thumbnail(entry: Json, path: str, form: FormErrors) -> None:
    form.required(f"{path}.media", entry.get("media"))
    form.length(f"{path}.description", entry.get("description"), 0, 1024)


def _text_input(entry: Json, path: str, form: FormErrors) -> None:
    _custom_id(entry, path, form)
    if entry.get("style") not in {1, 2}:
        form.add(f"{path}.style", "BASE_TYPE_CHOICES", "Value must be one of {1, 2}.")
    form.length(f"{path}.label", entry.get("label"), 1, 45)
    form.length(f"{path}.placeholder", entry.get("placeholder"), 0, 100)
    form.length(f"{path}.value", entry.get("value"), 0, 4000)
    value, high = entry.get("value"), entry.get("max_length")
    if value and high and len(value) > high:
        form.add(f"{path}.value", "BASE_TYPE_MAX_LENGTH", f"Must be {high} or fewer in length.")


def _label(entry: Json, path: str, form: FormErrors) -> None:
    if form.required(f"{path}.label", entry.get("label")):
        form.length(f"{path}.label", entry["label"], 1, 45)
    form.length(f"{path}.description", entry.get("description"), 0, 100)
    inner = get_object(entry, "component")
    if inner.get("type") == FILE_UPLOAD:
        _custom_id(inner, f"{path}.component", form)
        if not 0 <= get_int(inner, "min_values", 1) <= get_int(inner, "max_values", 1) <= 10:
            form.add(f"{path}.component.max_values", "NUMBER_TYPE_MAX", "Must be between min_values and 10.")
    elif form.required(f"{path}.component", inner.get("type")):
        _check(inner, f"{path}.component", form)


def check_modal(data: Json, form: FormErrors) -> None:
    """Note what is wrong with a modal: title, 1 to 5 components, ids (interactions/receiving-and-responding)."""
    for key, limit in (("title", 45), ("custom_id", MAX_CUSTOM_ID)):
        if form.required(f"data.{key}", data.get(key)):
            form.length(f"data.{key}", data[key], 1, limit)
    components: list[Json] = data.get("components") or []
    form.length("data.components", components, 1, 5)
    for index, entry in enumerate(components):
        if entry.get("type") not in (ROW, TEXT_DISPLAY, LABEL):
            form.add(f"data.components.{index}", "UNION_TYPE_CHOICES", "A modal holds labels, rows and text displays.")
        else:
            _check(entry, f"data.components.{index}", form)
    _check_custom_ids(list(flatten(components)), form)
