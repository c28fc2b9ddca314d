"""`chorus repeat`: a sidecar is enough, also on another machine."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import yaml
from PIL import Image

from tests.e2e.drawing_system import DrawingSystem, open_drawing_system, press
from tests.e2e.system import graph


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[DrawingSystem]:
    async with open_drawing_system(tmp_path / "here") as made:
        yield made


async def run(here: DrawingSystem, *arguments: str) -> tuple[int, str]:
    process = await here.system.command("repeat", *arguments)
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()


def move(here: DrawingSystem, folder: Path, name: str) -> Path:
    """From now on the commands run on another machine, which has a character of that name and nothing else."""
    (folder / "characters").mkdir(parents=True)
    (folder / "workflows").mkdir()
    character = f"id: {name}\nname: {name.title()}\nsystem_prompt: x\nvisual_identity: {{negative_prompt: cats}}\n"
    (folder / "characters" / f"{name}.yaml").write_text(character, encoding="utf-8")
    config = folder / "config.yaml"
    content = {"comfyui": {"url": here.system.comfy.url}, "default_character": name}
    config.write_text(yaml.safe_dump(content), encoding="utf-8")
    here.system.config = config
    return folder


async def test_on_another_machine_without_the_workflow_and_the_character(here: DrawingSystem, tmp_path: Path) -> None:
    async with here.system.running():
        message = await here.drawn(seed="123", prompt="a red boat")
    [sidecar] = here.data.glob("images/*/*.json")
    there = move(here, tmp_path / "there", "zoe")
    copied = Path(shutil.copy(sidecar, there))
    for _ in range(2):  # the first refusal must not make it known
        code, output = await run(here, str(copied))
        assert code == 1
        for part in ("never run here", "KSampler", "CheckpointLoaderSimple", "--yes", "INPUT_INVALID"):
            assert part in output
    code, output = await run(here, str(copied), "--out", str(there / "made.png"), "--yes")
    assert code == 0, output
    with Image.open(there / "made.png") as made, Image.open(io.BytesIO(message.attachments[0].data)) as original:
        assert made.tobytes() == original.tobytes()
    assert "not on this machine" in output
    [written] = there.glob("data/images/*/*.json")
    again, once = json.loads(written.read_text()), json.loads(sidecar.read_text())
    assert again["workflow"]["hash"] == once["workflow"]["hash"]
    assert again["parameters"]["positive"] == "a red boat"
    assert again["parameters"]["negative"] == once["parameters"]["negative"]
    code, output = await run(here, str(copied))  # now it has run here
    assert code == 0, output


async def test_a_changed_workflow_must_be_chosen(here: DrawingSystem) -> None:
    async with here.system.running():
        await here.drawn(seed="123")
    [sidecar] = here.data.glob("images/*/*.json")
    here.workflow("default", graph(steps=3))
    code, output = await run(here, str(sidecar))
    assert code == 1
    assert "steps: 2 → 3" in " ".join(output.split())
    for use in ("then", "now"):
        code, output = await run(here, str(sidecar), "--use", use)
        assert code == 0, output
    rows = here.jobs("workflow_hash, seed, json_extract(request, '$.follow_up')")
    assert rows[1] == (rows[0][0], "123", "repeat")
    assert rows[2][0] != rows[0][0]


async def test_a_version_that_only_the_file_has_is_asked_for_where_another_is_here(
    here: DrawingSystem, tmp_path: Path
) -> None:
    async with here.system.running():
        await here.drawn(seed="123")
    [sidecar] = here.data.glob("images/*/*.json")
    there = move(here, tmp_path / "there", "nova")
    copied = str(shutil.copy(sidecar, there))
    own = there / "workflows" / "nova" / "image" / "default.json"
    own.parent.mkdir(parents=True)
    own.write_text(json.dumps(graph(steps=3)), encoding="utf-8")
    for arguments, part in (((), "steps: 2 → 3"), (("--use", "then"), "never run here")):
        code, output = await run(here, copied, *arguments)
        assert code == 1
        assert part in " ".join(output.split())
    for arguments in (("--use", "now"), ("--use", "then", "--yes")):
        code, output = await run(here, copied, *arguments)
        assert code == 0, output


async def test_an_input_is_found_by_its_content(here: DrawingSystem, tmp_path: Path) -> None:
    async with here.system.running():
        first = await here.drawn()
        await here.finished((await press(here.requester, first, "Upscale")).message)
    sidecars = {json.loads(path.read_text())["workflow"]["name"]: path for path in here.data.glob("images/*/*.json")}
    code, output = await run(here, str(sidecars["upscale"]))
    assert code == 0, output
    there = move(here, tmp_path / "there", "nova")
    copied = Path(shutil.copy(sidecars["upscale"], there))
    code, output = await run(here, str(copied), "--yes")
    assert code == 1
    assert "which is not here" in output
    shutil.copy(sidecars["default"].with_suffix(".png"), there)
    code, output = await run(here, str(copied), "--yes")
    assert code == 0, output


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"\xff\xfe", b'{"chorus_sidecar": 99}'])
async def test_what_is_no_sidecar_is_a_sentence(here: DrawingSystem, content: bytes) -> None:
    path = here.system.folder / "wrong.json"
    path.write_bytes(content)
    code, output = await run(here, str(path))
    assert code == 1
    assert "sidecar" in output
    assert "Traceback" not in output


async def test_a_workflow_that_was_tampered_with_is_refused(here: DrawingSystem, tmp_path: Path) -> None:
    async with here.system.running():
        await here.drawn()
    [sidecar] = here.data.glob("images/*/*.json")
    content = json.loads(sidecar.read_text())
    content["workflow"]["graph"]["5"]["inputs"]["steps"] = 9
    there = move(here, tmp_path / "there", "nova")
    (there / "x.json").write_text(json.dumps(content), encoding="utf-8")
    code, output = await run(here, str(there / "x.json"))
    assert code == 1
    assert "hash" in output
