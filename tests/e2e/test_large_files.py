"""Results beyond what the server takes, from the real orchestrator to the messages that show them."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bot.media.video import probe_video
from tests.e2e.system import System, graph, open_system
from tests.media.sample_audio import FFMPEG

LIMIT = 120_000
"""Bytes per file; discord.py thinks it is 10 MiB, so that it is learnt from refusals."""


def film(*, frames: int = 8, side: int = 384) -> dict[str, Any]:
    """Pictures strung together and saved as MP4."""
    made = graph(batch=frames, side=side, steps=1)
    del made["7"]
    made["8"] = {"class_type": "CreateVideo", "inputs": {"images": ["6", 0], "fps": 12.0}}
    saved = {"video": ["8", 0], "filename_prefix": "film", "format": "mp4", "codec": "h264"}
    made["9"] = {"class_type": "SaveVideo", "inputs": saved}
    return made


def hang(system: System, name: str, content: dict[str, Any]) -> None:
    path = system.folder / "workflows" / "nova" / "image" / f"{name}.json"
    path.write_text(json.dumps(content), encoding="utf-8")


async def test_pictures_too_large_are_made_to_fit_and_the_originals_kept(system: System) -> None:
    guild = system.discord.add_guild("Narrow", attachment_limit=LIMIT)
    room = guild.add_channel("studio")
    system.room, system.ada = room, guild.add_member("eve")
    hang(system, "large", graph(batch=11, side=384))
    async with system.running() as (services, _):
        message = await system.imagine(workflow="large")
        await system.result(message, files=10)
        await system.until_delivered()
        stored = sorted(services.settings.storage.data_dir.glob("images/*/*.png"))
    first, second = room.bot_messages
    files = first.attachments + second.attachments
    assert (len(first.attachments), len(second.attachments)) == (10, 1)
    assert all(file.size <= LIMIT for file in files)
    assert len(stored) == 11
    assert all(path.stat().st_size > LIMIT for path in stored)
    assert "to fit the size limit here" in first.text()
    for file in files:
        Image.open(io.BytesIO(file.data)).load()


async def test_a_video_too_large_is_encoded_again(system: System, tmp_path: Path) -> None:
    guild = system.discord.add_guild("Narrow", attachment_limit=LIMIT)
    system.room, system.ada = guild.add_channel("studio"), guild.add_member("eve")
    hang(system, "film", film())
    async with system.running() as (services, _):
        message = await system.imagine(workflow="film")
        await system.result(message)
        await system.until_delivered()
        (stored,) = services.settings.storage.data_dir.glob("*/*/*.mp4")
    (file,) = message.attachments
    assert stored.stat().st_size > LIMIT >= file.size
    assert "Encoded again as MP4" in message.text()
    shown = tmp_path / "shown.mp4"
    shown.write_bytes(file.data)
    before, after = await probe_video(stored, ffmpeg=FFMPEG), await probe_video(shown, ffmpeg=FFMPEG)
    assert abs(before.duration_seconds - after.duration_seconds) < 0.3


@pytest.mark.parametrize("keep", [True, False])
async def test_a_video_is_posted_with_or_without_the_graph(tmp_path: Path, keep: bool) -> None:
    async with open_system(tmp_path, media={"keep_metadata": keep}) as system:
        hang(system, "film", film(frames=4, side=64))
        async with system.running() as (services, _):
            message = await system.imagine(workflow="film")
            await system.result(message)
            (stored,) = services.settings.storage.data_dir.glob("*/*/*.mp4")
        (file,) = message.attachments
        assert b"lighthouse" in stored.read_bytes()
        assert (b"lighthouse" in file.data) is keep
        assert (file.data == stored.read_bytes()) is keep
