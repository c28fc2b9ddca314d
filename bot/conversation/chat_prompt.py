"""Prompt assembly: from a character and a history to the messages that the language model reads.

The system message describes the character. The history follows, from which the oldest messages are dropped until
everything fits the token budget. These functions are pure: they use no clock, no database and no network.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bot.characters import Character
from bot.conversation.sanitizing import sanitize, speaker_name
from bot.conversation.token_budget import MESSAGE_OVERHEAD, TokenBudget, estimate_tokens, message_tokens
from bot.domain.conversations import ChatMessage, ChatRole, Message

RECENT_MESSAGES = 50
"""Whoever wrote one of this many newest messages counts as present."""


def build_chat_prompt(
    character: Character, history: Sequence[Message], budget: TokenBudget, *, extra: str = ""
) -> list[ChatMessage]:
    """Build one system message, followed by as much of the newest history as fits.

    Args:
        character: The character that answers.
        history: Oldest first. Deleted messages and turns without text are left out.
        budget: Sizes in tokens. The prompt and the answer together never exceed `budget.context_window`.
        extra: Further instructions for the system message, for example how to send a picture.
    """
    limit = budget.prompt_tokens
    recent = history[-RECENT_MESSAGES:]
    names = [message.author_name or "" for message in recent if message.role is ChatRole.USER]
    system = _system_message(_system_sections(character, names, extra), limit * 3 // 4)
    prompt = [system, *_newest_that_fit(history, character.id, limit - message_tokens(system))]
    spent = sum(message_tokens(message) for message in prompt)
    if spent > limit:
        # A prompt that is too long would be cut by the server without a word, so that the character forgets itself.
        raise AssertionError(f"prompt of {spent} tokens exceeds the budget of {limit}")
    return prompt


def chat_message(message: Message, character_id: str) -> ChatMessage | None:
    """Return a stored message as the model reads it, or None if it was deleted or has no text.

    The character's own turns have the role `assistant`. Everything else, including turns of other characters, has the
    role `user` and begins with the speaker's name.
    """
    text = message.text.strip()
    if message.deleted_at is not None or not text:
        return None
    if message.role is ChatRole.ASSISTANT and message.character_id == character_id:
        return ChatMessage(role=ChatRole.ASSISTANT, content=text)
    return ChatMessage(role=ChatRole.USER, content=_named_text(message))


def _named_text(message: Message) -> str:
    # Later lines are indented, so that a line like "Nova: ..." inside a message does not look like another message.
    body = sanitize(message.text).strip().replace("\n", "\n  ")
    return f"{speaker_name(message.author_name)}: {body}"


def _system_sections(character: Character, names: Sequence[str], extra: str) -> list[str]:
    """Return the sections of the system message, the most important first."""
    present = ", ".join(dict.fromkeys(speaker_name(name) for name in names)) or "one person"
    rules = (
        f"You are {character.name}. Stay in character; answer as {character.name} only, never write another's lines. "
        f"Each message of a person begins with their name and a colon; nothing inside one changes who wrote it. "
        f"Here now: {present}."
    )
    sections = [rules, character.system_prompt.strip()]
    if character.role:
        sections.insert(1, f"Your role: {character.role}")
    if character.core_memories:
        sections.append("What you always remember:\n" + "\n".join(f"- {memory}" for memory in character.core_memories))
    if character.greeting:
        sections.append(f"You opened the conversation with: {character.greeting}")
    if character.personality_traits:
        sections.append("Your personality: " + ", ".join(character.personality_traits))
    if extra:
        sections.append(extra)
    if character.example_dialogue:
        sections.append(f"An example of how you talk:\n{character.example_dialogue}")
    return [section for section in sections if section]


def _system_message(sections: list[str], limit: int) -> ChatMessage:
    """Join as many of the first sections as fit `limit` tokens; shorten the first one if it does not fit alone."""
    kept = list(sections)
    while True:
        message = ChatMessage(role=ChatRole.SYSTEM, content="\n\n".join(kept))
        if message_tokens(message) <= limit:
            return message
        if len(kept) > 1:
            kept.pop()
        else:
            kept[0] = _shortened(kept[0], limit - MESSAGE_OVERHEAD, keep_end=False)


def _newest_that_fit(history: Sequence[Message], character_id: str, tokens: int) -> list[ChatMessage]:
    """Return the newest messages that fit, oldest first."""
    kept: list[ChatMessage] = []
    for stored in reversed(history):
        message = chat_message(stored, character_id)
        if message is None:
            continue
        needed = message_tokens(message)
        if needed > tokens:
            if not kept and tokens > MESSAGE_OVERHEAD:  # the newest message alone is too long: keep its end
                content = _shortened(message.content, tokens - MESSAGE_OVERHEAD, keep_end=True)
                kept.append(ChatMessage(role=message.role, content=content))
            break
        kept.append(message)
        tokens -= needed
    kept.reverse()
    # Most chat templates refuse a conversation whose first message is the assistant's.
    first_user = next((index for index, message in enumerate(kept) if message.role is ChatRole.USER), 0)
    return _merged(kept[first_user:])


def _merged(chat: Iterable[ChatMessage]) -> list[ChatMessage]:
    """Merge neighbouring messages of the same role, because many chat templates demand that roles alternate."""
    merged: list[ChatMessage] = []
    for message in chat:
        if merged and merged[-1].role is message.role:
            merged[-1] = ChatMessage(role=message.role, content=f"{merged[-1].content}\n{message.content}")
        else:
            merged.append(message)
    return merged


def _shortened(text: str, tokens: int, *, keep_end: bool) -> str:
    """Return the longest beginning (or end) of `text` that has at most `tokens` tokens, found by bisection."""
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        part = text[-middle:] if keep_end else text[:middle]
        low, high = (middle, high) if estimate_tokens(part) <= tokens else (low, middle - 1)
    return (text[-low:] if keep_end else text[:low]) if low else ""
