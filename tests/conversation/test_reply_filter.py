from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.conversation.reply_filter import MAX_CHARACTERS, ReplyFilter


def whole(text: str, *others: str) -> str:
    reply = ReplyFilter("Nova", others)
    reply.feed(text)
    return reply.finish()


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ("Hello.", "Hello."),
        ("<think>hmm, what?</think>Hello.", "Hello."),
        ("<think>\nlong\n</think>\n\nHello.", "Hello."),
        ("thoughts that the template opened</think>Hello.", "Hello."),
        ("<thinking>so</thinking>Hello.", "Hello."),
        ("<THINK>loud</THINK>Hello.", "Hello."),
        ("Hello. <think>never closed", "Hello."),
        ("Nova: Hello.", "Hello."),
        ("**Nova:** Hello.", "Hello."),
        ("Hello.\nAda: I agree.", "Hello."),
        ("Hello.\n**Ada:** I agree.", "Hello."),
        ("Hello, Ada: you are right.", "Hello, Ada: you are right."),
        ("2 < 3 and <b>bold</b>", "2 < 3 and <b>bold</b>"),
        ("a\u200bb\u202ec", "abc"),
        ("", ""),
        ("<think>only thoughts</think>", ""),
        ("Here! <draw>a cat</draw>", "Here!"),
    ],
)
def test_what_is_said(raw: str, said: str) -> None:
    assert whole(raw, "Ada", "Bo") == said


def test_a_drawing_is_taken_out_of_the_text() -> None:
    reply = ReplyFilter("Nova")
    shown = [reply.feed(fragment) for fragment in ("Look: <dr", "aw>a red", " boat</draw>", " Nice?")]
    assert reply.finish() == "Look:  Nice?"
    assert reply.scenes == ["a red boat"]
    assert [each for each in shown if "<" in each or "boat" in each] == []


def test_a_change_of_a_picture_is_told_from_a_new_one() -> None:
    reply = ReplyFilter("Nova")
    reply.feed("<edit>a boat in winter</edit>Here. <draw>a cat</draw>")
    assert (reply.finish(), reply.edits, reply.scenes) == ("Here.", ["a boat in winter"], ["a cat"])


def test_a_model_that_runs_on_is_cut() -> None:
    reply = ReplyFilter("Nova")
    reply.feed("word " * 20_000)
    assert reply.ended
    assert len(reply.finish()) <= MAX_CHARACTERS + 2


def test_nothing_is_shown_while_the_own_name_may_still_come() -> None:
    reply = ReplyFilter("Nova")
    assert reply.feed("No") == ""
    assert reply.feed("va: Hi there, you") == "Hi there, you"


def test_anothers_line_is_never_shown_even_for_a_moment() -> None:
    reply = ReplyFilter("Nova", ["Ada"])
    shown = [reply.feed(fragment) for fragment in ("A long enough beginning.", "\nA", "da", ": mine")]
    assert all("Ada" not in each for each in shown)
    assert reply.ended


fragments = st.lists(
    st.sampled_from(["<think>", "</think>", "<draw>", "</draw>", "Nova:", "\nAda:", "<", "a", " b", "\n", "é"])
)


@given(fragments)
def test_how_the_stream_is_cut_does_not_matter(parts: list[str]) -> None:
    letter_by_letter, at_once = ReplyFilter("Nova", ["Ada"]), ReplyFilter("Nova", ["Ada"])
    for letter in "".join(parts):
        letter_by_letter.feed(letter)
    at_once.feed("".join(parts))
    assert letter_by_letter.finish() == at_once.finish()
    assert letter_by_letter.scenes == at_once.scenes


@given(fragments)
def test_shown_text_is_only_removed_by_a_closing_thought(parts: list[str]) -> None:
    reply = ReplyFilter("Nova", ["Ada"])
    text = "".join(part for part in parts if part != "</think>")
    shown = [reply.feed(letter) for letter in text] + [reply.finish()]
    for earlier, later in itertools.pairwise(shown):
        assert later.startswith(earlier.rstrip())


def test_an_end_of_thoughts_without_a_beginning_removes_what_was_shown() -> None:
    reply = ReplyFilter("Nova")
    assert reply.feed("Let me see ") == "Let me see"
    assert reply.feed("</think>Hello") == "Hello"
