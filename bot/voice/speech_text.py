"""From a Discord message's text to the text that is spoken: without markup, shortened, and split into chunks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.characters.character import Character
from bot.media.speech import SpeechOptions, shorten, speakable, split_for_speech
from bot.voice.options import VoiceOptions


@dataclass(frozen=True)
class MentionNames:
    """The names of the users, channels and roles that a text mentions: Discord id -> name."""

    users: Mapping[int, str] = field(default_factory=dict[int, str])
    channels: Mapping[int, str] = field(default_factory=dict[int, str])
    roles: Mapping[int, str] = field(default_factory=dict[int, str])


NO_NAMES = MentionNames()


@dataclass(frozen=True)
class SpeechText:
    """What is spoken.

    Attributes:
        parts: The chunks in order, each for one ComfyUI prompt; empty if the text has nothing that can be spoken.
        note: A sentence for the person if something was left out.

    """

    parts: tuple[str, ...]
    note: str | None = None


def speech_text(text: str, character: Character, options: VoiceOptions, names: MentionNames = NO_NAMES) -> SpeechText:
    """Return what a character's voice says for a Discord message's text."""
    voice = character.voice
    speech = SpeechOptions(
        read_actions=voice.read_actions or options.read_actions,
        users=names.users,
        channels=names.channels,
        roles=names.roles,
    )
    shortened = shorten(speakable(text, speech), voice.max_chars or options.max_chars)
    chunks = split_for_speech(shortened.text, voice.max_chunk_chars or options.max_chunk_chars)
    return SpeechText(tuple(chunks), shortened.note)
