"""/view, /upload, and what the cache does with files."""

from __future__ import annotations

import asyncio
import gc
import io
import json
import warnings
from collections.abc import Generator
from contextlib import contextmanager

import aiohttp
import pytest
from PIL import Image

from sandbox.comfyui import StandInComfyUI
from tests.sandbox.comfyui.graphs import node, solid_image
from tests.sandbox.comfyui.raw_client import RawClient


def png(colour: str = "red", size: tuple[int, int] = (8, 8), mode: str = "RGB") -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, size, colour).save(buffer, format="PNG")
    return buffer.getvalue()


async def upload(
    raw: RawClient, name: str, data: bytes, *, path: str = "/upload/image", **fields: str
) -> tuple[int, str]:
    form = aiohttp.FormData(quote_fields=False)
    form.add_field("image", data, filename=name)
    for key, value in fields.items():
        form.add_field(key, value)
    async with raw.http.post(raw.url + path, data=form) as response:
        return response.status, await response.text()


async def test_a_saved_picture_comes_back_with_its_graph(raw: RawClient) -> None:
    graph = solid_image(color=0x102030)
    entry = await raw.run(graph, extra_data={"extra_pnginfo": {"workflow": {"id": "w"}}})
    [file] = entry["outputs"]["2"]["images"]
    assert file == {"filename": "img_00001_.png", "subfolder": "t", "type": "output"}
    with Image.open(io.BytesIO(await raw.download(file))) as opened:
        assert json.loads(opened.info["prompt"]) == graph
        assert json.loads(opened.info["workflow"]) == {"id": "w"}
        assert opened.getpixel((3, 3)) == (0x10, 0x20, 0x30)
    with Image.open(io.BytesIO(await raw.download(file, channel="rgb"))) as opened:
        assert "prompt" not in opened.info
        assert opened.size == (32, 32)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"filename": "img_00001_.png", "subfolder": "t"}, 200),
        ({"filename": "img_00001_.png [output]", "subfolder": "t"}, 200),
        ({"filename": "img_00001_.png"}, 404),
        ({"filename": "t/img_00001_.png"}, 404),
        ({"filename": "img_00001_.png", "subfolder": "t", "type": "temp"}, 404),
        ({"filename": "../img_00001_.png"}, 400),
        ({"filename": "/etc/passwd"}, 400),
        ({"filename": "img_00001_.png", "subfolder": "../.."}, 403),
        ({"filename": "img_00001_.png", "type": "nope"}, 400),
        ({}, 404),
    ],
)
async def test_view_follows_comfyuis_rules(raw: RawClient, query: dict[str, str], status: int) -> None:
    await raw.run(solid_image())
    async with raw.http.get(f"{raw.url}/api/view", params=query) as response:
        assert response.status == status
        if status != 200:
            assert await response.read() == b""


async def test_view_answers_ranges_and_heads(raw: RawClient) -> None:
    [file] = (await raw.run(solid_image()))["outputs"]["2"]["images"]
    whole = await raw.download(file)
    async with raw.http.get(f"{raw.url}/view", params=file, headers={"Range": "bytes=4-9"}) as response:
        assert (response.status, await response.read()) == (206, whole[4:10])
    async with raw.http.head(f"{raw.url}/view", params=file) as response:
        assert int(response.headers["Content-Length"]) == len(whole)
        assert response.headers["Content-Disposition"] == 'filename="img_00001_.png"'
        assert response.headers["ETag"]
    with Image.open(io.BytesIO(await raw.download(file, preview="webp;50"))) as opened:
        assert opened.format == "WEBP"


async def test_active_files_are_never_served_as_what_they_are(comfy: StandInComfyUI, raw: RawClient) -> None:
    comfy.folders.root.joinpath("output", "x.html").write_text("<script>")
    async with raw.http.get(f"{raw.url}/view", params={"filename": "x.html"}) as response:
        assert response.content_type == "application/octet-stream"
        assert response.headers["Content-Disposition"].startswith("attachment")


async def test_the_same_graph_is_answered_from_the_cache_with_the_old_file(
    comfy: StandInComfyUI, raw: RawClient
) -> None:
    first = await raw.run(solid_image())
    again = await raw.run(solid_image())
    assert again["outputs"] == first["outputs"]
    assert raw.kinds("execution_cached")[-1]["nodes"] == ["1", "2"]
    renamed = {"a": solid_image()["1"], "b": node("SaveImage", images=["a", 0], filename_prefix="t/img")}
    assert (await raw.run(renamed))["outputs"]["b"] == first["outputs"]["2"], "ids of nodes do not count"

    comfy.delete_output("img_00001_.png")
    gone = await raw.run(solid_image())
    assert gone["status"]["status_str"] == "success"
    assert await raw.status("/view", **gone["outputs"]["2"]["images"][0]) == 404


async def test_another_prefix_runs_the_save_node_only(raw: RawClient) -> None:
    await raw.run(solid_image())
    graph = solid_image()
    graph["2"]["inputs"]["filename_prefix"] = "u"
    entry = await raw.run(graph)
    assert raw.kinds("execution_cached")[-1]["nodes"] == ["1"]
    assert entry["outputs"]["2"]["images"][0]["filename"] == "u_00001_.png"


async def test_free_drops_the_cache(comfy: StandInComfyUI, raw: RawClient) -> None:
    await raw.run(solid_image())
    assert (await raw.post("/free", {"unload_models": True, "free_memory": True}))[0] == 200
    await comfy.log.wait_for("freed")
    await raw.run(solid_image())
    assert raw.kinds("execution_cached")[-1]["nodes"] == []
    assert (await raw.post("/free", None, data=b""))[0] == 500


