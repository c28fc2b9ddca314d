"""What a failed request to Discord means for the sender, by HTTP status and JSON error code.

Source of the codes: Discord documentation, topics/opcodes-and-status-codes. discord.py passes connection failures on as
aiohttp's errors.
"""

from __future__ import annotations

from enum import Enum, auto

import aiohttp
import discord

NETWORK_ERRORS: tuple[type[Exception], ...] = (aiohttp.ClientError, OSError, TimeoutError)
"""No answer: Discord may or may not have applied the request."""

UNKNOWN_CHANNEL = 10003
UNKNOWN_MESSAGE = 10008
UNKNOWN_WEBHOOK = 10015
UNKNOWN_INTERACTION = 10062
"""The interaction's token was never valid, or Discord gave up on it (3 s without an answer)."""
EDITS_OF_OLD_MESSAGE = 30046
"""Too many edits of a message older than an hour."""
REQUEST_TOO_LARGE = 40005
ALREADY_ACKNOWLEDGED = 40060
"""Seen after discord.py repeated a callback that had arrived: success."""
THREAD_ARCHIVED = 50083
INVALID_WEBHOOK_TOKEN = 50027
TOO_MANY_WEBHOOKS = 30007
"""A channel has at most 15 (resources/webhook)."""
REPLY_NEEDS_HISTORY = 160002
"""Replying needs Read Message History; posting does not."""
VOICE_MESSAGE_REFUSALS = frozenset({50173, 50159, 50160, 50161, 50162})
"""No voice messages in this channel, or this voice message is not accepted."""


class FailureKind(Enum):
    """Why a request to Discord failed, as far as the sender has to act on it."""

    AMBIGUOUS = auto()
    """Network or Discord's own fault (5xx): it may have been applied; look, then try again later."""
    MESSAGE_GONE = auto()
    CHANNEL_GONE = auto()
    FORBIDDEN = auto()
    TOO_LARGE = auto()
    UNEDITABLE = auto()
    """The message stands, but takes no more edits: write a new one."""
    EXPIRED = auto()
    """The interaction or its token is over."""
    REFUSED = auto()
    """Anything else: repeating it will not help."""


_BY_CODE = {
    UNKNOWN_CHANNEL: FailureKind.CHANNEL_GONE,
    UNKNOWN_MESSAGE: FailureKind.MESSAGE_GONE,
    UNKNOWN_INTERACTION: FailureKind.EXPIRED,
    UNKNOWN_WEBHOOK: FailureKind.EXPIRED,
    INVALID_WEBHOOK_TOKEN: FailureKind.EXPIRED,
    EDITS_OF_OLD_MESSAGE: FailureKind.UNEDITABLE,
    THREAD_ARCHIVED: FailureKind.UNEDITABLE,
    REQUEST_TOO_LARGE: FailureKind.TOO_LARGE,
}


def failure_kind(error: Exception) -> FailureKind:
    """Sort an exception that discord.py raised; what is neither Discord's nor the network's is raised again."""
    if isinstance(error, discord.HTTPException):
        by_code = _BY_CODE.get(error.code)
        if by_code is not None:
            return by_code
        if error.status == 413:
            return FailureKind.TOO_LARGE
        if error.status >= 500 or error.status == 429:
            return FailureKind.AMBIGUOUS
        if error.status == 403:
            return FailureKind.FORBIDDEN
        return FailureKind.CHANNEL_GONE if error.status == 404 else FailureKind.REFUSED
    if isinstance(error, (discord.RateLimited, *NETWORK_ERRORS)):
        return FailureKind.AMBIGUOUS
    raise error


def retry_after(error: Exception, attempt: int) -> float:
    """Seconds to wait before looking and trying again: what Discord says, else 1, 2, 4, ... at most 60."""
    if isinstance(error, discord.RateLimited):
        return error.retry_after
    stated = error.response.headers.get("Retry-After") if isinstance(error, discord.HTTPException) else None
    try:
        return max(float(stated or ""), 0.5)
    except ValueError:
        return min(60.0, 2.0**attempt)
