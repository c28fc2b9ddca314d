"""Threads that were archived while something was made for them."""

from __future__ import annotations

import logging

import discord

from bot.discord_client.errors import THREAD_ARCHIVED, FailureKind, failure_kind

log = logging.getLogger(__name__)


async def reopened(client: discord.Client, channel_id: int, error: Exception) -> bool:
    """Open an archived thread again if that is what Discord refused a request for.

    Discord does so by itself when a message is sent, but not for edits, and not in a locked thread. Opening it needs
    Send Messages in Threads; of a locked one, Manage Threads (Discord documentation, resources/channel "Modify
    Channel", topics/threads).

    Returns:
        Whether the request may be sent again; True also where Discord gave no clear answer.

    """
    if not isinstance(error, discord.HTTPException) or error.code != THREAD_ARCHIVED:
        return False
    try:
        # The cache forgets a thread when it is archived, so there is no `discord.Thread` to edit.
        await client.http.edit_channel(channel_id, archived=False)
    except Exception as refusal:  # noqa: BLE001 - `failure_kind` raises what is neither Discord's nor the network's
        log.info("thread %s stays archived: %s", channel_id, refusal)
        return failure_kind(refusal) is FailureKind.AMBIGUOUS
    return True
