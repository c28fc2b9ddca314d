"""How a message is turned into speech."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Literal


@dataclass(frozen=True)
class SpeechOptions:
    """What may differ between characters, and what only the caller knows.

    Attributes:
        read_actions: Whether text between single asterisks (`*waves*`, what a character does in role play) is spoken.
        emoji: Leave emoji out, or say their names.
        code: Say that there is a code block, or leave it out. Code inside a sentence is always spoken.
        users, channels, roles: The names to say, by Discord id.
        time_zone: In which Discord's timestamps (`<t:...>`) are spoken.
        now: What relative timestamps count from, with a time zone; None: they are spoken as dates.

    """

    read_actions: Literal["skip", "read"] = "skip"
    emoji: Literal["drop", "name"] = "drop"
    code: Literal["announce", "skip"] = "announce"
    users: Mapping[int, str] = field(default_factory=dict[int, str])
    channels: Mapping[int, str] = field(default_factory=dict[int, str])
    roles: Mapping[int, str] = field(default_factory=dict[int, str])
    time_zone: tzinfo = UTC
    now: datetime | None = None

    def __post_init__(self) -> None:
        """Refuse a `now` without a time zone, which names no point in time."""
        if self.now is not None and self.now.tzinfo is None:
            raise ValueError("now needs a time zone")
