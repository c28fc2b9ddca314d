"""Tables of conversations and of the channels that have them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint

from bot.storage.schema.columns import id_column, metadata, time_column

conversations = Table(
    "conversations",
    metadata,
    id_column(),
    Column("character_id", String(100), nullable=False),
    Column("title", String(200), nullable=False),
    Column("guild_id", BigInteger),
    Column("channel_id", BigInteger, nullable=False),
    time_column("created_at", nullable=False),
    time_column("updated_at", nullable=False),
    Index(None, "channel_id", "updated_at"),
)

threads = Table(
    "threads",
    metadata,
    id_column(),
    Column("conversation_id", String(36), ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    Column("channel_id", BigInteger, nullable=False),
    Column("parent_thread_id", String(36), ForeignKey("threads.id")),
    # The parent's history counts up to and including this position; None: a conversation's own main thread.
    Column("forked_at_position", Integer),
    time_column("created_at", nullable=False),
    UniqueConstraint("conversation_id", "channel_id"),
)

messages = Table(
    "messages",
    metadata,
    id_column(),
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
    time_column("created_at", nullable=False),
    time_column("edited_at"),
    time_column("deleted_at"),
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
    time_column("created_at", nullable=False),
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
    time_column("updated_at", nullable=False),
)
