"""What the gallery's buttons carry: filters and page, within the 100 characters of a custom id.

Neither the channel nor the server is in it: they are where the button is pressed, and what may be seen is decided at
each press.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Self
from uuid import UUID

from bot.domain.jobs import JobKind
from cogs.ui.components import JOB_ID

if TYPE_CHECKING:
    from bot.domain.gallery import GalleryQuery

_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_LETTERS: Final = {None: "", JobKind.IMAGE: "i", JobKind.VIDEO: "v", JobKind.AUDIO: "a"}
_KINDS: Final = {letter: kind for kind, letter in _LETTERS.items()}
_PACKED: Final = r"(?P<kind>[iva]?)\.(?P<since>[0-9a-z]*)\.(?P<requester>[0-9a-z]*)\.(?P<character>[a-z0-9_-]*)"
FILTERS: Final = rf"(?:{_PACKED}|~(?P<saved>[0-9a-f]{{16}}))"
"""Packed `Filters`: at most 1 + 7 + 13 + 50 characters and three dots; numbers are base 36. Longer ones are saved."""
POSITION: Final = r"(?P<position>[no]|[ab][0-9a-z]{1,13})"
"""A packed `PagePosition`."""

ITEM: Final = r"chorus:gi:(?P<item>\d{1,19})"
PAGE: Final = rf"chorus:gp:{POSITION}:{FILTERS}"
JUMP: Final = rf"chorus:gj:{FILTERS}"
JUMP_FORM: Final = rf"chorus:gd:{FILTERS}"
HISTORY_PAGE: Final = rf"chorus:h:(?P<requester>\d{{0,20}}):{JOB_ID}"


@dataclass(frozen=True)
class Filters:
    """Which results are wanted."""

    kind: JobKind | None = None
    since: datetime | None = None
    requester_id: int | None = None
    character_id: str | None = None
    batch_id: UUID | None = None
    workflow_name: str | None = None
    text: str | None = None

    @classmethod
    def of(cls, match: re.Match[str]) -> Self:
        """From a custom id that contains `FILTERS` which are not saved."""
        since = _number(match["since"])
        return cls(
            kind=_KINDS[match["kind"]],
            since=None if since is None else datetime.fromtimestamp(since, UTC),
            requester_id=_number(match["requester"]),
            character_id=match["character"] or None,
        )

    @classmethod
    def of_content(cls, content: Mapping[str, Any]) -> Self:
        """From `content`."""
        since, batch_id = content.get("since"), content.get("batch")
        return cls(
            kind=_KINDS[content["kind"]],
            since=None if since is None else datetime.fromtimestamp(since, UTC),
            requester_id=content.get("requester"),
            character_id=content.get("character"),
            batch_id=None if batch_id is None else UUID(batch_id),
            workflow_name=content.get("workflow"),
            text=content.get("text"),
        )

    @property
    def content(self) -> dict[str, Any]:
        """As JSON keeps it."""
        return {
            "kind": _LETTERS[self.kind],
            "since": None if self.since is None else int(self.since.timestamp()),
            "requester": self.requester_id,
            "character": self.character_id,
            "batch": None if self.batch_id is None else str(self.batch_id),
            "workflow": self.workflow_name,
            "text": self.text,
        }

    @property
    def key(self) -> str | None:
        """Under which they are saved, because they do not fit into a button; None: they fit."""
        if self.batch_id is None and self.workflow_name is None and self.text is None:
            return None
        return hashlib.sha256(json.dumps(self.content, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def packed(self) -> str:
        """As `FILTERS` reads it."""
        if self.key is not None:
            return f"~{self.key}"
        since = None if self.since is None else int(self.since.timestamp())
        return f"{_LETTERS[self.kind]}.{_base36(since)}.{_base36(self.requester_id)}.{self.character_id or ''}"

    def applied_to(self, query: GalleryQuery) -> GalleryQuery:
        """The query with these filters."""
        changes = {
            "kind": self.kind,
            "since": self.since,
            "requester_id": self.requester_id,
            "character_id": self.character_id,
            "batch_id": self.batch_id,
            "workflow_name": self.workflow_name,
            "text": self.text,
        }
        return query.model_copy(update=changes)


@dataclass(frozen=True)
class PagePosition:
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
        return f"{self.where}{_base36(self.item_id)}"

    def applied_to(self, query: GalleryQuery) -> GalleryQuery:
        """The query of that page."""
        changes = {
            "o": {"from_oldest": True},
            "b": {"older_than": self.item_id},
            "a": {"newer_than": self.item_id},
        }.get(self.where, {})
        return query.model_copy(update=changes)


def _base36(number: int | None) -> str:
    if number is None:
        return ""
    digits = ""
    while number or not digits:
        number, rest = divmod(number, 36)
        digits = _DIGITS[rest] + digits
    return digits


def _number(text: str) -> int | None:
    return int(text, 36) if text else None
