"""What this room is asked for and what it answers, as values."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from bot.domain.jobs import Job, Origin
from bot.errors import ChorusError
from bot.voice.speech_text import NO_NAMES, MentionNames


@dataclass(frozen=True)
class ChannelLocation:
    """A channel as voices see it. `parent_channel_id`: of a Discord thread, the channel it hangs on."""

    guild_id: int | None
    channel_id: int
    parent_channel_id: int | None = None


@dataclass(frozen=True, kw_only=True)
class SpeechWish:
    """Somebody, or the conversation itself, wants to hear a text."""

    text: str
    """As it stands in Discord."""
    character_id: str
    origin: Origin
    requester_id: int
    requester_name: str = ""
    names: MentionNames = NO_NAMES
    source_message_id: int | None = None
    """The Discord message that holds the text; of a turn, its first one. None: the text stands nowhere yet."""
    conversation_id: str | None = None
    thread_id: str | None = None
    message_id: str | None = None
    """The turn that is spoken, and which of its alternatives."""
    alternative: int | None = None
    live: bool = False
    parent_job_id: uuid.UUID | None = None


@dataclass(frozen=True)
class TurnVoice:
    """What follows from a turn as it stands now: speech to come, and earlier speech whose bubbles are out of date."""

    job: Job | None = None
    outdated: tuple[Job, ...] = ()
    error: ChorusError | None = None
    """Why there is no speech although there should be."""
