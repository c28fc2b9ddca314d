"""Voice samples as values."""

from __future__ import annotations

from datetime import datetime

from bot.domain.value import Value


class NewVoiceSample(Value):
    """A sample whose converted file is on disk and whose row is about to be added."""

    character_id: str
    guild_id: int | None = None
    """None: the host's, which every guild may use."""
    name: str
    filename: str
    """Mono WAV file, relative to the data folder. Of a host's sample it is a converted copy of the file beside the
    character."""
    sha256: str
    """Hex digest of the WAV file."""
    transcript: str
    """What is said in it."""
    duration_seconds: float
    added_by: int | None = None
    """Discord id of the person who added it."""
    consented_at: datetime | None = None
    """When that person confirmed that the speaker agreed."""


class VoiceSample(NewVoiceSample):
    """A row of `voice_samples`."""

    id: int
    is_default: bool
    """The default of its character in its guild, or of the host's."""
    created_at: datetime
