"""Files of requests: told by content, checked, cut, and kept once."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from bot.errors import InputInvalid
from bot.file_hash import sha256_of_file
from bot.generation.input_files import InputFiles, InputLimits
from bot.media.audio import probe_audio
from bot.media.video import probe_video
from tests.media.sample_audio import FFMPEG, sound, video


def keeper(folder: Path, *, max_bytes: int = 10**7, seconds: float = 60) -> InputFiles:
    limits = InputLimits(max_bytes=max_bytes, max_pixels=10**7, max_input_pixels=10**6, max_seconds=seconds)
    return InputFiles(folder / "data", limits, ffmpeg=FFMPEG)


def png(colour: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (20, 10), colour).save(buffer, "PNG")
    return buffer.getvalue()


async def test_pictures_are_kept_once_under_their_hash(tmp_path: Path) -> None:
    files = keeper(tmp_path)
    kept = await files.keep([png("red"), png("blue"), png("red")], last=png("blue"))
    assert [each.file.role for each in kept] == ["reference_image", "image2", "image3", "last_image"]
    assert len(list((tmp_path / "data" / "inputs").iterdir())) == 2
    for each in kept:
        assert sha256_of_file(Path(each.file.path)) == each.file.sha256


async def test_films_and_sounds_are_told_by_content_and_cut(tmp_path: Path) -> None:
    film = await video(tmp_path / "film.mp4", 3.0, with_sound=True)
    tone = await sound(tmp_path / "tone.mp3", 3.0)
    kept = await keeper(tmp_path, seconds=1).keep([film.read_bytes(), tone.read_bytes(), png("red")])
    assert [each.file.role for each in kept] == ["film", "sound", "reference_image"]
    assert kept[0].note == "Of the film, the first 1 s are used."
    made = await probe_video(Path(kept[0].file.path), ffmpeg=FFMPEG)
    assert made.duration_seconds < 1.6
    assert made.has_sound
    assert abs((await probe_audio(Path(kept[1].file.path), ffmpeg=FFMPEG)).duration_seconds - 1) < 0.1
    assert b"secret graph" in film.read_bytes()
    [stored] = (tmp_path / "data" / "inputs").glob("*.mp4")
    assert b"secret graph" not in stored.read_bytes()


async def test_a_film_of_two_hours_is_cut(tmp_path: Path) -> None:
    film = tmp_path / "long.mp4"
    source = ["-f", "lavfi", "-i", "color=red:size=32x32:rate=1:duration=7200"]
    await FFMPEG.run(["-v", "error", *source, "-c:v", "libx264", "-preset", "ultrafast", "-y", str(film)])
    [kept] = await keeper(tmp_path, seconds=2).keep([film.read_bytes()])
    assert (await probe_video(Path(kept.file.path), ffmpeg=FFMPEG)).duration_seconds < 4
    assert kept.note == "Of the film, the first 2 s are used."


async def test_what_cannot_be_used_is_refused(tmp_path: Path) -> None:
    film = (await video(tmp_path / "film.mp4")).read_bytes()
    for contents, said in (
        ([film, film], "At most one film"),
        ([b"\x00\x00\x00\x18ftypmp42" + bytes(100)], "cannot be played"),
        ([b"RIFF\x00\x00\x00\x00WAVE"], "cannot be played"),
        ([b"plain text"], "not a picture"),
        ([b""], "empty"),
        ([png("red")] * 5, "At most 4 pictures"),
    ):
        with pytest.raises(InputInvalid, match=said):
            await keeper(tmp_path).keep(contents)
    with pytest.raises(InputInvalid, match="larger than"):
        await keeper(tmp_path, max_bytes=10).keep([png("red")])
    assert not (tmp_path / "data").exists()


def half_white(size: tuple[int, int]) -> bytes:
    mask, buffer = Image.new("L", size, 0), io.BytesIO()
    mask.paste(255, (0, 0, size[0] // 2, size[1]))
    mask.save(buffer, "PNG")
    return buffer.getvalue()


async def test_a_mask_belongs_to_the_first_picture(tmp_path: Path) -> None:
    files = keeper(tmp_path)
    film = await video(tmp_path / "film.mp4", 1.0)
    kept = [each.file for each in await files.keep([film.read_bytes(), png("red"), png("blue")])]
    separate = await files.with_mask(kept, half_white((200, 100)), as_transparency=False)
    assert separate[:3] == tuple(kept)
    assert separate[3].role == "mask"
    with Image.open(separate[3].path) as mask:
        assert (mask.size, mask.getpixel((2, 5)), mask.getpixel((17, 5))) == (
            (20, 10), (255, 255, 255, 0), (0, 0, 0, 255),
        )  # fmt: skip
    within = await files.with_mask(kept, half_white((200, 100)), as_transparency=True)
    assert [file.role for file in within] == ["film", "reference_image", "image2"]
    assert (within[0], within[2]) == (kept[0], kept[2])
    with Image.open(within[1].path) as marked:
        assert (marked.getpixel((2, 5)), marked.getpixel((17, 5))) == ((255, 0, 0, 0), (255, 0, 0, 255))


async def test_a_mask_without_a_picture_is_refused(tmp_path: Path) -> None:
    files = keeper(tmp_path, max_bytes=10**5)
    tone = await sound(tmp_path / "tone.mp3", 1.0)
    kept = [each.file for each in await files.keep([tone.read_bytes()])]
    with pytest.raises(InputInvalid, match="A mask needs a picture"):
        await files.with_mask(kept, half_white((20, 10)), as_transparency=False)
    with pytest.raises(InputInvalid, match="larger than"):
        await files.with_mask(kept, bytes(10**5 + 1), as_transparency=False)
