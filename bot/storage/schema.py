"""The tables. One file, because a row is found faster than a room; queries live in the repositories beside it.

Discord snowflakes are BigInteger. Our own ids are UUID text. Seeds reach 2^64-1, which no signed column holds, so
they are decimal text. Times are UTC. Nothing here is SQLite-only: PostgreSQL must stay possible.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC in Python, naive UTC in the database (SQLite forgets offsets)."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002, D102
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002, D102
        return None if value is None else value.replace(tzinfo=UTC)


# SQLite gives a rowid only to plain INTEGER primary keys.
RowId = BigInteger().with_variant(Integer, "sqlite")


def _id() -> Column[str]:
    return Column("id", String(36), primary_key=True)


def _when(name: str, *, nullable: bool = True) -> Column[Any]:
    return Column(name, UtcDateTime, nullable=nullable)


# -- conversations

conversations = Table(
    "conversations",
    metadata,
    _id(),
    Column("character_id", String(100), nullable=False),
    Column("title", String(200), nullable=False),
    Column("guild_id", BigInteger),
    Column("channel_id", BigInteger, nullable=False),
    _when("created_at", nullable=False),
    _when("updated_at", nullable=False),
    Index(None, "channel_id", "updated_at"),
)

threads = Table(
    "threads",
    metadata,
    _id(),
    Column("conversation_id", String(36), ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    Column("channel_id", BigInteger, nullable=False),
    Column("parent_thread_id", String(36), ForeignKey("threads.id")),
    # The parent's history counts up to and including this position; None: a conversation's own main thread.
    Column("forked_at_position", Integer),
    _when("created_at", nullable=False),
    UniqueConstraint("conversation_id", "channel_id"),
)

messages = Table(
    "messages",
    metadata,
    _id(),
    Column("conversation_id", String(36), ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    Column("thread_id", String(36), ForeignKey("threads.id", ondelete="CASCADE"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("role", String(16), nullable=False),  # user | assistant
    Column("state", String(16), nullable=False),  # the turn's: queued | running | generated | delivered | failed
    Column("character_id", String(100)),  # who speaks, for an assistant's turn
    Column("author_id", BigInteger),
    Column("author_name", String(100)),
    Column("author_is_bot", Boolean, nullable=False, default=False),
    Column("discord_message_id", BigInteger),  # a human's message; a character's are in `deliveries`
    Column("reply_to_id", String(36)),  # an assistant's turn: the newest human turn it answers
    Column("content", Text, nullable=False),  # a human's words; a character's are in its alternatives
    Column("shown_alternative", Integer, nullable=False, default=0),
    Column("job_id", String(36)),  # the picture this turn drew
    _when("created_at", nullable=False),
    _when("edited_at"),
    _when("deleted_at"),
    UniqueConstraint("thread_id", "position"),
    Index(None, "discord_message_id"),
    Index(None, "state"),
)

message_alternatives = Table(
    "message_alternatives",
    metadata,
    Column("message_id", String(36), ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("content", Text, nullable=False),
    Column("model", String(200)),
    _when("created_at", nullable=False),
)

channel_bindings = Table(
    "channel_bindings",
    metadata,
    Column("channel_id", BigInteger, primary_key=True, autoincrement=False),
    Column("guild_id", BigInteger),
    Column("character_id", String(100), nullable=False),
    Column("conversation_id", String(36), ForeignKey("conversations.id", ondelete="SET NULL")),
    Column("mode", String(16), nullable=False),  # all | mention | off
    Column("bound_by", BigInteger),
    _when("updated_at", nullable=False),
)

# -- jobs

jobs = Table(
    "jobs",
    metadata,
    _id(),
    Column("number", RowId, nullable=False, unique=True),  # order of acceptance
    Column("owner", String(64), nullable=False),  # which process family dispatches it: recovery takes up its own
    Column("kind", String(8), nullable=False),
    Column("state", String(16), nullable=False),
    Column("request", JSON, nullable=False),
    Column("character_id", String(100), nullable=False),
    Column("character_version", String(64), nullable=False),
    Column("workflow_name", String(200), nullable=False),
    Column("workflow_hash", String(64), nullable=False),
    Column("seed", String(20), nullable=False),
    Column("parameters", JSON, nullable=False),
    Column("fingerprint", String(64)),  # equal jobs make equal files: speech is reused by it
    Column("requester_id", BigInteger, nullable=False),
    Column("guild_id", BigInteger),
    Column("channel_id", BigInteger),
    Column("interaction_id", BigInteger),
    Column("source_message_id", BigInteger),
    Column("parent_job_id", String(36)),
    Column("conversation_id", String(36)),
    Column("message_id", String(36)),
    Column("artifacts", JSON, nullable=False),
    Column("error", JSON),
    Column("note", Text),
    _when("created_at", nullable=False),
    _when("started_at"),
    _when("generated_at"),
    _when("ended_at"),
    _when("delivered_at"),  # the result or the error was shown
    Column("execution_seconds", Float),
    Column("batch_id", String(36)),
    Column("batch_index", Integer),  # from 0, in reading order of the contact sheet
    Index(None, "state", "number"),
    Index(None, "guild_id", "number"),
    Index(None, "requester_id", "number"),
    Index(None, "fingerprint"),
    Index(None, "requester_id", "state"),
    Index(None, "channel_id", "number"),
    Index(None, "workflow_hash", "state", "number"),
    Index(None, "source_message_id"),
    Index(None, "parent_job_id"),
    Index(None, "batch_id", "batch_index"),
)

batches = Table(
    "batches",
    metadata,
    _id(),
    Column("owner", String(64), nullable=False),
    Column("state", String(16), nullable=False),  # proposed | running | stopped | delivered
    Column("requester_id", BigInteger, nullable=False),
    Column("guild_id", BigInteger),
    Column("channel_id", BigInteger),
    Column("request", JSON, nullable=False),
    Column("plan", JSON, nullable=False),
    Column("total", Integer, nullable=False),
    _when("created_at", nullable=False),
    _when("delivered_at"),
    Index(None, "channel_id", "created_at"),
    Index(None, "guild_id", "created_at"),
    Index(None, "state"),
)

batch_votes = Table(
    "batch_votes",
    metadata,
    Column("batch_id", String(36), ForeignKey("batches.id", ondelete="CASCADE"), primary_key=True),
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    Column("workflow", Integer, nullable=False),  # its place in the plan, from 0
    _when("voted_at", nullable=False),
)

attempts = Table(
    "attempts",
    metadata,
    Column("prompt_id", String(36), primary_key=True),
    Column("job_id", String(36), ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    Column("part", Integer, nullable=False),
    Column("n", Integer, nullable=False),
    Column("server", String(300), nullable=False),
    Column("client_id", String(64)),
    Column("state", String(16), nullable=False),
    # Files of a finished part that are on our disk already (long speech has several parts).
    Column("collected", JSON),
    Column("execution_seconds", Float),
    _when("created_at", nullable=False),
    UniqueConstraint("job_id", "part", "n"),
    Index(None, "state"),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("job_id", String(36)),
    Column("message_id", String(36), ForeignKey("messages.id", ondelete="CASCADE")),  # a conversation turn
    Column("alternative", Integer, nullable=False, default=0),
    Column("kind", String(16), nullable=False),  # answer | result | notice | voice | turn
    Column("part", Integer, nullable=False),
    Column("state", String(16), nullable=False),  # pending | sent | abandoned | deleted
    Column("guild_id", BigInteger),
    Column("channel_id", BigInteger, nullable=False),
    Column("after_message_id", BigInteger),
    Column("interaction_id", BigInteger),
    Column("webhook_id", BigInteger),
    Column("nonce", String(25)),
    Column("content", Text),  # webhook text as sent: has no nonce, is recognised by its words
    Column("discord_message_id", BigInteger),
    _when("created_at", nullable=False),
    _when("sent_at"),
    Column("batch_id", String(36)),
    Index(None, "discord_message_id"),
    Index(None, "state"),
    Index(None, "job_id", "kind", "part", unique=True),
    Index(None, "batch_id", "kind", "part", unique=True),
    Index(None, "message_id"),
)

# -- what was made

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
        _when("created_at", nullable=False),
        _when("deleted_at"),
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
    _when("consented_at"),
    _when("created_at", nullable=False),
    UniqueConstraint("character_id", "guild_id", "name"),
)

gallery_filters = Table(
    "gallery_filters",
    metadata,
    Column("id", String(16), primary_key=True),  # of the content, which is too long for a button
    Column("filters", JSON, nullable=False),
    _when("created_at", nullable=False),
)

# -- workflows

workflow_versions = Table(
    "workflow_versions",
    metadata,
    Column("content_hash", String(64), primary_key=True),
    Column("graph", JSON, nullable=False),
    Column("bindings", JSON, nullable=False),
    _when("created_at", nullable=False),
)

workflows = Table(
    "workflows",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("character_id", String(100), nullable=False),  # `_shared` for everybody's
    Column("kind", String(8), nullable=False),
    Column("name", String(200), nullable=False),
    Column("current_hash", String(64), ForeignKey("workflow_versions.content_hash"), nullable=False),
    _when("updated_at", nullable=False),
    UniqueConstraint("character_id", "kind", "name"),
)

# -- settings made in Discord

guild_settings = Table(
    "guild_settings",
    metadata,
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False),
    Column("channel_id", BigInteger, primary_key=True, autoincrement=False),  # 0: the whole guild
    Column("key", String(100), primary_key=True),
    Column("value", JSON, nullable=False),
    Column("set_by", BigInteger),
    _when("updated_at", nullable=False),
)
