"""Downloads and uploads."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from aiohttp import web

from bot.comfyui.client import ComfyClient
from bot.comfyui.exceptions import ComfyConnectionError, FileGone, FileRefused, FileTooLarge, UploadRefused
from bot.comfyui.outputs import MediaKind, OutputFile, parse_output_files
from tests.comfyui.scripted_server import ScriptedComfyUI, output_file


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


FILE = OutputFile("a b&c_ü.png", "sub/folder", "temp", "2", MediaKind.IMAGE)


async def test_a_file_is_downloaded_whole_to_the_target(
    server: ScriptedComfyUI, client: ComfyClient, tmp_path: Path
) -> None:
    content = os.urandom(3_000_001)
    server.files["temp/sub/folder/a b&c_ü.png"] = content
    target = tmp_path / "new" / "ours.png"
    got = await client.download(FILE, target, max_bytes=4_000_000)
    assert (got.path, got.size, got.sha256) == (target, len(content), hashlib.sha256(content).hexdigest())
    assert target.read_bytes() == content
    assert names(target.parent) == ["ours.png"]


async def test_an_empty_file_is_a_file(server: ScriptedComfyUI, client: ComfyClient, tmp_path: Path) -> None:
    server.files["temp/sub/folder/a b&c_ü.png"] = b""
    assert (await client.download(FILE, tmp_path / "x", max_bytes=1)).size == 0


async def test_a_file_that_is_gone(server: ScriptedComfyUI, client: ComfyClient, tmp_path: Path) -> None:
    with pytest.raises(FileGone) as gone:
        await client.download(FILE, tmp_path / "x.png", max_bytes=100)
    assert gone.value.file is FILE
    assert server.calls.count("GET /view") == 1
    assert names(tmp_path) == []


@pytest.mark.parametrize("broken", [1, 3])
async def test_truncated_downloads_are_retried(
    server: ScriptedComfyUI, client: ComfyClient, tmp_path: Path, broken: int
) -> None:
    async def cut_short(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        cut = server.calls.count("GET /view") <= broken
        await response.write(b"x" * (500 if cut else 1000))
        if cut:
            assert request.transport is not None
            request.transport.close()
        return response

    server.view_handler = cut_short
    target = tmp_path / "x.png"
    if broken < 3:
        assert (await client.download(FILE, target, max_bytes=1000)).size == 1000
    else:
        with pytest.raises(ComfyConnectionError):
            await client.download(FILE, target, max_bytes=1000)
        assert names(tmp_path) == []


async def test_server_errors_are_retried(server: ScriptedComfyUI, client: ComfyClient, tmp_path: Path) -> None:
    async def failing_once(request: web.Request) -> web.StreamResponse:
        return web.Response(status=500) if server.calls.count("GET /view") == 1 else web.Response(body=b"ok")

    server.view_handler = failing_once
    assert (await client.download(FILE, tmp_path / "x", max_bytes=10)).size == 2


@pytest.mark.parametrize("announced", [True, False])
async def test_files_above_the_limit_are_refused(
    server: ScriptedComfyUI, client: ComfyClient, tmp_path: Path, announced: bool
) -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        if announced:
            response.content_length = 10**12
        await response.prepare(request)
        try:
            while True:
                await response.write(b"x" * 65536)
        except ConnectionError:
            return response

    server.view_handler = endless
    with pytest.raises(FileTooLarge):
        await client.download(FILE, tmp_path / "x.png", max_bytes=3_000_000)
    assert names(tmp_path) == []
    assert server.calls.count("GET /view") == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
async def test_a_full_disk_leaves_nothing(server: ScriptedComfyUI, client: ComfyClient, tmp_path: Path) -> None:
    server.files["temp/sub/folder/a b&c_ü.png"] = os.urandom(3_000_000)
    (tmp_path / "x.png.part").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        await client.download(FILE, tmp_path / "x.png", max_bytes=10_000_000)
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "suffix"),
    [
        ("../../x.png", ".png"),
        ("/etc/passwd", ".bin"),
        ("..\\..\\x.png", ".png"),
        ("a\0b.png", ".png"),
        ("x.png/../../y", ".bin"),
        ("con.png\n", ".bin"),
        (".", ".bin"),
        ("~", ".bin"),
        ("x." + "y" * 99, ".bin"),
    ],
)
async def test_hostile_names_never_become_local_paths(
    server: ScriptedComfyUI, client: ComfyClient, tmp_path: Path, name: str, suffix: str
) -> None:
    """The server's name is sent back to the server only; `suffix` is safe in a local name."""
    (file,) = parse_output_files({"1": {"images": [output_file(name, "../../..")]}})
    assert (file.filename, file.suffix) == (name, suffix)

    async def anything(request: web.Request) -> web.StreamResponse:
        assert request.query["filename"] == name
        return web.Response(body=b"data")

    server.view_handler = anything
    await client.download(file, tmp_path / f"ours{file.suffix}", max_bytes=10)
    assert names(tmp_path) == [f"ours{file.suffix}"]


async def test_names_that_the_server_refuses(server: ScriptedComfyUI, client: ComfyClient, tmp_path: Path) -> None:
    (file,) = parse_output_files({"1": {"images": [output_file("../../x.png")]}})
    with pytest.raises(FileRefused):
        await client.download(file, tmp_path / "x", max_bytes=10)


async def test_an_upload_returns_the_name_that_the_server_chose(
    server: ScriptedComfyUI, client: ComfyClient, tmp_path: Path
) -> None:
    source = tmp_path / "voice.wav"
    source.write_bytes(b"RIFF" + os.urandom(200_000))
    assert await client.upload(source, name="nova voice ü.wav") == "chorus/nova_voice_.wav"
    assert await client.upload(source, name="nova voice ü.wav") == "chorus/nova_voice_ (1).wav"
    assert await client.upload(source, name="../../evil.wav", subfolder="") == "_.._evil.wav"
    assert [(name, folder) for name, folder, _ in server.uploads] == [
        ("nova_voice_.wav", "chorus"),
        ("nova_voice_ (1).wav", "chorus"),
        ("_.._evil.wav", ""),
    ]
    assert server.uploads[0][2] == source.read_bytes()


@pytest.mark.parametrize("status", [400, 413, 500])
async def test_refused_uploads(server: ScriptedComfyUI, client: ComfyClient, tmp_path: Path, status: int) -> None:
    source = tmp_path / "a.png"
    source.write_bytes(b"x")
    server.fixed_response = (status, b"", "text/plain")
    with pytest.raises(UploadRefused) as refused:
        await client.upload(source, name="a.png")
    assert refused.value.status == status