async def test_uploads_get_a_number_only_when_they_differ(raw: RawClient) -> None:
    for data, name in ((png("red"), "a.png"), (png("red"), "a.png"), (png("blue"), "a (1).png"), (png("red"), "a.png")):
        status, text = await upload(raw, "a.png", data)
        assert (status, json.loads(text)) == (200, {"name": name, "subfolder": "", "type": "input"})
    status, text = await upload(raw, "a.png", png("green"), overwrite="true", subfolder="prompt_id")
    assert json.loads(text) == {"name": "a.png", "subfolder": "prompt_id", "type": "input"}
    info = await raw.get("/object_info/LoadImage")
    assert info["LoadImage"]["input"]["required"]["image"][0] == ["a (1).png", "a.png"]
    for value in ("prompt_id/a.png", "a.png [input]", "a (1).png"):
        graph = {"1": node("LoadImage", image=value), "2": node("PreviewImage", images=["1", 0])}
        [file] = (await raw.run(graph))["outputs"]["2"]["images"]
        assert file["type"] == "temp"
        assert file["filename"].startswith("ComfyUI_temp_")


async def test_uploads_that_are_refused(raw: RawClient) -> None:
    assert await upload(raw, "../evil.png", png()) == (400, "")
    assert (await upload(raw, "a.png", png(), type="bogus"))[0] == 500
    assert (await upload(raw, "x/y.png", png()))[0] == 500
    async with raw.http.post(f"{raw.url}/upload/image", data={"nothing": "here"}) as response:
        assert response.status == 400


async def test_names_that_aiohttp_quotes_are_stored_quoted(raw: RawClient) -> None:
    form = aiohttp.FormData()
    form.add_field("image", png(), filename="sp ace ü.png")
    async with raw.http.post(f"{raw.url}/upload/image", data=form) as response:
        assert (await response.json())["name"] == "sp%20ace%20%C3%BC.png"


async def test_a_mask_becomes_the_alpha_of_the_picture(comfy: StandInComfyUI, raw: RawClient) -> None:
    await upload(raw, "a.png", png())
    reference = json.dumps({"filename": "a.png", "subfolder": "", "type": "input"})
    mask = png("#00000040", mode="RGBA")
    status, text = await upload(raw, "m.png", mask, path="/upload/mask", original_ref=reference)
    assert (status, json.loads(text)["name"]) == (200, "m.png")
    with Image.open(comfy.folders.root / "input" / "m.png") as masked:
        assert masked.getpixel((0, 0)) == (255, 0, 0, 0x40)
    assert (await upload(raw, "n.png", mask, path="/upload/mask"))[0] == 500
    nowhere = json.dumps({"filename": "nope.png", "type": "input"})
    assert (await upload(raw, "o.png", mask, path="/upload/mask", original_ref=nowhere))[0] == 200
    assert not (comfy.folders.root / "input" / "o.png").exists()


async def test_a_changed_input_file_makes_its_loader_run_again(comfy: StandInComfyUI, raw: RawClient) -> None:
    graph = {"1": node("LoadImage", image="a.png"), "2": node("SaveImage", images=["1", 0], filename_prefix="x")}
    for colour, wanted in (("red", (255, 0, 0)), ("blue", (0, 0, 255))):
        comfy.folders.root.joinpath("input", "a.png").write_bytes(png(colour))
        [file] = (await raw.run(graph))["outputs"]["2"]["images"]
        with Image.open(io.BytesIO(await raw.download(file))) as opened:
            assert opened.getpixel((0, 0)) == wanted


async def test_a_text_file_passes_validation_and_fails_when_it_runs(raw: RawClient) -> None:
    await upload(raw, "a.png", b"this is text")
    graph = {"1": node("LoadImage", image="a.png"), "2": node("SaveImage", images=["1", 0], filename_prefix="x")}
    entry = await raw.run(graph)
    kind, error = entry["status"]["messages"][-1]
    assert (kind, error["exception_type"]) == ("execution_error", "PIL.UnidentifiedImageError")


# -- clients that leave


@contextmanager
def no_unclosed_files() -> Generator[None]:
    """Fail if a file is closed by the garbage collector only."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
        gc.collect()
    assert [str(warning.message) for warning in caught if warning.category is ResourceWarning] == []


async def test_a_client_that_leaves_during_an_upload_leaves_no_open_file(comfy: StandInComfyUI) -> None:
    head = (
        f"POST /upload/image HTTP/1.1\r\nHost: 127.0.0.1:{comfy.port}\r\nContent-Length: 100000\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\n\r\n"
        '--b\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n'
    )
    with no_unclosed_files():
        for count in range(1, 6):
            _, writer = await asyncio.open_connection("127.0.0.1", comfy.port)
            writer.write(head.encode() + bytes(1000))
            await writer.drain()
            writer.transport.abort()
            await comfy.log.wait_for("request", count=count)
    assert [entry.detail["status"] for entry in comfy.log.requests("POST", "/upload/image")] == [0] * 5


async def test_clients_that_leave_during_a_download_leave_no_open_file(comfy: StandInComfyUI) -> None:
    comfy.folders.root.joinpath("output", "a.bin").write_bytes(bytes(5_000_000))
    request = f"GET /view?filename=a.bin HTTP/1.1\r\nHost: 127.0.0.1:{comfy.port}\r\n\r\n"
    with no_unclosed_files():
        for count in range(1, 101):
            _, writer = await asyncio.open_connection("127.0.0.1", comfy.port)
            writer.write(request.encode())
            await comfy.log.wait_for("view", count=count)
            writer.transport.abort()
        await comfy.log.wait_for("request", count=100)
