"""While the language model is unavailable."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

from tests.conversation.harness import Harness, open_harness


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


async def test_who_waited_too_long_for_the_model_gets_no_answer_and_the_next_one_does(tmp_path: Path) -> None:
    async with open_harness(tmp_path, answer_missed_within=timedelta(0)) as harness:
        harness.server.away = True
        await harness.say_and_wait("one")
        assert harness.presenter.errors == ["LLM_UNAVAILABLE"]
        harness.server.away = False
        async with asyncio.timeout(60):
            while await harness.repository.unfinished_messages():  # noqa: ASYNC110 - the database has no events
                await asyncio.sleep(0.01)
        await harness.answered()
        await harness.say_and_wait("two", author="Bo")
        assert [text for text in harness.presenter.finished if text] == ["Hello."]
        assert harness.last_history() == ["Ada: one\nBo: two"]
