"""Public workflows, compared with the graphs that ComfyUI's own frontend makes of them.

The files lie outside this repository: in `../shared/comfyui/ui`, or where `CHORUS_UI_CASES` says. Without them these
tests are skipped.
"""

from __future__ import annotations

import json
import lzma
import os
from functools import cache
from pathlib import Path
from typing import Any, cast

import pytest

from bot.workflows.conversion import convert_ui_workflow

ROOT = Path(__file__).resolve().parents[3]
CASES = Path(os.environ.get("CHORUS_UI_CASES") or ROOT.parent / "shared" / "comfyui" / "ui")
NAMES = sorted(path.stem for path in CASES.glob("workflows/*.json"))


@cache
def object_info() -> dict[str, Any]:
    with lzma.open(CASES / "object_info.json.xz", "rb") as file:
        return json.load(file)


def same(left: Any, right: Any) -> bool:
    """Equal as JSON values: 1 and 1.0 are the same number, true and 1 are not."""
    if isinstance(left, dict) and isinstance(right, dict):
        ours, theirs = cast("dict[str, Any]", left), cast("dict[str, Any]", right)
        return ours.keys() == theirs.keys() and all(same(ours[key], theirs[key]) for key in ours)
    if isinstance(left, list) and isinstance(right, list):
        a, b = cast("list[Any]", left), cast("list[Any]", right)
        return len(a) == len(b) and all(map(same, a, b))
    return isinstance(left, bool) == isinstance(right, bool) and left == right


@pytest.mark.skipif(not NAMES, reason=f"there are no cases in {CASES}")
@pytest.mark.parametrize("name", NAMES)
def test_as_the_official_frontend(name: str) -> None:
    workflow = json.loads((CASES / "workflows" / f"{name}.json").read_bytes())
    expected = json.loads((CASES / "expected" / f"{name}.json").read_bytes())
    converted = convert_ui_workflow(workflow, object_info()).graph
    titles = [node.pop("_meta")["title"] for node in converted.values()]
    assert all(titles)
    assert converted.keys() == expected.keys()
    different = {node_id: node for node_id, node in converted.items() if not same(node, expected[node_id])}
    assert different == {node_id: expected[node_id] for node_id in different}
