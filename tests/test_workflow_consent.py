"""What `chorus repeat` shows of a workflow that came with somebody's file before it runs it."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping

import pytest
from rich.console import Console

from bot.cli.workflow_consent import ask_consent
from bot.errors import InputInvalid
from bot.workflows import parse_workflow

GRAPH = {
    "1": {"class_type": "KSampler", "inputs": {"seed": 1, "model": ["2", 0]}},
    "2": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "evil [red].ckpt"}},
    "3": {"class_type": "RunScript", "inputs": {"script": "https://example.com/x.py", "to": "../../etc/passwd"}},
    "4": {"class_type": "Gone\x1b[2J", "inputs": {"text": "a boat, by the sea."}},
}
OBJECT_INFO = {
    "KSampler": {"python_module": "nodes"},
    "CheckpointLoaderSimple": {"python_module": "comfy_extras.nodes_x"},
    "RunScript": {"python_module": "custom_nodes.evil-pack"},
}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def asked(monkeypatch: pytest.MonkeyPatch, stdin: io.StringIO, object_info: Mapping[str, object] | None) -> str:
    monkeypatch.setattr("sys.stdin", stdin)
    console = Console(file=io.StringIO(), width=200)
    try:
        ask_consent(parse_workflow(json.dumps(GRAPH)), object_info, "x.json", console)
    finally:
        assert isinstance(console.file, io.StringIO)
        shown = console.file.getvalue()
    return shown


@pytest.mark.parametrize("answer", ["y\n", "YES\n"])
def test_it_shows_what_would_run_and_asks(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    lines = asked(monkeypatch, Terminal(answer), OBJECT_INFO).splitlines()
    assert "  KSampler" in lines
    assert "  CheckpointLoaderSimple" in lines
    assert "  RunScript (custom node: custom_nodes.evil-pack)" in lines
    assert "  Gone?[2J (not installed)" in lines
    for file in ("evil [red].ckpt", "https://example.com/x.py", "../../etc/passwd"):
        assert f"  {file}" in lines
    assert not any("a boat" in line for line in lines)
    assert lines[-1] == "Run it? [y/N] "


def test_without_comfyui_it_says_what_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "custom nodes is not known" in asked(monkeypatch, Terminal("y\n"), None)


@pytest.mark.parametrize("answer", ["n\n", "\n", "yeah, but\n"])
def test_anything_but_yes_is_no(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    with pytest.raises(InputInvalid, match="was not run"):
        asked(monkeypatch, Terminal(answer), OBJECT_INFO)


def test_without_a_terminal_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputInvalid, match="not run without being asked for") as caught:
        asked(monkeypatch, io.StringIO("y\n"), OBJECT_INFO)
    assert "--yes" in caught.value.advice
