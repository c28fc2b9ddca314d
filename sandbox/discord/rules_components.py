"""Limits of layout and content components (components/reference)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.discord.component_types import (
    BUTTON,
    CONTAINER,
    FILE,
    GALLERY,
    MAX_IN_ROW,
    MAX_ROWS,
    MAX_V2,
    MAX_V2_TEXT,
    ROW,
    SECTION,
    SELECTS,
    SEPARATOR,
    TEXT_DISPLAY,
    TEXT_INPUT,
    THUMBNAIL,
    V2_TOP,
)
from sandbox.discord.errors import FormErrors
from sandbox.discord.json_values import Json, get_list, get_object
from sandbox.discord.message_models import flatten
from sandbox.discord.rules_inputs import check_button, check_select, check_text_input


def check_components(components: Any, form: FormErrors, *, v2: bool) -> None:
    """Check a message's components; `v2` tells whether it has the flag IS_COMPONENTS_V2."""
    if not components:
        return
    all_components = list(flatten(components))
    if v2:
        # components/reference "Legacy Message Component Behavior": 40 in total, nested ones included
        if len(all_components) > MAX_V2:
            form.add("components", "BASE_TYPE_MAX_LENGTH", f"The total number of components must be {MAX_V2} or fewer.")
        characters = sum(len(entry.get("content", "")) for entry in all_components if entry.get("type") == TEXT_DISPLAY)
        if characters > MAX_V2_TEXT:
            form.add("components", "COMPONENT_MAX_TOTAL_COMPONENTS_TEXT", f"Text exceeds {MAX_V2_TEXT} characters.")
    else:
        form.length("components", components, 0, MAX_ROWS)
    for index, entry in enumerate(components):
        allowed = V2_TOP if v2 else (ROW,)
        if entry.get("type") not in allowed:
            form.add(f"components.{index}", "UNION_TYPE_CHOICES", f'Value of field "type" must be one of {allowed}.')
            continue
        check_component(entry, f"components.{index}", form)
    check_custom_ids_differ(all_components, form)


def check_custom_ids_differ(all_components: list[Json], form: FormErrors) -> None:
    """Check that no custom id is used twice in a message or modal."""
    seen: set[str] = set()
    for entry in all_components:
        custom_id = entry.get("custom_id")
        if custom_id is None:
            continue
        if custom_id in seen:
            form.add("components", "COMPONENT_CUSTOM_ID_DUPLICATED", "Component custom id cannot be duplicated")
        seen.add(custom_id)


def check_component(entry: Json, path: str, form: FormErrors) -> None:
    """Check a component and the components in it."""
    kind = entry.get("type")
    checks: dict[Any, Callable[[Json, str, FormErrors], None]] = {
        ROW: _row, BUTTON: check_button, SECTION: _section, TEXT_DISPLAY: _text_display, GALLERY: _media_gallery,
        CONTAINER: _container, FILE: _file, THUMBNAIL: _thumbnail, TEXT_INPUT: check_text_input,
    }  # fmt: skip
    if kind in SELECTS:
        check_select(entry, path, form)
    elif kind in checks:
        checks[kind](entry, path, form)


def _check_children(entries: list[Json], path: str, form: FormErrors) -> None:
    for index, entry in enumerate(entries):
        check_component(entry, f"{path}.components.{index}", form)


def _row(entry: Json, path: str, form: FormErrors) -> None:
    inner: list[Json] = entry.get("components") or []
    kinds = {child.get("type") for child in inner}
    form.length(f"{path}.components", inner, 1, MAX_IN_ROW)
    if kinds - {BUTTON} and len(inner) > 1:
        form.add(f"{path}.components", "COMPONENT_LAYOUT_WIDTH_EXCEEDED", "A row holds five buttons or one select.")
    if not kinds <= {BUTTON, TEXT_INPUT, *SELECTS}:
        form.add(f"{path}.components", "UNION_TYPE_CHOICES", "A row holds buttons, selects or a text input.")
    _check_children(inner, path, form)


def _section(entry: Json, path: str, form: FormErrors) -> None:
    inner: list[Json] = entry.get("components") or []
    form.length(f"{path}.components", inner, 1, 3)
    if any(child.get("type") != TEXT_DISPLAY for child in inner):
        form.add(f"{path}.components", "UNION_TYPE_CHOICES", "A section holds text displays.")
    if form.required(f"{path}.accessory", entry.get("accessory")):
        check_component(entry["accessory"], f"{path}.accessory", form)
    _check_children(inner, path, form)


def _text_display(entry: Json, path: str, form: FormErrors) -> None:
    if form.required(f"{path}.content", entry.get("content")):
        form.length(f"{path}.content", entry["content"], 1, MAX_V2_TEXT)


def _media_gallery(entry: Json, path: str, form: FormErrors) -> None:
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
    _check_children(inner, path, form)


def _file(entry: Json, path: str, form: FormErrors) -> None:
    url = str(get_object(entry, "file").get("url", ""))
    if not url.startswith("attachment://"):
        form.add(f"{path}.file.url", "UNFURLED_MEDIA_ITEM_FILE_NOT_ATTACHMENT", "Only attachment:// is supported.")


def _thumbnail(entry: Json, path: str, form: FormErrors) -> None:
    form.required(f"{path}.media", entry.get("media"))
    form.length(f"{path}.description", entry.get("description"), 0, 1024)
