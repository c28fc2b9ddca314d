"""The files and texts of a prompt."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.comfyui.outputs import MediaKind, media_kind, parse_output_files, parse_output_texts, prefer_saved
from tests.comfyui.json_strategy import JSON
from tests.comfyui.scripted_server import output_file


@given(st.dictionaries(st.text(max_size=3), st.dictionaries(st.text(max_size=9), JSON, max_size=3), max_size=3))
def test_no_output_raises(outputs: dict[str, Any]) -> None:
    parse_output_files(outputs)
    parse_output_texts(outputs)


def test_files_are_found_under_any_key() -> None:
    outputs = {
        "1": {"images": [output_file("t.png", kind="temp")], "animated": [False]},
        "2": {"images": [output_file("v.mp4", "video")], "animated": [True]},
        "3": {"gifs": [output_file("w.WEBM") | {"fullpath": "/srv/w.webm", "frame_rate": 8}]},
        "4": {"audio": [output_file("s.flac", "audio"), output_file("s.flac", "audio")]},
        "5": {"text": ["hello", "wide world"], "files": [output_file("t_1.txt")]},
        "6": {
            "a_images": [output_file("a.png", kind="temp")],
            "latents": [output_file("l.latent")],
            "result": [True, None, 3],
        },
    }
    files = parse_output_files(outputs)
    assert [(file.filename, file.media) for file in files] == [
        ("v.mp4", MediaKind.VIDEO),
        ("w.WEBM", MediaKind.VIDEO),
        ("s.flac", MediaKind.AUDIO),
        ("t_1.txt", MediaKind.OTHER),
        ("l.latent", MediaKind.OTHER),
        ("t.png", MediaKind.IMAGE),
        ("a.png", MediaKind.IMAGE),
    ]
    assert files[0].animated
    assert not files[5].animated
    assert parse_output_texts(outputs) == ("hello", "wide world")
    assert [file.filename for file in prefer_saved(files, MediaKind.VIDEO)] == ["v.mp4", "w.WEBM"]
    assert [file.filename for file in prefer_saved(files, MediaKind.IMAGE)] == ["t.png", "a.png"], (
        "temp where nothing is saved"
    )
    both = parse_output_files({"1": {"images": [output_file("t.png", kind="temp"), output_file("o.png")]}})
    assert [file.filename for file in prefer_saved(both, MediaKind.IMAGE)] == ["o.png"]


@pytest.mark.parametrize(
    ("name", "media"),
    [
        ("a.JPEG", MediaKind.IMAGE),
        ("a.opus", MediaKind.AUDIO),
        ("a.mov", MediaKind.VIDEO),
        ("a.glb", MediaKind.OTHER),
        ("a", MediaKind.OTHER),
    ],
)
def test_the_extension_tells_the_kind(name: str, media: MediaKind) -> None:
    assert media_kind(name) is media


def test_a_folder_type_that_is_no_text_counts_as_output() -> None:
    """Node packs write what they like here; found by `make fuzz`."""
    [file] = parse_output_files({"9": {"images": [{"filename": "a.png", "subfolder": "", "type": []}]}})
    assert file.type == "output"
