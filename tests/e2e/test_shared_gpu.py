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
from tests.e2e.system import System, open_system

SETTLED = "SELECT sum(state IN ('queued', 'running', 'generated')) FROM messages"


@asynccontextmanager
async def shared(
    folder: Path, provider: str = "ollama", **visual: Any
) -> AsyncGenerator[tuple[System, StandInLanguageModel]]:
    async with (
        StandInLanguageModel(options=StandInModelOptions(token_seconds=0)) as model,
        open_system(
            folder,
            llm={"provider": provider, "base_url": model.url, "model": "stand-in:latest"},
            visual_generation={"unload_during_image_generation": True} | visual,
            conversation={"edit_interval_seconds": 0.05},
        ) as system,
    ):
        system.guild.add_bot_permissions("manage_webhooks")
        yield system, model


async def used(system: System) -> None:
    manager = system.guild.add_member("grace", permissions=["manage_channels", "view_channel"])
    await manager.slash(system.room, "character use", name="nova")


async def said(system: System, text: str) -> Message:
    return await system.room.wait_for_message(lambda shown: shown.content == text)


async def status(system: System) -> str:
    return (await system.ada.slash(system.room, "status")).message.text()


@pytest.mark.setting("visual_generation.unload_during_image_generation")
async def test_the_model_leaves_before_a_picture_and_comfyui_before_the_model_speaks(tmp_path: Path) -> None:
    async with shared(tmp_path) as (system, model), system.running():
        await used(system)
        model.script("Hello there.")
        await system.ada.send(system.room, "hi")
        await said(system, "Hello there.")
        await system.until_rows(SETTLED, (0,))
        assert model.loaded_models.names == ["stand-in:latest"]
        async with system.comfy.set_breakpoint("KSampler", times=1) as hold:
            picture = await system.imagine()
            await hold.reached.wait()
            assert model.loaded_models.names == []
            model.script("Here I am again.")
            await system.bob.send(system.room, "and now?")
            waiting = await said(system, WAITING_FOR_GPU_TEXT)
            assert len(model.requests) == 1
            freed = len(system.comfy.log.find("freed"))
            hold.release()
        await system.result(picture)
        turn = await said(system, "Here I am again.")
        await system.until_rows(SETTLED, (0,))
        assert turn is waiting
        assert len(system.comfy.log.find("freed")) == freed + 1
        shown = await status(system)
        assert "Swaps" in shown
        assert "3, " in shown


async def test_a_picture_that_waits_for_the_model_says_so(tmp_path: Path) -> None:
    async with shared(tmp_path) as (system, model), system.running():
        await used(system)
        gate = model.set_breakpoint()
        await system.ada.send(system.room, "hi")
        await model.wait_for_requests(1)
        picture = await system.imagine()
        await system.room.wait_for_edit(picture, lambda shown: "the model is speaking" in shown.text())
        assert system.comfy.log.find("execution_start") == []
        gate.release()
        await system.result(picture)
        await system.until_rows(SETTLED, (0,))


async def test_all_waiting_pictures_are_drawn_in_one_group(tmp_path: Path) -> None:
    async with shared(tmp_path) as (system, model), system.running():
        await used(system)
        gate = model.set_breakpoint()
        await system.ada.send(system.room, "hi")
        await model.wait_for_requests(1)
        for person in (system.ada, system.bob, system.ada):
            await system.imagine(person)
        gate.release()
        await system.until_delivered(3)
        await system.until_rows(SETTLED, (0,))
        assert "2, " in await status(system)
        assert len(system.comfy.log.find("execution_start")) == 3


async def test_a_picture_of_the_characters_own_is_written_before_the_gpu_changes_hands(tmp_path: Path) -> None:
    async with shared(tmp_path) as (system, model), system.running():
        await used(system)
        model.script("Here. <draw>a red boat</draw>", "a red boat, oil on canvas")
        await system.ada.send(system.room, "a boat please")
        await said(system, "Here.")
        await system.until_delivered()
        await system.until_rows(SETTLED, (0,))
        assert "2, " in await status(system)
        assert system.rows("SELECT json_extract(parameters, '$.positive') FROM jobs") == [
            ("a red boat, oil on canvas",)
        ]


@pytest.mark.setting("llm.provider")
async def test_a_server_that_cannot_unload_is_named_once_and_draws_all_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    async with shared(tmp_path, provider="koboldcpp") as (system, model), system.running():
        await used(system)
        for count in (1, 2):
            await system.result(await system.imagine())
            model.script(f"Hello {count}.")
            await system.ada.send(system.room, "hi")
            await said(system, f"Hello {count}.")
        await system.until_rows(SETTLED, (0,))
    told = [record for record in caplog.records if "cannot unload" in record.getMessage()]
    assert len(told) == 1


@pytest.mark.setting("visual_generation.unload_timeout_seconds")
async def test_a_model_that_will_not_go_holds_nothing_up(tmp_path: Path) -> None:
    async with shared(tmp_path, unload_timeout_seconds=0.3) as (system, model), system.running():
        await used(system)
        model.faults.never_unload = True
        model.script("Hello.")
        await system.ada.send(system.room, "hi")
        await said(system, "Hello.")
        async with asyncio.timeout(20):  # the default would hold the picture up for 30 seconds
            await system.result(await system.imagine())
        await system.until_rows(SETTLED, (0,))


@pytest.mark.setting("visual_generation.max_swap_wait_seconds")
@pytest.mark.parametrize(("seconds", "drawn_before"), [(0.01, 1), (3600, 3)])
async def test_a_turn_waits_so_long_for_the_pictures_before_it(
    tmp_path: Path, seconds: float, drawn_before: int
) -> None:
    async with shared(tmp_path, max_swap_wait_seconds=seconds) as (system, model), system.running():
        await used(system)
        gate = model.set_breakpoint()
        async with system.comfy.set_breakpoint("KSampler", times=1) as hold:
            pictures = [await system.imagine()]
            await hold.reached.wait()
            pictures += [await system.imagine() for _ in range(2)]
            await system.bob.send(system.room, "and now?")
            await said(system, WAITING_FOR_GPU_TEXT)
            hold.release()
        await model.wait_for_requests(1)
        assert len(system.comfy.log.find("execution_success")) == drawn_before
        gate.release()
        for picture in pictures:
            await system.result(picture)
        await system.until_rows(SETTLED, (0,))


async def test_without_swaps_nobody_waits_and_status_names_none(tmp_path: Path) -> None:
    async with shared(tmp_path, unload_during_image_generation=False) as (system, model), system.running():
        await used(system)
        async with system.comfy.set_breakpoint("KSampler", times=1) as hold:
            picture = await system.imagine()
            await hold.reached.wait()
            model.script("At once.")
            await system.ada.send(system.room, "hi")
            await said(system, "At once.")
            hold.release()
        await system.result(picture)
        await system.until_rows(SETTLED, (0,))
        assert "Swaps" not in await status(system)
