"""Which emoji does what on which kind of message: the one table that the code reads, and that docs/again.md shows."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import discord

from bot.discord_client.errors import NETWORK_ERRORS
from bot.domain.jobs import UNFINISHED, JobKind, JobState

if TYPE_CHECKING:
    from bot.domain.jobs import Job
    from bot.settings.discord_section import Reactions


class Sign(StrEnum):
    """What an emoji stands for; the value is its key under `discord.reactions`."""

    REGENERATE = "regenerate"
    SPEAK = "speak"
    DM = "dm"
    DELETE = "delete"
    CANCEL = "cancel"


class Shown(StrEnum):
    """What a message shows; the value is the head of its column."""

    PICTURE = "picture or video"
    TURN = "chat turn"
    VOICE = "voice message"
    ERROR = "error"
    RUNNING = "while it runs"
    OTHER = "somebody else's text"


class Deed(StrEnum):
    """What happens; the value is the table's cell."""

    AGAIN = "again with a new seed"
    ALTERNATIVE = "a new alternative, in place"
    SPEAK_AGAIN = "speak again"
    RETRY = "try again"
    SPEAK = "speak it"
    SEND_FILE = "send file and settings by DM"
    SEND_TEXT = "send the text by DM"
    DELETE = "delete from Discord"
    CANCEL = "cancel"


TABLE: Final[Mapping[Sign, Mapping[Shown, Deed]]] = MappingProxyType(
    {
        Sign.REGENERATE: {
            Shown.PICTURE: Deed.AGAIN,
            Shown.TURN: Deed.ALTERNATIVE,
            Shown.VOICE: Deed.SPEAK_AGAIN,
            Shown.ERROR: Deed.RETRY,
        },
        Sign.SPEAK: {Shown.TURN: Deed.SPEAK, Shown.OTHER: Deed.SPEAK},
        Sign.DM: {Shown.PICTURE: Deed.SEND_FILE, Shown.TURN: Deed.SEND_TEXT, Shown.VOICE: Deed.SEND_FILE},
        Sign.DELETE: {
            Shown.PICTURE: Deed.DELETE,
            Shown.TURN: Deed.DELETE,
            Shown.VOICE: Deed.DELETE,
            Shown.ERROR: Deed.DELETE,
        },
        Sign.CANCEL: {Shown.RUNNING: Deed.CANCEL},
    }
)
"""A cell that is missing means: nothing happens."""


def shown_by(job: Job) -> Shown:
    """What a job's message shows now."""
    if job.state in UNFINISHED:
        return Shown.RUNNING
    if job.state in {JobState.FAILED, JobState.CANCELLED}:
        return Shown.ERROR
    return Shown.VOICE if job.request.kind is JobKind.AUDIO else Shown.PICTURE


def sign_of(emoji: discord.PartialEmoji, reactions: Reactions) -> Sign | None:
    """What the emoji stands for in this configuration; None: nothing."""
    given = _plain(f"{emoji.name}:{emoji.id}" if emoji.id else emoji.name or "")
    return next((sign for sign in Sign if _plain(getattr(reactions, sign.value)) == given), None)


def offered(shown: Shown, reactions: Reactions) -> list[str]:
    """The emoji that do something there, in the order of the table."""
    return [getattr(reactions, sign.value) for sign in Sign if shown in TABLE[sign]]


async def offer_reactions(
    message: discord.PartialMessage | discord.Message, shown: Shown, reactions: Reactions
) -> None:
    """Put the emoji that do something there on a message of ours; where that is not allowed, people can do it."""
    with suppress(discord.HTTPException, *NETWORK_ERRORS):
        for emoji in offered(shown, reactions):
            await message.add_reaction(emoji)


def as_markdown(reactions: Reactions) -> str:
    """The table as docs/again.md shows it."""
    head = "| | " + " | ".join(shown.value for shown in Shown) + " |"
    lines = [head, "|---" * (len(Shown) + 1) + "|"]
    for sign in Sign:
        cells = [TABLE[sign].get(shown) for shown in Shown]
        lines.append(
            f"| {getattr(reactions, sign.value)} | " + " | ".join(cell.value if cell else "-" for cell in cells) + " |"
        )
    return "\n".join(lines)


def _plain(emoji: str) -> str:
    """Without the mark that asks for the coloured picture: clients send it or leave it out. Custom: name:id."""
    return emoji.replace("\N{VARIATION SELECTOR-16}", "").strip().removeprefix("<").removeprefix("a:").strip(":>")
