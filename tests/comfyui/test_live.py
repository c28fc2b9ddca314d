"""A real ComfyUI, at COMFYUI_URL. Core nodes only; what needs a checkpoint takes the first installed SD1.5-like one.

Long jobs and interrupts happen here: give it an instance of its own.
"""

from __future__ import annotations

import asyncio
import os
import struct
import uuid
import zlib
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.comfyui.cache import break_cache
from bot.comfyui.client import ComfyClient
from bot.comfyui.exceptions import FileGone, MissingModelFile, MissingNodeType
from bot.comfyui.execution_updates import ExecutionUpdate, NodeProgress, NodeStarted, PreviewFrame
from bot.comfyui.json_values import as_list, as_object
from bot.comfyui.outputs import MediaKind
from bot.comfyui.progress import ProgressMeter
from bot.comfyui.prompt_state import Failed, Interrupted, Outcome, Succeeded

URL = os.environ.get("COMFYUI_URL", "")
pytestmark = [pytest.mark.live, pytest.mark.skipif(not URL, reason="COMFYUI_URL is not set")]

Graph = dict[str, Any]


def node(class_type: str, **inputs: object) -> Graph:
    return {"class_type": class_type, "inputs": inputs}


def picture(batch: int = 1, prefix: str = "chorus_test/image") -> Graph:
    colour = uuid.uuid4().int % 0xFFFFFF  # a fresh one, so that nothing comes from the cache
    return {
        "1": node("EmptyImage", width=64, height=64, batch_size=batch, color=colour),
        "2": node("SaveImage", images=["1", 0], filename_prefix=prefix),
    }


def sound(save: str, **inputs: object) -> Graph:
    seconds = 1 + uuid.uuid4().int % 10**6 / 10**6
    return {
        "1": node("EmptyAudio", duration=seconds, sample_rate=44100, channels=1),
        "2": node(save, audio=["1", 0], filename_prefix="chorus_test/sound", **inputs),
    }


@pytest.fixture
async def client() -> AsyncIterator[ComfyClient]:
    async with ComfyClient(URL) as opened:
        async with asyncio.timeout(60):
            await opened.wait_available()
        yield opened


async def sampling(client: ComfyClient, *, size: int, steps: int) -> Graph:
    info = as_object(as_object((await client.object_info())["CheckpointLoaderSimple"]).get("input"))
    spec = as_list(as_object(info.get("required")).get("ckpt_name"))
    names = as_list(spec[0]) or as_list(as_object(spec[1]).get("options"))
    if not names:
        pytest.skip("this ComfyUI has no checkpoint")
    return {
        "3": node(
            "KSampler",
            seed=uuid.uuid4().int % 2**32,
            steps=steps,
            cfg=7.0,
            sampler_name="euler",
            scheduler="normal",
            denoise=1.0,
            model=["4", 0],
            positive=["6", 0],
            negative=["7", 0],
            latent_image=["5", 0],
        ),
        "4": node("CheckpointLoaderSimple", ckpt_name=names[0]),
        "5": node("EmptyLatentImage", width=size, height=size, batch_size=1),
        "6": node("CLIPTextEncode", text="a lighthouse", clip=["4", 1]),
        "7": node("CLIPTextEncode", text="", clip=["4", 1]),
        "8": node("VAEDecode", samples=["3", 0], vae=["4", 2]),
        "9": node("SaveImage", images=["8", 0], filename_prefix="chorus_test/sampled"),
    }


async def run(
    client: ComfyClient, graph: Mapping[str, Any], *, extra: Mapping[str, Any] | None = None
) -> tuple[list[ExecutionUpdate], Outcome]:
    prompt_id = str(uuid.uuid4())
    async with asyncio.timeout(100):
        with client.track(prompt_id) as tracker:
            await client.submit(prompt_id, graph, extra_data=extra)
            updates = [update async for update in tracker]
            outcome = await tracker.outcome()
        # The entry is written just after `execution_success` is said.
        while (entry := await client.history(prompt_id)) is None:
            pass
    assert type(entry.outcome) is type(outcome)
    if isinstance(outcome, Succeeded) and isinstance(entry.outcome, Succeeded):
        assert entry.outcome.files == outcome.files
        assert entry.outcome.cached == outcome.cached
    return updates, outcome


