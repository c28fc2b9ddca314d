from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.conversation.message_splitting import split_message
from bot.domain.discord_limits import MAX_MESSAGE_LENGTH


def test_a_short_text_is_one_part() -> None:
    assert split_message(" hello \n") == ["hello"]
    assert split_message(" \n ") == []


def test_paragraphs_stay_whole() -> None:
    paragraphs = ["word " * 150, "more " * 150, "last " * 150]
    parts = split_message("\n\n".join(each.strip() for each in paragraphs))
    assert [part.split()[0] for part in parts] == ["word", "last"]
    assert parts[0].endswith("more")


def test_a_code_fence_is_not_cut() -> None:
    code = "```python\n" + "x = 1\n" * 150 + "```"
    parts = split_message("intro " * 200 + "\n\n" + code + "\n\nend")
    assert len(parts) == 2
    assert parts[1].startswith("```python")
    assert all(part.count("```") % 2 == 0 for part in parts)


def test_a_fence_longer_than_a_message_is_closed_and_opened_again() -> None:
    parts = split_message("```python\n" + "print('hello world')\n" * 300 + "```")
    assert len(parts) > 2
    assert all(part.count("```") == 2 for part in parts)
    assert all(part.startswith("```python\n") for part in parts)


def test_a_text_without_any_space_is_cut_all_the_same() -> None:
    parts = split_message("a" * 5000)
    assert "".join(parts) == "a" * 5000


texts = st.lists(
    st.sampled_from(["word ", "\n", "\n\n", "```\n", "\n```python\n", "a" * 300, "sentence. " * 30, "🙂" * 50]),
    max_size=60,
).map("".join)


@given(texts)
def test_parts_fit_and_are_never_empty(text: str) -> None:
    parts = split_message(text)
    assert all(0 < len(part) <= MAX_MESSAGE_LENGTH for part in parts)
    assert bool(parts) == bool(text.strip())


@given(texts)
def test_no_word_is_lost(text: str) -> None:
    def letters(value: str) -> str:
        return "".join(char for char in value.replace("```python", "").replace("```", "") if not char.isspace())

    assert letters("".join(split_message(text))) == letters(text)


@given(texts, texts)
def test_finished_parts_do_not_change_while_the_text_grows(text: str, more: str) -> None:
    before, after = split_message(text), split_message(text.rstrip() + " " + more)
    assert after[: max(len(before) - 1, 0)] == before[:-1]
