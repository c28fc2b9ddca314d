"""What a character's reference pictures do: they go where a workflow takes references, unless a person gives one."""

from __future__ import annotations

import io
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bot.domain.jobs import Derivation, Job
from bot.errors import InputInvalid
from bot.services import Services
from sandbox.comfyui import StandInComfyUI
from tests.settings_effects.running import NOVA, made, picture, running, write_workflow
from tests.workflows.graphs import GraphDict

RED, BLUE, GREEN = (255, 0, 0), (0, 0, 255), (0, 128, 0)
IDENTITY = "visual_identity: {reference_images: [face.png, side.png]}\n"


def png(colour: tuple[int, int, int]) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (32, 32), colour).save(buffer, "PNG")
    return buffer.getvalue()


def two_pictures() -> GraphDict:
    """Its pictures, one after the other; what each is for, is said by a bindings file."""
    return {
        "1": {"class_type": "LoadImage", "inputs": {"image": "mine.png"}},
        "2": {"class_type": "LoadImage", "inputs": {"image": "other.png"}},
        "3": {"class_type": "ImageBatch", "inputs": {"image1": ["1", 0], "image2": ["2", 0]}},
        "4": {"class_type": "SaveImage", "inputs": {"images": ["3", 0], "filename_prefix": "both"}},
    }


@asynccontextmanager
async def drawing(
    folder: Path, comfy: StandInComfyUI, roles: str, identity: str = IDENTITY
) -> AsyncGenerator[Services]:
    """The services, with two reference pictures of the character and a workflow `both`."""
    own = folder / "characters" / "nova"
    own.mkdir(parents=True)
    (own / "face.png").write_bytes(png(RED))
    (own / "side.png").write_bytes(png(BLUE))
    write_workflow(folder, "nova/image/both", two_pictures())
    bindings = folder / "workflows/nova/image/both.bindings.yaml"
    bindings.write_text(f"media: {{{roles}}}\n", encoding="utf-8")
    async with running(folder, comfy.url, character=f"{NOVA}{identity}") as services:
        yield services


async def drawn(services: Services, *given: tuple[int, int, int], **more: Any) -> Job:
    kept = await services.input_files.keep([png(colour) for colour in given])
    return await made(services, picture(workflow_name="both", inputs=tuple(each.file for each in kept), **more))


def colours(services: Services, job: Job) -> list[object]:
    assert job.error is None, job.error
    paths = [services.settings.storage.data_dir / artifact.path for artifact in job.artifacts]
    return [Image.open(path).convert("RGB").getpixel((5, 5)) for path in paths]


@pytest.mark.setting("character.visual_identity.reference_images")
async def test_they_go_where_references_go_in_their_order(tmp_path: Path, comfy: StandInComfyUI) -> None:
    async with drawing(tmp_path, comfy, 'reference: ["1.image", "2.image"]') as services:
        job = await drawn(services)
        assert colours(services, job) == [RED, BLUE]
        assert job.parameters["added"] == [
            "the reference picture face.png, which is Nova's",
            "the reference picture side.png, which is Nova's",
        ]


async def test_a_person_who_gives_a_reference_gets_that(tmp_path: Path, comfy: StandInComfyUI) -> None:
    async with drawing(tmp_path, comfy, 'reference: ["1.image", "2.image"]') as services:
        job = await drawn(services, GREEN, RED)
        assert colours(services, job) == [GREEN, RED]
        assert "added" not in job.parameters


async def test_what_a_person_starts_from_is_beside_them(tmp_path: Path, comfy: StandInComfyUI) -> None:
    async with drawing(tmp_path, comfy, 'start: ["1.image"], reference: ["2.image"]') as services:
        job = await drawn(services, GREEN)
        assert colours(services, job) == [GREEN, RED]
        assert job.note is None or "image2" not in job.note
        with pytest.raises(InputInvalid, match="starts from a picture"):
            await drawn(services)


async def test_a_picture_to_start_from_is_never_the_characters(tmp_path: Path, comfy: StandInComfyUI) -> None:
    async with drawing(tmp_path, comfy, 'start: ["1.image"], control: ["2.image"]') as services:
        job = await drawn(services, GREEN, GREEN)
        assert colours(services, job) == [GREEN, GREEN]
        assert "added" not in job.parameters


async def test_a_repetition_has_those_of_then_and_again_those_of_now(tmp_path: Path, comfy: StandInComfyUI) -> None:
    async with drawing(tmp_path, comfy, 'reference: ["1.image", "2.image"]') as services:
        first = await drawn(services)
        (tmp_path / "characters/nova/face.png").write_bytes(png(GREEN))
        repeat = first.request.model_copy(update={"derivation": Derivation.REPEAT, "seed": first.seed})
        repeated = await made(services, repeat)
        again = await made(services, first.request.model_copy(update={"derivation": Derivation.AGAIN}))
        assert colours(services, repeated) == [RED, BLUE]
        assert colours(services, again) == [GREEN, BLUE]
        assert len(again.request.inputs) == 2


async def test_a_file_that_is_no_picture_is_told_and_left_out(tmp_path: Path, comfy: StandInComfyUI) -> None:
    async with drawing(tmp_path, comfy, 'start: ["1.image"], reference: ["2.image"]') as services:
        (tmp_path / "characters/nova/face.png").write_bytes(b"not a picture")
        job = await drawn(services, GREEN)
        assert colours(services, job) == [GREEN, BLUE]
        assert job.parameters["added"][0].startswith("not the reference picture face.png: ")
