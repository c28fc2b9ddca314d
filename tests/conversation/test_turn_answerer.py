"""One turn: its text, its picture, and what interrupts it."""

from __future__ import annotations

import asyncio

from bot.domain.conversations import ChatRole
from tests.conversation.harness import CHANNEL, GUILD, JOB_ID, Harness
from tests.conversation.scripted_model import breaks_off, calls_draw, fails, says


async def test_a_picture_is_drawn_when_the_model_calls_its_tool(harness: Harness) -> None:
    harness.server.script = [calls_draw('{"scene": "a red boat"}'), says("a red boat on a calm sea, oil painting")]
    await harness.say_and_wait("draw my boat")
    assert harness.presenter.drawn == [("a red boat", "a red boat on a calm sea, oil painting")]
    assert (await harness.history())[1].job_id == JOB_ID
    assert harness.presenter.finished == ["*sends a picture*"]


async def test_a_regenerated_turn_draws_no_second_picture(harness: Harness) -> None:
    harness.server.script = [calls_draw('{"scene": "a boat"}'), says("prompt"), calls_draw('{"scene": "another"}')]
    await harness.say_and_wait("draw my boat")
    await harness.service.regenerate((await harness.history())[1].id)
    await harness.answered()
    assert harness.presenter.drawn == [("a boat", "prompt")]


async def test_a_model_without_tools_asks_for_its_picture_in_the_text(harness: Harness) -> None:
    harness.server.script = [
        fails(400, "does not support tools"),
        says("Here. <draw>a red boat</draw>"),
        says("prompt"),
    ]
    await harness.say_and_wait("draw my boat")
    assert harness.presenter.drawn == [("a red boat", "prompt")]
    assert harness.presenter.finished == ["Here."]
    assert [text for text in harness.presenter.posts[0].updates if "draw" in text] == []


async def test_a_character_that_does_not_draw_never_does(harness: Harness) -> None:
    harness.server.script = [says("<draw>a boat</draw>No.")]
    await harness.service.channels.bind_character(CHANNEL, GUILD, "alex")
    await harness.say_and_wait("draw!")
    assert harness.presenter.finished == ["No."]
    assert harness.presenter.drawn == []
    assert "tools" not in harness.server.asked[0]


async def test_after_a_broken_stream_the_same_turn_is_requested_once_more(harness: Harness) -> None:
    harness.server.script = [breaks_off("Half an an"), says("The whole answer.")]
    await harness.say_and_wait("hi")
    assert harness.presenter.finished == ["The whole answer."]
    assert harness.presenter.errors == []


async def test_an_empty_answer_is_an_error(harness: Harness) -> None:
    harness.server.script = [says("<think>nothing comes to mind</think>")]
    await harness.say_and_wait("hi")
    assert harness.presenter.errors == ["LLM_UNAVAILABLE"]
    assert [each.role for each in await harness.history() if each.text] == [ChatRole.USER]


async def test_a_window_smaller_than_configured_shortens_the_prompt(harness: Harness) -> None:
    await harness.say_and_wait("a long story " * 600)
    harness.server.script = [fails(400, "exceeds the context size"), says("It fits now.")]
    await harness.say_and_wait("hi")
    assert harness.presenter.finished[-1] == "It fits now."
    refused, accepted = (sum(len(each["content"]) for each in asked["messages"]) for asked in harness.server.asked[-2:])
    assert accepted < refused


async def test_a_turn_interrupted_by_a_crash_is_generated_again_in_its_own_row(harness: Harness) -> None:
    gate = asyncio.Event()
    harness.server.script = [says("Half", " a word", gate=gate), says("A whole answer.")]
    await harness.say("hi")
    await harness.server.wait_asked(1)
    before = harness.presenter
    after = await harness.restart()  # closing leaves the turn RUNNING in the database, as a crash does
    gate.set()
    await harness.answered()
    assert after.finished == ["A whole answer."]
    assert [post.turn_id for post in after.posts] == [post.turn_id for post in before.posts]
    assert len(await harness.history()) == 2


async def test_a_removed_character_is_reported_once_and_the_history_kept(harness: Harness) -> None:
    await harness.service.channels.bind_character(CHANNEL, GUILD, "gone")
    await harness.say_and_wait("hello?")
    await harness.say_and_wait("anybody?")
    assert harness.presenter.errors == ["CHARACTER_NOT_FOUND"]
    assert [each.text for each in await harness.history() if each.role is ChatRole.USER] == ["hello?", "anybody?"]
