"""/imagine from end to end: real discord.py, real orchestrator, real files."""

from __future__ import annotations

import asyncio
import io
import re
from pathlib import Path

import pytest
from PIL import Image

from sandbox.discord.faults import Rejected
from tests.comfyui.guarded_server import guarded_server
from tests.e2e.drawing_system import press
from tests.e2e.system import System, name_of, open_system


async def test_a_wish_becomes_a_picture(system: System) -> None:
    async with system.running() as (services, _):
        message = await system.imagine(seed="1234")
        await system.result(message)
        await system.until_delivered()
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
    assert system.states() == ["delivered"]
    assert system.open_deliveries() == 0


async def test_progress_with_title_bar_and_preview_is_seen_on_the_way(system: System) -> None:
    async with system.running():
        message = await system.imagine(workflow="slow")
        await system.room.wait_for_edit(message, lambda shown: "Paint it" in shown.text() and " %" in shown.text())
        await system.room.wait_for_edit(message, lambda shown: re.search(r"step \d+/\d+", shown.text()) is not None)
        # This ComfyUI was started without `--preview-method`: the prompt asks for them.
        await system.room.wait_for_edit(message, lambda shown: "preview" in name_of(shown))
        await system.result(message)
    assert system.room.bot_messages == [message]


async def test_a_dozen_pictures_are_two_messages(system: System) -> None:
    async with system.running():
        message = await system.imagine(workflow="dozen")
        await system.result(message, files=10)
        await system.until_delivered()
    first, second = system.room.bot_messages
    assert (len(first.attachments), len(second.attachments)) == (10, 2)
    assert len({file.data for file in first.attachments + second.attachments}) == 12


async def test_pictures_that_are_posted_stay_when_the_next_message_is_refused(system: System) -> None:
    system.discord.faults.next("POST", "/channels/*/messages", Rejected(400, 50035, "Invalid Form Body"))
    async with system.running():
        message = await system.imagine(workflow="dozen")
        await system.result(message, files=10)
        await system.until_delivered()
    first, told = system.room.bot_messages
    assert len(first.attachments) == 10
    assert "GENERATION_FAILED" in told.text()
    assert system.states() == ["delivered"]


@pytest.mark.setting("media.keep_metadata")
async def test_without_metadata_nothing_of_the_prompt_is_posted(tmp_path: Path) -> None:
    async with open_system(tmp_path, media={"keep_metadata": False}) as system, system.running() as (services, _):
        message = await system.imagine()
        await system.result(message)
        (stored,) = services.settings.storage.data_dir.glob("images/*/*.png")
        (file,) = message.attachments
        assert b"lighthouse" not in file.data
        assert b"lighthouse" in stored.read_bytes()
        assert (await press(system.ada, message, "Info")).message.attachments == []
        await system.ada.add_reaction(message, "✉️")
        (sent,) = (await system.ada.dm_channel.wait_for_message()).attachments
        assert sent.data == file.data
        # A kind of file that nothing here can open, so that nobody knows what is in it.
        stored.write_bytes(b"\x76\x2f\x31\x01\x02\0\0\0prompt\0string\0lighthouse")
        eve = system.guild.add_member("eve")
        await eve.add_reaction(message, "✉️")
        second = await eve.dm_channel.wait_for_message()
        assert second.attachments == []
        assert "cannot be freed of its metadata" in second.text()


async def test_a_waiting_and_a_running_job_are_cancelled(system: System) -> None:
    async with system.running(), system.comfy.set_breakpoint("KSampler") as hold:
        running = await system.imagine()
        await hold.reached.wait()
        waiting = await system.imagine()
        answer = await system.ada.slash(system.room, "queue")
        assert answer.message.ephemeral
        assert "Nova" in answer.message.text()
        for message in (waiting, running):
            await system.ada.press(message, "Cancel")
            await system.room.wait_for_edit(message, lambda shown: "CANCELLED" in shown.text())
        await system.until_delivered(2)
    assert system.states() == ["cancelled", "cancelled"]
    assert len(system.room.bot_messages) == 2


async def test_the_queue_of_one_person_is_limited(system: System) -> None:
    async with system.running(), system.comfy.set_breakpoint("KSampler") as hold:
        await system.imagine()
        await hold.reached.wait()
        messages = [await system.imagine() for _ in range(3)]
        answer = await system.ada.slash(system.room, "imagine", prompt="one too many")
        assert answer.message.ephemeral
        assert "QUEUE_FULL" in answer.message.text()
        other = await system.imagine(system.bob)
        hold.release()
        for message in (*messages, other):
            await system.result(message)


async def test_a_missing_node_is_told_with_details(system: System) -> None:
    async with system.running():
        answer = await system.ada.slash(system.room, "imagine", prompt="x", workflow="broken")
        message = answer.message
        if not message.ephemeral:
            await system.room.wait_for_edit(message, lambda shown: "MISSING_NODE" in shown.text())
            told = (await system.ada.press(message, "Details")).message
            assert told.ephemeral
        assert "MISSING_NODE" in message.text()


async def test_a_failing_node_is_told_with_details(system: System) -> None:
    system.comfy.faults.failing_nodes["KSampler"] = "the brush broke"
    async with system.running():
        message = await system.imagine()
        await system.room.wait_for_edit(message, lambda shown: "GENERATION_FAILED" in shown.text())
        told = (await system.ada.press(message, "Details")).message
        assert told.ephemeral
        assert (await system.bob.press(message, "Details")).message.ephemeral
    assert system.states() == ["failed"]


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
async def test_any_words_are_drawn_as_they_are(system: System, prompt: str) -> None:
    async with system.running():
        message = await system.imagine(prompt=prompt)
        await system.result(message)
    assert not message.pings
    (row,) = system.rows("SELECT json_extract(parameters, '$.positive') FROM jobs")
    assert prompt.strip() in str(row[0])


async def test_status_says_why_comfyui_cannot_be_used(tmp_path: Path) -> None:
    async with guarded_server() as url, open_system(tmp_path, comfyui={"url": url}) as system, system.running():
        async with asyncio.timeout(30):
            while "wants a login" not in (await system.ada.slash(system.room, "status")).message.text():
                pass
