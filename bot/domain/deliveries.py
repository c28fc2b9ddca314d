"""What was, or is about to be, posted to Discord: the rows that make delivery exactly once, as values.

A row is committed *before* each send, with the newest message id then known in the channel, and again with the new
message's id after it. What a crash leaves `PENDING` may or may not have been posted: the channel is read after
`after_message_id` and matched by `nonce`, `interaction_id`, a file name with the job's digest, or webhook and text.
"""

from __future__ import annotations

import hashlib
import uuid
from datetime import datetime
from enum import StrEnum

from bot.domain.value import Value


class DeliveryKind(StrEnum):
    """What the message is."""

    ANSWER = "answer"
    """The first answer to a command, button or reaction; progress and result are edits of it."""
    RESULT = "result"
    """Files of a finished job (also further messages above ten files)."""
    NOTICE = "notice"
    """"Ready", an error, a pause of the model: a message of its own that mentions or explains."""
    VOICE = "voice"
    TURN = "turn"
    """A piece of a character's conversation turn."""


class DeliveryState(StrEnum):
    """Where the send stands."""

    PENDING = "pending"
    SENT = "sent"
    ABANDONED = "abandoned"
    """It was found not to have arrived, and is not wanted any more."""
    DELETED = "deleted"
    """It arrived and was removed from Discord later, by us or by somebody."""


class OutgoingMessage(Value):
    """A send that is about to happen.

    Exactly one of `job_id`, `message_id` and `batch_id` owns it, or the first two for a spoken turn.
    """

    kind: DeliveryKind
    channel_id: int
    part: int = 0
    """0, 1, ... of the same kind for the same owner."""
    job_id: uuid.UUID | None = None
    message_id: str | None = None
    """The stored conversation turn."""
    alternative: int = 0
    """Which alternative of that turn."""
    batch_id: uuid.UUID | None = None
    guild_id: int | None = None
    after_message_id: int | None = None
    interaction_id: int | None = None
    webhook_id: int | None = None
    content: str | None = None
    """Webhook text as sent; it has no nonce and is recognised by its words."""

    @property
    def nonce(self) -> str:
        """24 hex characters, the same for the same (owner, kind, alternative, part); Discord takes at most 25."""
        owning = self.batch_id or self.job_id
        owner = owning.hex if owning else self.message_id
        text = f"{owner}/{self.kind}/{self.alternative}/{self.part}"
        return hashlib.sha256(text.encode()).hexdigest()[:24]


class Delivery(OutgoingMessage):
    """A row of `deliveries`."""

    id: int
    state: DeliveryState
    discord_message_id: int | None = None
    created_at: datetime
    sent_at: datetime | None = None