async def success(client: ComfyClient, graph: Mapping[str, Any]) -> Succeeded:
    _, outcome = await run(client, graph)
    assert isinstance(outcome, Succeeded)
    return outcome


async def test_a_single_image(client: ComfyClient, tmp_path: Path) -> None:
    (file,) = (await success(client, picture())).files
    got = await client.download(file, tmp_path / "image.png", max_bytes=10**6)
    assert got.path.read_bytes().startswith(b"\x89PNG")
    assert got.size == got.path.stat().st_size


async def test_a_batch_of_four(client: ComfyClient) -> None:
    files = (await success(client, picture(4))).files
    assert len({file.filename for file in files}) == 4
    assert {file.media for file in files} == {MediaKind.IMAGE}


async def test_many_steps_with_progress_and_preview(client: ComfyClient) -> None:
    graph = await sampling(client, size=128, steps=30)
    updates, outcome = await run(client, graph, extra={"preview_method": "latent2rgb"})
    assert isinstance(outcome, Succeeded)
    assert [update.value for update in updates if isinstance(update, NodeProgress) and update.node_id == "3"][-1] == 30
    assert any(isinstance(update, PreviewFrame) and update.data.startswith(b"\xff\xd8\xff") for update in updates)
    meter = ProgressMeter(graph)
    fractions = [meter.feed(update) for update in updates]
    assert fractions == sorted(fractions)
    assert fractions[-1] > 0.9


async def test_interrupted_while_it_runs(client: ComfyClient) -> None:
    graph = await sampling(client, size=256, steps=200)
    prompt_id = str(uuid.uuid4())
    async with asyncio.timeout(100):
        with client.track(prompt_id) as tracker:
            await client.submit(prompt_id, graph)
            async for update in tracker:
                if isinstance(update, NodeProgress):
                    break
            assert await client.cancel(prompt_id)
            assert await tracker.outcome() == Interrupted()


async def test_cancelled_while_it_waits(client: ComfyClient) -> None:
    long, short = str(uuid.uuid4()), str(uuid.uuid4())
    async with asyncio.timeout(100):
        with client.track(long) as running, client.track(short) as waiting:
            await client.submit(long, await sampling(client, size=256, steps=200))
            await client.submit(short, picture())
            assert await client.cancel(short)
            assert await waiting.outcome() == Interrupted()
            assert not running.ended
            assert not await client.cancel(short)
            assert await client.cancel(long)
            assert await running.outcome() == Interrupted()


async def test_a_deaf_socket_is_cured(client: ComfyClient) -> None:
    """Another socket under our id that goes away takes our registration with it: ours stays open and hears nothing."""
    while not client.connected:
        await client.queue()
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{client.url}/ws", params={"clientId": client.client_id}) as usurper,
    ):
        await usurper.receive()
    prompt_id = str(uuid.uuid4())
    async with asyncio.timeout(100):
        with client.track(prompt_id) as tracker:
            await client.submit(prompt_id, await sampling(client, size=256, steps=500))
            async for update in tracker:
                if isinstance(update, NodeProgress):
                    break
            assert not tracker.ended
            assert await client.cancel(prompt_id)
            assert await tracker.outcome() == Interrupted()


async def test_a_failing_node(client: ComfyClient) -> None:
    _, outcome = await run(client, picture(prefix="../../evil"))
    assert isinstance(outcome, Failed)
    assert (outcome.error.node_id, outcome.error.node_type) == ("2", "SaveImage")
    assert outcome.error.message


async def test_a_missing_model(client: ComfyClient) -> None:
    graph = await sampling(client, size=64, steps=1)
    graph["4"]["inputs"]["ckpt_name"] = "nobody_has_this.safetensors"
    with pytest.raises(MissingModelFile) as refused:
        await client.submit(str(uuid.uuid4()), graph)
    assert refused.value.received == "nobody_has_this.safetensors"
    assert refused.value.input_name == "ckpt_name"


