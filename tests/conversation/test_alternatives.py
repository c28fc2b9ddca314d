"""Several answers of one turn."""

from __future__ import annotations

import asyncio

import pytest

from bot.errors import ChorusError, InputInvalid
from tests.conversation.scripted_model import says
from tests.conversation.stage import CHANNEL, GUILD, Stage


async def test_the_shown_alternative_is_the_one_the_model_reads(stage: Stage) -> None:
    stage.server.script = [says("First."), says("Second."), says("Third.")]
    await stage.say_and_wait("hi")
    turn = (await stage.history())[1]
    await stage.service.regenerate(turn.id)
    await stage.answered()
    regenerated = (await stage.history())[1]
    assert [each.content for each in regenerated.alternatives] == ["First.", "Second."]
    assert regenerated.text == "Second."
    assert stage.prompts()[1] == "Ada: hi"
    await stage.service.show_alternative(turn.id, 0)
    assert stage.presenter.finished == ["First.", "Second.", "First."]
    await stage.say_and_wait("go on")
    assert stage.last_history() == ["Ada: hi", "First.", "Ada: go on"]


async def test_an_alternative_that_does_not_exist_is_not_shown(stage: Stage) -> None:
    await stage.say_and_wait("hi")
    turn = (await stage.history())[1]
    assert await stage.service.show_alternative(turn.id, 9) is None


async def test_none_can_be_chosen_while_another_is_generated(stage: Stage) -> None:
    gate = asyncio.Event()
    stage.server.script = [says("First."), says("Sec", "ond.", gate=gate)]
    await stage.say_and_wait("hi")
    turn = (await stage.history())[1]
    await stage.service.regenerate(turn.id)
    await stage.server.wait_asked(2)
    with pytest.raises(InputInvalid, match="being written"):
        await stage.service.show_alternative(turn.id, 0)
    gate.set()
    await stage.answered()
    assert (await stage.history())[1].text == "Second."


async def test_a_regeneration_that_is_asked_for_twice_makes_one_alternative(stage: Stage) -> None:
    gate = asyncio.Event()
    stage.server.script = [says("First."), says("Sec", "ond.", gate=gate)]
    await stage.say_and_wait("hi")
    turn = (await stage.history())[1]
    await stage.service.regenerate(turn.id)
    await stage.server.wait_asked(2)
    await stage.service.regenerate(turn.id)
    gate.set()
    await stage.answered()
    assert [each.content for each in (await stage.history())[1].alternatives] == ["First.", "Second."]


async def test_a_turn_that_is_gone_is_not_regenerated(stage: Stage) -> None:
    with pytest.raises(ChorusError, match="no longer part"):
        await stage.service.regenerate("00000000-0000-0000-0000-000000000000")
    await stage.say_and_wait("hi")
    turn = (await stage.history())[1]
    await stage.repository.clear_conversation(turn.conversation_id)
    with pytest.raises(ChorusError, match="no longer part"):
        await stage.service.regenerate(turn.id)
    assert await stage.service.show_alternative(turn.id, 0) is None


async def test_a_regeneration_without_a_model_shows_the_last_alternative_again(stage: Stage) -> None:
    stage.server.script = [says("First.")]
    await stage.say_and_wait("hi")
    turn = (await stage.history())[1]
    stage.server.away = True
    await stage.service.regenerate(turn.id)
    await stage.answered()
    assert stage.presenter.finished == ["First.", None, "First."]
    assert stage.presenter.deleted == []
    assert stage.presenter.errors == ["LLM_UNAVAILABLE"]


async def test_another_character_of_the_channel_does_not_change_whose_turn_it_is(stage: Stage) -> None:
    await stage.say_and_wait("hi")
    turn = (await stage.history())[1]
    await stage.service.channels.bind_character(CHANNEL, GUILD, "alex")
    await stage.service.regenerate(turn.id)
    await stage.answered()
    assert "You are Nova" in stage.server.asked[-1]["messages"][0]["content"]
