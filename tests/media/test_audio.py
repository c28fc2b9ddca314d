from __future__ import annotations

import sys
import wave
from pathlib import Path

import pytest
from PIL import Image

from bot.errors import OutputTooLarge
from bot.media.audio import probe_audio, transcode_to_mp3, transcode_to_ogg
from bot.media.audio_shrinking import shrink_audio
from bot.media.errors import BadMedia
from bot.media.ffmpeg import input_file
from bot.media.voice_sample import convert_voice_sample
from bot.media.waveform import WAVEFORM_SAMPLE_RATE, WaveformMeter
from tests.media.sample_audio import FFMPEG, sound, video, waveform_values


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def opus_seconds(path: Path) -> tuple[float, int, int]:
    """(duration, channels, input rate) read from the Ogg pages themselves (RFC 7845), by no code of ours."""
    data = path.read_bytes()
    head = data.index(b"OpusHead")
    channels = data[head + 9]
    pre_skip = int.from_bytes(data[head + 10 : head + 12], "little")
    rate = int.from_bytes(data[head + 12 : head + 16], "little")
    last = data.rindex(b"OggS")
    granule = int.from_bytes(data[last + 6 : last + 14], "little")
    return (granule - pre_skip) / 48_000, channels, rate


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".mp3", ".opus", ".m4a", ".webm"])
async def test_whatever_comfyui_returns_becomes_mono_opus_of_the_same_length(tmp_path: Path, suffix: str) -> None:
    rate = 48_000 if suffix == ".webm" else 22_050
    source = await sound(tmp_path / f"a{suffix}", 2.37, rate=rate)
    info = await transcode_to_ogg(source, tmp_path / "out" / "a.ogg", ffmpeg=FFMPEG)
    seconds, channels, input_rate = opus_seconds(tmp_path / "out" / "a.ogg")
    assert (channels, input_rate) == (1, 48_000)
    assert info.media_type == "audio/ogg"
    assert abs(info.duration_seconds - seconds) < 0.1
    assert abs(info.duration_seconds - 2.37) < 0.1
    assert abs((await probe_audio(source, ffmpeg=FFMPEG)).duration_seconds - 2.37) < 0.1


async def test_transcoding_drops_the_graph_comfyui_wrote_into_the_file(tmp_path: Path) -> None:
    source = await video(tmp_path / "a.mp4", with_sound=True)
    assert b"secret graph" in source.read_bytes()
    await transcode_to_ogg(source, tmp_path / "a.ogg", ffmpeg=FFMPEG)
    await transcode_to_mp3(source, tmp_path / "a.mp3", ffmpeg=FFMPEG)
    assert b"secret" not in (tmp_path / "a.ogg").read_bytes() + (tmp_path / "a.mp3").read_bytes()


async def test_transcoding_to_mp3(tmp_path: Path) -> None:
    source = await sound(tmp_path / "a.flac")
    info = await transcode_to_mp3(source, tmp_path / "a.mp3", ffmpeg=FFMPEG)
    assert info.media_type == "audio/mpeg"
    assert abs((await probe_audio(tmp_path / "a.mp3", ffmpeg=FFMPEG)).duration_seconds - 2.0) < 0.1


async def test_a_failed_transcoding_leaves_the_target_as_it_was(tmp_path: Path) -> None:
    source, target = tmp_path / "a.flac", tmp_path / "a.ogg"
    source.write_bytes(b"fLaC" + bytes(100))
    target.write_bytes(b"old")
    with pytest.raises(BadMedia):
        await transcode_to_ogg(source, target, ffmpeg=FFMPEG)
    assert target.read_bytes() == b"old"
    assert names_in(tmp_path) == {"a.flac", "a.ogg"}


# -- waveform


