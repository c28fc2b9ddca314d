from __future__ import annotations

import asyncio
import errno
import os
import sys
from pathlib import Path

import pytest

from bot.media.errors import BadMedia, EncoderFailed, EncoderMissing, EncoderTimeout
from bot.media.ffmpeg import MOST_PROCESSES, Ffmpeg, output_file
from bot.media.images import inspect_image
from bot.media.media_types import detect_media_type
from bot.media.video import copy_without_metadata, make_video_thumbnail, probe_video
from tests.media.sample_audio import FFMPEG, sound, video
from tests.media.sample_images import MAX_PIXELS

ENDLESS = ["-re", "-f", "lavfi", "-i", "sine=duration=3600", "-f", "s16le", "-"]


def script(path: Path, text: str) -> Path:
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return path


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_a_program_comes_with_the_installation() -> None:
    assert Path(await FFMPEG.locate()).name.startswith("ffmpeg")


async def test_a_missing_configured_program_is_reported_without_its_path(tmp_path: Path) -> None:
    with pytest.raises(EncoderMissing) as caught:
        await Ffmpeg(str(tmp_path / "nowhere")).run(["-version"])
    assert str(tmp_path) not in caught.value.message + caught.value.advice
    assert str(tmp_path) in caught.value.detail


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script stands in for ffmpeg")
async def test_the_configured_program_runs(tmp_path: Path) -> None:
    program = script(tmp_path / "myffmpeg", "echo mine >&2\n")
    assert (await Ffmpeg(str(program)).run(["-version"])).strip() == "mine"


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script stands in for ffmpeg")
async def test_only_so_many_run_at_the_same_time(tmp_path: Path) -> None:
    running = tmp_path / "running"
    running.mkdir()
    count = f"mkdir {running}/$$; ls {running} | wc -l >&2; sleep 0.05; rmdir {running}/$$\n"
    ffmpeg = Ffmpeg(str(script(tmp_path / "myffmpeg", count)))
    counts = await asyncio.gather(*(ffmpeg.run([]) for _ in range(3 * MOST_PROCESSES)))
    assert max(int(each) for each in counts) <= MOST_PROCESSES


async def test_what_it_says_is_not_in_the_public_message(tmp_path: Path) -> None:
    with pytest.raises(EncoderFailed) as caught:
        await FFMPEG.run(["-f", "lavfi", "-i", "sine", "-c:a", "nosuchcodec", *output_file(tmp_path / "a.wav")])
    failed = caught.value
    assert not isinstance(failed, EncoderMissing)
    assert "nosuchcodec" in failed.detail
    assert "nosuchcodec" not in failed.message + failed.advice


@pytest.mark.skipif(sys.platform == "win32", reason="process ids are looked at as POSIX has them")
async def test_cancelling_the_caller_kills_the_process(tmp_path: Path) -> None:
    record = tmp_path / "pid"
    program = script(tmp_path / "slow", f"echo $$ > {record}\necho started\nexec sleep 600\n")
    started = asyncio.Event()
    task = asyncio.create_task(Ffmpeg(str(program)).run([], on_output=lambda _: started.set()))
    async with asyncio.timeout(60):
        await started.wait()
    pid = int(record.read_text())
    assert alive(pid)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not alive(pid)


async def test_the_time_limit_kills_the_process() -> None:
    with pytest.raises(EncoderTimeout):
        await Ffmpeg(timeout_seconds=0.3).run(ENDLESS)


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script stands in for ffmpeg")
async def test_much_stderr_neither_blocks_nor_fills_memory(tmp_path: Path) -> None:
    program = script(tmp_path / "loud", "echo first >&2\nyes noise | head -c 3000000 >&2\necho last >&2\n")
    said = await Ffmpeg(str(program)).run([])
    assert said.startswith("first")
    assert said.rstrip().endswith("last")
    assert len(said) < 100_000


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is always full")
async def test_a_full_disk_is_an_os_error() -> None:
    with pytest.raises(OSError, match="No space left") as caught:
        await FFMPEG.run(["-f", "lavfi", "-i", "sine=duration=5", "-f", "wav", "-y", "file:/dev/full"])
    assert caught.value.errno == errno.ENOSPC


