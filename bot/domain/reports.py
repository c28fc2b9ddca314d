"""Reports of people about what the bot posted."""

from __future__ import annotations

from datetime import datetime

from bot.domain.value import Value


class Report(Value):
    """A row of the table `reports`.

    Attributes:
        guild_id: The server.
        channel_id: Where the message stands.
        message_id: The Discord message that shows the result or the turn.
        job_id: Whose result it is; None: it is a turn.
        turn_id: The stored turn; None: it is a result.
        reporter_id: Who reported it.
        reason: In their words; may be empty.
        created_at: When.

    """

    guild_id: int
    channel_id: int
    message_id: int
    job_id: str | None
    turn_id: str | None
    reporter_id: int
    reason: str
    created_at: datetime

    @property
    def link(self) -> str:
        """The address of the message."""
        return f"https://discord.com/channels/{self.guild_id}/{self.channel_id}/{self.message_id}"
