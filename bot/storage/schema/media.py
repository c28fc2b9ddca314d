"""Tables of what was made, of voice samples, and of the gallery."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from bot.storage.schema.columns import RowId, metadata, time_column

# The gallery asks for the newest rows of a scope, of some shelves, perhaps of one character or person. Each of these
# has an index that ends in the id, so that a page is read off the index whatever the rest of the table holds.
_SCOPES = ("channel_id", "guild_id")
_FILTERS = ((), ("character_id",), ("requester_id",), ("character_id", "requester_id"))


def _media(name: str, *extra: Column[Any]) -> Table:
    return Table(
        name,
        metadata,
        # One rising number over all three tables, so that pages over several kinds have one key.
        Column("id", RowId, primary_key=True, autoincrement=False),
        Column("job_id", String(36), nullable=False),
        Column("n", Integer, nullable=False),
        Column("conversation_id", String(36)),
        Column("thread_id", String(36)),
        Column("character_id", String(100), nullable=False),
        Column("message_id", String(36)),
        Column("guild_id", BigInteger),
        Column("channel_id", BigInteger),
        Column("requester_id", BigInteger, nullable=False),
        Column("shelf", Integer, nullable=False),  # 0 for everybody, 1 age-restricted, 2 deleted
        Column("age_restricted", Boolean, nullable=False, default=False),
        Column("workflow_name", String(200), nullable=False),
        Column("seed", String(20), nullable=False),
        Column("filename", Text, nullable=False),
        Column("size_bytes", BigInteger, nullable=False),
        Column("sha256", String(64), nullable=False),
        Column("generation_time_seconds", Float),
        time_column("created_at", nullable=False),
        time_column("deleted_at"),
        *extra,
        UniqueConstraint("job_id", "n"),
        Index(None, "created_at"),
        *(Index(None, scope, "shelf", *columns, "id") for scope in _SCOPES for columns in _FILTERS),
    )


images = _media(
    "images",
    Column("prompt", Text, nullable=False),
    Column("negative_prompt", Text),
    Column("thumbnail_filename", Text),
    Column("width", Integer),
    Column("height", Integer),
)

videos = _media(
    "videos",
    Column("prompt", Text, nullable=False),
    Column("negative_prompt", Text),
    Column("thumbnail_filename", Text),
    Column("width", Integer),
    Column("height", Integer),
    Column("duration_seconds", Float),
)

audio_messages = _media(
    "audio_messages",
    Column("text", Text, nullable=False),
    Column("original_filename", Text),
    Column("duration_seconds", Float),
    Column("waveform", Text),
    Column("voice_sample_id", RowId, ForeignKey("voice_samples.id", ondelete="SET NULL")),
)

voice_samples = Table(
    "voice_samples",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("character_id", String(100), nullable=False),
    Column("guild_id", BigInteger),  # None: the host's, visible everywhere
    Column("name", String(100), nullable=False),
    Column("filename", Text, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("transcript", Text, nullable=False),
    Column("duration_seconds", Float, nullable=False),
    Column("is_default", Boolean, nullable=False, default=False),
    Column("added_by", BigInteger),
    time_column("consented_at"),
    time_column("created_at", nullable=False),
    UniqueConstraint("character_id", "guild_id", "name"),
)

gallery_filters = Table(
    "gallery_filters",
    metadata,
    Column("id", String(16), primary_key=True),  # of the content, which is too long for a button
    Column("filters", JSON, nullable=False),
    time_column("created_at", nullable=False),
)
