from __future__ import annotations

import asyncio
import json
import logging
import os
from pathlib import Path
from typing import Any

import pytest

from bot.domain.jobs import JobKind
from bot.errors import WorkflowInvalid, WorkflowNotFound
from bot.workflows import BindingsInvalid, InputRole, NotAGraph, NotApiFormat, WorkflowLibrary, validate_structure
from bot.workflows.media_assignment import takes_masked_picture, takes_picture
from tests.workflows.graphs import inputs_of, node, txt2img

IMAGE, AUDIO = JobKind.IMAGE, JobKind.AUDIO
REPOSITORY = Path(__file__).resolve().parents[2]


def write(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def text_of(library: WorkflowLibrary, character: str = "nova", name: str | None = None) -> str:
    return str(library.get(character, IMAGE, name).graph["6"]["inputs"]["text"])


def test_own_before_shared_and_default_first(tmp_path: Path) -> None:
    write(tmp_path / "_shared/image/default.json", txt2img("shared default"))
    write(tmp_path / "_shared/image/poster.json", txt2img("shared poster"))
    write(tmp_path / "nova/image/zebra.json", txt2img("zebra"))
    write(tmp_path / "nova/image/default.json", txt2img("own default"))
    write(tmp_path / "nova/image/poster.json", txt2img("own poster"))
    library = WorkflowLibrary(tmp_path)
    assert library.load().loaded == 5
    assert library.names("nova", IMAGE) == ["default", "poster", "zebra"]
    assert library.names("alex", IMAGE) == ["default", "poster"]
    assert text_of(library) == "own default"
    assert text_of(library, "nova", "poster") == "own poster"
    assert text_of(library, "alex") == "shared default"
    assert text_of(library, "alex", "poster") == "shared poster"
    assert library.get("nova", IMAGE).name == "default"
    assert library.get("alex", IMAGE).character_id == "_shared"


def test_without_a_default_the_only_other_one_is_taken_but_never_a_buttons(tmp_path: Path) -> None:
    write(tmp_path / "nova/image/vary.json", txt2img("vary"))
    library = WorkflowLibrary(tmp_path)
    library.load()
    with pytest.raises(WorkflowNotFound, match="no image workflow"):
        library.get("nova", IMAGE)
    assert text_of(library, "nova", "vary") == "vary"
    write(tmp_path / "nova/image/portrait.json", txt2img("portrait"))
    library.load()
    assert text_of(library) == "portrait"


def test_what_does_not_exist_names_the_nearest(tmp_path: Path) -> None:
    write(tmp_path / "nova/image/portrait.json", txt2img())
    library = WorkflowLibrary(tmp_path)
    library.load()
    with pytest.raises(WorkflowNotFound, match='nearest is "portrait"'):
        library.get("nova", IMAGE, "portait")
    with pytest.raises(WorkflowNotFound):
        library.get("nova", AUDIO)


@pytest.mark.parametrize("name", ["../alex/image/default", "/etc/passwd", "..", "", "default.json", "a\x00b"])
def test_names_are_never_paths(tmp_path: Path, name: str) -> None:
    write(tmp_path / "alex/image/default.json", txt2img())
    library = WorkflowLibrary(tmp_path)
    library.load()
    for character in ("nova", "../alex", "alex/image", "_shared/../alex"):
        with pytest.raises(WorkflowNotFound):
            library.get(character, IMAGE, name)


def test_a_flat_file_moves_once_and_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    old = write(tmp_path / "nova/workflow.json", txt2img("old"))
    with caplog.at_level(logging.INFO):
        report = WorkflowLibrary(tmp_path).load()
    assert report.migrated == (tmp_path / "nova/image/default.json",)
    assert not old.exists()
    assert "moved" in caplog.text
    library = WorkflowLibrary(tmp_path)
    assert library.load().migrated == ()
    assert text_of(library) == "old"


def test_a_flat_file_never_overwrites(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    old = write(tmp_path / "nova/workflow.json", txt2img("old"))
    write(tmp_path / "nova/image/default.json", txt2img("new"))
    library = WorkflowLibrary(tmp_path)
    with caplog.at_level(logging.WARNING):
        assert library.load().migrated == ()
    assert old.exists()
    assert text_of(library) == "new"
    assert "was not moved" in caplog.text


def test_a_file_system_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "link", refuse)
    monkeypatch.setattr(Path, "hardlink_to", refuse)
    old = write(tmp_path / "nova/workflow.json", txt2img("old"))
    library = WorkflowLibrary(tmp_path)
    assert len(library.load().migrated) == 1
    assert not old.exists()
    assert text_of(library) == "old"


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ("", NotAGraph),
        ("[]", NotAGraph),
        ("[" * 100_000, NotAGraph),
        (" " * (17 * 2**20), NotAGraph),
        ({"nodes": [], "links": [], "version": 0.4}, NotApiFormat),
    ],
    ids=["empty", "list", "deep", "large", "saved"],
)
def test_a_broken_file_is_reported_and_the_last_good_version_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: Any, error: type[WorkflowInvalid]
) -> None:
    path = write(tmp_path / "nova/image/default.json", txt2img("good"))
    write(tmp_path / "nova/image/other.json", content)
    library = WorkflowLibrary(tmp_path)
    library.load()
    write(path, content)
    with caplog.at_level(logging.WARNING):
        report = library.load()
    assert isinstance(report.problems[path], error)
    assert text_of(library) == "good"
    assert "last good version" in caplog.text
    with pytest.raises(error):
        library.get("nova", IMAGE, "other")
    assert library.names("nova", IMAGE) == ["default"]
    caplog.clear()
    library.load()
    assert path in library.problems
    assert caplog.text == ""
    write(path, txt2img("better"))
    library.load()
    assert path not in library.problems
    assert text_of(library) == "better"


