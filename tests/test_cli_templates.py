"""`chorus workflow templates` and `chorus workflow models`, against the stand-in and a real ComfyUI."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest

from bot.cli import main
from sandbox.comfyui import StandInComfyUI, StandInOptions

GALLERY = [
    {"title": "Image", "templates": [{"name": "boat", "title": "A boat", "models": ["SDXL"], "size": 7 * 10**9}]}
]
BOAT = {
    "version": 0.4,
    "nodes": [
        {
            "id": 1, "type": "EmptyImage", "mode": 0, "inputs": [], "widgets_values": [64, 64, 1, 0],
            "outputs": [{"name": "IMAGE", "type": "IMAGE", "links": [1]}],
            "properties": {"models": [
                {"name": "sail.safetensors", "directory": "loras", "url": "https://example.org/sail.safetensors"},
                {"name": "sd_xl_base_1.0.safetensors", "directory": "checkpoints", "url": "https://example.org/base"},
            ]},
        },
        {
            "id": 2, "type": "SaveImage", "mode": 0, "widgets_values": ["boat"],
            "inputs": [{"name": "images", "type": "IMAGE", "link": 1}], "outputs": [],
        },
    ],
    "links": [[1, 1, 0, 2, 0, "IMAGE"]],
}  # fmt: skip


async def run(*arguments: str) -> int:
    return await asyncio.to_thread(main, ["workflow", *arguments])


@pytest.fixture
def gallery(tmp_path: Path) -> Path:
    folder = tmp_path / "templates"
    folder.mkdir()
    (folder / "index.json").write_text(json.dumps(GALLERY))
    (folder / "boat.json").write_text(json.dumps(BOAT))
    return folder


async def test_a_template_is_found_and_taken_with_the_list_of_what_is_missing(
    gallery: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "boat-api.json"
    async with StandInComfyUI(options=StandInOptions(templates=gallery)) as comfy:
        assert await run("templates", "sdxl", "--comfyui", comfy.url) == 0
        listed = capsys.readouterr().out
        assert "boat" in listed
        assert "7.0 GB" in listed
        assert await run("templates", "--get", "boat", "--out", str(out), "--comfyui", comfy.url) == 0
        told = capsys.readouterr().out
    graph = json.loads(out.read_text())
    assert {node["class_type"] for node in graph.values()} == {"EmptyImage", "SaveImage"}
    assert "download it from https://example.org/sail.safetensors to ComfyUI's models/loras" in told
    assert "sd_xl_base" not in told, "it is installed"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("templates", "--get", "../index"), "no template of that name"),
        (("templates", "--get", "nothing"), "no template of that name"),
        (("models", "nonsense"), "no folder nonsense"),
    ],
)
async def test_what_is_not_there_is_said(
    gallery: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    async with StandInComfyUI(options=StandInOptions(templates=gallery)) as comfy:
        assert await run(*arguments, "--comfyui", comfy.url) == 1
    assert said in capsys.readouterr().err


async def test_a_server_without_a_gallery_and_none_at_all(capsys: pytest.CaptureFixture[str]) -> None:
    async with StandInComfyUI() as comfy:
        assert await run("templates", "--comfyui", comfy.url) == 1
    assert "serves no templates" in capsys.readouterr().err
    assert await run("models", "--comfyui", "http://127.0.0.1:9") == 1
    assert "COMFY_UNAVAILABLE" in capsys.readouterr().err


async def test_installed_models_are_listed_by_folder(capsys: pytest.CaptureFixture[str]) -> None:
    async with StandInComfyUI() as comfy:
        assert await run("models", "--comfyui", comfy.url) == 0
        everything = capsys.readouterr().out.splitlines()
        assert everything[everything.index("checkpoints") + 1].startswith("  ")
        assert await run("models", "checkpoints", "XL_BASE", "--comfyui", comfy.url) == 0
        assert capsys.readouterr().out.split() == ["checkpoints", "sd_xl_base_1.0.safetensors"]


@pytest.mark.live
@pytest.mark.skipif(not os.environ.get("COMFYUI_URL"), reason="COMFYUI_URL is not set")
def test_the_gallery_of_a_real_comfyui(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "qwen.json"

    def command(*arguments: str) -> int:
        return main(["workflow", *arguments, "--comfyui", os.environ["COMFYUI_URL"]])

    assert command("templates", "qwen", "text", "image") == 0
    assert "image_qwen_image" in capsys.readouterr().out
    assert command("templates", "--get", "image_qwen_image", "--out", str(out)) == 0
    assert "models/diffusion_models" in capsys.readouterr().out
    assert any(node["class_type"] == "KSampler" for node in json.loads(out.read_text()).values())
    assert command("models", "checkpoints") == 0
