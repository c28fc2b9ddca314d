from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.workflows.embedded import read_media_metadata, read_workflow_source
from bot.workflows.errors import NotAGraph
from tests.workflows.embedded import media_files

TEXTS = {
    "prompt": json.dumps({"1": {"class_type": "A", "inputs": {"text": "grün, \u732b" * 50}}}),
    "workflow": json.dumps({"nodes": [], "links": [], "text": "x" * 40_000}),
}
PICTURES = {
    "png": media_files.png(TEXTS),
    "png iTXt": media_files.png(TEXTS, international=True),
    "animated png": media_files.animated_png(TEXTS),
    "webp": media_files.with_exif(TEXTS, "WEBP"),
    "jpeg": media_files.with_exif(TEXTS, "JPEG"),
}


@pytest.mark.parametrize("kind", PICTURES)
def test_pictures(kind: str) -> None:
    assert read_media_metadata(PICTURES[kind]) == TEXTS


@pytest.mark.parametrize("name", media_files.FFMPEG)
def test_sounds_and_films(name: str, tmp_path: Path) -> None:
    assert read_media_metadata(media_files.by_ffmpeg(name, TEXTS, tmp_path)) == TEXTS


def test_a_comment_with_both_as_video_helper_suite_writes_it(tmp_path: Path) -> None:
    wrapped = json.dumps({"prompt": TEXTS["prompt"], "workflow": {"nodes": [], "links": []}})
    for name in ("a.mp4", "a.webm"):
        source = read_workflow_source(media_files.by_ffmpeg(name, {"comment": wrapped}, tmp_path))
        assert source.graph == json.loads(TEXTS["prompt"])
        assert source.ui_workflow == {"nodes": [], "links": []}


@pytest.mark.parametrize("encoding", ["utf-16-be", "utf-16-le"])
@pytest.mark.parametrize("form", ["WEBP", "JPEG"])
def test_parameters_in_a_user_comment(encoding: str, form: str) -> None:
    text = "ein großer Kater\nSteps: 5, Seed: 3"
    data = media_files.with_user_comment(text, encoding, form)
    assert read_media_metadata(data) == {"parameters": text}


def test_parameters_in_latin_1() -> None:
    text = "ein großer Kater\nSteps: 5, Seed: 3"
    assert read_media_metadata(media_files.png({"parameters": text})) == {"parameters": text}


def test_other_texts_are_not_read() -> None:
    assert read_media_metadata(media_files.png({"Author": "me", "Prompt": "x"})) == {"prompt": "x"}


def test_other_files_are_no_media() -> None:
    assert read_media_metadata(b"") is None
    assert read_media_metadata(b'{"1": {}}') is None


def test_a_text_that_is_too_large_is_refused() -> None:
    with pytest.raises(NotAGraph, match="larger than 16 MB"):
        read_media_metadata(media_files.png({"prompt": "x" * (16 * 2**20 + 1)}))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    folder = tmp_path_factory.mktemp("media")
    return [*PICTURES.values(), *(media_files.by_ffmpeg(name, TEXTS, folder) for name in media_files.FFMPEG)]


@given(data=st.data())
def test_damaged_files_are_read_as_far_as_they_can_be(files: list[bytes], data: st.DataObject) -> None:
    file = bytearray(data.draw(st.sampled_from(files)))
    for _ in range(data.draw(st.integers(0, 20))):
        # Most of the structure stands in the first and last bytes.
        place = data.draw(st.integers(-400, 400))
        file[place % len(file)] = data.draw(st.integers(0, 255))
    found = read_media_metadata(bytes(file[: data.draw(st.integers(0, len(file)))]))
    assert found is None or found.keys() <= {"prompt", "workflow", "parameters", "comment"}