def test_bindings_beside_a_file_are_read_and_watched(tmp_path: Path) -> None:
    path = write(tmp_path / "nova/image/default.json", txt2img("good"))
    library = WorkflowLibrary(tmp_path)
    library.load()
    first = library.get("nova", IMAGE)
    said = write(tmp_path / "nova/image/default.bindings.yaml", "negative: []")
    library.load()
    second = library.get("nova", IMAGE)
    assert inputs_of(second.analysis, InputRole.NEGATIVE) == []
    assert first.content_hash != second.content_hash
    write(said, "negatve: []")
    library.load()
    assert isinstance(library.problems[path], BindingsInvalid)
    assert library.get("nova", IMAGE).content_hash == second.content_hash
    said.unlink()
    library.load()
    assert library.get("nova", IMAGE).content_hash == first.content_hash
    assert not library.problems


def test_a_removed_file_is_forgotten(tmp_path: Path) -> None:
    path = write(tmp_path / "nova/image/default.json", txt2img())
    library = WorkflowLibrary(tmp_path)
    library.load()
    path.unlink()
    library.load()
    with pytest.raises(WorkflowNotFound):
        library.get("nova", IMAGE)


def test_an_absent_folder_is_made(tmp_path: Path) -> None:
    library = WorkflowLibrary(tmp_path / "new" / "workflows")
    assert library.load().loaded == 0
    assert (tmp_path / "new" / "workflows").is_dir()


async def test_changes_on_disk_are_picked_up(tmp_path: Path) -> None:
    path = write(tmp_path / "nova/image/default.json", txt2img("one"))
    async with WorkflowLibrary(tmp_path) as library:
        assert text_of(library) == "one"
        seen = library.revision

        async def changed_to(text: str) -> None:
            nonlocal seen
            while text_of(library) != text:
                seen = await library.wait_changed(seen)

        async with asyncio.timeout(60):
            write(path, txt2img("two"))
            await changed_to("two")
            write(path, "{broken")
            while path not in library.problems:
                seen = await library.wait_changed(seen)
            assert text_of(library) == "two"
            replacement = write(tmp_path / "nova/image/.tmp", txt2img("three"))
            replacement.replace(path)
            await changed_to("three")
            write(tmp_path / "alex/image/default.json", txt2img("four"))
            while "default" not in library.names("alex", IMAGE):
                seen = await library.wait_changed(seen)
            assert text_of(library, "alex") == "four"


async def test_a_folder_that_cannot_be_watched_is_polled_instead(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    root = tmp_path / "workflows"
    async with WorkflowLibrary(root, poll_seconds=0.02) as library:
        root.rmdir()  # before the task that watches it runs for the first time: there is nothing to be watched
        async with asyncio.timeout(60):
            while "cannot watch" not in caplog.text:  # noqa: ASYNC110 - the log is the only sign of it
                await asyncio.sleep(0.01)
            seen = library.revision
            write(root / "nova/image/default.json", txt2img("one"))
            while "default" not in library.names("nova", IMAGE):
                seen = await library.wait_changed(seen)


def test_every_shipped_workflow_loads_and_can_run() -> None:
    library = WorkflowLibrary(REPOSITORY / "workflows")
    report = library.load()
    assert dict(report.problems) == {}
    buttons = {"vary", "upscale", "inpaint", "outpaint"}
    for character in ("nova", "alex"):
        assert library.get(character, IMAGE).character_id == character
        assert library.get(character, AUDIO).character_id == character
        assert {"default", "portrait", "landscape", *buttons} <= set(library.names(character, IMAGE))
    for workflow in library.all():
        validate_structure(workflow)
        assert workflow.analysis.ambiguities == ()
        assert workflow.analysis.output_classes_known
        if workflow.name not in {"upscale", "from_picture"}:
            assert workflow.analysis.inputs_for(InputRole.SEED)
        if workflow.name in buttons:
            assert workflow.analysis.inputs_for(InputRole.REFERENCE_IMAGE)
            assert takes_picture(workflow) is (workflow.name in {"vary", "upscale"})
            assert takes_masked_picture(workflow) is (workflow.name in {"inpaint", "outpaint"})
    speech = library.get("somebody", AUDIO).analysis
    assert inputs_of(speech, InputRole.TEXT) == ["2.text"]
    assert inputs_of(speech, InputRole.VOICE_SAMPLE) == ["1.audio"]
    assert library.get("nova", AUDIO).graph["3"] == node(
        "SaveAudio", title="Save Audio", audio=["2", 0], filename_prefix="audio/nova"
    )
