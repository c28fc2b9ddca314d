"""`chorus imagine` with files: what goes where, and what is refused, against the stand-in ComfyUI."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bot.media.video import probe_video
from sandbox.comfyui import StandInComfyUI, StandInOptions
from tests.media.sample_audio import FFMPEG, sound, video
from tests.processes import spawn
from tests.settings_effects.running import REPOSITORY, image_graph, write_character, write_workflow
from tests.workflows.graphs import GraphDict

DRAW = ("imagine", "nova", "x")
RED, BLUE = (255, 0, 0), (0, 0, 255)
WHITE, BLACK = (255, 255, 255), (0, 0, 0)
Terminal = Callable[..., Coroutine[Any, Any, tuple[int | None, list[Path], str]]]


def load(name: str = "mine.png") -> dict[str, Any]:
    return {"class_type": "LoadImage", "inputs": {"image": name}}


def two_pictures() -> GraphDict:
    return {
        "1": load(),
        "2": load("other.png"),
        "3": {"class_type": "ImageBatch", "inputs": {"image1": ["1", 0], "image2": ["2", 0]}},
        "4": {"class_type": "SaveImage", "inputs": {"images": ["3", 0], "filename_prefix": "both"}},
    }


def film(**loaders: Any) -> GraphDict:
    """What `loaders` bring, as a film."""
    save = {"filename_prefix": "x", "format": "mp4", "format.codec": "h264"}
    return {**loaders, "9": {"class_type": "SaveVideo", "inputs": {"video": ["8", 0], **save}}}


def png(path: Path, colour: tuple[int, int, int], size: tuple[int, int] = (64, 48)) -> str:
    Image.new("RGB", size, colour).save(path)
    return str(path)


def colour(path: Path) -> object:
    with Image.open(path) as picture:
        return picture.convert("RGB").getpixel((5, 5))


def _words(output: bytes) -> str:
    return " ".join(output.decode().split())


@pytest.fixture
async def terminal(tmp_path: Path) -> AsyncGenerator[Terminal]:
    """`chorus ...`: its exit code, the paths that it printed, and what it said beside them."""
    write_character(tmp_path)
    write_workflow(tmp_path, "nova/image/default", image_graph())
    write_workflow(tmp_path, "nova/image/both", two_pictures())
    async with StandInComfyUI(options=StandInOptions(step_seconds=0.0)) as comfy:
        config = tmp_path / "config.yaml"
        config.write_text(f"comfyui: {{url: '{comfy.url}'}}\n", encoding="utf-8")

        async def run(*arguments: str) -> tuple[int | None, list[Path], str]:
            command = (sys.executable, "-m", "bot", *arguments, "--config", str(config))
            process = await spawn(*command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            printed, said = await process.communicate()
            return process.returncode, [Path(line) for line in printed.decode().split("\n") if line], _words(said)

        yield run


async def test_pictures_go_where_they_belong_in_their_order(tmp_path: Path, terminal: Terminal) -> None:
    red, blue = png(tmp_path / "red.png", RED), png(tmp_path / "blue.png", BLUE)
    code, made, said = await terminal(*DRAW, "--image", red, "--image", blue, "--workflow", "both")
    assert (code, [colour(path) for path in made]) == (0, [RED, BLUE]), said


async def test_a_workflow_that_takes_the_files_is_chosen(tmp_path: Path, terminal: Terminal) -> None:
    write_workflow(tmp_path, "nova/image/vary", film(**{"8": {"class_type": "LoadVideo", "inputs": {"file": "a.mp4"}}}))
    clip = await video(tmp_path / "clip.mp4")
    code, made, said = await terminal(*DRAW, "--image", str(clip))
    assert code == 0, said
    assert "Made with the workflow vary, which takes these files." in said
    assert (await probe_video(made[0], ffmpeg=FFMPEG)).width == (await probe_video(clip, ffmpeg=FFMPEG)).width


async def test_a_sound_goes_where_sounds_go(tmp_path: Path, terminal: Terminal) -> None:
    graph = film(
        **{
            "1": load(),
            "2": {"class_type": "LoadAudio", "inputs": {"audio": "mine.wav"}},
            "3": {"class_type": "RepeatImageBatch", "inputs": {"image": ["1", 0], "amount": 4}},
            "8": {"class_type": "CreateVideo", "inputs": {"images": ["3", 0], "fps": 4.0, "audio": ["2", 0]}},
        }
    )
    write_workflow(tmp_path, "nova/image/sounding", graph)
    tone = await sound(tmp_path / "tone.wav", 1.0)
    picture = png(tmp_path / "red.png", RED)
    code, made, said = await terminal(*DRAW, "--image", str(tone), "--image", picture, "--workflow", "sounding")
    assert code == 0, said
    assert (await probe_video(made[0], ffmpeg=FFMPEG)).has_sound


def masked(folder: Path, name: str) -> None:
    """A workflow that shows its mask, then its picture."""
    write_workflow(folder, f"nova/image/{name}", two_pictures())
    bindings = folder / f"workflows/nova/image/{name}.bindings.yaml"
    bindings.write_text('media: {start: ["2.image"], mask: ["1.image"]}', encoding="utf-8")


def painted(folder: Path, name: str) -> None:
    """A workflow that shows its picture, then the transparency of it, as ComfyUI's mask editor saves a mask."""
    graph = {
        "1": load(),
        "2": {"class_type": "MaskToImage", "inputs": {"mask": ["1", 1]}},
        "3": {"class_type": "ImageBatch", "inputs": {"image1": ["1", 0], "image2": ["2", 0]}},
        "4": {"class_type": "SaveImage", "inputs": {"images": ["3", 0], "filename_prefix": "painted"}},
    }
    write_workflow(folder, f"nova/image/{name}", graph)
    bindings = folder / f"workflows/nova/image/{name}.bindings.yaml"
    bindings.write_text('media: {start: ["1.image"]}', encoding="utf-8")


