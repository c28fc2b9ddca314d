"""What may differ from character to character, and what only the caller knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Literal


@dataclass(frozen=True)
class SpeechOptions:
    """How a message is turned into speech. The mappings are Discord id -> the name to say."""

    read_actions: Literal["skip", "read"] = "skip"
    """`*waves*`: text between single asterisks, as role play writes what a character does."""
    emoji: Literal["drop", "name"] = "drop"
    code: Literal["announce", "skip"] = "announce"
    """Code blocks; code inside a sentence is always spoken."""
    users: Mapping[int, str] = field(default_factory=dict[int, str])
    channels: Mapping[int, str] = field(default_factory=dict[int, str])
    roles: Mapping[int, str] = field(default_factory=dict[int, str])
    time_zone: tzinfo = UTC
    """Where `<t:...>` times are told."""
    now: datetime | None = None
    """What relative times count from; None: they are told as dates."""

    def __post_init__(self) -> None:
        """Refuse a `now` without a time zone: it would be no moment."""
        if self.now is not None and self.now.tzinfo is None:
            raise ValueError("now needs a time zone")
