"""Media files with metadata, written by Pillow and ffmpeg as ComfyUI writes them."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Mapping
from pathlib import Path

import imageio_ffmpeg
from PIL import ExifTags, Image, PngImagePlugin

PICTURE = Image.new("RGB", (16, 16), "red")
SOUND = ["-f", "lavfi", "-i", "sine=frequency=440:duration=0.2"]
FILM = ["-f", "lavfi", "-i", "color=red:size=32x32:duration=0.2:rate=10", "-pix_fmt", "yuv420p"]
ANY_KEY = ["-movflags", "+use_metadata_tags"]
FFMPEG: dict[str, list[str]] = {
    "a.flac": SOUND,
    "a.mp3": SOUND,
    "b.mp3": [*SOUND, "-id3v2_version", "3"],
    "a.opus": SOUND,
    "a.ogg": [*SOUND, "-c:a", "libvorbis"],
    "a.m4a": [*SOUND, *ANY_KEY],
    "a.mp4": [*FILM, *ANY_KEY],
    "b.mp4": [*FILM, "-movflags", "+faststart+use_metadata_tags"],
    "a.mov": [*FILM, *ANY_KEY],
    "a.webm": [*FILM, "-c:v", "libvpx"],
    "a.mkv": FILM,
}
"""The options of ffmpeg by the name of the file."""


def png(texts: Mapping[str, str], *, international: bool = False) -> bytes:
    chunks = PngImagePlugin.PngInfo()
    for key, value in texts.items():
        (chunks.add_itxt if international else chunks.add_text)(key, value)
    file = io.BytesIO()
    PICTURE.save(file, "PNG", pnginfo=chunks)
    return file.getvalue()


def animated_png(texts: Mapping[str, str]) -> bytes:
    chunks = PngImagePlugin.PngInfo()
    for key, value in texts.items():
        chunks.add(b"comf", key.encode() + b"\0" + value.encode("latin-1"), after_idat=True)
    file = io.BytesIO()
    PICTURE.save(file, "PNG", pnginfo=chunks, save_all=True, append_images=[PICTURE.rotate(90)])
    return file.getvalue()


def with_exif(texts: Mapping[str, str], form: str) -> bytes:
    """WebP or JPEG."""
    exif = Image.Exif()
    for number, (key, value) in enumerate(texts.items()):
        exif[ExifTags.Base.Model - number] = f"{key}:{value}"
    file = io.BytesIO()
    PICTURE.save(file, form, exif=exif)
    return file.getvalue()


def with_user_comment(text: str, encoding: str, form: str) -> bytes:
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = b"UNICODE\0" + text.encode(encoding)
    file = io.BytesIO()
    PICTURE.save(file, form, exif=exif)
    return file.getvalue()


def by_ffmpeg(name: str, texts: Mapping[str, str], folder: Path) -> bytes:
    path = folder / name
    tags = [part for key, value in texts.items() for part in ("-metadata", f"{key}={value}")]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-nostdin", *FFMPEG[name], *tags, str(path)]
    subprocess.run(command, check=True)
    return path.read_bytes()
