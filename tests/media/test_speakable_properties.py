from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.media.speech import SpeechOptions, speakable

OPTIONS = SpeechOptions(
    users={1: "Ann", 2: "Max_Power"},
    channels={5: "general"},
    roles={7: "Moderators"},
    now=datetime(2021, 4, 20, 22, tzinfo=UTC),
)
READ = replace(OPTIONS, read_actions="read")
NAME = replace(OPTIONS, emoji="name")

HOSTILE = [
    "*",
    "_",
    "||",
    "|",
    "[",
    "![",
    "`",
    "``a`",
    "> ",
    "- ",
    "1. ",
    "# ",
    "<",
    "<@",
    "https://",
    "http://a||",
    "*a_ ",
    "\\",
    "~~a",
    "[a](",
    "[a](https://b",
    "://",
    "\n",
    "-# a\n",
    "|a|b\n",
    "*a **b ",
    "\\```",
    "``` ",
    "😀\u200d",
    "@",
    "@everyone",
    "||*a",
    ")",
]


@pytest.mark.parametrize("piece", HOSTILE)
def test_long_hostile_markup_is_spoken_without_marks(piece: str) -> None:
    for text in (
        piece * (10_000 // len(piece)),
        "https://x" + piece * (10_000 // len(piece)),
        piece * 300 + "](https://x)",
    ):
        assert not set("`|") & set(speakable(text, OPTIONS))


MARKUP = st.lists(
    st.one_of(
        st.sampled_from(
            [
                "*",
                "**",
                "_",
                "__",
                "~~",
                "||",
                "`",
                "```",
                "```py\n",
                "\n",
                "\n\n",
                "> ",
                ">>> ",
                "# ",
                "-# ",
                "- ",
                "1. ",
                " ",
                "\\",
                "<@1>",
                "<#5>",
                "<@&7>",
                "<:a:1>",
                "<a:b:2>",
                "<t:1618953630:R>",
                "[",
                "](",
                ")",
                "https://x.org",
                "@here",
                "😀",
                "|",
                "|---|",
                "<",
                ">",
                "!",
                "a",
                "word",
                "你",
                "ب",
                "1",
                ".",
                "\u200d",
                "\ufe0f",
                "🏽",
            ]
        ),
        st.text(max_size=6),
    ),
    max_size=40,
).map("".join)

CHOICES = st.sampled_from([OPTIONS, READ, NAME, replace(READ, emoji="name"), replace(OPTIONS, code="skip")])


@given(text=MARKUP, options=CHOICES)
def test_markup_is_never_spoken(text: str, options: SpeechOptions) -> None:
    said = speakable(text, options)
    assert not any(mark in said for mark in ("`", "|", "**", "__", "~~", "\x00"))
    if not set("`\\") & set(text):  # neither code nor escapes, which show what is written
        assert not any(mark in said for mark in ("<@1>", "<#5>", "<@&7>", "<:a:1>", "<t:1618953630:R>"))
    assert said == said.strip()
    assert "  " not in said
    assert "\n\n" not in said
    said.encode()
    if said:
        assert any(char.isalnum() for char in said)


@given(text=st.text(alphabet=st.characters(categories=["L", "Nd"], max_codepoint=0x1FFF), min_size=1, max_size=200))
def test_letters_are_unchanged(text: str) -> None:
    assert speakable(text) == text


@given(words=st.lists(st.sampled_from(["red", "blue", "grün", "白"]), min_size=1, max_size=8), data=st.data())
def test_words_between_paired_marks_are_kept(words: list[str], data: Any) -> None:
    marks = [
        data.draw(
            st.sampled_from(["**{}**", "__{}__", "~~{}~~", "||{}||", "_{}_", "`{}`", "[{}](https://x.org)", "{}"])
        )
        for _ in words
    ]
    text = " ".join(mark.format(word) for mark, word in zip(marks, words, strict=True))
    assert speakable(text, OPTIONS) == " ".join(words)
