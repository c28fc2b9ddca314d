"""What a character says of a message, with its own limits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.characters.character import Character
from bot.voice.options import VoiceOptions
from bot.voice.speech_text import MentionNames, speech_text


def nova(**voice: Any) -> Character:
    return Character.model_validate({"id": "nova", "name": "Nova", "system_prompt": "You paint.", "voice": voice})


OPTIONS = VoiceOptions(data_dir=Path("data"), max_chars=100, max_chunk_chars=40)


def test_markup_and_names() -> None:
    names = MentionNames({7: "Ada"}, {8: "studio"}, {9: "painters"})
    said = speech_text("**Hello** <@7>, go to <#8> with <@&9>!", nova(), OPTIONS, names)
    assert said.parts == ("Hello Ada, go to studio with painters!",)
    assert said.note is None


@pytest.mark.parametrize("text", ["", "🎉🎉", "*waves*", "<:wave:123456789012345678>"])
def test_nothing_to_say(text: str) -> None:
    assert speech_text(text, nova(), OPTIONS).parts == ()


def test_actions_as_the_character_wants() -> None:
    text = "*waves* Hello."
    assert speech_text(text, nova(), OPTIONS).parts == ("Hello.",)
    assert speech_text(text, nova(read_actions="read"), OPTIONS).parts == ("waves Hello.",)


def test_the_characters_limits_go_first() -> None:
    text = "One sentence here. Another sentence there. A third one after them. And then a fourth for good measure."
    assert all(len(part) <= 40 for part in speech_text(text, nova(), OPTIONS).parts)
    assert all(len(part) <= 20 for part in speech_text(text, nova(max_chunk_chars=20), OPTIONS).parts)
    short = speech_text(text, nova(max_chars=30), OPTIONS)
    assert short.parts == ("One sentence here.",)
    assert short.note is not None


@given(st.text(max_size=400))
def test_whatever_is_written_the_parts_fit(text: str) -> None:
    said = speech_text(text, nova(), OPTIONS)
    assert all(part.strip() and len(part) <= OPTIONS.max_chunk_chars for part in said.parts)
    assert sum(map(len, said.parts)) <= OPTIONS.max_chars
