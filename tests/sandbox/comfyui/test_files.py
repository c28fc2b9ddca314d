"""/view, /upload, and what the cache does with files."""

from __future__ import annotations

import io
import json

import aiohttp
import pytest
from PIL import Image

from sandbox.comfyui import StandInComfyUI
from tests.sandbox.comfyui.talk import Talk, node, picture


def png(colour: str = "red", size: tuple[int, int] = (8, 8), mode: str = "RGB") -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, size, colour).save(buffer, format="PNG")
    return buffer.getvalue()


async def upload(talk: Talk, name: str, data: bytes, *, path: str = "/upload/image", **fields: str) -> tuple[int, str]:
    form = aiohttp.FormData(quote_fields=False)
    form.add_field("image", data, filename=name)
    for key, value in fields.items():
        form.add_field(key, value)
    async with talk.http.post(talk.url + path, data=form) as response:
        return response.status, await response.text()


async def test_a_saved_picture_comes_back_with_its_graph(talk: Talk) -> None:
    graph = picture(color=0x102030)
    entry = await talk.run(graph, extra_data={"extra_pnginfo": {"workflow": {"id": "w"}}})
    [file] = entry["outputs"]["2"]["images"]
    assert file == {"filename": "img_00001_.png", "subfolder": "t", "type": "output"}
    with Image.open(io.BytesIO(await talk.download(file))) as opened:
        assert json.loads(opened.info["prompt"]) == graph
        assert json.loads(opened.info["workflow"]) == {"id": "w"}
        assert opened.getpixel((3, 3)) == (0x10, 0x20, 0x30)
    with Image.open(io.BytesIO(await talk.download(file, channel="rgb"))) as opened:
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
async def test_view_follows_comfyuis_rules(talk: Talk, query: dict[str, str], status: int) -> None:
    await talk.run(picture())
    async with talk.http.get(f"{talk.url}/api/view", params=query) as response:
        assert response.status == status
        if status != 200:
            assert await response.read() == b""


async def test_view_answers_ranges_and_heads(talk: Talk) -> None:
    [file] = (await talk.run(picture()))["outputs"]["2"]["images"]
    whole = await talk.download(file)
    async with talk.http.get(f"{talk.url}/view", params=file, headers={"Range": "bytes=4-9"}) as response:
        assert (response.status, await response.read()) == (206, whole[4:10])
    async with talk.http.head(f"{talk.url}/view", params=file) as response:
        assert int(response.headers["Content-Length"]) == len(whole)
        assert response.headers["Content-Disposition"] == 'filename="img_00001_.png"'
        assert response.headers["ETag"]
    with Image.open(io.BytesIO(await talk.download(file, preview="webp;50"))) as opened:
        assert opened.format == "WEBP"


async def test_active_files_are_never_served_as_what_they_are(comfy: StandInComfyUI, talk: Talk) -> None:
    comfy.folders.root.joinpath("output", "x.html").write_text("<script>")
    async with talk.http.get(f"{talk.url}/view", params={"filename": "x.html"}) as response:
        assert response.content_type == "application/octet-stream"
        assert response.headers["Content-Disposition"].startswith("attachment")


async def test_the_same_graph_is_answered_from_the_cache_with_the_old_file(comfy: StandInComfyUI, talk: Talk) -> None:
    first = await talk.run(picture())
    again = await talk.run(picture())
    assert again["outputs"] == first["outputs"]
    assert talk.kinds("execution_cached")[-1]["nodes"] == ["1", "2"]
    renamed = {"a": picture()["1"], "b": node("SaveImage", images=["a", 0], filename_prefix="t/img")}
    assert (await talk.run(renamed))["outputs"]["b"] == first["outputs"]["2"], "ids of nodes do not count"

    comfy.delete_output("img_00001_.png")
    gone = await talk.run(picture())
    assert gone["status"]["status_str"] == "success"
    assert await talk.status("/view", **gone["outputs"]["2"]["images"][0]) == 404


async def test_another_prefix_runs_the_save_node_only(talk: Talk) -> None:
    await talk.run(picture())
    graph = picture()
    graph["2"]["inputs"]["filename_prefix"] = "u"
    entry = await talk.run(graph)
    assert talk.kinds("execution_cached")[-1]["nodes"] == ["1"]
    assert entry["outputs"]["2"]["images"][0]["filename"] == "u_00001_.png"


