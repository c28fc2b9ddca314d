"""Limits of Discord's API that both the bot's packages and the cogs rely on."""

from __future__ import annotations

from typing import Final

MAX_MESSAGE_LENGTH: Final = 2000
"""Characters of one message's `content` (Discord documentation, resources/message, "Create Message")."""
