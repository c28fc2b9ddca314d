"""`chorus workflow add|list|versions|diff|rollback`, with and without a bot that runs meanwhile."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from bot.cli.app import main
from tests.e2e.system import System, graph, open_system
from tests.e2e.workflow_system import ui_workflow


async def run(system: System, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """The exit code, and everything that was printed."""
    code = await asyncio.to_thread(main, ["workflow", *arguments, "--config", str(system.config)])
    printed = capsys.readouterr()
    return code, printed.out + printed.err


def put(path: Path, content: dict[str, Any]) -> str:
    path.write_text(json.dumps(content), encoding="utf-8")
    return str(path)


def steps(path: Path) -> int:
    return json.loads(path.read_text("utf-8"))["5"]["inputs"]["steps"]


async def test_added_listed_compared_and_restored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with open_system(tmp_path) as system:
        saved = tmp_path / "workflows" / "nova" / "image" / "boat.json"
        first = put(tmp_path / "Boat.json", graph(steps=3))
        code, text = await run(system, capsys, "add", first, "--character", "nova")
        assert (code, "nova/image/boat is version 1 now." in text) == (0, True)
        assert steps(saved) == 3
        code, text = await run(
            system, capsys, "add", put(tmp_path / "Boat.json", graph(steps=4)), "--character", "nova"
        )
        assert (code, "version 2" in text) == (0, True)
        saved.write_text(json.dumps(graph(steps=5)), encoding="utf-8")
        code, text = await run(system, capsys, "versions", "nova/image/boat")
        assert code == 0
        assert [line.split()[:2] for line in text.splitlines() if line.strip()[:1].isdigit()] == [
            ["3", "hand"],
            ["2", "upload"],
            ["1", "upload"],
        ]
        code, text = await run(system, capsys, "diff", "nova/image/boat", "1")
        assert code == 0
        assert "version 1 → 3" in text
        assert '"Paint it", steps: 3 → 5' in text
        code, text = await run(system, capsys, "rollback", "nova/image/boat", "1")
        assert (code, "that is version 4 now" in text) == (0, True)
        assert steps(saved) == 3
        code, text = await run(system, capsys, "list")
        assert code == 0
        [line] = [line for line in text.splitlines() if "nova/image/boat" in line]
        assert line.split() == ["nova/image/boat", "the", "host", "4", "yes"]
        assert "NoSuchNode" in text


async def test_a_file_of_the_editor_is_converted_for_a_server(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with open_system(tmp_path) as system:
        server = str(system.guild.id)
        async with system.running():
            file = put(tmp_path / "Editor.json", ui_workflow())
            code, text = await run(system, capsys, "add", file, "--character", "nova", "--server", server)
            assert (code, "version 1" in text) == (0, True)
            saved = tmp_path / "data" / "guilds" / server / "workflows" / "nova" / "image" / "editor.json"
            assert steps(saved) == 4
            code, text = await run(system, capsys, "list", "--server", server)
            assert server in text
            await system.until_rows("SELECT number, origin FROM workflow_history", (1, "upload"))


async def test_what_is_wrong_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with open_system(tmp_path) as system:
        file = put(tmp_path / "Boat.json", graph() | {"8": {"class_type": "RunPython", "inputs": {}}})
        for arguments, said in (
            (["versions", "nova/image/none"], "WORKFLOW_NOT_FOUND"),
            (["versions", "none"], "character/kind/name"),
            (["diff", "nova/image/default", "9"], "no version 9"),
            (["rollback", "nova/film/default", "1"], "no kind of workflow"),
            (["add", str(tmp_path / "none.json"), "--character", "nova"], "cannot be read"),
            (["add", file, "--character", "nobody"], "CHARACTER_NOT_FOUND"),
            (["add", file, "--character", "nova", "--name", "a/b"], "cannot be the name"),
            (["add", file, "--character", "nova", "--server", str(system.guild.id)], "runs code"),
        ):
            code, text = await run(system, capsys, *arguments)
            assert code == 1, arguments
            assert said in " ".join(text.split()), arguments
        code, text = await run(system, capsys, "add", file, "--character", "nova")
        assert (code, "nova/image/boat is version 1 now." in text) == (0, True)
        assert "MISSING_NODE" in text
