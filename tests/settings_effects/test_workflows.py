"""The keys of `workflows`: what people may bring into their server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.system import graph, open_system
from tests.e2e.workflow_system import WorkflowSystem

URL_NODE = {"8": {"class_type": "LoadImageFromUrl", "inputs": {"image": "x"}}}


async def _uploaded(folder: Path, content: dict[str, Any], **workflows: Any) -> str:
    """What the page of an upload says under these settings."""
    async with open_system(folder, workflows=workflows) as system:
        flows = WorkflowSystem(system)
        async with system.running():
            return (await flows.upload(content)).text()


@pytest.mark.setting("workflows.deny")
async def test_a_denied_class_is_refused(tmp_path: Path) -> None:
    assert "host's list" in await _uploaded(tmp_path, graph(), deny=["vaedec*"])


@pytest.mark.setting("workflows.allow")
async def test_an_allowed_class_is_taken(tmp_path: Path) -> None:
    told = await _uploaded(tmp_path, graph() | URL_NODE, allow=["LoadImageFromUrl"])
    assert "nodes that ComfyUI lacks: LoadImageFromUrl" in told


@pytest.mark.setting("workflows.max_nodes")
async def test_a_workflow_with_too_many_nodes_is_refused(tmp_path: Path) -> None:
    assert "at most 6 are taken" in await _uploaded(tmp_path, graph(), max_nodes=6)


@pytest.mark.setting("workflows.max_upload_bytes")
async def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    assert "INPUT_INVALID" in await _uploaded(tmp_path, graph(), max_upload_bytes=100)


@pytest.mark.setting("workflows.max_per_server")
async def test_a_server_has_so_many_workflows(tmp_path: Path) -> None:
    async with open_system(tmp_path, workflows={"max_per_server": 1}) as system:
        flows = WorkflowSystem(system)
        async with system.running():
            assert "version 1" in await flows.saved(graph(), name="one")
            assert "version 2" in await flows.saved(graph(steps=3), name="one")
            page = await flows.upload(graph(), name="two")
            refused = await flows.owner.press(page, "Save")
            assert "more than 1 are not kept" in refused.message.text()


@pytest.mark.setting("workflows.host_first")
@pytest.mark.parametrize(("host_first", "steps"), [(False, 7), (True, 2)])
async def test_whose_workflow_of_one_name_is_used(tmp_path: Path, host_first: bool, steps: int) -> None:
    async with open_system(tmp_path, workflows={"host_first": host_first}) as system:
        flows = WorkflowSystem(system)
        async with system.running():
            await flows.saved(graph(steps=7), name="default")
            drawn = await system.imagine()
            await system.result(drawn)
            await system.until_delivered(1)
        assert flows.jobs("json_extract(parameters, '$.effective.steps')") == [(steps,)]
        assert json.loads(flows.file("default").read_text())["5"]["inputs"]["steps"] == 7
