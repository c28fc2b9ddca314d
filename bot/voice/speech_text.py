"""From what stands in Discord to what the workflow is given: speakable, not too long, in chunks. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.characters.character import Character
from bot.media.speech import SpeechOptions, shorten, speakable, split_for_speech
from bot.voice.options import VoiceOptions


@dataclass(frozen=True)
class MentionNames:
    """What to call the people, channels and roles a text mentions: Discord id -> name."""

    users: Mapping[int, str] = field(default_factory=dict[int, str])
    channels: Mapping[int, str] = field(default_factory=dict[int, str])
    roles: Mapping[int, str] = field(default_factory=dict[int, str])


NO_NAMES = MentionNames()


@dataclass(frozen=True)
class SpeechText:
    """What is spoken: chunks in order, none where there is nothing to say; `note` if something was left out."""

    parts: tuple[str, ...]
    note: str | None = None


def speech_text(text: str, character: Character, options: VoiceOptions, names: MentionNames = NO_NAMES) -> SpeechText:
    """What that character's voice says for a message."""
    voice = character.voice
    speech = SpeechOptions(
        read_actions=voice.read_actions or options.read_actions,
        users=names.users,
        channels=names.channels,
        roles=names.roles,
    )
    said = shorten(speakable(text, speech), voice.max_chars or options.max_chars)
    chunks = split_for_speech(said.text, voice.max_chunk_chars or options.max_chunk_chars)
    return SpeechText(tuple(chunks), said.note)
