"""The settings of conversations, as the composition root passes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


def _this_computers_time() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class ConversationOptions:
    """Which messages are answered. The keys are those of `conversation` in the configuration."""

    default_character: str
    """Id of the character that answers mentions in channels without a binding."""
    allow_bots: bool = False
    """Whether messages of bots are stored and answered like those of people."""
    answer_missed_within: timedelta = timedelta(minutes=10)
    """Older messages are not answered when the bot or the language model comes back."""
    max_bot_turns: int = 4
    """How many turns characters answer to bots before a person has to write."""
    now: Callable[[], datetime] = _this_computers_time
    """The time of the clock that dates messages, which may differ from this computer's."""
    retry_seconds: float = 15.0
    """The interval in which an unavailable language model is asked whether it is available again."""
