from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.conversation.answer_policy import AnswerDecision, decide_answer
from bot.conversation.called_characters import compile_names, find_called_character
from bot.domain.channels import Channel
from bot.domain.conversations import AnswerMode, ChannelBinding, IncomingMessage

CALLED = [("Nova", "nova"), ("Alex", "alex"), ("Mary Ann", "mary"), ("Lex", "alex")]


def said(content: str, *, guild_id: int | None = 5, **other: Any) -> IncomingMessage:
    fields: dict[str, Any] = {
        "discord_message_id": 1,
        "channel": Channel(guild_id=guild_id, channel_id=10),
        "author_id": 7,
        "author_name": "Ada",
        "created_at": datetime(2026, 11, 21, tzinfo=UTC),
    }
    return IncomingMessage(content=content, **(fields | other))


def bound(mode: AnswerMode) -> ChannelBinding:
    return ChannelBinding(channel_id=10, guild_id=5, character_id="nova", conversation_id=None, mode=mode)


def decide(incoming: IncomingMessage, binding: ChannelBinding | None, **other: Any) -> AnswerDecision | None:
    return decide_answer(incoming, binding, CALLED, default_character="alex", **other)


def answered_by(character_id: str) -> AnswerDecision:
    return AnswerDecision(character_id, wants_answer=True)


@pytest.mark.parametrize(
    ("content", "who"),
    [
        ("Nova, look", "nova"),
        ("nova look at this", "nova"),
        ("Hey Alex!", "alex"),
        ("hello, nova", "nova"),
        ("look at that, Alex?", "alex"),
        ("look at that,Alex", "alex"),
        ("look at that @Alex", "alex"),
        ("@Nova hi", "nova"),
        ("Mary Ann: what", "mary"),
        ("I met Nova yesterday", None),
        ("Novation is a brand", None),
        ("Nova's boat sank", None),
        ("we talked about Nova", None),
        ("write to harbour@nova", None),
        ("", None),
    ],
)
def test_who_is_called_by_name(content: str, who: str | None) -> None:
    assert find_called_character(content, CALLED) == who


def test_mode_all_answers_everybody() -> None:
    assert decide(said("hi"), bound(AnswerMode.ALL)) == answered_by("nova")


def test_mode_mention_stores_everything_and_answers_only_when_called() -> None:
    bound_to_mentions = bound(AnswerMode.MENTION)
    assert decide(said("hi"), bound_to_mentions) == AnswerDecision("nova", wants_answer=False)
    assert decide(said("hi", mentions_bot=True), bound_to_mentions) == answered_by("nova")
    assert decide(said("hi", replies_to_bot=True), bound_to_mentions) == answered_by("nova")


def test_mode_off_stores_nothing() -> None:
    assert decide(said("hi", mentions_bot=True), bound(AnswerMode.OFF)) is None


def test_unbound_channels_answer_mentions_with_the_default_character() -> None:
    assert decide(said("hi"), None) is None
    assert decide(said("hi", mentions_bot=True), None) == answered_by("alex")


def test_a_reply_addresses_whose_message_it_replies_to() -> None:
    decision = decide(said("Nova, why?", replies_to_bot=True), bound(AnswerMode.ALL), replied_character="alex")
    assert decision == answered_by("alex")


def test_another_character_is_addressed_by_name() -> None:
    assert decide(said("Alex, your turn"), bound(AnswerMode.ALL)) == answered_by("alex")


def test_direct_messages_are_answered_without_a_binding() -> None:
    assert decide(said("hi", guild_id=None), None) == answered_by("alex")


def test_bots_are_ignored_unless_allowed() -> None:
    assert decide(said("hi", author_is_bot=True, mentions_bot=True), bound(AnswerMode.ALL)) is None
    assert decide(said("hi", author_is_bot=True), bound(AnswerMode.ALL), allow_bots=True) == answered_by("nova")


def find_one_by_one(content: str, called: Sequence[tuple[str, str]]) -> str | None:
    """As `find_called_character` is described: the names one after another, longer ones first."""
    text = content.strip()
    for name, character_id in sorted(called, key=lambda pair: -len(pair[0])):
        word = re.escape(name)
        begins = rf"(?:(?:hey|hi|ok|so|and)[\s,]+)?@?{word}(?![\w'’])(?:\s*[,:!?.…—–-]|\s|$)"  # noqa: RUF001 - a real apostrophe
        ends = rf"(?:,\s*|@\s+|[,\s]@){word}\s*[?!.…]*$"
        if re.match(begins, text, re.IGNORECASE) or re.search(ends, text, re.IGNORECASE):
            return character_id
    return None


WORDS = st.sampled_from(["Ann", "mary", "Mary Ann", "Al", "Alex", "what?", "hey", "so", "look", "C++", "Ann, Al", "ß"])
MARKS = st.sampled_from([" ", ", ", "@", "! ", "?", ".", " @", "@ ", ""])
CALLS = st.lists(st.tuples(WORDS, MARKS), max_size=5).map(lambda parts: "".join(word + mark for word, mark in parts))


@given(CALLS, st.lists(WORDS, min_size=1, max_size=8, unique=True))
def test_all_names_at_once_find_what_one_after_another_do(content: str, names: list[str]) -> None:
    called = [(name, str(n)) for n, name in enumerate(names)]
    assert find_called_character(content, called) == find_one_by_one(content, called)


def test_hundreds_of_names_are_compiled_once() -> None:
    called = tuple((f"Character {n} of many", str(n)) for n in range(400))
    find_called_character("hello", called)
    before = compile_names.cache_info()
    for n in range(50):
        assert find_called_character(f"hey character {n} of many, look", called) == str(n)
    after = compile_names.cache_info()
    assert (after.misses - before.misses, after.hits - before.hits) == (0, 50)
