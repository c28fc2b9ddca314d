"""Which emoji does what on which message: the table that the code reads and that docs/again.md shows."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Self

import discord

from bot.discord_client.errors import NETWORK_ERRORS
from bot.domain.jobs import UNFINISHED, JobKind, JobState

if TYPE_CHECKING:
    from bot.domain.jobs import Job
    from bot.settings.discord_section import Reactions


class Reaction(StrEnum):
    """The emoji that mean something; the values are the keys under `discord.reactions`."""

    REGENERATE = "regenerate"
    SPEAK = "speak"
    DM = "dm"
    DELETE = "delete"
    CANCEL = "cancel"


class MessageContent(StrEnum):
    """What a message shows; the values head the columns of the table."""

    PICTURE = "picture or video"
    TURN = "chat turn"
    VOICE = "voice message"
    ERROR = "error"
    RUNNING = "while it runs"
    OTHER = "somebody else's text"

    @classmethod
    def of(cls, job: Job) -> Self:
        """What the job's message shows now."""
        if job.state in UNFINISHED:
            return cls(MessageContent.RUNNING)
        if job.state in {JobState.FAILED, JobState.CANCELLED}:
            return cls(MessageContent.ERROR)
        return cls(MessageContent.VOICE if job.request.kind is JobKind.AUDIO else MessageContent.PICTURE)


class Action(StrEnum):
    """What a reaction does; the values are the cells of the table."""

    AGAIN = "again with a new seed"
    ALTERNATIVE = "a new alternative, in place"
    SPEAK_AGAIN = "speak again"
    RETRY = "try again"
    SPEAK = "speak it"
    SEND_FILE = "send file and settings by DM"
    SEND_TEXT = "send the text by DM"
    DELETE = "delete from Discord"
    CANCEL = "cancel"


ACTIONS: Final[Mapping[Reaction, Mapping[MessageContent, Action]]] = MappingProxyType(
    {
        Reaction.REGENERATE: {
            MessageContent.PICTURE: Action.AGAIN,
            MessageContent.TURN: Action.ALTERNATIVE,
            MessageContent.VOICE: Action.SPEAK_AGAIN,
            MessageContent.ERROR: Action.RETRY,
        },
        Reaction.SPEAK: {MessageContent.TURN: Action.SPEAK, MessageContent.OTHER: Action.SPEAK},
        Reaction.DM: {
            MessageContent.PICTURE: Action.SEND_FILE,
            MessageContent.TURN: Action.SEND_TEXT,
            MessageContent.VOICE: Action.SEND_FILE,
        },
        Reaction.DELETE: {
            MessageContent.PICTURE: Action.DELETE,
            MessageContent.TURN: Action.DELETE,
            MessageContent.VOICE: Action.DELETE,
            MessageContent.ERROR: Action.DELETE,
        },
        Reaction.CANCEL: {MessageContent.RUNNING: Action.CANCEL},
    }
)
"""A reaction that has no action for a message does nothing there."""


def reaction_of(emoji: discord.PartialEmoji, reactions: Reactions) -> Reaction | None:
    """What the emoji means in this configuration; None: nothing."""
    given = _normal_emoji(f"{emoji.name}:{emoji.id}" if emoji.id else emoji.name or "")
    return next((each for each in Reaction if _normal_emoji(getattr(reactions, each.value)) == given), None)


def emoji_for(content: MessageContent, reactions: Reactions) -> list[str]:
    """The emoji that do something on such a message, in the order of the table."""
    return [getattr(reactions, each.value) for each in Reaction if content in ACTIONS[each]]


async def add_reactions(
    message: discord.PartialMessage | discord.Message, content: MessageContent, reactions: Reactions
) -> None:
    """Add the emoji that do something there to a message; where the bot may not, people can still add them."""
    with suppress(discord.HTTPException, *NETWORK_ERRORS):
        for emoji in emoji_for(content, reactions):
            await message.add_reaction(emoji)


def as_markdown(reactions: Reactions) -> str:
    """The table for docs/again.md."""
    head = "| | " + " | ".join(content.value for content in MessageContent) + " |"
    lines = [head, "|---" * (len(MessageContent) + 1) + "|"]
    for reaction in Reaction:
        actions = [ACTIONS[reaction].get(content) for content in MessageContent]
        cells = " | ".join(action.value if action else "-" for action in actions)
        lines.append(f"| {getattr(reactions, reaction.value)} | {cells} |")
    return "\n".join(lines)


def _normal_emoji(emoji: str) -> str:
    """`name:id` for a custom emoji; without the variation selector, which clients send or leave out."""
    return emoji.replace("\N{VARIATION SELECTOR-16}", "").strip().removeprefix("<").removeprefix("a:").strip(":>")
