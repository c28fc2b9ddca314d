"""Limits of embeds (resources/message, "Embed Limits")."""

from __future__ import annotations

from typing import Any

from sandbox.discord.errors import FormErrors
from sandbox.discord.json_values import Json, get_list, get_object

MAX_EMBEDS = 10
TITLE, DESCRIPTION, FIELDS, FIELD_NAME, FIELD_VALUE, FOOTER, AUTHOR = 256, 4096, 25, 256, 1024, 2048, 256
TOTAL = 6000
"""Characters of title, description, field names and values, footer and author of all embeds together."""


def check_embeds(embeds: Any, form: FormErrors) -> None:
    """Check a message's embeds."""
    if embeds is None:
        return
    form.length("embeds", embeds, 0, MAX_EMBEDS)
    total = 0
    for index, embed in enumerate(embeds):
        total += _check_embed(embed, f"embeds.{index}", form)
    if total > TOTAL:
        form.add("embeds", "MAX_EMBED_SIZE_EXCEEDED", f"Embed size exceeds maximum size of {TOTAL}")


def _check_embed(embed: Json, path: str, form: FormErrors) -> int:
    footer, author, fields = get_object(embed, "footer"), get_object(embed, "author"), get_list(embed, "fields")
    form.length(f"{path}.title", embed.get("title"), 0, TITLE)
    form.length(f"{path}.description", embed.get("description"), 0, DESCRIPTION)
    form.length(f"{path}.footer.text", footer.get("text"), 0, FOOTER)
    form.length(f"{path}.author.name", author.get("name"), 0, AUTHOR)
    form.length(f"{path}.fields", fields, 0, FIELDS)
    texts: list[Any] = [embed.get("title"), embed.get("description"), footer.get("text"), author.get("name")]
    for index, field in enumerate(fields):
        for key, limit in (("name", FIELD_NAME), ("value", FIELD_VALUE)):
            if form.required(f"{path}.fields.{index}.{key}", field.get(key)):
                form.length(f"{path}.fields.{index}.{key}", field[key], 1, limit)
            texts.append(field.get(key))
    color = embed.get("color")
    if color is not None and not 0 <= color <= 0xFFFFFF:
        form.add(f"{path}.color", "NUMBER_TYPE_MAX", "int value should be less than or equal to 16777215.")
    for key in ("image", "thumbnail"):
        url = get_object(embed, key).get("url")
        if url is not None and not str(url).startswith(("http://", "https://", "attachment://")):
            form.add(f"{path}.{key}.url", "URL_TYPE_INVALID_SCHEME", "Scheme must be one of ('http', 'https').")
    return sum(len(text.strip()) for text in texts if text)
