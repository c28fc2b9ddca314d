"""Several answers of one turn."""

from __future__ import annotations

import asyncio

import pytest

from bot.errors import ChorusError, InputInvalid
from tests.conversation.harness import CHANNEL, GUILD, Harness
from tests.conversation.scripted_model import says


async def test_the_shown_alternative_is_the_one_the_model_reads(harness: Harness) -> None:
    harness.server.script = [says("First."), says("Second."), says("Third.")]
    await harness.say_and_wait("hi")
    turn = (await harness.history())[1]
    await harness.service.regenerate(turn.id)
    await harness.answered()
    regenerated = (await harness.history())[1]
    assert [each.content for each in regenerated.alternatives] == ["First.", "Second."]
    assert regenerated.text == "Second."
    assert harness.prompts()[1] == "Ada: hi"
    await harness.service.show_alternative(turn.id, 0)
    assert harness.presenter.finished == ["First.", "Second.", "First."]
    await harness.say_and_wait("go on")
    assert harness.last_history() == ["Ada: hi", "First.", "Ada: go on"]


async def test_an_alternative_that_does_not_exist_is_not_shown(harness: Harness) -> None:
    await harness.say_and_wait("hi")
    turn = (await harness.history())[1]
    assert await harness.service.show_alternative(turn.id, 9) is None


async def test_none_can_be_chosen_while_another_is_generated(harness: Harness) -> None:
    gate = asyncio.Event()
    harness.server.script = [says("First."), says("Sec", "ond.", gate=gate)]
    await harness.say_and_wait("hi")
    turn = (await harness.history())[1]
    await harness.service.regenerate(turn.id)
    await harness.server.wait_asked(2)
    with pytest.raises(InputInvalid, match="being written"):
        await harness.service.show_alternative(turn.id, 0)
    gate.set()
    await harness.answered()
    assert (await harness.history())[1].text == "Second."


async def test_a_regeneration_that_is_asked_for_twice_makes_one_alternative(harness: Harness) -> None:
    gate = asyncio.Event()
    harness.server.script = [says("First."), says("Sec", "ond.", gate=gate)]
    await harness.say_and_wait("hi")
    turn = (await harness.history())[1]
    await harness.service.regenerate(turn.id)
    await harness.server.wait_asked(2)
    await harness.service.regenerate(turn.id)
    gate.set()
    await harness.answered()
    assert [each.content for each in (await harness.history())[1].alternatives] == ["First.", "Second."]


async def test_a_turn_that_is_gone_is_not_regenerated(harness: Harness) -> None:
    with pytest.raises(ChorusError, match="no longer part"):
        await harness.service.regenerate("00000000-0000-0000-0000-000000000000")
    await harness.say_and_wait("hi")
    turn = (await harness.history())[1]
    await harness.repository.clear_conversation(turn.conversation_id)
    with pytest.raises(ChorusError, match="no longer part"):
        await harness.service.regenerate(turn.id)
    assert await harness.service.show_alternative(turn.id, 0) is None


async def test_a_regeneration_without_a_model_shows_the_last_alternative_again(harness: Harness) -> None:
    harness.server.script = [says("First.")]
    await harness.say_and_wait("hi")
    turn = (await harness.history())[1]
    harness.server.away = True
    await harness.service.regenerate(turn.id)
    await harness.answered()
    assert harness.presenter.finished == ["First.", None, "First."]
    assert harness.presenter.deleted == []
    assert harness.presenter.errors == ["LLM_UNAVAILABLE"]


async def test_another_character_of_the_channel_does_not_change_whose_turn_it_is(harness: Harness) -> None:
    await harness.say_and_wait("hi")
    turn = (await harness.history())[1]
    await harness.service.channels.bind_character(CHANNEL, GUILD, "alex")
    await harness.service.regenerate(turn.id)
    await harness.answered()
    assert "You are Nova" in harness.server.asked[-1]["messages"][0]["content"]