def half_white(path: Path) -> str:
    """A mask of half the width and height of `png`, white on its left."""
    mask = Image.new("L", (32, 24), 0)
    mask.paste(255, (0, 0, 16, 24))
    mask.save(path)
    return str(path)


def half_erased(path: Path) -> str:
    """As `half_white`, with what changes transparent; its colours mean nothing."""
    mask = Image.new("RGBA", (32, 24), (255, 255, 255, 255))
    mask.paste((0, 0, 0, 0), (0, 0, 16, 24))
    mask.save(path)
    return str(path)


def left_and_right(path: Path) -> tuple[object, object]:
    with Image.open(path) as picture:
        assert picture.size == (64, 48)
        shown = picture.convert("RGB")
        return shown.getpixel((5, 5)), shown.getpixel((58, 5))


@pytest.mark.parametrize("draw", [half_white, half_erased])
async def test_a_mask_goes_where_masks_go(tmp_path: Path, terminal: Terminal, draw: Callable[[Path], str]) -> None:
    masked(tmp_path, "masked")
    picture, mask = png(tmp_path / "red.png", RED), draw(tmp_path / "mask.png")
    code, made, said = await terminal(*DRAW, "--image", picture, "--mask", mask, "--workflow", "masked")
    assert (code, [left_and_right(path) for path in made]) == (0, [(WHITE, BLACK), (RED, RED)]), said
    code, _, said = await terminal(*DRAW, "--image", picture, "--mask", mask, "--workflow", "both")
    assert code == 1
    assert "has no place for a mask" in said


async def test_a_workflow_that_takes_picture_and_mask_is_chosen(tmp_path: Path, terminal: Terminal) -> None:
    masked(tmp_path, "inpaint")
    painted(tmp_path, "vary")
    picture, mask = png(tmp_path / "red.png", RED), half_white(tmp_path / "mask.png")
    code, made, said = await terminal(*DRAW, "--image", picture, "--mask", mask)
    assert (code, [left_and_right(path) for path in made]) == (0, [(WHITE, BLACK), (RED, RED)]), said
    assert "Made with the workflow inpaint, which takes a picture and a mask." in said
    (tmp_path / "workflows/nova/image/inpaint.json").unlink()
    code, made, said = await terminal(*DRAW, "--image", picture, "--mask", mask)
    assert code == 0, said
    assert "Made with the workflow vary, which takes a picture and a mask." in said


async def test_a_mask_becomes_transparency_where_the_workflow_wants_it_so(tmp_path: Path, terminal: Terminal) -> None:
    painted(tmp_path, "painted")
    picture, mask = png(tmp_path / "red.png", RED), half_white(tmp_path / "mask.png")
    code, made, said = await terminal(*DRAW, "--image", picture, "--mask", mask, "--workflow", "painted")
    assert (code, [left_and_right(path) for path in made]) == (0, [(RED, RED), (WHITE, BLACK)]), said


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["--workflow", "both"], "needs a picture to start from"),
        (["--image", "{there}", "--workflow", "default"], "takes no picture"),
        (["--image", "{folder}/gone.png"], "The file gone.png cannot be read."),
        (["--image", "{folder}/config.yaml", "--workflow", "both"], "not a picture"),
        (["--mask", "{there}", "--workflow", "both"], "A mask needs a picture that it belongs to."),
        (
            ["--image", "{there}", "--mask", "{folder}/gone.png", "--workflow", "both"],
            "The file gone.png cannot be read.",
        ),
        (["--image", "{there}", "--mask", "{folder}/config.yaml", "--workflow", "both"], "The mask cannot be used."),
        (["--image", "{there}", "--mask", "{black}", "--workflow", "both"], "The mask changes nothing"),
        (["--image", "{there}"] * 5 + ["--workflow", "both"], "At most 4 pictures"),
    ],
)
async def test_what_cannot_be_used_is_said(tmp_path: Path, terminal: Terminal, arguments: list[str], part: str) -> None:
    there, black = png(tmp_path / "there.png", RED), png(tmp_path / "black.png", BLACK)
    filled = [argument.format(there=there, black=black, folder=tmp_path) for argument in arguments]
    code, made, said = await terminal(*DRAW, *filled)
    assert (code, made) == (1, [])
    assert part in said


async def test_what_was_made_from_a_picture_can_be_repeated(tmp_path: Path, terminal: Terminal) -> None:
    red, blue = png(tmp_path / "red.png", RED), png(tmp_path / "blue.png", BLUE)
    _, [first, *_], said = await terminal(*DRAW, "--image", red, "--image", blue, "--workflow", "both")
    sidecar = first.with_suffix(".json")
    assert json.loads(sidecar.read_text("utf-8"))["request"]["inputs"], said
    code, repeated, said = await terminal("repeat", str(sidecar))
    assert (code, [colour(path) for path in repeated if path.suffix == ".png"]) == (0, [RED, BLUE]), said
