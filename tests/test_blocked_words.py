"""The block list finds words however they are written, and does not find them inside others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.policy.blocked_words import clean_entries, find_blocked


@pytest.mark.parametrize(
    "text",
    [
        "a naked man",
        "NAKED",
        "n\u200ba\u200dk\u00aded",  # zero width space and joiner, soft hyphen
        "ｎａｋｅｄ",  # noqa: RUF001 - full width
        "𝐧𝐚𝐤𝐞𝐝",  # noqa: RUF001 - mathematical
        "ⓝⓐⓚⓔⓓ",
        "nаkеd",  # noqa: RUF001 - Cyrillic
        "nαked",  # noqa: RUF001 - Greek
        "ņàķéď",
        "n̶a̷k̸e̵d̴",
        "n4k3d",
        "n@ked",
        "n a k e d",
        "n.a.k.e.d",
        "n-a-k-e-d lady",
        "naaaaked",
        "(naked:1.4)",
        "very_naked_style",
        "<lora:naked:0.8>",
    ],
)
def test_a_word_is_found_in_every_disguise(text: str) -> None:
    assert find_blocked(["naked"], text) == "naked"


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        ("naked", "a snaked river"),
        ("ass", "a glass of grass"),
        ("ass", "455 apples at 4 and 55"),
        ("cunt", "Scunthorpe"),
        ("old man", "an old house, a man"),
        ("tank", "t a n"),
        ("naked", ""),
    ],
)
def test_what_only_contains_it_is_not_found(entry: str, text: str) -> None:
    assert find_blocked([entry], text) is None


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        ("naked*", "nakedness"),
        ("*naked", "unnaked"),
        ("*ake*", "snakes"),
        ("old man", "an OLD   mаn walks"),  # noqa: RUF001 - Cyrillic
        ("old man", "old-man"),
        ("old man", "Old man!"),
        ("ну", "ну погоди"),
        ("裸", "裸"),
    ],
)
def test_entries_of_several_words_with_stars_and_of_other_scripts(entry: str, text: str) -> None:
    assert find_blocked([entry], text) == entry


def test_a_list_is_cleaned() -> None:
    assert clean_entries([" old   man ", "", "***", "old man", "naked"]) == ("old man", "naked")


@given(st.text(max_size=300), st.lists(st.text(min_size=1, max_size=20), max_size=5))
def test_any_text_and_any_list_have_an_answer(text: str, lines: list[str]) -> None:
    entries = clean_entries(lines)
    found = find_blocked(entries, text)
    assert found is None or found in entries


@given(
    st.from_regex(r"[a-z]{4,12}", fullmatch=True), st.text(alphabet="\u200b\u200c\u200d\u2060\ufeff\u00ad", max_size=3)
)
def test_invisible_characters_never_hide_a_word(word: str, hidden: str) -> None:
    assert find_blocked([word], f"a {hidden.join(word)} b") == word
