"""Files of ComfyUI's Save in a folder of workflows: converted when ComfyUI is there, and kept as they were brought."""

from __future__ import annotations

import json

from tests.e2e.drawing_system import told, told_soon
from tests.e2e.system import System
from tests.e2e.workflow_system import WorkflowSystem, ui_workflow


async def test_a_file_from_save_is_converted_when_comfyui_is_there_and_stays_as_it_was(system: System) -> None:
    flows = WorkflowSystem(system)
    own = flows.file("boat")
    own.parent.mkdir(parents=True)
    unknown = ui_workflow()
    unknown["nodes"][4]["type"] = "NoSuchSampler"
    strange = own.with_name("strange.json")
    strange.write_text(json.dumps(unknown), encoding="utf-8")
    await system.comfy.kill()
    async with system.running() as (services, _):
        own.write_text(json.dumps(ui_workflow()), encoding="utf-8")
        brought = own.read_bytes()
        await services.workflows.reload()
        listed = await flows.ask("list")
        assert "nova/image/boat" in listed
        assert 'saved with "Save"' in listed
        doctor = await told_soon(await flows.owner.slash(system.room, "doctor"))
        assert "nova/image/boat.json of this server" in doctor
        assert "It is converted as soon as ComfyUI answers" in doctor

        revision = services.workflows.revision
        await system.comfy.start()
        await services.workflows.wait_changed(revision)
        job = await system.imagine(workflow="boat")
        await system.result(job)
        assert own.read_bytes() == brought
        listed = await flows.ask("list")
        assert "✓ **nova/image/boat**" in listed
        assert "NoSuchSampler" in listed
        answer = await flows.owner.slash(system.room, "workflow get", name="boat")
        assert "boat" in told(answer)
        files = {each.filename: each.data for each in answer.message.attachments}
        assert json.loads(files["boat.ui.json"]) == json.loads(brought)
        assert json.loads(files["boat.json"])["5"]["class_type"] == "KSampler"
    await system.comfy.kill()
    async with system.running():
        listed = await flows.ask("list")
        assert "· **nova/image/boat**" in listed, "the conversion is kept while ComfyUI is away"
