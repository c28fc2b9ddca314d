# ruff: noqa: RUF001 - the punctuation of several scripts is what this is about
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.media.speech import shorten, split_for_speech

SENTENCES: list[tuple[str, int, list[str]]] = [
    ("One two. Three four. Five.", 12, ["One two.", "Three four.", "Five."]),
    ("One two. Three four. Five.", 100, ["One two. Three four. Five."]),
    ("One! Two? Three… Four.", 10, ["One! Two?", "Three…", "Four."]),
    ('He said "Hi." Then left.', 16, ['He said "Hi."', "Then left."]),
    ("Dr. Smith met Mr. Jones today. They talked.", 32, ["Dr. Smith met Mr. Jones today.", "They talked."]),
    ("J. R. Tolkien wrote. Books.", 21, ["J. R. Tolkien wrote.", "Books."]),
    ("Pi is 3.14 exactly. Or not.", 20, ["Pi is 3.14 exactly.", "Or not."]),
    ("Bring salt, oil, etc. We start now.", 24, ["Bring salt, oil, etc.", "We start now."]),
    ("Use e.g. this one. Or that.", 19, ["Use e.g. this one.", "Or that."]),
    ("你好世界。今天很好！走吧？", 6, ["你好世界。", "今天很好！", "走吧？"]),
    ("「やあ。」と言った。帰った。", 12, ["「やあ。」と言った。", "帰った。"]),
    ("مرحبا بك؟ كيف حالك؟ بخير.", 10, ["مرحبا بك؟", "كيف حالك؟", "بخير."]),
    ("नमस्ते। आप कैसे हैं।", 14, ["नमस्ते।", "आप कैसे हैं।"]),
    ("a heading\nand a line", 12, ["a heading", "and a line"]),
    ("1. First thing\n2. Second thing", 16, ["1. First thing", "2. Second thing"]),
    ("one, two, three, four five", 12, ["one, two,", "three,", "four five"]),
    ("长句子，没有句号，一直继续", 5, ["长句子，", "没有句号，", "一直继续"]),
    ("aaaa bbbb cccc", 9, ["aaaa bbbb", "cccc"]),
    ("abcdefghij", 4, ["abcd", "efgh", "ij"]),
    ("", 10, []),
    (" \n ", 10, []),
]


@pytest.mark.parametrize(("text", "limit", "chunks"), SENTENCES)
def test_splits_between_sentences_clauses_and_words(text: str, limit: int, chunks: list[str]) -> None:
    assert split_for_speech(text, limit) == chunks


def test_letters_keep_their_accents() -> None:
    for chunk in split_for_speech("e\u0301" * 20, 5):
        assert not chunk.startswith("\u0301")


@given(text=st.text(st.sampled_from('ab .,!?\n。，…é\u0301\u200dDr1")（🏽'), max_size=300), limit=st.integers(1, 60))
def test_chunks_fit_and_nothing_is_lost(text: str, limit: int) -> None:
    chunks = split_for_speech(text, limit)
    assert "".join("".join(chunks).split()) == "".join(text.split())
    assert all(0 < len(chunk) <= limit for chunk in chunks)
    assert all(chunk == chunk.strip() for chunk in chunks)


@given(text=st.text(max_size=200), limit=st.integers(1, 300))
def test_any_text_splits_and_shortens(text: str, limit: int) -> None:
    chunks = split_for_speech(text, limit)
    assert "".join("".join(chunks).split()) == "".join(text.split())
    shortened = shorten(text, limit)
    assert len(shortened.text) <= limit
    assert (shortened.note is None) == (len(text.strip()) <= limit)


@pytest.mark.parametrize("piece", [".", " ", "a. ", "a ", ",", '."', "。", "\n", "Dr. "])
def test_long_repetitive_texts_are_split(piece: str) -> None:
    text = piece * (40_000 // len(piece))
    assert "".join("".join(split_for_speech(text, 200)).split()) == "".join(text.split())


def test_shortening_at_a_sentence() -> None:
    text, note = shorten("One two. Three four. Five six.", 22)
    assert text == "One two. Three four."
    assert note is not None
    assert "20 of 30" in note


def test_shortening_inside_the_first_sentence() -> None:
    assert shorten("one two, three four five", 14).text == "one two…"
    assert shorten("abcdefghij", 5).text == "abcd…"


def test_a_short_text_is_unchanged() -> None:
    assert shorten(" All of it. ", 10) == ("All of it.", None)


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_below_1_raises(limit: int) -> None:
    with pytest.raises(ValueError, match="at least one"):
        split_for_speech("a", limit)
    with pytest.raises(ValueError, match="at least one"):
        shorten("a", limit)
