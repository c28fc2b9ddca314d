"""Audio and video files through the ffmpeg of the wheel `imageio-ffmpeg`. Blocking: for the worker thread."""

from __future__ import annotations

import io
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import imageio_ffmpeg
from PIL import Image

from sandbox.comfyui.values import Audio, Video


class MediaError(Exception):
    """A file has no audio, or ffmpeg failed."""


def read_audio(path: Path, *, sample_rate: int = 44100) -> Audio:
    """Decode the audio of a file, as stereo.

    Raises:
        MediaError: The file has no audio.

    """
    arguments = ["-i", str(path), "-vn", "-f", "s16le", "-ac", "2", "-ar", str(sample_rate), "-"]
    done = _run(arguments, b"")
    if done.returncode != 0 or not done.stdout:
        msg = f"No audio stream found in the file: {path.name}"
        raise MediaError(msg)
    return Audio(done.stdout, sample_rate, 2)


def write_audio(audio: Audio, target: Path, options: Sequence[str], metadata: Mapping[str, str]) -> None:
    """Encode audio; the suffix of `target` decides on the format, `options` are ffmpeg's.

    Raises:
        MediaError: ffmpeg failed.

    """
    source = ["-f", "s16le", "-ar", str(audio.sample_rate), "-ac", str(audio.channels), "-i", "-"]
    _expect([*source, *_tags(metadata), *options, "-y", str(target)], audio.pcm)


def read_video(path: Path) -> Video:
    """Decode the frames and the audio of a file.

    Raises:
        MediaError: The file has no frames.

    """
    done = _run(["-i", str(path), "-an", "-f", "image2pipe", "-c:v", "ppm", "-"], b"")
    frames: list[Image.Image] = []
    stream = io.BytesIO(done.stdout)
    while header := [stream.readline() for _ in range(3)][1]:  # P6, "width height", 255
        width, height = (int(number) for number in header.split())
        frames.append(Image.frombytes("RGB", (width, height), stream.read(3 * width * height)))
    if done.returncode != 0 or not frames:
        msg = f"No video stream found in the file: {path.name}"
        raise MediaError(msg)
    _, seconds = imageio_ffmpeg.count_frames_and_secs(str(path))  # pyright: ignore[reportUnknownMemberType]
    try:
        audio = read_audio(path)
    except MediaError:
        audio = None
    return Video(tuple(frames), len(frames) / (seconds or 1.0), audio)


def write_video(video: Video, target: Path, metadata: Mapping[str, str]) -> None:
    """Encode H.264 in mp4 or mkv, with AAC if the video has audio. Odd widths and heights lose one pixel.

    Raises:
        MediaError: ffmpeg failed.

    """
    width, height = video.frames[0].width // 2 * 2, video.frames[0].height // 2 * 2
    frames = b"".join(each.convert("RGB").crop((0, 0, width, height)).tobytes() for each in video.frames)
    source = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", str(video.fps), "-i", "-"]
    encode = ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-preset", "veryfast", "-crf", "20", "-movflags", "+faststart"]
    with tempfile.TemporaryDirectory(prefix="stand-in-") as folder:
        sound: list[str] = []
        if video.audio is not None:
            wave = Path(folder) / "sound.wav"
            write_audio(video.audio, wave, [], {})
            sound = ["-i", str(wave), "-c:a", "aac", "-shortest"]
        tags = [*_tags(metadata), "-movflags", "+faststart+use_metadata_tags"] if metadata else []
        _expect([*source, *sound, *encode, *tags, "-y", str(target)], frames)


def _tags(metadata: Mapping[str, str]) -> list[str]:
    return [part for key, value in metadata.items() for part in ("-metadata", f"{key}={value}")]


def _expect(arguments: list[str], data: bytes) -> None:
    done = _run(arguments, data)
    if done.returncode != 0:
        raise MediaError(done.stderr.decode(errors="replace").strip().splitlines()[-1])


def _run(arguments: list[str], data: bytes) -> subprocess.CompletedProcess[bytes]:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-nostdin", "-loglevel", "error", *arguments]
    return subprocess.run(command, input=data, capture_output=True, check=False)  # noqa: S603 - our own binary and paths