async def test_a_missing_node(client: ComfyClient) -> None:
    graph = picture() | {"3": node("NobodyHasThisNode", images=["1", 0])}
    with pytest.raises(MissingNodeType) as refused:
        await client.submit(str(uuid.uuid4()), graph)
    assert refused.value.class_type == "NobodyHasThisNode"


async def test_the_same_again_is_cached_and_can_be_broken(client: ComfyClient) -> None:
    graph = picture()
    first = await success(client, graph)
    again = await success(client, graph)
    assert (first.cached, again.cached) == (False, True)
    assert again.files == first.files
    updates, broken = await run(client, break_cache(graph, uuid.uuid4().hex))
    assert isinstance(broken, Succeeded)
    assert [update.node_id for update in updates if isinstance(update, NodeStarted)] == ["2"]
    assert broken.files != first.files


async def test_the_cache_of_a_preview_can_be_broken(client: ComfyClient) -> None:
    graph = picture() | {"2": node("PreviewImage", images=["1", 0])}
    first = await success(client, graph)
    again = await success(client, break_cache(graph, uuid.uuid4().hex, [first.files[0].node_id]))
    assert (first.files[0].type, again.cached) == ("temp", False)
    assert again.files != first.files


async def test_a_cached_file_that_was_deleted(client: ComfyClient, tmp_path: Path) -> None:
    argv = (await client.system_stats()).argv
    if "--output-directory" not in argv:
        pytest.skip("needs a ComfyUI on this machine started with --output-directory")
    folder = Path(argv[argv.index("--output-directory") + 1])
    graph = picture()
    (file,) = (await success(client, graph)).files
    (folder / file.subfolder / file.filename).unlink()
    (cached,) = (await success(client, graph)).files
    assert cached == file
    with pytest.raises(FileGone):
        await client.download(cached, tmp_path / "x.png", max_bytes=10**6)
    (fresh,) = (await success(client, break_cache(graph, uuid.uuid4().hex, [file.node_id]))).files
    assert (await client.download(fresh, tmp_path / "x.png", max_bytes=10**6)).size > 0


async def test_video(client: ComfyClient, tmp_path: Path) -> None:
    graph = picture(8) | {
        "2": node("CreateVideo", images=["1", 0], fps=8.0),
        "3": node(
            "SaveVideo",
            video=["2", 0],
            filename_prefix="chorus_test/video",
            format="mp4",
            codec="h264",
            **{"format.codec": "h264"},
        ),
    }
    (file,) = (await success(client, graph)).files
    assert (file.media, file.suffix, file.type) == (MediaKind.VIDEO, ".mp4", "output")
    got = await client.download(file, tmp_path / "video.mp4", max_bytes=10**7)
    assert got.path.read_bytes()[4:8] == b"ftyp"


@pytest.mark.parametrize(
    ("save", "inputs", "suffix", "magic"),
    [
        ("SaveAudio", {}, ".flac", b"fLaC"),
        ("SaveAudioMP3", {"quality": "128k"}, ".mp3", b"ID3"),
        ("SaveAudioOpus", {"quality": "64k"}, ".opus", b"OggS"),
    ],
)
async def test_audio(
    client: ComfyClient, tmp_path: Path, *, save: str, inputs: Graph, suffix: str, magic: bytes
) -> None:
    (file,) = (await success(client, sound(save, **inputs))).files
    assert (file.media, file.suffix) == (MediaKind.AUDIO, suffix)
    got = await client.download(file, tmp_path / f"sound{suffix}", max_bytes=10**7)
    assert got.path.read_bytes().startswith(magic)


def png(seed: bytes) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" + seed))
        + chunk(b"IEND", b"")
    )


async def test_an_upload_is_drawn_from(client: ComfyClient, tmp_path: Path) -> None:
    sources = [tmp_path / "one.png", tmp_path / "two.png"]
    values: list[str] = []
    for source in sources:
        source.write_bytes(png(os.urandom(3)))
        values.append(await client.upload(source, name="chorus test ü.png"))
    assert values[0] != values[1], "another content under the same name gets another name"
    for value in values:
        graph = {
            "1": node("LoadImage", image=value),
            "2": node("SaveImage", images=["1", 0], filename_prefix="chorus_test/upload"),
        }
        assert len((await success(client, graph)).files) == 1
