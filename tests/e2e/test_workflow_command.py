"""`/workflow` from the upload to the picture that somebody draws with it; by the real bot between the stand-ins."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bot.domain.jobs import JobKind
from tests.e2e.drawing_system import told, told_soon
from tests.e2e.system import DEADLINE, System, graph, labels
from tests.e2e.workflow_system import WorkflowSystem, ui_workflow
from tests.workflows.embedded.media_files import png


@pytest.fixture
def flows(system: System) -> WorkflowSystem:
    return WorkflowSystem(system)


async def test_an_upload_is_shown_tried_saved_listed_and_used(flows: WorkflowSystem) -> None:
    async with flows.system.running():
        page = await flows.upload(graph(steps=3))
        assert page.ephemeral
        assert "portrait · image · nova" in page.text()
        assert "2.text" in page.text()
        assert "everything is installed" in page.text()
        assert labels(page) == ["Try", "Save", "Bind", "Discard"]
        assert not flows.file().exists()
        trial = await flows.tried(await flows.owner.press(page, "Try"))
        assert trial.ephemeral
        assert len(trial.attachments) == 1
        assert "Save" in labels(trial)
        assert flows.room.bot_messages == []
        assert flows.system.rows("SELECT count(*) FROM images") == [(0,)]
        saved = await flows.owner.press(page, "Save")
        assert "version 1" in saved.message.text()
        assert flows.file().is_file()
        listed = await flows.ask("list", flows.member)
        assert "nova/image/portrait" in listed
        assert "of this server · version 1" in listed
        assert "nova/image/slow" in listed
        drawn = await flows.system.imagine(flows.member, workflow="portrait")
        await flows.system.result(drawn)
        await flows.system.until_delivered(2)
    assert flows.jobs("workflow_name, json_extract(request, '$.trial'), state") == [
        ("portrait", 1, "delivered"),
        ("portrait", 0, "delivered"),
    ]
    assert flows.system.rows("SELECT count(*) FROM workflow_drafts") == [(0,)]


async def test_another_server_knows_nothing_of_it_and_members_may_only_look(flows: WorkflowSystem) -> None:
    async with flows.system.running():
        assert "version 1" in await flows.saved(graph())
        refused: list[tuple[str, dict[str, Any]]] = [
            ("rename", {"name": "portrait", "to": "mine"}),
            ("remove", {"name": "portrait"}),
            ("rollback", {"name": "portrait", "version": 1}),
            ("default", {"name": "portrait"}),
            ("copy", {"name": "portrait", "character": "everyone"}),
            ("try", {"name": "portrait"}),
        ]
        for command, values in refused:
            assert "Manage Server" in await flows.ask(command, flows.member, **values), command
        assert "Manage Server" in (await flows.upload(graph(), who=flows.member)).text()
        shown: list[tuple[str, dict[str, Any], str]] = [
            ("list", {}, "nova/image/portrait"),
            ("show", {"name": "portrait"}, "everything is installed"),
            ("versions", {"name": "portrait"}, "**1** · now"),
            ("diff", {"name": "portrait", "a": 1}, "They do the same."),
            ("get", {"name": "portrait"}, "version 1"),
        ]
        for command, values, text in shown:
            assert text in await flows.ask(command, flows.member, **values), command
        for command in ("show", "versions", "rename", "remove", "default", "get", "try"):
            values = {"name": "portrait"} | ({"to": "mine"} if command == "rename" else {})
            answer = await flows.ask(command, flows.stranger, flows.other_room, **values)
            assert "WORKFLOW_NOT_FOUND" in answer, command
        assert "portrait" not in await flows.ask("list", flows.stranger, flows.other_room)
        drawing = await flows.stranger.slash(flows.other_room, "imagine", prompt="x", workflow="portrait")
        assert "WORKFLOW_NOT_FOUND" in told(drawing)
        page = await flows.upload(graph(), "Mine.json", who=flows.stranger, room=flows.other_room)
        await flows.stranger.press(page, "Save")
        assert "mine" not in await flows.ask("list")
    assert flows.jobs("id") == []


async def test_a_press_on_the_page_of_another_server_is_refused(flows: WorkflowSystem) -> None:
    async with flows.system.running() as (services, _):
        await flows.upload(graph())
        [(draft_id,)] = flows.system.rows("SELECT id FROM workflow_drafts")
        theirs = await flows.upload(graph(), who=flows.stranger, room=flows.other_room)
        for entry in theirs.flat_components():
            if "custom_id" in entry:
                entry["custom_id"] = entry["custom_id"][:-16] + draft_id
        for label in ("Save", "Try", "Bind", "Discard"):
            answer = await flows.stranger.press(theirs, label)
            assert "no longer open" in told(answer), label
        assert (await services.workflow_drafts.draft(draft_id, flows.system.guild.id)).place.name == "portrait"


async def test_a_restart_between_upload_trial_and_save_loses_nothing(flows: WorkflowSystem) -> None:
    async with flows.system.running():
        page = await flows.upload(graph(steps=5))
    async with flows.system.running(), flows.system.comfy.set_breakpoint("KSampler") as hold:
        await flows.owner.press(page, "Try")
        await hold.reached.wait()
    async with flows.system.running():
        await flows.system.until_rows("SELECT state FROM jobs", ("generated",))
        await flows.tried(await flows.owner.press(page, "Try"))
    assert flows.room.bot_messages == []
    assert flows.jobs("state") == [("delivered",)]
    async with flows.system.running():
        assert "version 1" in (await flows.owner.press(page, "Save")).message.text()
        assert labels(page) == []


async def test_the_page_names_the_trial_before_its_job_exists(flows: WorkflowSystem) -> None:
    async with flows.system.running():
        page = await flows.upload(graph(steps=5))
        flows.system.refuse_jobs_unless("SELECT 1 FROM workflow_drafts WHERE trial_job_id = NEW.id")
        await flows.tried(await flows.owner.press(page, "Try"))
    assert flows.jobs("state") == [("delivered",)]


async def test_two_people_save_under_one_name(flows: WorkflowSystem) -> None:
    async with flows.system.running():
        assert "version 1" in await flows.saved(graph(steps=1))
        mine, theirs = await flows.upload(graph(steps=2)), await flows.upload(graph(steps=3))
        assert "version 2" in (await flows.owner.press(theirs, "Save")).message.text()
        assert "changed that workflow meanwhile" in told(await flows.owner.press(mine, "Save"))
        assert json.loads(flows.file().read_text())["5"]["inputs"]["steps"] == 3
        assert "version 3" in (await flows.owner.press(mine, "Save")).message.text()
        assert json.loads(flows.file().read_text())["5"]["inputs"]["steps"] == 2
    assert flows.system.rows("SELECT number, origin FROM workflow_history ORDER BY number") == [
        (1, "upload"),
        (2, "upload"),
        (3, "upload"),
    ]


async def test_a_waiting_job_keeps_its_version_when_another_one_is_restored(flows: WorkflowSystem) -> None:
    async with flows.system.running():
        await flows.saved(graph(steps=1))
        await flows.saved(graph(steps=4))
        differing = await flows.ask("diff", flows.member, name="portrait", a=1)
        assert "version 1 → 2" in differing
        assert '"Paint it", steps: 1 → 4' in differing
        async with flows.system.comfy.set_breakpoint("KSampler") as hold:
            running = await flows.system.imagine(workflow="default")
            await hold.reached.wait()
            waiting = await flows.system.imagine(workflow="portrait")
            assert "version 3" in await flows.ask("rollback", name="portrait", version=1)
        await flows.system.result(running)
        await flows.system.result(waiting)
        await flows.system.until_delivered(2)
        later = await flows.system.imagine(workflow="portrait")
        await flows.system.result(later)
        await flows.system.until_delivered(3)
        versions = await flows.ask("versions", flows.member, name="portrait")
    assert [steps for (steps,) in flows.jobs("json_extract(parameters, '$.effective.steps')")] == [2, 4, 1]
    assert "**3** · now · restored (version 1)" in versions
    assert "**1** · uploaded (Portrait.json)" in versions


async def test_a_change_by_hand_is_a_version(flows: WorkflowSystem) -> None:
    async with flows.system.running():
        await flows.saved(graph(steps=1))
        flows.file().write_text(json.dumps(graph(steps=7)), encoding="utf-8")
        await flows.system.until_rows(
            "SELECT number, origin FROM workflow_history ORDER BY number", (1, "upload"), (2, "hand")
        )
    flows.file().write_text(json.dumps(graph(steps=8)), encoding="utf-8")
    async with flows.system.running():
        await flows.system.until_rows("SELECT max(number) FROM workflow_history", (3,))
        assert "version 4" in await flows.ask("rollback", name="portrait", version=1)
        assert json.loads(flows.file().read_text())["5"]["inputs"]["steps"] == 1


async def test_it_is_renamed_copied_chosen_removed_and_brought_back(flows: WorkflowSystem) -> None:
    async with flows.system.running() as (services, _):
        await flows.saved(graph(steps=1))
        assert "default here now" in await flows.ask("default", name="portrait")
        assert "It is sketch · image · nova now" in await flows.ask("rename", name="portrait", to="Sketch")
        assert not flows.file().exists()
        assert flows.file("sketch").is_file()
        chosen = services.workflows.guild_default("nova", JobKind.IMAGE, flows.system.guild.id)
        assert chosen == "sketch"
        drawn = await flows.system.imagine()
        await flows.system.result(drawn)
        await flows.system.until_delivered(1)
        assert flows.jobs("workflow_name") == [("sketch",)]
        assert "every character" in await flows.ask("copy", name="sketch", character="everyone", to="all")
        assert "_shared/image/all" in await flows.ask("list")
        assert "It is others" in await flows.ask("rename", name="all", to="others")
        assert "removed" in await flows.ask("remove", name="sketch")
        assert not flows.file("sketch").exists()
        again = await flows.system.imagine()
        await flows.system.result(again)
        await flows.system.until_delivered(2)
        assert flows.jobs("workflow_name")[1] == ("default",)
        assert "· removed ·" in await flows.ask("versions", name="sketch")
        await flows.ask("rollback", name="sketch", version=1)
        assert flows.file("sketch").is_file()


async def test_an_ambiguous_prompt_is_bound_on_the_page(flows: WorkflowSystem) -> None:
    drawing = graph()
    drawing["2"]["inputs"]["text"], drawing["3"]["inputs"]["text"] = "a boat", "blurry"
    async with flows.system.running():
        page = await flows.upload(drawing)
        await flows.owner.press(page, "Bind")
        await flows.owner.select(page, "chorus:wfb:positive:" + _draft_id(flows), "3.text")
        await flows.owner.select(page, "chorus:wfb:negative:" + _draft_id(flows), "none")
        assert "3.text" in page.text()
        await flows.owner.press(page, "Back")
        await flows.owner.press(page, "Save")
        drawn = await flows.system.imagine(workflow="portrait", prompt="a red door")
        await flows.system.result(drawn)
        await flows.system.until_delivered(1)
    assert "positive:\n- 3.text" in flows.file().with_name("portrait.bindings.yaml").read_text()
    [(prompt_id,)] = flows.jobs("json_extract(parameters, '$.prompt_id')")
    history = flows.system.comfy.history(prompt_id)
    assert history is not None
    sent = history["prompt"][2]
    assert (sent["2"]["inputs"]["text"], sent["3"]["inputs"]["text"]) == ("a boat", "a red door")


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"8": {"class_type": "ExecutePythonNode", "inputs": {"code": "print(1)"}}}, "runs code"),
    ({"8": {"class_type": "LoadImageFromUrl", "inputs": {"image": "x"}}}, "fetches"),
    ({"8": {"class_type": "Save Text File", "inputs": {"text": "x"}}}, "paths of its own"),
    ({"8": {"class_type": "SomeLoader", "inputs": {"path": "/etc/passwd"}}}, "has a path of its own in path"),
    ({"8": {"class_type": "SomeLoader", "inputs": {"file": "../../secret"}}}, "has a path of its own in file"),
    ({"8": {"class_type": "SomeLoader", "inputs": {"url": "http://127.0.0.1/"}}}, "an address of its own"),
]


@pytest.mark.parametrize(("added", "said"), REFUSED)
async def test_dangerous_nodes_are_refused_by_name(flows: WorkflowSystem, added: dict[str, Any], said: str) -> None:
    async with flows.system.running():
        told_text = (await flows.upload(graph() | added)).text()
    assert "WORKFLOW_INVALID" in told_text
    assert "node 8" in told_text
    assert said in told_text
    assert flows.system.rows("SELECT count(*) FROM workflow_drafts") == [(0,)]


async def test_names_of_saved_files_stay_in_the_output_folder(flows: WorkflowSystem) -> None:
    drawing = graph()
    drawing["7"]["inputs"]["filename_prefix"] = "/home/me/../secret/x"
    async with flows.system.running():
        page = await flows.upload(drawing)
        assert "saves as me/secret/x" in page.text()
        await flows.owner.press(page, "Save")
    saved = json.loads(flows.file().read_text())
    assert saved["7"]["inputs"]["filename_prefix"] == "me/secret/x"


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        (b"{" * 100_000, "x.json", "WORKFLOW_INVALID"),
        (b"", "x.json", "WORKFLOW_INVALID"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 5000, "x.png", "WORKFLOW_INVALID"),
        (b"[1, 2, 3]", "x.json", "WORKFLOW_INVALID"),
        (json.dumps({"nodes": [], "links": []}).encode(), "x.json", "WORKFLOW_INVALID"),
    ],
)
async def test_a_bad_file_is_refused_with_a_reason(flows: WorkflowSystem, content: bytes, name: str, said: str) -> None:
    async with flows.system.running():
        text = (await flows.upload(content, name)).text()
    assert said in text
    assert "inside the bot" not in text


async def test_a_picture_brings_its_workflow(flows: WorkflowSystem) -> None:
    async with flows.system.running():
        picture = png({"prompt": json.dumps(graph(steps=9)), "workflow": "{}"})
        assert "version 1" in await flows.saved(picture, "ComfyUI_00001_.png", name="found")
    assert json.loads(flows.file("found").read_text())["5"]["inputs"]["steps"] == 9


async def test_a_saved_workflow_of_the_editor_is_converted_and_given_back(flows: WorkflowSystem) -> None:
    async with flows.system.running():
        page = await flows.upload(ui_workflow(), "Editor.json")
        assert "everything is installed" in page.text()
        await flows.owner.press(page, "Save")
        drawn = await flows.system.imagine(workflow="editor")
        await flows.system.result(drawn)
        await flows.system.until_delivered(1)
        answer = await flows.owner.slash(flows.room, "workflow get", name="editor")
        files = {file.filename: file.data for file in answer.message.attachments}
    assert set(files) == {"editor.json", "editor.ui.json"}
    assert json.loads(files["editor.ui.json"]) == ui_workflow()
    assert json.loads(files["editor.json"])["5"]["inputs"]["steps"] == 4


async def test_settings_of_another_program_go_into_the_default_workflow(flows: WorkflowSystem) -> None:
    text = "a red boat\nNegative prompt: blurry\nSteps: 6, Sampler: Euler, CFG scale: 4.5, Seed: 12, Size: 128x192"
    async with flows.system.running():
        page = await flows.upload(png({"parameters": text}), "dream.png")
        assert "written into the default one" in page.text()
        await flows.owner.press(page, "Save")
    saved = json.loads(flows.file("dream").read_text())
    assert saved["2"]["inputs"]["text"] == "a red boat"
    assert (saved["5"]["inputs"]["steps"], saved["5"]["inputs"]["cfg"], saved["5"]["inputs"]["seed"]) == (6, 4.5, 12)
    assert (saved["4"]["inputs"]["width"], saved["4"]["inputs"]["height"]) == (128, 192)


async def test_a_trial_that_cannot_run_says_why(flows: WorkflowSystem) -> None:
    drawing = graph()
    drawing["1"]["inputs"]["ckpt_name"] = "nowhere.safetensors"
    async with flows.system.running():
        page = await flows.upload(drawing)
        assert "a model that ComfyUI lacks: nowhere" in page.text()
        text = await told_soon(await flows.owner.press(page, "Try"))
        assert "MISSING_MODEL" in text
    assert flows.jobs("id") == []


def _draft_id(flows: WorkflowSystem) -> str:
    [(draft_id,)] = flows.system.rows("SELECT id FROM workflow_drafts")
    return str(draft_id)


async def test_a_workflow_that_fails_every_time_is_refused_and_named(system: System) -> None:
    async with system.running():
        workflows = WorkflowSystem(system)
        await workflows.saved(ui_workflow())
        system.comfy.faults.failing_nodes["KSampler"] = "boom"
        for _ in range(3):
            answer = await system.ada.slash(system.room, "imagine", prompt="a boat", workflow="portrait")
            await system.room.wait_for_edit(
                await answer.wait_for_message(), lambda shown: "GENERATION_FAILED" in shown.text(), timeout=DEADLINE
            )
    system.comfy.faults.failing_nodes.clear()
    async with system.running():
        refused = await system.ada.slash(system.room, "imagine", prompt="a boat", workflow="portrait")
        assert "WORKFLOW_FAILING" in told(refused)
        assert "failed 3 times in a row" in await workflows.ask("list")
        doctor = await workflows.owner.slash(system.room, "doctor")
        assert "failed 3 times in a row" in await told_soon(doctor)
        await workflows.tried(await workflows.owner.slash(system.room, "workflow try", name="portrait"))
        assert "failed 3 times" not in await workflows.ask("list")
