"""One GPU for the language model and ComfyUI: who has its memory when, and what a waiting person is told."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.conversation.turn_answerer import WAITING_FOR_GPU_TEXT
from sandbox.discord import Message
from sandbox.llm import StandInLanguageModel, StandInModelOptions
from tests.e2e.house import House, built

SETTLED = "SELECT sum(state IN ('queued', 'running', 'generated')) FROM messages"


@asynccontextmanager
async def shared(
    folder: Path, provider: str = "ollama", **visual: Any
) -> AsyncGenerator[tuple[House, StandInLanguageModel]]:
    async with (
        StandInLanguageModel(options=StandInModelOptions(token_seconds=0)) as model,
        built(
            folder,
            llm={"provider": provider, "base_url": model.url, "model": "stand-in:latest"},
            visual_generation={"unload_during_image_generation": True} | visual,
            conversation={"edit_interval_seconds": 0.05},
        ) as house,
    ):
        house.guild.add_bot_permissions("manage_webhooks")
        yield house, model


async def used(house: House) -> None:
    manager = house.guild.add_member("grace", permissions=["manage_channels", "view_channel"])
    await manager.slash(house.room, "character use", name="nova")


async def said(house: House, text: str) -> Message:
    return await house.room.wait_for_message(lambda shown: shown.content == text)


async def status(house: House) -> str:
    return (await house.ada.slash(house.room, "status")).message.text()


@pytest.mark.setting("visual_generation.unload_during_image_generation")
async def test_the_model_leaves_before_a_picture_and_comfyui_before_the_model_speaks(tmp_path: Path) -> None:
    async with shared(tmp_path) as (house, model), house.running():
        await used(house)
        model.script("Hello there.")
        await house.ada.send(house.room, "hi")
        await said(house, "Hello there.")
        await house.until_rows(SETTLED, (0,))
        assert model.loaded_models.names == ["stand-in:latest"]
        async with house.comfy.set_breakpoint("KSampler", times=1) as hold:
            picture = await house.imagine()
            await hold.reached.wait()
            assert model.loaded_models.names == []
            model.script("Here I am again.")
            await house.bob.send(house.room, "and now?")
            waiting = await said(house, WAITING_FOR_GPU_TEXT)
            assert len(model.requests) == 1
            freed = len(house.comfy.log.find("freed"))
            hold.release()
        await house.result(picture)
        turn = await said(house, "Here I am again.")
        await house.until_rows(SETTLED, (0,))
        assert turn is waiting
        assert len(house.comfy.log.find("freed")) == freed + 1
        shown = await status(house)
        assert "Swaps" in shown
        assert "3, " in shown


async def test_a_picture_that_waits_for_the_model_says_so(tmp_path: Path) -> None:
    async with shared(tmp_path) as (house, model), house.running():
        await used(house)
        gate = model.set_breakpoint()
        await house.ada.send(house.room, "hi")
        await model.wait_for_requests(1)
        picture = await house.imagine()
        await house.room.wait_for_edit(picture, lambda shown: "the model is speaking" in shown.text())
        assert house.comfy.log.find("execution_start") == []
        gate.release()
        await house.result(picture)
        await house.until_rows(SETTLED, (0,))


async def test_all_waiting_pictures_are_drawn_in_one_group(tmp_path: Path) -> None:
    async with shared(tmp_path) as (house, model), house.running():
        await used(house)
        gate = model.set_breakpoint()
        await house.ada.send(house.room, "hi")
        await model.wait_for_requests(1)
        for person in (house.ada, house.bob, house.ada):
            await house.imagine(person)
        gate.release()
        await house.until_delivered(3)
        await house.until_rows(SETTLED, (0,))
        assert "2, " in await status(house)
        assert len(house.comfy.log.find("execution_start")) == 3


async def test_a_picture_of_the_characters_own_is_written_before_the_gpu_changes_hands(tmp_path: Path) -> None:
    async with shared(tmp_path) as (house, model), house.running():
        await used(house)
        model.script("Here. <draw>a red boat</draw>", "a red boat, oil on canvas")
        await house.ada.send(house.room, "a boat please")
        await said(house, "Here.")
        await house.until_delivered()
        await house.until_rows(SETTLED, (0,))
        assert "2, " in await status(house)
        assert house.rows("SELECT json_extract(parameters, '$.positive') FROM jobs") == [("a red boat, oil on canvas",)]


@pytest.mark.setting("llm.provider")
async def test_a_server_that_cannot_unload_is_named_once_and_draws_all_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    async with shared(tmp_path, provider="koboldcpp") as (house, model), house.running():
        await used(house)
        for count in (1, 2):
            await house.result(await house.imagine())
            model.script(f"Hello {count}.")
            await house.ada.send(house.room, "hi")
            await said(house, f"Hello {count}.")
        await house.until_rows(SETTLED, (0,))
    told = [record for record in caplog.records if "cannot unload" in record.getMessage()]
    assert len(told) == 1


@pytest.mark.setting("visual_generation.unload_timeout_seconds")
async def test_a_model_that_will_not_go_holds_nothing_up(tmp_path: Path) -> None:
    async with shared(tmp_path, unload_timeout_seconds=0.3) as (house, model), house.running():
        await used(house)
        model.faults.never_unload = True
        model.script("Hello.")
        await house.ada.send(house.room, "hi")
        await said(house, "Hello.")
        async with asyncio.timeout(20):  # the default would hold the picture up for 30 seconds
            await house.result(await house.imagine())
        await house.until_rows(SETTLED, (0,))


@pytest.mark.setting("visual_generation.max_swap_wait_seconds")
@pytest.mark.parametrize(("seconds", "drawn_before"), [(0.01, 1), (3600, 3)])
async def test_a_turn_waits_so_long_for_the_pictures_before_it(
    tmp_path: Path, seconds: float, drawn_before: int
) -> None:
    async with shared(tmp_path, max_swap_wait_seconds=seconds) as (house, model), house.running():
        await used(house)
        gate = model.set_breakpoint()
        async with house.comfy.set_breakpoint("KSampler", times=1) as hold:
            pictures = [await house.imagine()]
            await hold.reached.wait()
            pictures += [await house.imagine() for _ in range(2)]
            await house.bob.send(house.room, "and now?")
            await said(house, WAITING_FOR_GPU_TEXT)
            hold.release()
        await model.wait_for_requests(1)
        assert len(house.comfy.log.find("execution_success")) == drawn_before
        gate.release()
        for picture in pictures:
            await house.result(picture)
        await house.until_rows(SETTLED, (0,))


async def test_without_swaps_nobody_waits_and_status_names_none(tmp_path: Path) -> None:
    async with shared(tmp_path, unload_during_image_generation=False) as (house, model), house.running():
        await used(house)
        async with house.comfy.set_breakpoint("KSampler", times=1) as hold:
            picture = await house.imagine()
            await hold.reached.wait()
            model.script("At once.")
            await house.ada.send(house.room, "hi")
            await said(house, "At once.")
            hold.release()
        await house.result(picture)
        await house.until_rows(SETTLED, (0,))
        assert "Swaps" not in await status(house)
