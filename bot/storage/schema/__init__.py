"""The tables, by what they hold; queries live in the repositories beside this package.

Discord snowflakes are BigInteger. Our own ids are UUID text. Seeds reach 2^64-1, which no signed column holds, so
they are decimal text. Times are UTC. Nothing here is SQLite-only: PostgreSQL must stay possible.
"""

from bot.storage.schema.columns import metadata
from bot.storage.schema.conversations import channel_bindings, conversations, message_alternatives, messages, threads
from bot.storage.schema.deliveries import deliveries
from bot.storage.schema.jobs import attempts, batch_votes, batches, jobs
from bot.storage.schema.media import audio_messages, gallery_filters, images, videos, voice_samples
from bot.storage.schema.regions import region_selections
from bot.storage.schema.reports import reports
from bot.storage.schema.saved_settings import last_settings, presets, setting_drafts
from bot.storage.schema.settings import guild_settings, setting_changes
from bot.storage.schema.workflows import (
    workflow_drafts,
    workflow_failures,
    workflow_history,
    workflow_versions,
    workflows,
)

__all__ = [
    "attempts",
    "audio_messages",
    "batch_votes",
    "batches",
    "channel_bindings",
    "conversations",
    "deliveries",
    "gallery_filters",
    "guild_settings",
    "images",
    "jobs",
    "last_settings",
    "message_alternatives",
    "messages",
    "metadata",
    "presets",
    "region_selections",
    "reports",
    "setting_changes",
    "setting_drafts",
    "threads",
    "videos",
    "voice_samples",
    "workflow_drafts",
    "workflow_failures",
    "workflow_history",
    "workflow_versions",
    "workflows",
]
