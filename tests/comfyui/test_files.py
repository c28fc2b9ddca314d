"""Downloads and uploads."""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path

import pytest
from aiohttp import web

from bot.comfyui.client import ComfyClient
from bot.comfyui.exceptions import ComfyConnectionError, FileGone, FileRefused, FileTooLarge, UploadRefused
from bot.comfyui.models import Media, OutputFile
from bot.comfyui.outputs import files_of
from tests.comfyui.peer import Peer, image


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


FILE = OutputFile("a b&c_ü.png", "sub/folder", "temp", "2", Media.IMAGE)


async def test_a_file_arrives_whole_under_our_name(peer: Peer, client: ComfyClient, tmp_path: Path) -> None:
    content = os.urandom(3_000_001)
    peer.files["temp/sub/folder/a b&c_ü.png"] = content
    target = tmp_path / "new" / "ours.png"
    got = await client.download(FILE, target, max_bytes=4_000_000)
    assert (got.path, got.size, got.sha256) == (target, len(content), hashlib.sha256(content).hexdigest())
    assert target.read_bytes() == content
    assert names(target.parent) == ["ours.png"]


async def test_an_empty_file_is_a_file(peer: Peer, client: ComfyClient, tmp_path: Path) -> None:
    peer.files["temp/sub/folder/a b&c_ü.png"] = b""
    assert (await client.download(FILE, tmp_path / "x", max_bytes=1)).size == 0


async def test_gone(peer: Peer, client: ComfyClient, tmp_path: Path) -> None:
    with pytest.raises(FileGone) as gone:
        await client.download(FILE, tmp_path / "x.png", max_bytes=100)
    assert gone.value.file is FILE
    assert peer.calls.count("GET /view") == 1
    assert names(tmp_path) == []


@pytest.mark.parametrize("broken", [1, 3])
async def test_truncated_downloads_are_repeated(peer: Peer, client: ComfyClient, tmp_path: Path, broken: int) -> None:
    async def cut_short(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        cut = peer.calls.count("GET /view") <= broken
        await response.write(b"x" * (500 if cut else 1000))
        if cut:
            assert request.transport is not None
            request.transport.close()
        return response

    peer.view = cut_short
    target = tmp_path / "x.png"
    if broken < 3:
        assert (await client.download(FILE, target, max_bytes=1000)).size == 1000
    else:
        with pytest.raises(ComfyConnectionError):
            await client.download(FILE, target, max_bytes=1000)
        assert names(tmp_path) == []


async def test_server_errors_are_tried_again(peer: Peer, client: ComfyClient, tmp_path: Path) -> None:
    async def stumbling(request: web.Request) -> web.StreamResponse:
        return web.Response(status=500) if peer.calls.count("GET /view") == 1 else web.Response(body=b"ok")

    peer.view = stumbling
    assert (await client.download(FILE, tmp_path / "x", max_bytes=10)).size == 2


@pytest.mark.parametrize("announced", [True, False])
async def test_huge_files_are_not_taken(peer: Peer, client: ComfyClient, tmp_path: Path, announced: bool) -> None:
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

    peer.view = endless
    with pytest.raises(FileTooLarge):
        await client.download(FILE, tmp_path / "x.png", max_bytes=3_000_000)
    assert names(tmp_path) == []
    assert peer.calls.count("GET /view") == 1


async def test_a_full_disk_leaves_nothing(
    peer: Peer, client: ComfyClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer.files["temp/sub/folder/a b&c_ü.png"] = os.urandom(3_000_000)

    class FullDisk(io.FileIO):
        def write(self, data: object) -> int:  # pyright: ignore[reportIncompatibleMethodOverride]
            raise OSError(28, "No space left on device")

    def opened(path: Path, mode: str) -> FullDisk:
        return FullDisk(path, mode)

    monkeypatch.setattr(Path, "open", opened)
    with pytest.raises(OSError, match="No space left"):
        await client.download(FILE, tmp_path / "x.png", max_bytes=10_000_000)
    monkeypatch.undo()
    assert names(tmp_path) == []


HOSTILE = (
    "../../x.png",
    "/etc/passwd",
    "..\\..\\x.png",
    "a\0b.png",
    "x.png/../../y",
    "con.png\n",
    ".",
    "~",
    "x." + "y" * 99,
)


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_names_stay_words(peer: Peer, client: ComfyClient, tmp_path: Path, name: str) -> None:
    """The server's name goes back to the server and nowhere else; only a tame extension is offered for ours."""
    (file,) = files_of({"1": {"images": [image(name, "../../..")]}})
    assert file.filename == name
    assert file.suffix in {".png", ".bin"}

    async def anything(request: web.Request) -> web.StreamResponse:
        assert request.query["filename"] == name
        return web.Response(body=b"data")

    peer.view = anything
    await client.download(file, tmp_path / f"ours{file.suffix}", max_bytes=10)
    assert names(tmp_path) == [f"ours{file.suffix}"]


async def test_names_the_server_refuses(peer: Peer, client: ComfyClient, tmp_path: Path) -> None:
    (file,) = files_of({"1": {"images": [image("../../x.png")]}})
    with pytest.raises(FileRefused):
        await client.download(file, tmp_path / "x", max_bytes=10)


async def test_uploads_use_the_name_the_server_chose(peer: Peer, client: ComfyClient, tmp_path: Path) -> None:
    source = tmp_path / "voice.wav"
    source.write_bytes(b"RIFF" + os.urandom(200_000))
    assert await client.upload(source, name="nova voice ü.wav") == "chorus/nova_voice_.wav"
    assert await client.upload(source, name="nova voice ü.wav") == "chorus/nova_voice_ (1).wav"
    assert await client.upload(source, name="../../evil.wav", subfolder="") == "_.._evil.wav"
    assert [(name, folder) for name, folder, _ in peer.uploads] == [
        ("nova_voice_.wav", "chorus"),
        ("nova_voice_ (1).wav", "chorus"),
        ("_.._evil.wav", ""),
    ]
    assert peer.uploads[0][2] == source.read_bytes()


@pytest.mark.parametrize("status", [400, 413, 500])
async def test_uploads_refused(peer: Peer, client: ComfyClient, tmp_path: Path, status: int) -> None:
    source = tmp_path / "a.png"
    source.write_bytes(b"x")
    peer.answer = (status, b"", "text/plain")
    with pytest.raises(UploadRefused) as refused:
        await client.upload(source, name="a.png")
    assert refused.value.status == status
