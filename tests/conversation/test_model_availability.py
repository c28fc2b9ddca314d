"""While the language model is unavailable."""

from __future__ import annotations

from tests.conversation.stage import Stage


async def test_the_error_is_shown_once_and_everything_is_answered_when_the_model_is_back(stage: Stage) -> None:
    stage.server.away = True
    await stage.say_and_wait("one")
    await stage.say_and_wait("two", author="Bo")
    assert stage.presenter.errors == ["LLM_UNAVAILABLE"]
    assert set(stage.presenter.deleted) == {post.turn_id for post in stage.presenter.posts}
    stage.server.away = False
    await stage.server.wait_asked(len(stage.server.asked) + 1)
    await stage.answered()
    assert [text for text in stage.presenter.finished if text] == ["Hello."]
    assert stage.prompts()[-1] == "Ada: one\nBo: two"


async def test_after_an_answer_the_next_error_is_shown_again(stage: Stage) -> None:
    stage.server.away = True
    await stage.say_and_wait("one")
    stage.server.away = False
    await stage.server.wait_asked(len(stage.server.asked) + 1)
    await stage.answered()
    stage.server.away = True
    await stage.say_and_wait("two")
    assert stage.presenter.errors == ["LLM_UNAVAILABLE", "LLM_UNAVAILABLE"]
