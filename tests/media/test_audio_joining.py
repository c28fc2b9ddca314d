from __future__ import annotations

import statistics
from pathlib import Path

import pytest

from bot.media.audio import probe_audio
from bot.media.audio_joining import join_audio
from bot.media.errors import BadMedia
from bot.media.pcm import pcm_segment
from tests.media.sample_audio import FFMPEG, sound


async def rms_of(path: Path, start: float, seconds: float) -> int:
    """The loudness of a stretch."""
    pieces: list[bytes] = []
    cut = ["-ss", str(start), "-t", str(seconds), "-i", str(path)]
    await FFMPEG.run([*cut, "-f", "s16le", "-ac", "1", "-ar", "8000", "-"], on_output=pieces.append)
    return pcm_segment(b"".join(pieces), 8_000).rms


@pytest.mark.parametrize("target", ["out.ogg", "out.wav", "out.mp3"])
async def test_the_result_is_as_long_as_its_sources_and_pauses(tmp_path: Path, target: str) -> None:
    lengths = {".flac": 1.31, ".mp3": 0.77, ".opus": 2.05, ".wav": 0.4}
    parts = [await sound(tmp_path / f"part{suffix}", seconds) for suffix, seconds in lengths.items()]
    expected = sum([(await probe_audio(part, ffmpeg=FFMPEG)).duration_seconds for part in parts]) + 3 * 0.3
    info = await join_audio(parts, tmp_path / target, 300, ffmpeg=FFMPEG)
    assert abs(info.duration_seconds - expected) < 0.05
    assert abs((await probe_audio(tmp_path / target, ffmpeg=FFMPEG)).duration_seconds - expected) < 0.05


async def test_loudness_is_matched_and_pauses_are_silent(tmp_path: Path) -> None:
    parts = [
        await sound(tmp_path / "a.wav", 2.0, volume=1.0),
        await sound(tmp_path / "b.wav", 2.0, volume=0.4),
        await sound(tmp_path / "c.wav", 2.0, volume=0.7),
    ]
    await join_audio(parts, tmp_path / "out.wav", 500, ffmpeg=FFMPEG)
    levels = [await rms_of(tmp_path / "out.wav", start, 2.0) for start in (0.0, 2.5, 5.0)]
    assert max(levels) / min(levels) < 1.1
    before = [await rms_of(part, 0, 2.0) for part in parts]
    assert abs(statistics.median(levels) / statistics.median(before) - 1) < 0.1
    assert await rms_of(tmp_path / "out.wav", 2.05, 0.4) == 0


async def test_quiet_sources_are_amplified_by_9_db_at_most_and_silence_is_not(tmp_path: Path) -> None:
    parts = [
        await sound(tmp_path / "a.wav", 1.0),
        await sound(tmp_path / "b.wav", 1.0),
        await sound(tmp_path / "c.wav", 1.0, volume=0.1),
        await sound(tmp_path / "d.wav", 1.0, volume=0.0),
    ]
    await join_audio(parts, tmp_path / "out.wav", 0, ffmpeg=FFMPEG)
    whisper, silence = await rms_of(tmp_path / "out.wav", 2, 1), await rms_of(tmp_path / "out.wav", 3, 1)
    assert 2.5 < whisper / await rms_of(parts[2], 0, 1) < 2.9
    assert silence == 0


async def test_amplifying_never_clips(tmp_path: Path) -> None:
    peaky = tmp_path / "peaky.wav"
    bursts = "sine=f=300:d=2,volume='if(lt(mod(t,1),0.05),7.5,0.12)':eval=frame"
    await FFMPEG.run(["-f", "lavfi", "-i", bursts, str(peaky)])
    loud = await sound(tmp_path / "loud.wav", 2.0, volume=6.0)
    await join_audio([peaky, loud, loud], tmp_path / "out.wav", 0, ffmpeg=FFMPEG)
    pieces: list[bytes] = []
    await FFMPEG.run(["-t", "2", "-i", str(tmp_path / "out.wav"), "-f", "s16le", "-"], on_output=pieces.append)
    assert pcm_segment(b"".join(pieces), 48_000).max < 32_767


async def test_joining_one_file(tmp_path: Path) -> None:
    info = await join_audio([await sound(tmp_path / "a.flac", 1.5)], tmp_path / "out.ogg", 300, ffmpeg=FFMPEG)
    assert abs(info.duration_seconds - 1.5) < 0.05


async def test_a_broken_source_raises_and_leaves_nothing(tmp_path: Path) -> None:
    broken = tmp_path / "b.flac"
    broken.write_bytes(b"<html>")
    with pytest.raises(BadMedia, match="part"):
        await join_audio([await sound(tmp_path / "a.flac"), broken], tmp_path / "out.ogg", 300, ffmpeg=FFMPEG)
    assert not (tmp_path / "out.ogg").exists()


@pytest.mark.parametrize(("parts", "target"), [([], "a.ogg"), ([Path("x.wav")], "a.flac")])
async def test_wrong_arguments_raise(tmp_path: Path, parts: list[Path], target: str) -> None:
    with pytest.raises(ValueError, match="joining needs"):
        await join_audio(parts, tmp_path / target, 300, ffmpeg=FFMPEG)
