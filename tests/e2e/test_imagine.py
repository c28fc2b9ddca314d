"""/imagine from end to end: real discord.py, real orchestrator, real files."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from tests.e2e.house import House, built, name_of


async def test_a_wish_becomes_a_picture(house: House) -> None:
    async with house.running() as (services, _):
        message = await house.imagine(seed="1234")
        await house.result(message)
        await house.until_delivered()
    (file,) = message.attachments
    picture = Image.open(io.BytesIO(file.data))
    assert picture.size == (64, 64)
    assert "a lighthouse at dusk" in str(picture.info["prompt"])
    text = message.text()
    assert "a lighthouse at dusk" in text
    assert "default" in text
    assert "1234" in text
    assert "64 x 64" in text
    stored = list(services.settings.storage.data_dir.glob("images/*/*.png"))
    assert [path.read_bytes() for path in stored] == [file.data]
    assert house.states() == ["delivered"]
    assert house.open_deliveries() == 0


async def test_progress_with_title_bar_and_preview_is_seen_on_the_way(house: House) -> None:
    async with house.running():
        message = await house.imagine(workflow="slow")
        await house.room.wait_for_edit(message, lambda shown: "Paint it" in shown.text() and " %" in shown.text())
        await house.room.wait_for_edit(message, lambda shown: "preview" in name_of(shown))
        await house.result(message)
    assert house.room.bot_messages == [message]


async def test_a_dozen_pictures_are_two_messages(house: House) -> None:
    async with house.running():
        message = await house.imagine(workflow="dozen")
        await house.result(message, files=10)
        await house.until_delivered()
    first, second = house.room.bot_messages
    assert (len(first.attachments), len(second.attachments)) == (10, 2)
    assert len({file.data for file in first.attachments + second.attachments}) == 12


@pytest.mark.setting("media.keep_metadata")
async def test_without_metadata_nothing_of_the_prompt_is_posted(tmp_path: Path) -> None:
    async with built(tmp_path, media={"keep_metadata": False}) as house:
        async with house.running() as (services, _):
            message = await house.imagine()
            await house.result(message)
            (stored,) = services.settings.storage.data_dir.glob("images/*/*.png")
        (file,) = message.attachments
        assert b"lighthouse" not in file.data
        assert b"lighthouse" in stored.read_bytes()


async def test_a_waiting_and_a_running_job_are_cancelled(house: House) -> None:
    async with house.running(), house.comfy.set_breakpoint("KSampler") as hold:
        running = await house.imagine()
        await hold.reached.wait()
        waiting = await house.imagine()
        answer = await house.ada.slash(house.room, "queue")
        assert answer.message.ephemeral
        assert "Nova" in answer.message.text()
        for message in (waiting, running):
            await house.ada.press(message, "Cancel")
            await house.room.wait_for_edit(message, lambda shown: "CANCELLED" in shown.text())
        await house.until_delivered(2)
    assert house.states() == ["cancelled", "cancelled"]
    assert len(house.room.bot_messages) == 2


async def test_the_queue_of_one_person_is_limited(house: House) -> None:
    async with house.running(), house.comfy.set_breakpoint("KSampler") as hold:
        await house.imagine()
        await hold.reached.wait()
        messages = [await house.imagine() for _ in range(3)]
        answer = await house.ada.slash(house.room, "imagine", prompt="one too many")
        assert answer.message.ephemeral
        assert "QUEUE_FULL" in answer.message.text()
        other = await house.imagine(house.bob)
        hold.release()
        for message in (*messages, other):
            await house.result(message)


async def test_a_missing_node_is_told_with_details(house: House) -> None:
    async with house.running():
        answer = await house.ada.slash(house.room, "imagine", prompt="x", workflow="broken")
        message = answer.message
        if not message.ephemeral:
            await house.room.wait_for_edit(message, lambda shown: "MISSING_NODE" in shown.text())
            told = (await house.ada.press(message, "Details")).message
            assert told.ephemeral
        assert "MISSING_NODE" in message.text()


async def test_a_failing_node_is_told_with_details(house: House) -> None:
    house.comfy.faults.failing_nodes["KSampler"] = "the brush broke"
    async with house.running():
        message = await house.imagine()
        await house.room.wait_for_edit(message, lambda shown: "GENERATION_FAILED" in shown.text())
        told = (await house.ada.press(message, "Details")).message
        assert told.ephemeral
        assert (await house.bob.press(message, "Details")).message.ephemeral
    assert house.states() == ["failed"]


@pytest.mark.parametrize(
    "prompt",
    [
        '"quotes" {braces} \\backslashes\\ \n new line',
        "שלום עולם مرحبا",
        "😀" * 100,
        "__CHORUS_SEED__ {{PROMPT}} %prompt% PROMPT_PLACEHOLDER",
        "@everyone @here <@1>",
        "x" * 4000,
    ],
)
async def test_any_words_are_drawn_as_they_are(house: House, prompt: str) -> None:
    async with house.running():
        message = await house.imagine(prompt=prompt)
        await house.result(message)
    assert not message.pings
    (row,) = house.rows("SELECT json_extract(parameters, '$.positive') FROM jobs")
    assert prompt.strip() in str(row[0])
