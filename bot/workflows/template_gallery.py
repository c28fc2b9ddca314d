"""The gallery of workflows that a ComfyUI server brings: its index, a search in it, and the models that one needs.

The index is a list of categories, each with `templates`; a template is a workflow in the editor's format, whose nodes
name their models with a download page in `properties.models`. Source: PyPI `comfyui-workflow-templates`, which
ComfyUI serves under `/templates`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast
from urllib.parse import urlsplit

TEMPLATE_NAME: Final = re.compile(r"[A-Za-z0-9][\w .()+-]{0,79}")
"""What a template's name may be, as it becomes a part of an address, of a file name and of a button's custom id."""
_PICTURE_FORMATS: Final = frozenset({"webp", "png", "jpg", "jpeg", "gif"})
_DEEPEST: Final = 12
_MOST_TEMPLATES: Final = 5000


@dataclass(frozen=True)
class Template:
    """A workflow of the gallery.

    Attributes:
        name: By which it is fetched.
        title: For people.
        description: A few sentences; may be empty.
        category: Such as `Image` or `Video`.
        tags: What it does.
        models: Names of model families, for people.
        size_bytes: Of its model files together; 0 if it is not known.
        usage: How often it was opened by others; popular ones come first.
        costs_money: It uses nodes that send the work to a paid service.
        picture: The name of its picture's file in the gallery; None: it has none, but a sound, say.

    """

    name: str
    title: str
    description: str
    category: str
    tags: tuple[str, ...]
    models: tuple[str, ...]
    size_bytes: int
    usage: int
    costs_money: bool
    picture: str | None = None


@dataclass(frozen=True)
class TemplateModel:
    """A model file that a template needs.

    Attributes:
        name: Of the file.
        folder: Under ComfyUI's `models`, such as `checkpoints`.
        url: Where it can be downloaded; None if the template does not say, or says no web address.

    """

    name: str
    folder: str
    url: str | None


def read_index(index: Sequence[Any]) -> list[Template]:
    """Every usable template of an index, popular ones first. Never raises; entries that cannot be read are left out."""
    found: dict[str, Template] = {}
    for category in index:
        if not isinstance(category, Mapping):
            continue
        entries = cast("Mapping[str, Any]", category)
        templates = entries.get("templates")
        for entry in cast("list[Any]", templates) if isinstance(templates, list) else []:
            template = _template(entry, _text(entries.get("title")))
            if template is not None and len(found) < _MOST_TEMPLATES:
                found.setdefault(template.name, template)
    return sorted(found.values(), key=lambda template: (-template.usage, template.title))


def search(templates: Sequence[Template], text: str) -> list[Template]:
    """The templates in which every word of the text occurs: in the title first, in anything else after them."""
    words = text.casefold().split()
    hits = [template for template in templates if all(word in _words_of(template) for word in words)]
    return sorted(hits, key=lambda template: not all(word in template.title.casefold() for word in words))


def template_models(workflow: Mapping[str, Any]) -> list[TemplateModel]:
    """The model files that the nodes of a template name, subgraphs included; each once. Never raises."""
    found: dict[tuple[str, str], TemplateModel] = {}
    for entry in _model_entries(workflow, 0):
        name, folder = _text(entry.get("name")), _text(entry.get("directory"))
        if name and (folder, name) not in found:
            found[folder, name] = TemplateModel(name, folder, _web_address(_text(entry.get("url"))))
    return list(found.values())


def _template(entry: object, category: str) -> Template | None:
    if not isinstance(entry, Mapping):
        return None
    fields = cast("Mapping[str, Any]", entry)
    name = _text(fields.get("name"))
    if TEMPLATE_NAME.fullmatch(name) is None:
        return None
    return Template(
        name=name,
        title=_text(fields.get("title")) or name,
        description=_text(fields.get("description")),
        category=category,
        tags=_texts(fields.get("tags")),
        models=_texts(fields.get("models")),
        size_bytes=_number(fields.get("size")),
        usage=_number(fields.get("usage")),
        costs_money=fields.get("openSource") is False,
        picture=_picture(name, _text(fields.get("mediaSubtype"))),
    )


def _picture(name: str, file_format: str) -> str | None:
    """The gallery has `<name>-1.webp` and so on; the first one is shown in ComfyUI's own list."""
    return f"{name}-1.{file_format}" if file_format in _PICTURE_FORMATS else None


def _words_of(template: Template) -> str:
    parts = (template.name, template.title, template.description, template.category, *template.tags, *template.models)
    return " ".join(parts).casefold()


def _model_entries(value: object, depth: int) -> Iterator[Mapping[str, Any]]:
    if depth > _DEEPEST:
        return
    if isinstance(value, Mapping):
        fields = cast("Mapping[str, Any]", value)
        properties = fields.get("properties")
        models = cast("Mapping[str, Any]", properties).get("models") if isinstance(properties, Mapping) else None
        for entry in cast("list[Any]", models) if isinstance(models, list) else []:
            if isinstance(entry, Mapping):
                yield cast("Mapping[str, Any]", entry)
        for part in ("nodes", "definitions", "subgraphs"):
            yield from _model_entries(fields.get(part), depth + 1)
    elif isinstance(value, list):
        for item in cast("list[object]", value):
            yield from _model_entries(item, depth + 1)


def _web_address(url: str) -> str | None:
    try:
        return url if urlsplit(url).scheme in {"http", "https"} else None
    except ValueError:
        return None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: object) -> tuple[str, ...]:
    return tuple(_text(item) for item in cast("list[object]", value) if _text(item)) if isinstance(value, list) else ()


def _number(value: object) -> int:
    return int(value) if isinstance(value, int | float) and 0 <= value < 2**63 else 0
