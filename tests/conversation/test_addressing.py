from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bot.conversation.addressing import Address, address, named
from bot.domain.conversations import AnswerMode, Binding, IncomingMessage

CALLED = [("Nova", "nova"), ("Alex", "alex"), ("Mary Ann", "mary"), ("Lex", "alex")]


def said(content: str, **other: Any) -> IncomingMessage:
    fields: dict[str, Any] = {
        "discord_message_id": 1,
        "channel_id": 10,
        "guild_id": 5,
        "author_id": 7,
        "author_name": "Ada",
        "created_at": datetime(2026, 11, 21, tzinfo=UTC),
    }
    return IncomingMessage(content=content, **(fields | other))


def bound(mode: AnswerMode) -> Binding:
    return Binding(channel_id=10, guild_id=5, character_id="nova", conversation_id=None, mode=mode)


def decide(incoming: IncomingMessage, binding: Binding | None, **other: Any) -> Address:
    return address(incoming, binding, CALLED, default_character="alex", **other)


@pytest.mark.parametrize(
    ("content", "who"),
    [
        ("Nova, look", "nova"),
        ("nova look at this", "nova"),
        ("Hey Alex!", "alex"),
        ("hello, nova", "nova"),
        ("look at that, Alex?", "alex"),
        ("@Nova hi", "nova"),
        ("Mary Ann: what", "mary"),
        ("I met Nova yesterday", None),
        ("Novation is a brand", None),
        ("Nova's boat sank", None),
        ("we talked about Nova", None),
        ("", None),
    ],
)
def test_who_is_called_by_name(content: str, who: str | None) -> None:
    assert named(content, CALLED) == who


def test_mode_all_answers_everybody() -> None:
    assert decide(said("hi"), bound(AnswerMode.ALL)) == Address(heard=True, character_id="nova", wants_answer=True)


def test_mode_mention_hears_and_answers_only_when_called() -> None:
    assert decide(said("hi"), bound(AnswerMode.MENTION)) == Address(heard=True, character_id="nova", wants_answer=False)
    assert decide(said("hi", mentions_bot=True), bound(AnswerMode.MENTION)).wants_answer
    assert decide(said("hi", replies_to_bot=True), bound(AnswerMode.MENTION)).wants_answer


def test_mode_off_hears_nothing() -> None:
    assert not decide(said("hi", mentions_bot=True), bound(AnswerMode.OFF)).heard


def test_unbound_channels_answer_mentions_with_the_default_character() -> None:
    assert not decide(said("hi"), None).heard
    assert decide(said("hi", mentions_bot=True), None) == Address(heard=True, character_id="alex", wants_answer=True)


def test_a_reply_addresses_whose_message_it_replies_to() -> None:
    decision = decide(said("Nova, why?", replies_to_bot=True), bound(AnswerMode.ALL), replied_character="alex")
    assert decision.character_id == "alex"


def test_another_character_is_addressed_by_name() -> None:
    assert decide(said("Alex, your turn"), bound(AnswerMode.ALL)).character_id == "alex"


def test_direct_messages_are_answered_unbound() -> None:
    assert decide(said("hi", guild_id=None), None, direct=True).wants_answer


def test_bots_are_ignored_unless_allowed() -> None:
    assert not decide(said("hi", author_is_bot=True, mentions_bot=True), bound(AnswerMode.ALL)).heard
    assert decide(said("hi", author_is_bot=True), bound(AnswerMode.ALL), allow_bots=True).wants_answer
