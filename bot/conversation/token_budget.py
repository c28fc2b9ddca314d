"""How many tokens a prompt may have, and an estimate of how many a text has."""

from __future__ import annotations

import string
from dataclasses import dataclass

from bot.domain.conversations import ChatMessage

MESSAGE_OVERHEAD = 8
"""Tokens that a chat template adds to each message (role and separators), rounded up."""

_ASCII = bytes(range(128))
_LETTERS = (string.ascii_letters + " ").encode()


@dataclass(frozen=True, slots=True)
class TokenBudget:
    """Sizes in tokens. `context_window` holds the prompt and the answer together."""

    context_window: int
    max_response_tokens: int

    @property
    def prompt_tokens(self) -> int:
        """What the prompt may use: the window without the answer, and at least a quarter of the window."""
        return max(self.context_window - self.max_response_tokens, self.context_window // 4)


def estimate_tokens(text: str) -> int:
    """Estimate the tokens of a text from above, without the model's tokenizer.

    Three ASCII letters or spaces count as one token, any other ASCII character as one, and three bytes of other scripts
    as two. Real tokenizers average four English letters a token; Chinese, Japanese and Korean take one to two tokens a
    character and emoji two to three, which the bytes cover.
    """
    # Counting bytes of the whole text is fast enough for the event loop, also for a prompt of a thousand turns.
    data = text.encode("utf-8", "surrogatepass")
    letters = len(data) - len(data.translate(None, _LETTERS))
    wide_bytes = 0 if text.isascii() else len(data.translate(None, _ASCII))
    other_ascii = len(data) - letters - wide_bytes
    return -(-letters // 3) + other_ascii + -(-wide_bytes * 2 // 3)


def message_tokens(message: ChatMessage) -> int:
    """Estimate the tokens of one message with what the chat template adds to it."""
    return estimate_tokens(message.content) + MESSAGE_OVERHEAD
