"""Videos made small enough to post, with a real ffmpeg."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.errors import OutputTooLarge
from bot.media.video import probe_video
from bot.media.video_shrinking import shrink_video
from tests.media.sample_audio import FFMPEG

GRAPH = '{"1": {"class_type": "a secret harbour"}}'


async def noisy(path: Path, *, seconds: float = 2.0, size: str = "640x480", with_sound: bool = False) -> Path:
    """Noise, which is hard to compress, with ComfyUI's graph in its tags."""
    pictures = f"nullsrc=s={size}:r=24:d={seconds},geq=random(1)*255:128:128"
    sound = ["-f", "lavfi", "-i", f"sine=440:d={seconds}", "-shortest"] if with_sound else []
    tags = ["-metadata", f"prompt={GRAPH}", "-movflags", "+use_metadata_tags"]
    encoder = ["-c:v", "libx264", "-preset", "ultrafast", "-crf", "24", "-pix_fmt", "yuv420p"]
    await FFMPEG.run(["-f", "lavfi", "-i", pictures, *sound, *encoder, *tags, "-y", str(path)])
    return path


async def test_a_video_that_fits_is_unchanged(tmp_path: Path) -> None:
    source = await noisy(tmp_path / "a.mp4", size="64x48")
    shrunk = await shrink_video(source, source.stat().st_size, ffmpeg=FFMPEG)
    assert (shrunk.data, shrunk.suffix, shrunk.note) == (source.read_bytes(), ".mp4", None)


@pytest.mark.parametrize("with_sound", [False, True])
@pytest.mark.parametrize("share", [2, 20])
async def test_a_video_is_encoded_to_fit_the_limit(tmp_path: Path, share: int, with_sound: bool) -> None:
    source = await noisy(tmp_path / "a.mp4", with_sound=with_sound)
    before = source.read_bytes()
    shrunk = await shrink_video(source, len(before) // share, ffmpeg=FFMPEG)
    assert len(shrunk.data) <= len(before) // share
    assert shrunk.note is not None
    assert "to fit the size limit" in shrunk.note
    target = tmp_path / "b.mp4"
    target.write_bytes(shrunk.data)
    info, original = await probe_video(target, ffmpeg=FFMPEG), await probe_video(source, ffmpeg=FFMPEG)
    assert abs(info.duration_seconds - original.duration_seconds) < 0.3
    assert info.has_sound is with_sound
    assert abs(info.width / info.height - original.width / original.height) < 0.1
    assert source.read_bytes() == before


async def test_comfyuis_graph_is_kept_where_it_fits(tmp_path: Path) -> None:
    source = await noisy(tmp_path / "a.mp4")
    shrunk = await shrink_video(source, source.stat().st_size // 2, ffmpeg=FFMPEG)
    assert shrunk.note is not None
    assert GRAPH.encode() in shrunk.data


@pytest.mark.parametrize("share", [1, 10])
async def test_without_metadata_the_graph_is_gone(tmp_path: Path, share: int) -> None:
    source = await noisy(tmp_path / "a.mp4", size="320x240")
    shrunk = await shrink_video(source, source.stat().st_size // share, keep_metadata=False, ffmpeg=FFMPEG)
    assert b"harbour" in source.read_bytes()
    assert b"harbour" not in shrunk.data
    assert (shrunk.note is None) is (share == 1)


async def test_odd_sides_and_other_containers(tmp_path: Path) -> None:
    source = tmp_path / "a.webm"
    pictures = "nullsrc=s=321x241:r=24:d=1,geq=random(1)*255:128:128"
    await FFMPEG.run(["-f", "lavfi", "-i", pictures, "-c:v", "libvpx", "-b:v", "8M", "-y", str(source)])
    shrunk = await shrink_video(source, source.stat().st_size // 3, ffmpeg=FFMPEG)
    assert shrunk.suffix == ".mp4"
    assert len(shrunk.data) <= source.stat().st_size // 3


async def test_a_video_that_cannot_fit_is_an_error(tmp_path: Path) -> None:
    source = await noisy(tmp_path / "a.mp4", size="128x96", with_sound=True)
    with pytest.raises(OutputTooLarge):
        await shrink_video(source, 2_000, ffmpeg=FFMPEG)
