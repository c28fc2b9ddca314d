"""A conversation as a Markdown file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.conversation.sanitizing import speaker_name
from bot.domain.conversations import ChatRole, Conversation, Message


def as_markdown(conversation: Conversation, history: Sequence[Message], names: Mapping[str, str]) -> str:
    """Return the title, then each message with its author and time (UTC).

    Of a turn with several alternatives only the shown one is written.

    Args:
        conversation: The conversation.
        history: Its messages, oldest first.
        names: Character id -> name.
    """
    lines = [f"# {conversation.title}", "", f"Begun {conversation.created_at:%Y-%m-%d %H:%M} UTC.", ""]
    for message in history:
        if not message.text.strip():
            continue
        if message.role is ChatRole.ASSISTANT:
            author = names.get(message.character_id or "", message.character_id or "Character")
        else:
            author = speaker_name(message.author_name)
        lines += [f"**{author}** ({message.created_at:%Y-%m-%d %H:%M})", "", message.text.strip(), ""]
    return "\n".join(lines)
