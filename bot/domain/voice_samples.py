"""Voice samples as values, and where they are kept."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from bot.domain.value import Value


class NewVoiceSample(Value):
    """A sample that was converted and stored on disk, about to be recorded."""

    character_id: str
    guild_id: int | None = None
    """None: the host's, visible everywhere."""
    name: str
    filename: str
    """Mono WAV, relative to the data folder; of the host's a converted copy of the file beside the character."""
    sha256: str
    transcript: str
    duration_seconds: float
    added_by: int | None = None
    """Discord user id."""
    consented_at: datetime | None = None
    """When that person confirmed that the speaker agreed."""


class VoiceSample(NewVoiceSample):
    """A row of `voice_samples`."""

    id: int
    is_default: bool
    created_at: datetime


class VoiceSampleStore(Protocol):
    """The samples' rows; the files are the caller's."""

    async def add(self, sample: NewVoiceSample) -> VoiceSample:
        """Commit a sample; the first of its character (in its guild, or the host's) is the default.

        Raises:
            InputInvalid: The name is taken there.

        """
        ...

    async def get(self, sample_id: int) -> VoiceSample | None:
        """A sample by its id."""
        ...

    async def visible(self, character_id: str, guild_id: int | None) -> list[VoiceSample]:
        """The guild's own first, then the host's, each by name."""
        ...

    async def default(self, character_id: str, guild_id: int | None) -> VoiceSample | None:
        """The guild's default, else the host's."""
        ...

    async def set_default(self, sample_id: int) -> VoiceSample | None:
        """Make it the default where it belongs; None: it is gone."""
        ...

    async def remove(self, sample_id: int) -> VoiceSample | None:
        """Take the row out; what it was, or None. Its jobs keep what they made."""
        ...
