"""One turn: its text, its picture, and what interrupts it."""

from __future__ import annotations

import asyncio

from bot.domain.conversations import ChatRole
from tests.conversation.scripted_model import breaks_off, calls_draw, fails, says
from tests.conversation.stage import CHANNEL, GUILD, JOB_ID, Stage


async def test_a_picture_is_drawn_when_the_model_calls_its_tool(stage: Stage) -> None:
    stage.server.script = [calls_draw('{"scene": "a red boat"}'), says("a red boat on a calm sea, oil painting")]
    await stage.say_and_wait("draw my boat")
    assert stage.presenter.drawn == [("a red boat", "a red boat on a calm sea, oil painting")]
    assert (await stage.history())[1].job_id == JOB_ID
    assert stage.presenter.finished == ["*sends a picture*"]


async def test_a_regenerated_turn_draws_no_second_picture(stage: Stage) -> None:
    stage.server.script = [calls_draw('{"scene": "a boat"}'), says("prompt"), calls_draw('{"scene": "another"}')]
    await stage.say_and_wait("draw my boat")
    await stage.service.regenerate((await stage.history())[1].id)
    await stage.answered()
    assert stage.presenter.drawn == [("a boat", "prompt")]


async def test_a_model_without_tools_asks_for_its_picture_in_the_text(stage: Stage) -> None:
    stage.server.script = [fails(400, "does not support tools"), says("Here. <draw>a red boat</draw>"), says("prompt")]
    await stage.say_and_wait("draw my boat")
    assert stage.presenter.drawn == [("a red boat", "prompt")]
    assert stage.presenter.finished == ["Here."]
    assert [text for text in stage.presenter.posts[0].updates if "draw" in text] == []


async def test_a_character_that_does_not_draw_never_does(stage: Stage) -> None:
    stage.server.script = [says("<draw>a boat</draw>No.")]
    await stage.service.channels.bind_character(CHANNEL, GUILD, "alex")
    await stage.say_and_wait("draw!")
    assert stage.presenter.finished == ["No."]
    assert stage.presenter.drawn == []
    assert "tools" not in stage.server.asked[0]


async def test_after_a_broken_stream_the_same_turn_is_requested_once_more(stage: Stage) -> None:
    stage.server.script = [breaks_off("Half an an"), says("The whole answer.")]
    await stage.say_and_wait("hi")
    assert stage.presenter.finished == ["The whole answer."]
    assert stage.presenter.errors == []


async def test_an_empty_answer_is_an_error(stage: Stage) -> None:
    stage.server.script = [says("<think>nothing comes to mind</think>")]
    await stage.say_and_wait("hi")
    assert stage.presenter.errors == ["LLM_UNAVAILABLE"]
    assert [each.role for each in await stage.history() if each.text] == [ChatRole.USER]


async def test_a_window_smaller_than_configured_shortens_the_prompt(stage: Stage) -> None:
    await stage.say_and_wait("a long story " * 600)
    stage.server.script = [fails(400, "exceeds the context size"), says("It fits now.")]
    await stage.say_and_wait("hi")
    assert stage.presenter.finished[-1] == "It fits now."
    refused, accepted = (sum(len(each["content"]) for each in asked["messages"]) for asked in stage.server.asked[-2:])
    assert accepted < refused


async def test_a_turn_interrupted_by_a_crash_is_generated_again_in_its_own_row(stage: Stage) -> None:
    gate = asyncio.Event()
    stage.server.script = [says("Half", " a word", gate=gate), says("A whole answer.")]
    await stage.say("hi")
    await stage.server.wait_asked(1)
    before = stage.presenter
    after = await stage.restart()  # closing leaves the turn RUNNING in the database, as a crash does
    gate.set()
    await stage.answered()
    assert after.finished == ["A whole answer."]
    assert [post.turn_id for post in after.posts] == [post.turn_id for post in before.posts]
    assert len(await stage.history()) == 2


async def test_a_removed_character_is_reported_once_and_the_history_kept(stage: Stage) -> None:
    await stage.service.channels.bind_character(CHANNEL, GUILD, "gone")
    await stage.say_and_wait("hello?")
    await stage.say_and_wait("anybody?")
    assert stage.presenter.errors == ["CHARACTER_NOT_FOUND"]
    assert [each.text for each in await stage.history() if each.role is ChatRole.USER] == ["hello?", "anybody?"]
