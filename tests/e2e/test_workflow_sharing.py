"""`/workflow share` on one server and `/workflow upload` on another."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bot.workflows.embedded import read_media_metadata
from sandbox.discord import Message
from tests.e2e.system import System, graph
from tests.e2e.workflow_system import WorkflowSystem

SECRET = "my secret garden"


@pytest.fixture
def flows(system: System) -> WorkflowSystem:
    return WorkflowSystem(system)


def drawing() -> dict[str, Any]:
    drawn = graph(steps=3)
    drawn["2"]["inputs"]["text"], drawn["3"]["inputs"]["text"] = SECRET, "blurry " + SECRET
    return drawn


async def shared(flows: WorkflowSystem) -> Message:
    answer = await flows.member.slash(flows.room, "workflow share", name="portrait")
    message = await answer.wait_for_message()
    assert message.ephemeral
    return message


async def bound(flows: WorkflowSystem) -> None:
    """`portrait` of the server, whose prompt was chosen by hand."""
    page = await flows.upload(drawing())
    [(draft_id,)] = flows.system.rows("SELECT id FROM workflow_drafts")
    await flows.owner.press(page, "Bind")
    await flows.owner.select(page, f"chorus:wfb:positive:{draft_id}", "2.text")
    await flows.owner.press(page, "Back")
    await flows.owner.press(page, "Save")


async def test_a_shared_workflow_works_on_another_server_with_its_bindings_and_presets(flows: WorkflowSystem) -> None:
    async with flows.system.running():
        await bound(flows)
        await flows.member.slash(flows.room, "preset save", name="dusk", settings="steps=5 cfg=3", workflow="portrait")
        await flows.system.imagine(flows.member, workflow="portrait", prompt=SECRET)
        await flows.system.until_delivered(1)
        message = await shared(flows)
        assert "the presets dusk" in message.text()
        [file] = message.attachments
        assert file.filename == "portrait.png"
        texts = read_media_metadata(file.data)
        assert texts is not None
        assert set(texts) == {"prompt", "chorus"}
        assert SECRET not in json.dumps(texts)
        assert str(flows.member.id) not in json.dumps(texts)
        page = await flows.upload(file.data, "whatever.png", who=flows.stranger, room=flows.other_room)
        assert "portrait · image · nova" in page.text()
        assert "It brings the presets dusk." in page.text()
        await flows.stranger.press(page, "Save")
        assert "version 1" in page.text()
        drawn = await flows.stranger.slash(
            flows.other_room, "imagine", prompt="a red door", workflow="portrait", settings="preset=dusk"
        )
        await flows.other_room.wait_for_edit(drawn.message, lambda shown: bool(shown.attachments))
        await flows.system.until_delivered(2)
    [(prompt_id, steps)] = flows.jobs(
        "json_extract(parameters, '$.prompt_id'), json_extract(parameters, '$.effective.steps')"
    )[1:]
    assert steps == 5
    history = flows.system.comfy.history(prompt_id)
    assert history is not None
    sent = history["prompt"][2]
    assert (sent["2"]["inputs"]["text"], sent["3"]["inputs"]["text"]) == ("a red door", "")
    assert flows.system.rows("SELECT guild_id, author_id FROM presets ORDER BY created_at")[1] == (
        flows.elsewhere.id,
        flows.stranger.id,
    )


async def test_a_preset_of_a_name_that_is_taken_is_left_out_after_a_restart_too(flows: WorkflowSystem) -> None:
    async with flows.system.running():
        await bound(flows)
        for name in ("dusk", "ink"):
            await flows.member.slash(flows.room, "preset save", name=name, settings="steps=5", workflow="portrait")
        [file] = (await shared(flows)).attachments
        await flows.stranger.slash(flows.other_room, "preset save", name="Ink", settings="steps=9", workflow="default")
        page = await flows.upload(file.data, "x.png", who=flows.stranger, room=flows.other_room)
        assert "It brings the presets dusk." in page.text()
        assert "Its presets ink are left out" in page.text()
    async with flows.system.running():
        await flows.stranger.press(page, "Save")
    kept = flows.system.rows(f"SELECT name FROM presets WHERE guild_id = {flows.elsewhere.id} ORDER BY name")
    assert kept == [("Ink",), ("dusk",)]


async def test_only_a_picture_of_ones_own_becomes_the_example(flows: WorkflowSystem) -> None:
    async with flows.system.running():
        await bound(flows)
        drawn = await flows.system.imagine(flows.system.bob, workflow="portrait")
        await flows.system.result(drawn)
        await flows.system.until_delivered(1)
        plate = (await shared(flows)).attachments[0]
        assert (plate.width, plate.height) == (768, 256)
        mine = await flows.system.imagine(flows.member, workflow="portrait", prompt="mine")
        await flows.system.result(mine)
        await flows.system.until_delivered(2)
        example = (await shared(flows)).attachments[0]
        assert (example.width, example.height) == (64, 64)


async def test_another_servers_workflow_is_not_shared(flows: WorkflowSystem) -> None:
    async with flows.system.running():
        await bound(flows)
        assert "WORKFLOW_NOT_FOUND" in await flows.ask("share", flows.stranger, flows.other_room, name="portrait")
