"""What a gallery's buttons carry: filters and place, within Discord's 100 characters of a custom id.

Neither channel nor server is in it: they are where the button is pressed, and what may be seen is asked anew each time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Self

from bot.domain.jobs import JobKind

if TYPE_CHECKING:
    from bot.domain.gallery import GalleryQuery

_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_KINDS: Final = {None: "", JobKind.IMAGE: "i", JobKind.VIDEO: "v", JobKind.AUDIO: "a"}
_BY_LETTER: Final = {letter: kind for kind, letter in _KINDS.items()}
PATTERN: Final = r"(?P<kind>[iva]?)\.(?P<since>[0-9a-z]*)\.(?P<person>[0-9a-z]*)\.(?P<character>[a-z0-9_-]*)"
"""At most 1 + 7 + 13 + 50 characters and three dots."""


@dataclass(frozen=True)
class Filters:
    """What was asked for."""

    kind: JobKind | None = None
    since: datetime | None = None
    person: int | None = None
    character_id: str | None = None

    @classmethod
    def of(cls, match: re.Match[str]) -> Self:
        """From a custom id that fits `PATTERN`."""
        since = _number(match["since"])
        return cls(
            kind=_BY_LETTER[match["kind"]],
            since=None if since is None else datetime.fromtimestamp(since, UTC),
            person=_number(match["person"]),
            character_id=match["character"] or None,
        )

    @property
    def packed(self) -> str:
        """As `PATTERN`."""
        since = None if self.since is None else int(self.since.timestamp())
        return f"{_KINDS[self.kind]}.{_text(since)}.{_text(self.person)}.{self.character_id or ''}"

    def on(self, query: GalleryQuery) -> GalleryQuery:
        """The query of these filters."""
        changes = {
            "kind": self.kind,
            "since": self.since,
            "requester_id": self.person,
            "character_id": self.character_id,
        }
        return query.model_copy(update=changes)


@dataclass(frozen=True)
class Place:
    """Which page: the newest (`n`), the oldest (`o`), before an item (`b`), or after one (`a`)."""

    where: str = "n"
    item_id: int | None = None

    @classmethod
    def of(cls, text: str) -> Self:
        """From `packed`."""
        return cls(text[0], _number(text[1:]))

    @property
    def packed(self) -> str:
        """`n`, `o`, `b1z`, `a1z`."""
        return f"{self.where}{_text(self.item_id)}"

    def on(self, query: GalleryQuery) -> GalleryQuery:
        """The query of that page."""
        changes = {
            "o": {"from_oldest": True},
            "b": {"older_than": self.item_id},
            "a": {"newer_than": self.item_id},
        }.get(self.where, {})
        return query.model_copy(update=changes)


PLACE_PATTERN: Final = r"(?P<place>[no]|[ab][0-9a-z]{1,13})"


def _text(number: int | None) -> str:
    if number is None:
        return ""
    digits = ""
    while number or not digits:
        number, rest = divmod(number, 36)
        digits = _DIGITS[rest] + digits
    return digits


def _number(text: str) -> int | None:
    return int(text, 36) if text else None
