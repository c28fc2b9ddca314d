"""While the language model is unavailable."""

from __future__ import annotations

from tests.conversation.harness import Harness


async def test_the_error_is_shown_once_and_everything_is_answered_when_the_model_is_back(harness: Harness) -> None:
    harness.server.away = True
    await harness.say_and_wait("one")
    await harness.say_and_wait("two", author="Bo")
    assert harness.presenter.errors == ["LLM_UNAVAILABLE"]
    assert set(harness.presenter.deleted) == {post.turn_id for post in harness.presenter.posts}
    harness.server.away = False
    await harness.server.wait_asked(len(harness.server.asked) + 1)
    await harness.answered()
    assert [text for text in harness.presenter.finished if text] == ["Hello."]
    assert harness.prompts()[-1] == "Ada: one\nBo: two"


async def test_after_an_answer_the_next_error_is_shown_again(harness: Harness) -> None:
    harness.server.away = True
    await harness.say_and_wait("one")
    harness.server.away = False
    await harness.server.wait_asked(len(harness.server.asked) + 1)
    await harness.answered()
    harness.server.away = True
    await harness.say_and_wait("two")
    assert harness.presenter.errors == ["LLM_UNAVAILABLE", "LLM_UNAVAILABLE"]
