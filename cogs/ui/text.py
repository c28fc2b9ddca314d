"""Text within Discord's limits."""

from __future__ import annotations

import re
from typing import Final

import discord

from bot.domain.discord_limits import MAX_MESSAGE_LENGTH

EMBED_TOTAL: Final = 6000
"""Characters of title, description, field names and values, footer and author of all embeds of a message together
(Discord documentation, resources/message "Embed Limits")."""
EMBED_TITLE: Final = 256
EMBED_DESCRIPTION: Final = 4096
EMBED_FIELD_VALUE: Final = 1024
EMBED_FOOTER: Final = 2048
CHOICE: Final = 100
CHOICES: Final = 25
_OPEN_BACKTICK: Final = re.compile(r"(?<!\\)((?:\\\\)*)`")
_CODE_OR_LINK: Final = re.compile(r"\\`|```[\s\S]*?```|(?<!`)(`+)(?!`)[\s\S]*?[^`]\1(?!`)|\]\(")
"""An escaped backtick, a code block, inline code, or the middle of a masked link."""


def clip(text: str, limit: int) -> str:
    """At most `limit` characters, with an ellipsis where something was left out."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def without_masked_links(text: str) -> str:
    """Text of people and models in which `[label](address)` shows its address, because the bot does not vouch for it.

    In messages of bots and webhooks and in embeds, Discord makes such text a link that hides where it leads. A
    backslash between the brackets keeps it from being one; inside code, where Discord makes no links and would show the
    backslash, nothing is changed.
    """
    return _CODE_OR_LINK.sub(lambda found: "]\\(" if found[0] == "](" else found[0], text)


def escaped(text: str) -> str:
    """Text of people and models with all Markdown made harmless.

    `discord.utils.escape_markdown` takes everything from the first to the last masked link of a line as one match, of
    which it escapes the beginning only, and skips addresses with the backticks in them. So it is given what stands
    between the middles of links, and backticks that are left are escaped here.
    """
    pieces = (discord.utils.escape_markdown(piece) for piece in text.split("]("))
    return _OPEN_BACKTICK.sub(r"\1\\`", "]\\(".join(pieces))


def quote_prompt(text: str, limit: int = 400) -> str:
    """A person's words for an embed: shortened, on their own lines, with Markdown and mentions made harmless."""
    flat = " ".join(text.split())
    return discord.utils.escape_mentions(escaped(clip(flat, limit)))


def seconds(value: float) -> str:
    """`8 s`, `2 min 5 s`, `1 h 3 min`."""
    whole = max(0, round(value))
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def plain(embed: discord.Embed) -> str:
    """The embed as message content, for channels where the bot may not embed links."""
    lines = [f"**{embed.title}**"] if embed.title else []
    if embed.description:
        lines.append(embed.description)
    lines += [f"{field.name}: {field.value}" for field in embed.fields]
    if embed.footer.text:
        lines.append(f"-# {embed.footer.text}")
    return clip("\n".join(lines), MAX_MESSAGE_LENGTH)
