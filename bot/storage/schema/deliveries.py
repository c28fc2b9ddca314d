"""Tables of messages that the bot sends."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table, Text

from bot.storage.schema.columns import RowId, metadata, time_column

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
    time_column("created_at", nullable=False),
    time_column("sent_at"),
    Column("batch_id", String(36)),
    Index(None, "discord_message_id"),
    Index(None, "state"),
    Index(None, "job_id", "kind", "part", unique=True),
    Index(None, "batch_id", "kind", "part", unique=True),
    Index(None, "message_id"),
)
