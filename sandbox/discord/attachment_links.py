"""`attachment://` references in embeds and components, and the CDN links that take their place."""

from __future__ import annotations

import copy
from typing import Any

from sandbox.discord.json_values import Json, get_list, get_object
from sandbox.discord.message_models import Attachment, Message


def referenced_names(value: Any) -> set[str]:
    """The filenames of all `attachment://` references inside embeds or components."""
    match value:
        case str() if value.startswith("attachment://"):
            return {value.removeprefix("attachment://")}
        case dict():
            return set[str]().union(*(referenced_names(entry) for entry in value.values()))  # pyright: ignore[reportUnknownVariableType]
        case list():
            return set[str]().union(*(referenced_names(entry) for entry in value))  # pyright: ignore[reportUnknownVariableType]
        case _:
            return set()


def _attachment_urls(value: Any) -> set[str]:
    match value:
        case str() if "/attachments/" in value:
            return {value}
        case dict():
            return set[str]().union(*(_attachment_urls(entry) for entry in value.values()))  # pyright: ignore[reportUnknownVariableType]
        case list():
            return set[str]().union(*(_attachment_urls(entry) for entry in value))  # pyright: ignore[reportUnknownVariableType]
        case _:
            return set()


def embedded_attachments(value: Message) -> list[Attachment]:
    """The attachments that the message's embeds or components show, by `attachment://` or by their CDN link."""
    parts = [value.embeds, value.components]
    names, urls = referenced_names(parts), _attachment_urls(parts)
    return [
        entry
        for entry in value.attachments
        if entry.filename in names or any(f"/attachments/{entry.channel_id}/{entry.id}/" in url for url in urls)
    ]


def resolve_embed(embed: Json, links: dict[str, str]) -> Json:
    """An embed with CDN links in place of `attachment://` references; `links` is filename -> CDN link."""
    body = copy.deepcopy(embed) | {"type": embed.get("type", "rich")}
    for key in ("image", "thumbnail", "video", "footer", "author"):
        media = get_object(body, key)
        for field in ("url", "icon_url"):
            if str(media.get(field, "")).startswith("attachment://"):
                link = links.get(str(media[field]).removeprefix("attachment://"), "")
                media |= {field: link, f"proxy_{field}": link}
    return body


def resolve_component(component: Json, links: dict[str, str]) -> Json:
    """A component with CDN links in place of `attachment://` references, and with an `id` at each level."""
    body = copy.deepcopy(component)
    _resolve_media(body, links)
    _number_components(body, [0])
    return body


def _resolve_media(node: Any, links: dict[str, str]) -> None:
    if isinstance(node, list):
        for entry in node:  # pyright: ignore[reportUnknownVariableType]
            _resolve_media(entry, links)
    elif isinstance(node, dict):
        media: Json = node  # pyright: ignore[reportUnknownVariableType]
        url = media.get("url")
        if isinstance(url, str) and url.startswith("attachment://"):
            link = links.get(url.removeprefix("attachment://"), "")
            media |= {"url": link, "proxy_url": link, "height": None, "width": None, "loading_state": 2}
        for entry in media.values():
            _resolve_media(entry, links)


def _number_components(component: Json, counter: list[int]) -> None:
    counter[0] += 1
    component.setdefault("id", counter[0])
    inner = list(get_list(component, "components"))
    inner += [component[key] for key in ("accessory", "component") if component.get(key)]
    for entry in inner:
        _number_components(entry, counter)
