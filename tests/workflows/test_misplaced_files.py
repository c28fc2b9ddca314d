"""Files that the library never reads are named, with the place where they belong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.workflows import WorkflowLibrary
from bot.workflows.misplaced_files import misplaced_files
from tests.workflows.graphs import txt2img


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("x.json", "_shared/image/x.json"),
        ("nova/x.json", "nova/image/x.json"),
        ("nova/images/x.json", "nova/image/x.json"),
        ("Nova/image/x.json", "nova/image/x.json"),
        ("nova/image/x.JSON", "nova/image/x.json"),
        ("nova/voice/x.json", "nova/audio/x.json"),
        ("nova/image/old/x.json", "nova/image/x.json"),
        ("nova/sketches/x.json", "nova/image/sketches-x.json"),
    ],
)
def test_a_file_that_is_never_read_is_named(tmp_path: Path, path: str, place: str) -> None:
    file = tmp_path / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(txt2img()), encoding="utf-8")
    (found,) = misplaced_files(tmp_path, ["nova"])
    assert (found.path.as_posix(), found.place.as_posix()) == (path, place)
    file.unlink()
    moved = tmp_path / place
    moved.parent.mkdir(parents=True, exist_ok=True)
    moved.write_text(json.dumps(txt2img()), encoding="utf-8")
    assert list(misplaced_files(tmp_path, ["nova"])) == []
    library = WorkflowLibrary(tmp_path)
    library.load()
    assert [workflow.name for workflow in library.all()] == [moved.stem]


def test_hidden_files_and_other_kinds_of_files_are_left_alone(tmp_path: Path) -> None:
    for name in (".trash/x.json", "nova/readme.txt", "nova/image/x.bindings.yaml"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}", encoding="utf-8")
    assert list(misplaced_files(tmp_path, ["nova"])) == []
