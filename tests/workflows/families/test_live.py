"""A real ComfyUI takes the graph of every family: it misses nothing but the model files."""

import os
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.comfyui.client import ComfyClient
from bot.comfyui.exceptions import PromptRejected
from bot.workflows import InputValues, inject
from bot.workflows.families import adapted
from tests.workflows.families.servers import INSTALLED, object_info
from tests.workflows.families.test_families import shipped

URL = os.environ.get("COMFYUI_URL", "")
pytestmark = [pytest.mark.live, pytest.mark.skipif(not URL, reason="COMFYUI_URL is not set")]
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763f8cfc000000301010018dd8db0"
    "0000000049454e44ae426082"
)


@pytest.fixture
async def client() -> AsyncIterator[ComfyClient]:
    async with ComfyClient(URL) as opened:
        await opened.wait_available()
        yield opened


@pytest.mark.parametrize("name", ["default", "vary", "inpaint", "outpaint"])
@pytest.mark.parametrize("family", INSTALLED)
async def test_only_the_files_are_missing(client: ComfyClient, family: str, name: str, tmp_path: Path) -> None:
    (tmp_path / "dot.png").write_bytes(PNG)
    picture = await client.upload(tmp_path / "dot.png", name="dot.png")
    info = object_info(INSTALLED[family])
    workflow = adapted(shipped("_shared", name), info)
    graph = inject(workflow, InputValues(positive="a boat", negative="", seed=7, reference_image=picture), info)
    with pytest.raises(PromptRejected) as caught:
        await client.submit(str(uuid.uuid4()), graph)
    problems = [(problem.type, problem.input_name) for problem in caught.value.node_errors]
    loaders = {"ckpt_name", "unet_name", "clip_name", "clip_name1", "clip_name2", "clip_name3", "vae_name"}
    assert problems
    assert {kind for kind, _ in problems} == {"value_not_in_list"}
    assert {name for _, name in problems} <= loaders


async def test_the_server_tells_about_its_files(client: ComfyClient) -> None:
    info = await client.object_info()
    for name in info["CheckpointLoaderSimple"]["input"]["required"]["ckpt_name"][0]:
        assert isinstance(await client.model_metadata("checkpoints", name), dict)
        assert (await client.model_sizes("checkpoints"))[name] > 0
    assert await client.model_metadata("checkpoints", "none.safetensors") == {}
    assert await client.model_sizes("none") == {}
