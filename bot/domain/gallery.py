"""What was made, as pages: the values and the contract of the gallery."""

from __future__ import annotations

import uuid
from datetime import datetime

from bot.domain.jobs import JobKind
from bot.domain.value import Value


class GalleryQuery(Value):
    """Which results, of those the viewer may see, and which page of them (newest first).

    Exactly one scope: `channel_id` (anybody, for their own channel) or `guild_id` (moderators).
    `include_age_restricted` only where the gallery is opened in an age-restricted channel. At most one of
    `older_than`, `newer_than` and `from_oldest` places the page; none of them: the newest.
    """

    channel_id: int | None = None
    guild_id: int | None = None
    include_age_restricted: bool = False
    character_id: str | None = None
    requester_id: int | None = None
    kind: JobKind | None = None
    batch_id: uuid.UUID | None = None
    workflow_name: str | None = None
    text: str | None = None
    """A part of the prompt, or of the spoken text; case does not matter."""
    since: datetime | None = None
    until: datetime | None = None
    older_than: int | None = None
    """`GalleryItem.id` of the last item of the page before."""
    newer_than: int | None = None
    """`GalleryItem.id` of the first item of the page after."""
    from_oldest: bool = False
    """The last page."""
    limit: int = 25


class GalleryItem(Value):
    """One file. `id` is unique and rising over all three tables, so it is the key that pages go by."""

    id: int
    kind: JobKind
    job_id: uuid.UUID
    n: int
    character_id: str
    requester_id: int
    guild_id: int | None
    channel_id: int | None
    prompt: str
    """The spoken text for audio."""
    workflow_name: str
    seed: int
    filename: str
    """Relative to the data folder."""
    thumbnail: str | None
    width: int | None = None
    height: int | None = None
    duration_seconds: float | None = None
    age_restricted: bool = False
    created_at: datetime


class GalleryPage(Value):
    """Items newest first, and whether there are more on either side."""

    items: tuple[GalleryItem, ...]
    has_newer: bool
    has_older: bool
