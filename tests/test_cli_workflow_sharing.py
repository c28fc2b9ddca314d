"""`chorus workflow try` and `chorus workflow share`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from tests.e2e.system import System, graph, open_system
from tests.e2e.workflow_system import ui_workflow
from tests.processes import ForkedProcess, chorus
from tests.test_cli_saved_workflows import put, run


async def tried(system: System, *arguments: str) -> tuple[int, str]:
    """`chorus workflow try` in a process of its own, since it listens for Ctrl-C."""
    given = ["workflow", "try", *arguments, "--character", "nova", "--config", str(system.config)]
    process = await ForkedProcess.start(chorus, given)
    output, _ = await process.communicate()
    return process.returncode or 0, " ".join(output.decode().split())


async def test_a_file_is_run_once_and_nothing_of_it_is_saved(tmp_path: Path) -> None:
    async with open_system(tmp_path) as system:
        out = tmp_path / "tried.png"
        file = put(tmp_path / "Editor.json", ui_workflow())
        code, text = await tried(system, file)
        assert (code, "not run without being asked" in text) == (1, True)
        code, text = await tried(system, file, "--yes", "--out", str(out))
        assert (code, str(out) in text) == (0, True), text
        with Image.open(out) as picture:
            assert picture.size == (64, 64)
        # It ran here before.
        code, text = await tried(system, file)
        assert code == 0, text
        assert system.rows("SELECT count(*) FROM images") == [(0,)]
        assert system.rows("SELECT count(*) FROM workflow_history") == [(0,)]
        assert not (tmp_path / "workflows" / "nova" / "image" / "editor.json").exists()
        broken = put(tmp_path / "broken.json", graph() | {"8": {"class_type": "NoSuchNode", "inputs": {}}})
        code, text = await tried(system, broken, "--yes")
        assert (code, "MISSING_NODE" in text) == (1, True)


async def test_a_shared_file_is_added_elsewhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with open_system(tmp_path) as system:
        drawn = graph(steps=9)
        drawn["2"]["inputs"]["text"] = "my secret garden"
        put(tmp_path / "workflows" / "nova" / "image" / "garden.json", drawn)
        out = tmp_path / "shared.png"
        code, text = await run(system, capsys, "share", "nova/image/garden", "--out", str(out))
        assert (code, "Written" in text) == (0, True), text
        assert b"my secret garden" not in out.read_bytes()
        code, text = await run(system, capsys, "add", str(out), "--character", "_shared")
        assert (code, "_shared/image/garden is version 1 now." in text) == (0, True), text
        added = json.loads((tmp_path / "workflows" / "_shared" / "image" / "garden.json").read_text("utf-8"))
        assert added == drawn | {"2": drawn["2"] | {"inputs": drawn["2"]["inputs"] | {"text": ""}}}
        code, text = await run(system, capsys, "share", "nova/image/nothing")
        assert (code, "WORKFLOW_NOT_FOUND" in text) == (1, True)
