"""Who is spoken to. Pure: a message, the channel's binding and the characters' names in, a decision out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.conversations import AnswerMode, Binding, IncomingMessage

_GREETINGS = r"(?:hey|hi|hello|hallo|yo|ok|okay|dear|so|and|salut|hola|ciao|oi)"


@dataclass(frozen=True, slots=True)
class Address:
    """What to do with a message.

    Attributes:
        heard: It belongs into the conversation.
        character_id: Whose conversation it is, and who answers if `wants_answer`.
        wants_answer: The character is to answer.
    """

    heard: bool
    character_id: str | None = None
    wants_answer: bool = False


NOT_HEARD = Address(heard=False)


def named(content: str, called: Sequence[tuple[str, str]]) -> str | None:
    """The id of the character that the message calls by name, as people call: at its beginning or its end.

    "Nova, look", "hey nova look", "@Nova look", "look, Nova!" call her; "I met Nova yesterday" does not.

    Args:
        content: The message.
        called: (name or alias, character id).
    """
    text = content.strip()
    for name, character_id in sorted(called, key=lambda pair: -len(pair[0])):
        word = re.escape(name)
        begins = rf"(?:{_GREETINGS}[\s,]+)?@?{word}(?![\w'’])(?:\s*[,:!?.…—–-]|\s|$)"  # noqa: RUF001 - a real apostrophe
        ends = rf"[,\s]@?{word}\s*[?!.…]*$"
        if re.match(begins, text, re.IGNORECASE) or (
            re.search(ends, text, re.IGNORECASE) and re.search(rf"[,@]\s*{word}\s*[?!.…]*$", text, re.IGNORECASE)
        ):
            return character_id
    return None


def address(
    incoming: IncomingMessage,
    binding: Binding | None,
    called: Sequence[tuple[str, str]],
    *,
    default_character: str,
    replied_character: str | None = None,
    direct: bool = False,
    allow_bots: bool = False,
) -> Address:
    """Decide who is spoken to.

    Args:
        incoming: The message.
        binding: The channel's (its parent's, in a Discord thread).
        called: The characters that may answer here: (name or alias, id).
        default_character: Answers mentions in channels that belong to nobody.
        replied_character: Whose turn the message replies to, if it does.
        direct: It was written in a direct message.
        allow_bots: Whether bots are people here.
    """
    if incoming.author_is_bot and not allow_bots:
        return NOT_HEARD
    summoned = incoming.mentions_bot or incoming.replies_to_bot or replied_character is not None
    if binding is None:
        if not (summoned or direct):
            return NOT_HEARD
        own, mode = default_character, AnswerMode.ALL
    else:
        own, mode = binding.character_id, binding.mode
    if mode is AnswerMode.OFF:
        return NOT_HEARD
    addressed = replied_character or named(incoming.content, called) or own
    return Address(heard=True, character_id=addressed, wants_answer=summoned or mode is AnswerMode.ALL or direct)