async def test_free_drops_the_cache(comfy: StandInComfyUI, talk: Talk) -> None:
    await talk.run(picture())
    assert (await talk.post("/free", {"unload_models": True, "free_memory": True}))[0] == 200
    await comfy.log.wait_for("freed")
    await talk.run(picture())
    assert talk.kinds("execution_cached")[-1]["nodes"] == []
    assert (await talk.post("/free", None, data=b""))[0] == 500


async def test_uploads_get_a_number_only_when_they_differ(talk: Talk) -> None:
    for data, name in ((png("red"), "a.png"), (png("red"), "a.png"), (png("blue"), "a (1).png"), (png("red"), "a.png")):
        status, text = await upload(talk, "a.png", data)
        assert (status, json.loads(text)) == (200, {"name": name, "subfolder": "", "type": "input"})
    status, text = await upload(talk, "a.png", png("green"), overwrite="true", subfolder="mine")
    assert json.loads(text) == {"name": "a.png", "subfolder": "mine", "type": "input"}
    info = await talk.get("/object_info/LoadImage")
    assert info["LoadImage"]["input"]["required"]["image"][0] == ["a (1).png", "a.png"]
    for value in ("mine/a.png", "a.png [input]", "a (1).png"):
        graph = {"1": node("LoadImage", image=value), "2": node("PreviewImage", images=["1", 0])}
        [file] = (await talk.run(graph))["outputs"]["2"]["images"]
        assert file["type"] == "temp"
        assert file["filename"].startswith("ComfyUI_temp_")


async def test_uploads_that_are_refused(talk: Talk) -> None:
    assert await upload(talk, "../evil.png", png()) == (400, "")
    assert (await upload(talk, "a.png", png(), type="bogus"))[0] == 500
    assert (await upload(talk, "x/y.png", png()))[0] == 500
    async with talk.http.post(f"{talk.url}/upload/image", data={"nothing": "here"}) as response:
        assert response.status == 400


async def test_names_that_aiohttp_quotes_are_stored_quoted(talk: Talk) -> None:
    form = aiohttp.FormData()
    form.add_field("image", png(), filename="sp ace ü.png")
    async with talk.http.post(f"{talk.url}/upload/image", data=form) as response:
        assert (await response.json())["name"] == "sp%20ace%20%C3%BC.png"


async def test_a_mask_becomes_the_alpha_of_the_picture(comfy: StandInComfyUI, talk: Talk) -> None:
    await upload(talk, "a.png", png())
    reference = json.dumps({"filename": "a.png", "subfolder": "", "type": "input"})
    mask = png("#00000040", mode="RGBA")
    status, text = await upload(talk, "m.png", mask, path="/upload/mask", original_ref=reference)
    assert (status, json.loads(text)["name"]) == (200, "m.png")
    with Image.open(comfy.folders.root / "input" / "m.png") as masked:
        assert masked.getpixel((0, 0)) == (255, 0, 0, 0x40)
    assert (await upload(talk, "n.png", mask, path="/upload/mask"))[0] == 500
    nowhere = json.dumps({"filename": "nope.png", "type": "input"})
    assert (await upload(talk, "o.png", mask, path="/upload/mask", original_ref=nowhere))[0] == 200
    assert not (comfy.folders.root / "input" / "o.png").exists()


async def test_a_changed_input_file_makes_its_loader_run_again(comfy: StandInComfyUI, talk: Talk) -> None:
    graph = {"1": node("LoadImage", image="a.png"), "2": node("SaveImage", images=["1", 0], filename_prefix="x")}
    for colour, wanted in (("red", (255, 0, 0)), ("blue", (0, 0, 255))):
        comfy.folders.root.joinpath("input", "a.png").write_bytes(png(colour))
        [file] = (await talk.run(graph))["outputs"]["2"]["images"]
        with Image.open(io.BytesIO(await talk.download(file))) as opened:
            assert opened.getpixel((0, 0)) == wanted


async def test_a_text_file_passes_validation_and_fails_when_it_runs(talk: Talk) -> None:
    await upload(talk, "a.png", b"this is text")
    graph = {"1": node("LoadImage", image="a.png"), "2": node("SaveImage", images=["1", 0], filename_prefix="x")}
    entry = await talk.run(graph)
    kind, error = entry["status"]["messages"][-1]
    assert (kind, error["exception_type"]) == ("execution_error", "PIL.UnidentifiedImageError")
