"""Discord channels as values."""

from __future__ import annotations

from bot.domain.value import Value


class Channel(Value):
    """A channel, thread or direct message.

    Attributes:
        guild_id: None in direct messages.
        channel_id: Of a Discord thread, the thread's own id.
        parent_id: Of a Discord thread, the channel it belongs to.
        age_restricted: Discord shows it (or a thread's parent) to adults only.

    """

    guild_id: int | None
    channel_id: int
    parent_id: int | None = None
    age_restricted: bool = False

    @property
    def is_direct(self) -> bool:
        """A direct message."""
        return self.guild_id is None

    @property
    def is_thread(self) -> bool:
        """A Discord thread."""
        return self.parent_id is not None

    @property
    def bound_id(self) -> int:
        """The channel whose character and settings count here: a thread's parent, else the channel itself."""
        return self.parent_id or self.channel_id
