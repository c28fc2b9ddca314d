"""A real ComfyUI at COMFYUI_URL that has the tiny models of these tests."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.comfyui.client import ComfyClient
from tests.e2e.system import System, graph, open_system
from tests.live.tiny_models import CHECKPOINT, LORA, install_models

URL = os.environ.get("COMFYUI_URL", "")
MODELS = os.environ.get("COMFYUI_MODELS", "")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Called by pytest: everything in this folder needs a real ComfyUI."""
    missing = (
        "COMFYUI_URL is not set" if not URL else "" if MODELS else "COMFYUI_MODELS is not set: see CONTRIBUTING.md"
    )
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.live)
            if missing:
                item.add_marker(pytest.mark.skip(reason=missing))


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    """The whole bot between the local Discord and the real ComfyUI."""
    await _install()
    async with open_system(tmp_path, comfyui={"url": URL}, batch={"confirm_above": 20}) as opened:
        path = tmp_path / "workflows" / "nova" / "image" / "default.json"
        path.write_text(json.dumps(tiny_graph()), encoding="utf-8")
        yield opened


def tiny_graph() -> dict[str, Any]:
    """Text to picture with the tiny checkpoint."""
    made = graph(steps=4)
    made["1"]["inputs"]["ckpt_name"] = CHECKPOINT
    return made


async def _install() -> None:
    """Put the models in place; ComfyUI lists them at once where the folder is one of its own."""
    await asyncio.to_thread(install_models, Path(MODELS))
    async with ComfyClient(URL) as client:
        async with asyncio.timeout(60):
            await client.wait_available()
        info = await client.object_info()
    for class_type, name in (("CheckpointLoaderSimple", CHECKPOINT), ("LoraLoader", LORA)):
        assert name in json.dumps(info[class_type]), f"ComfyUI does not look into COMFYUI_MODELS ({MODELS}) for {name}"