async def test_the_waveform_follows_the_sound(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    # One second each of nothing, a loud tone, and the same tone 14 dB down.
    source = "sine=f=400:d=3,volume='if(lt(t,1),0,if(lt(t,2),1,0.2))':eval=frame"
    await FFMPEG.run(["-f", "lavfi", "-i", source, str(path)])
    bars = waveform_values((await probe_audio(path, ffmpeg=FFMPEG)).waveform)
    assert len(bars) == 30
    assert max(bars[:9]) == 0
    assert min(bars[11:19]) > 240
    assert all(40 < bar < 130 for bar in bars[21:29])


async def test_a_long_waveform_has_256_samples_at_most_one_per_100_ms(tmp_path: Path) -> None:
    for seconds, count in [(0.05, 1), (0.5, 5), (20.0, 200), (40.0, 256)]:
        path = await sound(tmp_path / "a.wav", seconds, rate=8_000)
        assert len(waveform_values((await probe_audio(path, ffmpeg=FFMPEG)).waveform)) == count


def test_the_waveform_of_silence_is_zero() -> None:
    meter = WaveformMeter()
    meter.feed(bytes(WAVEFORM_SAMPLE_RATE * 2))
    assert meter.silent
    assert set(waveform_values(meter.waveform())) == {0}


def test_chunks_of_any_length_measure_the_same() -> None:
    data = b"".join(
        int(20_000 * ((i // 900) % 2)).to_bytes(2, "little", signed=True) for i in range(WAVEFORM_SAMPLE_RATE * 2)
    )
    whole, chunked = WaveformMeter(), WaveformMeter()
    whole.feed(data)
    for at in range(0, len(data), 77):
        chunked.feed(data[at : at + 77])
    assert chunked.waveform() == whole.waveform()
    assert chunked.duration_seconds == whole.duration_seconds == 2.0
    assert len(set(waveform_values(whole.waveform()))) > 1


# -- files that are not audio


@pytest.mark.parametrize("data", [b"<html>no</html>" * 50, b"\0" * 5_000, b"OggS" + b"\1" * 300, b"ID3\3\0\0\0\0\0\0"])
async def test_files_that_are_not_audio_are_refused_with_a_sentence(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.flac"
    path.write_bytes(data)
    with pytest.raises(BadMedia) as caught:
        await probe_audio(path, ffmpeg=FFMPEG)
    assert "sound" in str(caught.value)
    assert str(tmp_path) not in caught.value.message + caught.value.advice


async def test_an_empty_file_is_called_empty(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    with pytest.raises(BadMedia, match="empty"):
        await probe_audio(tmp_path / "a.wav", ffmpeg=FFMPEG)


async def test_a_picture_is_not_sound(tmp_path: Path) -> None:
    Image.new("RGB", (20, 20)).save(tmp_path / "a.png")
    with pytest.raises(BadMedia):
        await probe_audio(tmp_path / "a.png", ffmpeg=FFMPEG)


async def test_playlists_are_refused(tmp_path: Path) -> None:
    secret = await sound(tmp_path / "secret.mp3")
    for name, text in {
        "a.m3u8": f"#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:2,\nfile://{secret}\n#EXT-X-ENDLIST\n",
        "a.ffconcat": f"ffconcat version 1.0\nfile '{secret}'\n",
        "a.mp3": f"#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:2,\nfile://{secret}\n#EXT-X-ENDLIST\n",
    }.items():
        path = tmp_path / name
        path.write_text(text)
        with pytest.raises(BadMedia):
            await probe_audio(path, ffmpeg=FFMPEG)


@pytest.mark.parametrize("name", ["-i.wav", "pipe:0.wav", "a b'\".wav", "%d.wav", "\N{SNOWMAN}.wav"])
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such file names")
async def test_odd_file_names_are_files(tmp_path: Path, name: str) -> None:
    plain = await sound(tmp_path / "plain.wav", 0.5)
    odd = plain.rename(tmp_path / name)
    assert abs((await probe_audio(odd, ffmpeg=FFMPEG)).duration_seconds - 0.5) < 0.01


# -- shrinking


async def test_audio_that_fits_is_unchanged(tmp_path: Path) -> None:
    path = await sound(tmp_path / "a.mp3")
    shrunk = await shrink_audio(path, path.stat().st_size, ffmpeg=FFMPEG)
    assert shrunk.data == path.read_bytes()
    assert shrunk.note is None
    assert (shrunk.suffix, shrunk.media_type) == (".mp3", "audio/mpeg")


@pytest.mark.parametrize(
    ("suffix", "limit", "media_type"),
    [
        (".wav", 30_000, "audio/ogg"),
        (".wav", 7_000, "audio/ogg"),
        (".mp3", 30_000, "audio/mpeg"),
        (".mp3", 9_000, "audio/ogg"),
    ],
)
async def test_the_bitrate_is_lowered_to_fit(tmp_path: Path, suffix: str, limit: int, media_type: str) -> None:
    source = await sound(tmp_path / "a.wav", 6.0, rate=44_100)
    if suffix == ".mp3":
        await transcode_to_mp3(source, tmp_path / "a.mp3", ffmpeg=FFMPEG)
    shrunk = await shrink_audio(tmp_path / f"a{suffix}", limit, ffmpeg=FFMPEG)
    assert len(shrunk.data) <= limit
    assert shrunk.media_type == media_type
    assert shrunk.note is not None
    assert "kbit/s" in shrunk.note
    result = tmp_path / f"shrunk{shrunk.suffix}"
    result.write_bytes(shrunk.data)
    info = await probe_audio(result, ffmpeg=FFMPEG)
    assert info.media_type == media_type
    assert abs(info.duration_seconds - 6.0) < 0.1


async def test_audio_that_cannot_fit_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OutputTooLarge):
        await shrink_audio(await sound(tmp_path / "a.wav", 6.0), 2_000, ffmpeg=FFMPEG)


# -- voice samples


async def sample(
    source: Path, target: Path, max_bytes: int = 20_000_000, max_seconds: float = 120.0
) -> tuple[str, ...]:
    return (
        await convert_voice_sample(source, target, max_bytes=max_bytes, max_seconds=max_seconds, ffmpeg=FFMPEG)
    ).warnings


@pytest.mark.parametrize("suffix", [".mp3", ".flac", ".m4a", ".opus"])
async def test_a_sample_becomes_mono_wav(tmp_path: Path, suffix: str) -> None:
    source = await sound(tmp_path / f"a{suffix}", 4.0)
    info = await convert_voice_sample(source, tmp_path / "voice.wav", max_bytes=10**7, max_seconds=60, ffmpeg=FFMPEG)
    with wave.open(str(tmp_path / "voice.wav")) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 48_000)
        assert abs(file.getnframes() / 48_000 - 4.0) < 0.1
    assert abs(info.duration_seconds - 4.0) < 0.1
    assert info.warnings == ()


async def test_a_sample_from_a_video(tmp_path: Path) -> None:
    source = await video(tmp_path / "a.mp4", 4.0, with_sound=True)
    assert await sample(source, tmp_path / "v.wav") == ()
    assert abs((await probe_audio(tmp_path / "v.wav", ffmpeg=FFMPEG)).duration_seconds - 4.0) < 0.1


async def test_a_video_without_sound_is_refused(tmp_path: Path) -> None:
    source = await video(tmp_path / "a.mp4")
    with pytest.raises(BadMedia, match="no sound"):
        await sample(source, tmp_path / "v.wav")


async def test_outside_3_to_30_seconds_is_a_warning(tmp_path: Path) -> None:
    (short,) = await sample(await sound(tmp_path / "short.wav", 1.5), tmp_path / "v.wav")
    assert "only 1.5 s" in short
    (long,) = await sample(await sound(tmp_path / "long.wav", 45.0), tmp_path / "v.wav")
    assert "45 s" in long


async def test_a_sample_that_is_too_large_is_not_opened(tmp_path: Path) -> None:
    source = tmp_path / "a.wav"
    with source.open("wb") as file:
        file.truncate(200_000_000)
    with pytest.raises(BadMedia, match="200 MB; at most 20 MB"):
        await sample(source, tmp_path / "v.wav")


async def test_a_sample_that_is_too_long_is_not_decoded(tmp_path: Path) -> None:
    source = tmp_path / "a.mp3"
    minute = tmp_path / "a.mp3"
    await FFMPEG.run(["-f", "lavfi", "-i", "sine=d=60:r=8000", "-b:a", "8k", "-write_xing", "0", str(minute)])
    source.write_bytes(minute.read_bytes() * 120)  # MP3 frames stand alone
    assert 6_000_000 < source.stat().st_size < 20_000_000
    with pytest.raises(BadMedia, match="at most 120 seconds"):
        await sample(source, tmp_path / "v.wav")
    assert names_in(tmp_path) == {"a.mp3"}


async def test_a_sample_at_the_limits_is_accepted(tmp_path: Path) -> None:
    source = await sound(tmp_path / "a.wav", 10.0)
    await sample(source, tmp_path / "v.wav", source.stat().st_size, 10.0)
    assert abs((await probe_audio(tmp_path / "v.wav", ffmpeg=FFMPEG)).duration_seconds - 10.0) < 0.01


@pytest.mark.parametrize("data", [b"", b"just text, renamed"])
async def test_a_sample_that_is_not_audio_is_refused(tmp_path: Path, data: bytes) -> None:
    source = tmp_path / "a.mp3"
    source.write_bytes(data)
    with pytest.raises(BadMedia):
        await sample(source, tmp_path / "v.wav")
    assert not (tmp_path / "v.wav").exists()


async def test_a_silent_sample_is_refused(tmp_path: Path) -> None:
    source = await sound(tmp_path / "a.wav", 5.0, volume=0.0)
    with pytest.raises(BadMedia, match="nothing to hear"):
        await sample(source, tmp_path / "v.wav")


def test_the_input_is_opened_as_a_file_with_known_containers_only(tmp_path: Path) -> None:
    arguments = input_file(tmp_path / "x.wav")
    assert arguments[-1].startswith("file:")
    assert "hls" not in arguments[arguments.index("-format_whitelist") + 1].split(",")