# -- video


@pytest.mark.parametrize(("suffix", "media_type"), [(".mp4", "video/mp4"), (".webm", "video/webm")])
async def test_a_video_is_measured(tmp_path: Path, suffix: str, media_type: str) -> None:
    info = await probe_video(await video(tmp_path / f"a{suffix}", 1.5), ffmpeg=FFMPEG)
    assert (info.media_type, info.width, info.height, info.has_sound) == (media_type, 320, 240, False)
    assert abs(info.duration_seconds - 1.5) < 0.1


async def test_the_audio_of_a_video_is_found(tmp_path: Path) -> None:
    assert (await probe_video(await video(tmp_path / "a.mp4", with_sound=True), ffmpeg=FFMPEG)).has_sound


async def test_a_stream_that_states_no_length_is_read_to_its_end(tmp_path: Path) -> None:
    source = await video(tmp_path / "a.webm", 1.5)
    live = tmp_path / "live.webm"
    await FFMPEG.run(["-i", str(source), "-c", "copy", "-live", "1", str(live)])
    assert abs((await probe_video(live, ffmpeg=FFMPEG)).duration_seconds - 1.5) < 0.2


async def test_a_video_gets_a_thumbnail(tmp_path: Path) -> None:
    await make_video_thumbnail(
        await video(tmp_path / "a.mp4"), tmp_path / "t.webp", max_pixels=MAX_PIXELS, ffmpeg=FFMPEG
    )
    info = inspect_image(tmp_path / "t.webp", max_pixels=MAX_PIXELS)
    assert (info.media_type, info.width, info.height) == ("image/webp", 200, 150)


async def test_files_that_are_not_videos_are_refused(tmp_path: Path) -> None:
    html, empty = tmp_path / "a.mp4", tmp_path / "b.mp4"
    html.write_text("<html>")
    empty.touch()
    tone = await sound(tmp_path / "c.mp3")
    for path in (html, empty, tone):
        with pytest.raises(BadMedia):
            await probe_video(path, ffmpeg=FFMPEG)
        with pytest.raises(BadMedia):
            await make_video_thumbnail(path, tmp_path / "t.webp", max_pixels=MAX_PIXELS, ffmpeg=FFMPEG)


async def test_a_video_cut_off_before_its_index_is_refused(tmp_path: Path) -> None:
    source = await video(tmp_path / "a.mp4")
    source.write_bytes(source.read_bytes()[:2_000])
    with pytest.raises(BadMedia):
        await probe_video(source, ffmpeg=FFMPEG)


async def test_copying_without_metadata_keeps_the_streams(tmp_path: Path) -> None:
    source = await video(tmp_path / "a.mp4", with_sound=True)
    await copy_without_metadata(source, tmp_path / "b.mp4", ffmpeg=FFMPEG)
    assert b"secret" not in (tmp_path / "b.mp4").read_bytes()
    assert await probe_video(tmp_path / "b.mp4", ffmpeg=FFMPEG) == await probe_video(source, ffmpeg=FFMPEG)


async def test_the_media_type_is_told_by_the_first_bytes(tmp_path: Path) -> None:
    expected = {".flac": "audio/flac", ".mp3": "audio/mpeg", ".opus": "audio/ogg", ".wav": "audio/wav"}
    for suffix, media_type in expected.items():
        path = (await sound(tmp_path / f"a{suffix}", 0.2)).rename(tmp_path / "renamed.bin")
        assert detect_media_type(path) == media_type
    (tmp_path / "text").write_text("hello")
    assert detect_media_type(tmp_path / "text") is None
