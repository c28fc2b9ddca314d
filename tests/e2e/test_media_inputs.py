"""Pictures that people attach, from end to end: what is drawn from them, what is refused, what is kept."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bot.media.video import probe_video
from sandbox.discord import Message
from sandbox.discord.uploads import Upload
from tests.e2e.drawing_system import DrawingSystem, open_drawing_system, press, told, told_soon
from tests.e2e.system import DEADLINE, labels
from tests.media.sample_audio import FFMPEG, sound


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[DrawingSystem]:
    async with open_drawing_system(tmp_path) as system:
        for name, graph in (("invert", inverted()), ("composite", composite())):
            system.workflow(name, graph)
        yield system


def inverted() -> dict[str, Any]:
    """A picture to its negative, without a model."""
    return {
        "1": {"class_type": "LoadImage", "inputs": {"image": "mine.png"}},
        "2": {"class_type": "ImageInvert", "inputs": {"image": ["1", 0]}},
        "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "inverted"}},
    }


def composite() -> dict[str, Any]:
    """Two pictures, side by side in a batch."""
    return {
        "1": {"class_type": "LoadImage", "inputs": {"image": "mine.png"}},
        "2": {"class_type": "LoadImage", "inputs": {"image": "other.png"}},
        "3": {"class_type": "ImageBatch", "inputs": {"image1": ["1", 0], "image2": ["2", 0]}},
        "4": {"class_type": "SaveImage", "inputs": {"images": ["3", 0], "filename_prefix": "both"}},
    }


def png(colour: str, size: tuple[int, int] = (64, 48), **saved: Any) -> Upload:
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "PNG", **saved)
    return Upload("given.png", buffer.getvalue(), "image/png")


def pictures(message: Message) -> list[Image.Image]:
    return [Image.open(io.BytesIO(file.data)).convert("RGB") for file in message.attachments]


async def drawn(here: DrawingSystem, *, files: int = 1, **values: Any) -> Message:
    given = {"prompt": "as it is"} | values
    answer = await here.requester.slash(here.room, "imagine", wait=True, **given)
    return await here.finished(await answer.wait_for_message(timeout=DEADLINE), files=files)


async def refused(here: DrawingSystem, **values: Any) -> str:
    given = {"prompt": "as it is"} | values
    before = here.count()
    answer = await here.requester.slash(here.room, "imagine", wait=True, **given)
    said = await told_soon(answer)
    assert here.count() == before
    return said


async def test_the_attached_picture_is_what_comfyui_works_on(here: DrawingSystem) -> None:
    async with here.system.running():
        message = await drawn(here, image=png("#ff0000"), workflow="invert")
        assert pictures(message)[0].getpixel((5, 5)) == (0, 255, 255)
        assert "no place for a prompt" in message.text()
        [(inputs,)] = here.jobs("json_extract(request, '$.inputs')")
        [kept] = json.loads(inputs)
        assert Path(kept["path"]).parent == here.data / "inputs"
        again = await press(here.stranger, message, "Again")
        repeated = await here.finished(again.message)
        assert pictures(repeated)[0].getpixel((5, 5)) == (0, 255, 255)
    assert len(list((here.data / "inputs").iterdir())) == 1


async def test_a_workflow_that_takes_a_picture_is_chosen(here: DrawingSystem) -> None:
    async with here.system.running():
        message = await drawn(here, image=png("#00ff00"))
        assert "Made with the workflow vary" in message.text()
        assert [row[0] for row in here.jobs("workflow_name")] == ["vary"]


async def test_several_pictures_go_where_they_belong(here: DrawingSystem) -> None:
    async with here.system.running():
        message = await drawn(here, files=2, image=png("#ff0000"), image2=png("#0000ff"), workflow="composite")
        assert [each.getpixel((5, 5)) for each in pictures(message)] == [(255, 0, 0), (0, 0, 255)]
        assert "image2 as" in message.text()


async def test_what_is_missing_is_said_before_anything_waits(here: DrawingSystem) -> None:
    async with here.system.running():
        await drawn(here, image=png("red"), workflow="invert")  # ComfyUI's files are known from now on
        said = await refused(here, workflow="invert")
        assert "starts from a picture" in said
        assert "Attach one" in said


async def test_a_file_that_comfyui_has_is_used(here: DrawingSystem) -> None:
    async with here.system.running():
        first = await drawn(here, image=png("red"), workflow="invert")
        graph = json.loads(Image.open(io.BytesIO(first.attachments[0].data)).info["prompt"])
    here.workflow("own", inverted() | {"1": graph["1"]})
    async with here.system.running():
        await here.drawn()  # ComfyUI's files are known from now on
        message = await drawn(here, workflow="own")
        assert pictures(message)[0].getpixel((5, 5)) == (0, 255, 255)


async def test_too_many_pictures_are_refused(here: DrawingSystem) -> None:
    async with here.system.running():
        said = await refused(here, image=png("red"), image2=png("blue"), workflow="invert")
        assert "takes 1 of 2 pictures" in said


@pytest.mark.parametrize(
    ("data", "part"),
    [
        pytest.param(b"not a picture at all", "not a picture", id="text"),
        pytest.param(b"", "empty", id="nothing"),
        pytest.param(b"\x00\x00\x00\x18ftypmp42" + bytes(60), "cannot be played", id="broken-film"),
    ],
)
async def test_files_that_are_no_pictures_are_refused(here: DrawingSystem, data: bytes, part: str) -> None:
    async with here.system.running():
        assert part in await refused(here, image=Upload("given.png", data, "image/png"), workflow="invert")


@pytest.mark.setting("media.max_input_seconds")
async def test_a_long_sound_is_cut(tmp_path: Path) -> None:
    async with open_drawing_system(tmp_path, media={"max_input_seconds": 1}) as here:
        here.workflow(
            "sounding",
            {
                "1": {"class_type": "LoadImage", "inputs": {"image": "mine.png"}},
                "2": {"class_type": "LoadAudio", "inputs": {"audio": "mine.wav"}},
                "3": {"class_type": "RepeatImageBatch", "inputs": {"image": ["1", 0], "amount": 8}},
                "4": {"class_type": "CreateVideo", "inputs": {"images": ["3", 0], "fps": 8.0, "audio": ["2", 0]}},
                "5": {
                    "class_type": "SaveVideo",
                    "inputs": {"video": ["4", 0], "filename_prefix": "x", "format": "mp4", "format.codec": "h264"},
                },
            },
        )
        tone = await sound(tmp_path / "tone.wav", 3.0)
        given = Upload("tone.wav", tone.read_bytes(), "audio/wav")
        async with here.system.running():
            message = await drawn(here, image=png("red"), image2=given, workflow="sounding")
        assert "Of the sound, the first 1 s are used." in message.text()
        (tmp_path / "posted.mp4").write_bytes(message.attachments[0].data)
        info = await probe_video(tmp_path / "posted.mp4", ffmpeg=FFMPEG)
        assert info.has_sound
        assert info.duration_seconds < 1.5


@pytest.mark.setting("media.max_input_bytes")
async def test_large_files_are_refused(tmp_path: Path) -> None:
    async with open_drawing_system(tmp_path, media={"max_input_bytes": 1000}) as here, here.system.running():
        assert "larger than" in await refused(here, image=Upload("a.png", bytes(1001), "image/png"))


@pytest.mark.setting("media.max_input_pixels")
async def test_large_pictures_are_made_smaller_and_turned(tmp_path: Path) -> None:
    async with open_drawing_system(tmp_path, media={"max_input_pixels": 5000}) as here:
        here.workflow("invert", inverted())
        exif = Image.Exif()
        exif[0x0112] = 6  # turn by 90 degrees
        buffer = io.BytesIO()
        Image.new("RGB", (200, 100), "white").save(buffer, "JPEG", exif=exif)
        async with here.system.running():
            message = await drawn(here, image=Upload("a.jpg", buffer.getvalue(), "image/jpeg"), workflow="invert")
        assert pictures(message)[0].size == (50, 100)
        assert "scaled from 100 x 200 to 50 x 100" in message.text()


async def test_an_attachment_that_is_gone_is_told(here: DrawingSystem) -> None:
    async with here.system.running():
        posted = await here.stranger.send(here.room, "look", attachments=[png("#ff0000")])
        opened = await here.requester.context_menu(posted, "Use this picture")
        await here.stranger.delete(posted)
        answer = await here.requester.submit_modal(opened, {"prompt": "in winter"})
        assert "gone" in await told_soon(answer)
        assert here.count() == 0


async def test_a_restart_loses_no_picture(here: DrawingSystem) -> None:
    async with here.system.start() as process:
        await process.ready()
        async with here.system.comfy.set_breakpoint("ImageInvert") as hold:
            answer = await here.requester.slash(
                here.room, "imagine", prompt="as it is", image=png("#ff0000"), workflow="invert"
            )
            await hold.reached.wait()
            await process.kill()
            hold.release()
    async with here.system.start() as process:
        await process.ready()
        message = await here.finished(answer.message)
    assert pictures(message)[0].getpixel((5, 5)) == (0, 255, 255)


async def test_use_this_picture_of_a_person_and_of_a_result(here: DrawingSystem) -> None:
    async with here.system.running():
        posted = await here.stranger.send(here.room, "look", attachments=[png("#ff0000")])
        opened = await here.requester.context_menu(posted, "Use this picture")
        answer = await here.requester.submit_modal(opened, {"prompt": "in winter --workflow invert"})
        assert "on its way" in await told_soon(answer)
        made = await here.next_result(posted)
        assert made.reply_to is posted
        assert [row[0] for row in here.jobs("json_extract(request, '$.positive')")] == ["in winter"]
        opened = await here.requester.context_menu(made, "Use this picture")
        answer = await here.requester.submit_modal(opened, {"prompt": "in spring"})
        assert "on its way" in await told_soon(answer)
        second = await here.next_result(made)
        [*_, (inputs,)] = here.jobs("json_extract(request, '$.inputs')")
        assert "/images/" in json.loads(inputs)[0]["path"]
        assert second.reply_to is made


async def test_a_message_without_a_picture_is_told(here: DrawingSystem) -> None:
    async with here.system.running():
        posted = await here.stranger.send(here.room, "only words")
        assert "no picture" in told(await here.requester.context_menu(posted, "Use this picture"))


async def test_vary_is_not_offered_where_neither_picture_nor_words_can_change(tmp_path: Path) -> None:
    async with open_drawing_system(tmp_path, special=False) as here:
        here.workflow("invert", inverted())
        async with here.system.running():
            message = await drawn(here, image=png("red"), workflow="invert")
            assert "Vary" not in labels(message)
            assert "Upscale" not in labels(message)
            assert "Vary" in labels(await here.drawn())
