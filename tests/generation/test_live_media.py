"""Pictures as input and films through a real ComfyUI, at COMFYUI_URL; core nodes suffice."""

from __future__ import annotations

import io
import json
import os
import uuid
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw, ImageOps

from bot.domain.jobs import GenerationRequest, Job, JobKind, JobState
from bot.errors import InputInvalid
from bot.media.ffmpeg import input_file, output_file
from bot.media.images.color_modes import resized
from bot.media.video import probe_video
from bot.services import Services, open_services
from bot.settings import default_settings
from bot.workflows.film_length import film_length
from tests.media.sample_audio import FFMPEG
from tests.media.sample_images import difference

URL = os.environ.get("COMFYUI_URL", "")
pytestmark = [pytest.mark.live, pytest.mark.skipif(not URL, reason="COMFYUI_URL is not set")]
SHARED = Path(__file__).parents[2] / "workflows" / "_shared" / "video"

Graph = dict[str, Any]


def node(class_type: str, **inputs: object) -> Graph:
    return {"class_type": class_type, "inputs": inputs}


def save(source: list[object]) -> Graph:
    return node("SaveImage", images=source, filename_prefix="chorus_test")


WORKFLOWS: Mapping[str, Graph] = {
    "image/invert": {
        "1": node("LoadImage", image="no_such_file.png"),
        "2": node("ImageScale", image=["1", 0], upscale_method="nearest-exact", width=128, height=96, crop="disabled"),
        "3": node("ImageInvert", image=["2", 0]),
        "4": save(["3", 0]),
    },
    "image/masked": {
        "1": node("LoadImage", image="no_such_file.png"),
        "2": node("LoadImageMask", image="no_such_mask.png", channel="red"),
        "3": node("ImageInvert", image=["1", 0]),
        "4": node("ImageCompositeMasked", destination=["1", 0], source=["3", 0], x=0, y=0, resize_source=False,
                  mask=["2", 0]),
        "5": save(["4", 0]),
    },
    "video/default": {
        "1": node("LoadImage", image="__CHORUS_REFERENCE_IMAGE__"),
        "2": node("RepeatImageBatch", image=["1", 0], amount=8),
        "3": node("CreateVideo", images=["2", 0], fps=8.0),
        "4": node("SaveVideo", video=["3", 0], filename_prefix="video/chorus_test",
                  **{"format": "mp4", "format.codec": "h264"}),
    },
}  # fmt: skip


def services_in(folder: Path) -> AbstractAsyncContextManager[Services]:
    (folder / "characters").mkdir()
    (folder / "characters" / "nova.yaml").write_text("id: nova\nname: Nova\nsystem_prompt: You paint.\n", "utf-8")
    shipped = {"video/from_picture": json.loads((SHARED / "from_picture.json").read_text("utf-8"))}
    for name, graph in {**WORKFLOWS, **shipped}.items():
        path = folder / "workflows" / "nova" / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(graph), "utf-8")
    settings = default_settings(folder)
    comfyui = settings.comfyui.model_copy(update={"url": URL})
    return open_services(settings.model_copy(update={"comfyui": comfyui}))


def picture(size: tuple[int, int] = (128, 96)) -> Image.Image:
    """Its own colours, so that no other run's upload or cache has it."""
    number = uuid.uuid4().int
    image = Image.new("RGB", size, (number & 127, number >> 8 & 127, number >> 16 & 127))
    ImageDraw.Draw(image).rectangle((16, 16, size[0] // 2, size[1] // 2), fill=(220, 60, 30))
    return image


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


async def made(services: Services, kind: JobKind, workflow: str, *images: Image.Image, **changes: Any) -> Job:
    kept = await services.input_files.keep([png(image) for image in images])
    request = GenerationRequest(
        kind=kind,
        character_id="nova",
        requester_id=0,
        positive="as it is",
        workflow_name=workflow,
        inputs=tuple(each.file for each in kept),
        **changes,
    )
    job = await services.orchestrator.submit(request)
    async for _ in services.orchestrator.watch(job.id):
        pass
    done = await services.orchestrator.job(job.id)
    assert done is not None
    assert done.state is JobState.GENERATED, done.error
    return done


def opened(services: Services, job: Job) -> Image.Image:
    return Image.open(services.settings.storage.data_dir / job.artifacts[0].path).convert("RGB")


async def test_a_picture_is_worked_on_and_comes_back(tmp_path: Path) -> None:
    given = picture()
    async with services_in(tmp_path) as services:
        job = await made(services, JobKind.IMAGE, "invert", given)
        assert difference(opened(services, job), ImageOps.invert(given)) <= 1


async def test_a_mask_changes_only_what_it_covers(tmp_path: Path) -> None:
    given, mask = picture(), Image.new("RGB", (128, 96))
    ImageDraw.Draw(mask).rectangle((64, 0, 127, 95), fill="white")
    async with services_in(tmp_path) as services:
        job = await made(services, JobKind.IMAGE, "masked", given, mask)
        result = opened(services, job)
    left, right = (0, 0, 64, 96), (64, 0, 128, 96)
    assert difference(result.crop(left), given.crop(left)) == 0
    assert difference(result.crop(right), ImageOps.invert(given).crop(right)) <= 1


async def test_what_is_missing_is_said(tmp_path: Path) -> None:
    async with services_in(tmp_path) as services:
        await made(services, JobKind.IMAGE, "invert", picture())  # ComfyUI's files are known from now on
        with pytest.raises(InputInvalid, match="starts from a picture"):
            await made(services, JobKind.IMAGE, "invert")


async def test_a_film_begins_with_the_picture(tmp_path: Path) -> None:
    given = picture()
    async with services_in(tmp_path) as services:
        workflow = services.workflows.get("nova", JobKind.VIDEO)
        length = film_length(workflow, 2.0, await services.comfy[0].object_info())
        assert (length.name, length.value) == ("length", 16)
        job = await made(services, JobKind.VIDEO, "default", given, overrides={length.name: length.value})
        [film] = job.artifacts
        assert (film.kind, film.media_type, film.width, film.height) == (JobKind.VIDEO, "video/mp4", 128, 96)
        assert film.thumbnail is not None
        assert film.duration_seconds is not None
        assert abs(film.duration_seconds - 2.0) < 0.1
        frame = tmp_path / "frame.png"
        path = services.settings.storage.data_dir / film.path
        await FFMPEG.run(["-v", "error", *input_file(path), "-frames:v", "1", *output_file(frame)])
    # H.264 with 4:2:0 blurs colours at edges; the areas must be the same.
    small = (16, 12)
    assert difference(resized(Image.open(frame).convert("RGB"), small), resized(given, small)) <= 12


async def test_the_shipped_film_of_a_picture(tmp_path: Path) -> None:
    async with services_in(tmp_path) as services:
        job = await made(services, JobKind.VIDEO, "from_picture", picture((301, 203)))
        info = await probe_video(services.settings.storage.data_dir / job.artifacts[0].path, ffmpeg=FFMPEG)
    assert abs(info.duration_seconds - 2.0) < 0.1
    assert info.width % 16 == info.height % 16 == 0
