"""Films, from end to end: from words, from a picture, by the button and by the menu; as long as was asked for."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bot.media.ffmpeg import Ffmpeg, input_file, output_file
from bot.media.video import probe_video
from sandbox.discord import Message
from sandbox.discord.uploads import Upload
from tests.e2e.drawing_system import DrawingSystem, open_drawing_system, press, told, told_soon
from tests.e2e.system import CHARACTER, DEADLINE, REPOSITORY, graph, labels
from tests.media.sample_images import pixel

SHARED = REPOSITORY / "workflows" / "_shared" / "video"


def film(name: str, **changes: dict[str, Any]) -> dict[str, Any]:
    """A workflow that is shipped, with other inputs at some nodes."""
    found = json.loads((SHARED / f"{name}.json").read_text("utf-8"))
    for node_id, inputs in changes.items():
        found[node_id.removeprefix("n")]["inputs"] |= inputs
    return found


def add(here: DrawingSystem, name: str, workflow: dict[str, Any]) -> None:
    folder = here.system.folder / "workflows" / "nova" / "video"
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(workflow), "utf-8")


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[DrawingSystem]:
    async with open_drawing_system(tmp_path) as system:
        small = {"width": 64, "height": 48, "batch_size": 6}
        add(system, "default", film("default", n4=small, n5={"steps": 2}))
        add(system, "from_picture", film("from_picture", n2={"megapixels": 0.01}, n3={"amount": 12}))
        yield system


def png(colour: str) -> Upload:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48), colour).save(buffer, "PNG")
    return Upload("given.png", buffer.getvalue(), "image/png")


async def animated(here: DrawingSystem, **values: Any) -> Message:
    given = {"prompt": "waves roll in"} | values
    answer = await here.requester.slash(here.room, "animate", wait=True, **given)
    return await here.finished(await answer.wait_for_message(timeout=DEADLINE))


async def first_frame(here: DrawingSystem, message: Message) -> Image.Image:
    folder = here.system.folder
    (folder / "posted.mp4").write_bytes(message.attachments[0].data)
    frame = folder / "frame.png"
    await Ffmpeg().run(["-v", "error", "-y", *input_file(folder / "posted.mp4"), "-frames:v", "1", *output_file(frame)])
    return Image.open(frame).convert("RGB")


async def test_a_film_from_words_and_what_can_be_done_with_it(here: DrawingSystem) -> None:
    async with here.system.running():
        message = await animated(here)
        assert message.attachments[0].filename.endswith(".mp4")
        assert message.attachments[0].data[4:8] == b"ftyp"
        assert labels(message) == ["Again", "Vary", "Remix", "Configure", "Info", "Delete"]
        [(filename, thumbnail, width, height)] = here.system.rows(
            "SELECT filename, thumbnail_filename, width, height FROM videos"
        )
        assert (width, height) == (64, 48)
        assert (here.data / filename).is_file()
        assert (here.data / thumbnail).is_file()
        again = await here.finished((await press(here.stranger, message, "Again")).message)
        assert again.attachments[0].filename.endswith(".mp4")
        opened = await press(here.stranger, message, "Remix")
        remixed = await here.finished((await here.stranger.submit_modal(opened, {"positive": "calm"})).message)
        assert remixed.attachments[0].filename.endswith(".mp4")
        assert "default" in (await press(here.stranger, message, "Info")).message.text()
        found = await here.requester.slash(here.room, "gallery", kind="videos")
        assert (await found.wait_for_message(timeout=DEADLINE)).text()
        await press(here.requester, message, "Delete")
        await here.system.until_rows("SELECT count(*) FROM videos WHERE deleted_at IS NULL", (2,))
        assert here.jobs("json_extract(request, '$.kind'), state") == [("video", "delivered")] * 3


async def test_a_film_begins_with_the_picture(here: DrawingSystem) -> None:
    async with here.system.running():
        message = await animated(here, image=png("#ff0000"), length=1.0)
        assert "from_picture" in message.text()
    frame = await first_frame(here, message)
    red, green, blue = pixel(frame, 20, 20)
    assert red > 230
    assert max(green, blue) < 25
    info = await probe_video(here.system.folder / "posted.mp4", ffmpeg=Ffmpeg())
    assert abs(info.duration_seconds - 1.0) < 0.1


async def test_seconds_become_frames(here: DrawingSystem) -> None:
    async with here.system.running():
        await animated(here, length=1.5)
        assert here.jobs("json_extract(request, '$.overrides')") == [('{"batch":12}',)]
        message = await animated(here, length=0.31)
        assert "nearest that is possible" in message.text()


async def test_what_cannot_be_is_said_before_anything_waits(here: DrawingSystem) -> None:
    async with here.system.running():
        refused = await here.requester.slash(here.room, "animate", prompt="x", workflow="from_picture")
        assert "starts from a picture" in told(refused)
        refused = await here.requester.slash(here.room, "animate", prompt="x", last_image=png("red"))
        assert "no place for a picture as the last frame" in await told_soon(refused)
        assert here.count() == 0


async def test_the_button_and_the_menu(here: DrawingSystem) -> None:
    async with here.system.running():
        picture = await here.drawn()
        assert "Animate" in labels(picture)
        opened = await press(here.stranger, picture, "Animate")
        answer = await here.stranger.submit_modal(opened, {"prompt": "it moves", "length": "0.5"})
        made = await here.finished(answer.message)
        assert made.attachments[0].filename.endswith(".mp4")
        assert made.reply_to is picture
        posted = await here.stranger.send(here.room, "look", attachments=[png("#0000ff")])
        opened = await here.requester.context_menu(posted, "Animate")
        answer = await here.requester.submit_modal(opened, {"prompt": "it rains", "length": "0,5"})
        assert "on its way" in await told_soon(answer)
        second = await here.next_result(posted)
        assert second.attachments[0].filename.endswith(".mp4")
        assert [row[0] for row in here.jobs("json_extract(request, '$.follow_up')")] == [None, "animate", "animate"]
        bad = await here.requester.submit_modal(
            await press(here.requester, picture, "Animate"), {"prompt": "x", "length": "soon"}
        )
        assert "no length" in told(bad)


async def test_which_of_several_pictures_is_asked(here: DrawingSystem) -> None:
    here.workflow("two", graph(batch=2))
    async with here.system.running():
        several = await here.system.imagine(None, None, workflow="two")
        await here.finished(several, files=2)
        asked = await press(here.requester, several, "Animate")
        assert labels(asked.message) == ["1", "2"]
        opened = await press(here.requester, asked.message, "2")
        answer = await here.requester.submit_modal(opened, {"prompt": "it moves"})
        assert "on its way" in await told_soon(answer)
        await here.next_result(several)


async def test_animate_is_not_offered_without_a_workflow_that_takes_a_picture(here: DrawingSystem) -> None:
    (here.system.folder / "workflows" / "nova" / "video" / "from_picture.json").unlink()
    async with here.system.running():
        assert "Animate" not in labels(await here.drawn())


async def test_a_killed_bot_delivers_the_film_afterwards(here: DrawingSystem) -> None:
    async with here.system.start() as process:
        await process.ready()
        async with here.system.comfy.set_breakpoint("CreateVideo") as hold:
            answer = await here.requester.slash(here.room, "animate", prompt="waves", image=png("#ff0000"))
            await hold.reached.wait()
            await process.kill()
            hold.release()
    async with here.system.start() as process:
        await process.ready()
        message = await here.finished(answer.message)
    assert message.attachments[0].filename.endswith(".mp4")
    assert here.count() == 1


@pytest.mark.setting("comfyui.video_timeout_seconds")
async def test_a_film_that_takes_too_long_is_interrupted(tmp_path: Path) -> None:
    async with open_drawing_system(tmp_path, comfyui={"video_timeout_seconds": 0.3}) as here:
        add(here, "default", film("default", n4={"width": 64, "height": 48}, n5={"steps": 1000}))
        async with here.system.running():
            answer = await here.requester.slash(here.room, "animate", prompt="waves")
            message = await answer.wait_for_message(timeout=DEADLINE)
            await here.room.wait_for_edit(message, lambda shown: "GENERATION_TIMEOUT" in shown.text(), timeout=DEADLINE)
            await here.system.result(await here.system.imagine())


@pytest.mark.setting("comfyui.queue.max_videos")
async def test_so_many_films_may_wait(tmp_path: Path) -> None:
    async with (
        open_drawing_system(tmp_path, comfyui={"queue": {"max_videos": 1}}) as here,
        here.system.running(),
        here.system.comfy.set_breakpoint("KSampler") as hold,
    ):
        add(here, "default", film("default", n4={"width": 64, "height": 48, "batch_size": 2}, n5={"steps": 1}))
        await here.system.imagine()
        await hold.reached.wait()
        waiting = await here.requester.slash(here.room, "animate", prompt="waves")
        await waiting.wait_for_message(timeout=DEADLINE)
        refused = await here.requester.slash(here.room, "animate", prompt="more waves")
        assert "QUEUE_FULL" in (await refused.wait_for_message(timeout=DEADLINE)).text()
        hold.release()


@pytest.mark.setting("character.default_video_workflow")
async def test_the_characters_own_video_workflow_is_used(here: DrawingSystem) -> None:
    shutil.copy(
        here.system.folder / "workflows" / "nova" / "video" / "default.json",
        here.system.folder / "workflows" / "nova" / "video" / "slow_motion.json",
    )
    character = here.system.folder / "characters" / "nova.yaml"
    character.write_text(CHARACTER + "default_video_workflow: slow_motion\n", "utf-8")
    async with here.system.running():
        await animated(here)
        choices = await here.requester.autocomplete(here.room, "animate", "workflow", "")
        assert {str(choice.value) for choice in choices} == {"default", "from_picture", "slow_motion"}
    assert here.jobs("workflow_name") == [("slow_motion",)]
