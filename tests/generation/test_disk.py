"""A full disk: the job fails with a clear error, nothing half-written remains, and the next one runs."""

import asyncio
import errno
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from bot.comfyui.client import ComfyClient
from bot.domain.jobs import JobKind, JobState
from bot.errors import ConfigError
from bot.generation import postprocessing
from bot.instance_lock import lock_data_folder
from bot.storage.jobs import JobRepository
from sandbox.comfyui import StandInComfyUI
from tests.generation.harness import Harness, open_harness, picture_graph, speech
from tests.locked_database import until_store_waits


async def test_full_while_downloading(
    harness: Harness, comfy: StandInComfyUI, small_files: Callable[[int], None]
) -> None:
    harness.files.graphs[JobKind.IMAGE, "default"] = picture_graph(width=1024, height=1024)
    async with comfy.set_breakpoint("SaveImage") as hold:
        job = await harness.draw()
        await hold.reached.wait()
        size = await database_log_size(harness)
        hold.release()
        await comfy.log.wait_for("execution_success")
        small_files(size + 2**18)  # room for the database's next pages, not for a picture of megabytes
        failed = await harness.ended(job)
    assert failed.error is not None
    assert failed.error.code == "GENERATION_FAILED"
    assert "disk" in failed.error.message
    assert harness.paths() == []


@pytest.mark.parametrize("step", ["make_thumbnail", "write_sidecar"])
async def test_full_while_saving_what_lies_beside(harness: Harness, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(postprocessing, step, full)
    failed = await harness.ended(await harness.draw())
    assert failed.error is not None
    assert "disk of the bot is full" in failed.error.message
    assert harness.paths() == []
    monkeypatch.undo()
    assert (await harness.ended(await harness.draw())).state is JobState.GENERATED


async def test_full_while_speech_is_transcoded(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(postprocessing, "transcode_to_ogg", full)
    failed = await harness.ended(await harness.orchestrator.submit(speech("Hello.")))
    assert failed.error is not None
    assert "disk" in failed.error.message
    assert harness.paths() == []


async def test_a_folder_that_cannot_be_made(harness: Harness) -> None:
    (harness.data / "images").write_text("in the way")
    failed = await harness.ended(await harness.draw())
    assert failed.error is not None
    assert "could not be saved" in failed.error.message


async def test_an_end_waits_for_room_in_the_database(
    quick_retries: None,
    harness: Harness,
    comfy: StandInComfyUI,
    small_files: Callable[[int], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Nobody is told what is not stored, and nothing is stuck afterwards."""
    comfy.faults.failing_nodes["KSampler"] = "boom"
    async with comfy.set_breakpoint("KSampler") as hold:
        job = await harness.draw()
        await hold.reached.wait()
        small_files(await database_log_size(harness))
        hold.release()
        await until_store_waits(caplog)
    small_files(-1)
    failed = await harness.ended(job)
    assert failed.state is JobState.FAILED
    assert await harness.orchestrator.job(job.id) == failed


async def test_a_verified_picture_waits_for_room_in_the_database(
    quick_retries: None,
    harness: Harness,
    comfy: StandInComfyUI,
    small_files: Callable[[int], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with comfy.set_breakpoint("SaveImage") as hold:
        job = await harness.draw()
        await hold.reached.wait()
        small_files(await database_log_size(harness))  # the picture of 64 x 64 pixels is smaller than that
        hold.release()
        await until_store_waits(caplog)
    small_files(-1)
    ended = await harness.ended(job)
    assert ended.state is JobState.GENERATED
    assert [artifact.path for artifact in ended.artifacts] == [
        path for path in harness.paths() if path.endswith(".png")
    ]


async def test_verified_files_stay_when_their_result_can_never_be_stored(
    tmp_path: Path, comfy: StandInComfyUI, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        def __init__(self, store: Any) -> None:
            self.store = store

        def __getattr__(self, name: str) -> Any:
            return getattr(self.store, name)

        async def finish(self, *_: Any) -> Any:
            raise sqlite3.DatabaseError("database disk image is malformed")

    async with open_harness(tmp_path, comfy.url, wrap=lambda store: cast("JobRepository", Broken(store))) as harness:
        failed = await harness.ended(await harness.draw())
        assert failed.state is JobState.FAILED
        assert [path for path in harness.paths() if path.endswith(".png")] != []
    assert "malformed" in caplog.text


async def database_log_size(harness: Harness) -> int:
    """The size of the file that every commit makes larger."""
    return (await asyncio.to_thread((harness.data / "chorus.db-wal").stat)).st_size


async def test_a_download_cut_off_in_mid_file_leaves_nothing(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    real = ComfyClient.download

    async def torn(self: ComfyClient, file: Any, target: Path, *, max_bytes: int) -> Any:
        await real(self, file, target, max_bytes=max_bytes)
        await asyncio.to_thread(os.truncate, target, 200)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(ComfyClient, "download", torn)
    failed = await harness.ended(await harness.draw())
    assert failed.state is JobState.FAILED
    assert harness.paths() == []


# -- one owner


def test_a_data_folder_has_one_owner(tmp_path: Path) -> None:
    with lock_data_folder(tmp_path / "data"):
        with pytest.raises(ConfigError, match="Another Chorus is running"), lock_data_folder(tmp_path / "data"):
            pass
        with lock_data_folder(tmp_path / "other"):
            pass
    with lock_data_folder(tmp_path / "data"):
        pass


def test_a_data_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be written"), lock_data_folder(tmp_path / "file" / "data"):
        pass
