"""`/workflow templates` and `/workflow models`, from the list to the picture drawn with an installed template."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from sandbox.comfyui import StandInOptions
from sandbox.discord import Message, SimulatedInteraction
from tests.e2e.admin_system import set_quota
from tests.e2e.drawing_system import told, told_soon
from tests.e2e.system import DEADLINE, labels, open_system
from tests.e2e.workflow_system import WorkflowSystem, ui_workflow

PAGE = "https://example.org/models/sail.safetensors"


def boat() -> dict[str, Any]:
    """A workflow of the gallery that needs a model which is installed and one which is not."""
    workflow = ui_workflow()
    workflow["nodes"][0]["properties"] = {
        "models": [
            {"name": "sd_xl_base_1.0.safetensors", "directory": "checkpoints", "url": "https://example.org/base"},
        ]
    }
    return workflow


def sail() -> dict[str, Any]:
    workflow = boat()
    workflow["nodes"][0]["widgets_values"] = ["sail.safetensors"]
    workflow["nodes"][0]["properties"]["models"] = [
        {"name": "sail.safetensors", "directory": "checkpoints", "url": PAGE}
    ]
    return workflow


def gallery(folder: Path) -> Path:
    templates = [
        {"name": "boat", "title": "A *boat*", "description": "On the sea.", "models": ["SDXL"], "size": 6_940_000_000,
         "mediaSubtype": "webp", "usage": 5},
        {"name": "sail", "title": "A sail", "description": "With a model that is missing.", "usage": 4},
        {"name": "python", "title": "Runs code", "usage": 3},
        {"name": "unknown", "title": "Nodes of a pack", "usage": 2},
        *({"name": f"more-{n}", "title": f"More {n}", "mediaSubtype": "mp3"} for n in range(12)),
    ]  # fmt: skip
    folder.mkdir()
    (folder / "index.json").write_text(json.dumps([{"title": "Image", "templates": templates}]))
    (folder / "boat.json").write_text(json.dumps(boat()))
    (folder / "sail.json").write_text(json.dumps(sail()))
    (folder / "unknown.json").write_text(json.dumps({"nodes": [{"id": 1, "type": "OfAPack", "mode": 0}], "links": []}))
    Image.new("RGB", (8, 8), "navy").save(folder / "boat-1.webp")
    return folder


@pytest.fixture
async def flows(tmp_path: Path) -> AsyncGenerator[WorkflowSystem]:
    options = StandInOptions(
        step_seconds=0.01,
        previews=False,
        templates=gallery(tmp_path / "templates"),
        model_sizes={"sd_xl_base_1.0.safetensors": 6_938_000_000},
    )
    async with open_system(tmp_path, comfy_options=options) as system:
        yield WorkflowSystem(system)


async def until(flows: WorkflowSystem, page: Message, text: str) -> str:
    """Until the page shows the text; ComfyUI is asked in between."""
    await flows.room.wait_for_edit(page, lambda shown: text in shown.text(), timeout=DEADLINE)
    return page.text()


async def refused(answer: SimulatedInteraction) -> str:
    """The error that a press was answered with, beside the page."""
    error = await answer.wait_for_message(lambda shown: "Install" not in labels(shown) and "_" in shown.text())
    assert error.ephemeral
    return error.text()


async def listed(flows: WorkflowSystem, **values: Any) -> Message:
    answer = await flows.member.slash(flows.room, "workflow templates", **values)
    page = await answer.wait_for_message()
    assert page.ephemeral
    return page


async def test_a_template_is_found_looked_at_installed_and_drawn_with(flows: WorkflowSystem) -> None:
    async with flows.system.running():
        page = await listed(flows, search="sea")
        assert "A \\*boat\\*" in page.text()
        assert "6.9 GB of models" in page.text()
        assert "A sail" not in page.text()
        owners = await (await flows.owner.slash(flows.room, "workflow templates")).wait_for_message()
        await flows.owner.select(owners, "chorus:wt:show", "boat")
        await until(flows, owners, "On the sea.")
        assert "✓ sd\\_xl\\_base\\_1.0.safetensors · 6.9 GB" in owners.text()
        assert [file.filename for file in owners.attachments] == ["template.webp"]
        await flows.owner.press(owners, "Install")
        await until(flows, owners, "not saved yet")
        assert labels(owners) == ["Try", "Save", "Bind", "Discard"]
        assert owners.attachments == []
        assert "everything is installed" in owners.text()
        assert "graphics memory: the class of 10 GB (its models have 6.9 GB, the largest 6.9 GB)" in owners.text()
        await flows.owner.press(owners, "Save")
        drawn = await flows.system.imagine(flows.member, workflow="boat")
        await flows.system.result(drawn)
        await flows.system.until_delivered(1)
    assert flows.jobs("workflow_name, state") == [("boat", "delivered")]


async def test_the_trial_of_a_template_asks_the_quota(flows: WorkflowSystem) -> None:
    async with flows.system.running():
        await set_quota(flows.system, flows.owner, pieces_per_person="1")
        await flows.system.result(await flows.system.imagine(flows.owner))
        await flows.system.until_delivered(1)
        page = await (await flows.owner.slash(flows.room, "workflow templates")).wait_for_message()
        await flows.owner.select(page, "chorus:wt:show", "boat")
        await until(flows, page, "On the sea.")
        await flows.owner.press(page, "Install")
        await until(flows, page, "not saved yet")
        assert "QUOTA_REACHED" in await refused(await flows.owner.press(page, "Try"))
    assert flows.jobs("workflow_name") == [("default",)]


async def test_what_is_missing_is_said_with_its_page_and_where_it_goes(flows: WorkflowSystem) -> None:
    async with flows.system.running():
        page = await (await flows.owner.slash(flows.room, "workflow templates")).wait_for_message()
        await flows.owner.select(page, "chorus:wt:show", "sail")
        await until(flows, page, f"✗ sail.safetensors; it goes into `models/checkpoints`: <{PAGE}>")
        await flows.owner.press(page, "Install")
        missing = "a model that ComfyUI lacks: sail.safetensors; it goes into `models/checkpoints`"
        await until(flows, page, f"{missing}: <{PAGE}>")
        assert "ComfyUI does not tell how large sail.safetensors is" in page.text()
        assert "MISSING_MODEL" in page.text()


async def test_members_look_and_managers_install_also_after_a_restart(flows: WorkflowSystem) -> None:
    async with flows.system.running():
        page = await listed(flows)
        assert "16 templates · page 1 of 2" in page.text()
    async with flows.system.running():
        await flows.member.press(page, "▶")
        assert "More 9" in await until(flows, page, "page 2 of 2")
        await flows.member.press(page, "◀")
        await until(flows, page, "page 1 of 2")
        await flows.member.select(page, "chorus:wt:show", "boat")
        await until(flows, page, "On the sea.")
        assert "Manage Server" in told(await flows.member.press(page, "Install"))
        await flows.member.press(page, "All templates")
        await until(flows, page, "page 1 of 2")
    assert flows.system.rows("SELECT count(*) FROM workflow_drafts") == [(0,)]


async def test_a_template_of_unknown_nodes_and_one_that_is_gone_are_refused(flows: WorkflowSystem) -> None:
    async with flows.system.running():
        page = await (await flows.owner.slash(flows.room, "workflow templates")).wait_for_message()
        await flows.owner.select(page, "chorus:wt:show", "unknown")
        await flows.room.wait_for_edit(page, lambda shown: "Install" in labels(shown), timeout=DEADLINE)
        assert "OfAPack" in await refused(await flows.owner.press(page, "Install"))
        await flows.owner.press(page, "All templates")
        await until(flows, page, "page 1 of 2")
        # Its file is not there, which says nothing about ComfyUI.
        assert "COMFY_UNAVAILABLE" in await refused(await flows.owner.select(page, "chorus:wt:show", "python"))
        drawn = await flows.system.imagine(flows.member)
        await flows.system.result(drawn)
        await flows.system.until_delivered(1)


async def test_models_are_listed_by_kind_with_their_sizes(flows: WorkflowSystem) -> None:
    async with flows.system.running():

        async def ask(**values: Any) -> str:
            answer = await flows.member.slash(flows.room, "workflow models", **values)
            return await told_soon(answer)

        everything = await ask()
        assert "**checkpoints**" in everything
        assert "sd\\_xl\\_base\\_1.0.safetensors · 6.9 GB" in everything
        assert "files · page 1 of 1" in everything
        assert "2 files" in await ask(kind="vae", search="AE.SAFE")
        assert "There are no such model files." in await ask(search="nothing like this")
        nonsense = await ask(kind="nonsense")
        assert "INPUT_INVALID" in nonsense
        assert "checkpoints" in nonsense
        offered = await flows.member.autocomplete(flows.room, "workflow models", "kind", "lora")
        assert [choice.value for choice in offered] == ["loras"]


async def test_a_comfyui_without_a_gallery_or_away_is_said(tmp_path: Path) -> None:
    async with open_system(tmp_path / "plain") as system:
        flows = WorkflowSystem(system)
        async with system.running():
            text = await told_soon(await flows.member.slash(flows.room, "workflow templates"))
            assert "serves no templates" in text
            drawn = await system.imagine(flows.member)
            await system.result(drawn)
            await system.until_delivered(1)
            await system.comfy.kill()
            text = await told_soon(await flows.member.slash(flows.room, "workflow models"))
            assert "COMFY_UNAVAILABLE" in text
