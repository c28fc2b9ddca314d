"""Presets of a server and the settings used last, from end to end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sandbox.discord import Message, SimulatedUser
from tests.e2e.drawing_system import open_drawing_system, press, told
from tests.e2e.system import System, graph, labels
from tests.e2e.test_configure import executed, fill, open_panel, run, until_text, until_workflow


async def save(system: System, person: SimulatedUser | None = None, **values: str) -> str:
    given = {"name": "soft light", "settings": "steps=4 scheduler=karras"} | values
    return told(await (person or system.ada).slash(system.room, "preset save", wait=True, **given))


async def offered(system: System, text: str, person: SimulatedUser | None = None, **values: str) -> list[str]:
    found = await (person or system.ada).autocomplete(
        system.room, "imagine", "settings", text, **({"prompt": "x"} | values)
    )
    return [str(choice.value) for choice in found]


def request_of(system: System) -> dict[str, Any]:
    """The newest job's request."""
    return json.loads(system.rows("SELECT request FROM jobs ORDER BY number DESC LIMIT 1")[0][0])


async def drawn_with(system: System, settings: str, **values: str) -> Message:
    return await system.result(await system.imagine(None, None, settings=settings, **values))


async def test_a_preset_is_saved_listed_used_and_deleted(system: System) -> None:
    async with system.running():
        assert "Saved **soft light** for default" in await save(system)
        listed = (await system.bob.slash(system.room, "preset list")).message.text()
        assert "soft light" in listed
        assert "steps=4 scheduler=karras" in listed
        assert f"<@{system.ada.user.id}>" in listed
        done = executed(await drawn_with(system, "preset=Soft Light steps=3"))["KSampler"]
        assert (done["steps"], done["scheduler"]) == (3, "karras")
        panel = (await system.bob.slash(system.room, "preset use", name="soft light")).message
        assert "steps: **4**" in panel.text()
        assert "NOT_ALLOWED" in told(await system.bob.slash(system.room, "preset delete", name="soft light"))
        assert "NOT_ALLOWED" in await save(system, system.bob, settings="steps=9")
        manager = system.guild.add_member("boss", permissions=["manage_guild"])
        assert "Saved" in await save(system, manager, settings="steps=5")
        assert "NOT_ALLOWED" in told(await system.ada.slash(system.room, "preset delete", name="soft light"))
        assert "Deleted" in told(await manager.slash(system.room, "preset delete", name="SOFT LIGHT"))
        assert "none yet" in (await system.ada.slash(system.room, "preset list")).message.text()


async def test_a_preset_is_completed_as_one_types(system: System) -> None:
    async with system.running():
        await save(system)
        await save(system, name="slow one", workflow="slow", settings="steps=40")
        both = ['preset="slow one"', 'preset="soft light"']
        assert (await offered(system, "pre"))[:2] == both
        assert await offered(system, "preset=soft") == ['preset="soft light"']
        assert await offered(system, "steps=3 preset=so") == ['steps=3 preset="soft light"']
        assert await offered(system, "preset=", workflow="slow") == ['preset="slow one"']
        assert (await offered(system, 'preset="soft light" st'))[0] == 'preset="soft light" steps='
        names = await system.ada.autocomplete(system.room, "preset use", "name", "light")
        assert [choice.value for choice in names] == ["soft light"]


async def test_a_preset_chooses_its_workflow(system: System) -> None:
    async with system.running():
        await save(system, name="quick", workflow="slow", settings="steps=3 negative=people")
        await drawn_with(system, "preset=quick")
        assert system.rows("SELECT workflow_name FROM jobs") == [("slow",)]
        assert (request_of(system)["overrides"], request_of(system)["overrides"].get("negative")) != ({}, None)
        other = await system.ada.slash(system.room, "imagine", prompt="x", workflow="default", settings="preset=quick")
        assert "is for the workflow `slow`" in told(other)
    parameters = json.loads(system.rows("SELECT parameters FROM jobs")[0][0])
    assert (parameters["steps"], parameters["negative"]) == (3, "people")


async def test_wrong_presets_are_told(system: System) -> None:
    async with system.running():
        await system.result(await system.imagine())
        await save(system)
        for name, part in [
            ("x" * 200, "no preset of that name"),
            ("soft lihgt", "The nearest is `soft light`"),
            ("`@everyone`", "no preset of that name"),
        ]:
            answer = await system.ada.slash(system.room, "imagine", prompt="x", settings=f'preset="{name}"')
            assert part in told(answer)
            assert "INPUT_INVALID" in told(answer)
        for name in ("a=b", "**", "[x](https://y.z)", "_x_", "@everyone"):
            assert "cannot have that name" in await save(system, name=name)
        assert "whole number" in await save(system, name="bad", settings="steps=many")
        assert "Manage Server" in await save(system, name="bad", settings="7.filename_prefix=../../x")
        assert "nothing to keep" in await save(system, name="bad", settings="seed=5 prompt=x")
        assert len(system.rows("SELECT name FROM presets")) == 1


async def test_what_a_changed_workflow_no_longer_has_is_left_out(tmp_path: Path) -> None:
    async with open_drawing_system(tmp_path, special=False) as drawing, drawing.system.running() as (services, _):
        system = drawing.system
        drawing.workflow("mine", graph())
        await until_workflow(drawing, "mine")
        await save(system, name="double", workflow="mine", settings="steps=3 batch=2 scheduler=karras")
        changed = graph()
        changed["4"] = {"class_type": "VAEEncode", "inputs": {"pixels": ["9", 0], "vae": ["1", 2]}}
        changed["9"] = {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": 0}}
        revision = services.workflows.revision
        drawing.workflow("mine", changed)
        await services.workflows.wait_changed(revision)
        message = await drawn_with(system, "preset=double")
        assert executed(message)["KSampler"]["scheduler"] == "karras"
        assert "no longer has `batch`" in message.text()
        panel = (await system.ada.slash(system.room, "preset use", name="double")).message
        assert "no longer has `batch`" in panel.text()
        assert "steps: **3**" in panel.text()
        (tmp_path / "workflows" / "nova" / "image" / "mine.json").unlink()
        await until_workflow(drawing, "mine", there=False)
        gone = "is for the workflow `mine`, which does not exist any more"
        for answer in (
            await system.ada.slash(system.room, "imagine", prompt="x", settings="preset=double"),
            await system.ada.slash(system.room, "preset use", name="double"),
        ):
            assert "WORKFLOW_NOT_FOUND" in told(answer)
            assert gone in told(answer)
        assert "Deleted" in told(await system.ada.slash(system.room, "preset delete", name="double"))


async def test_a_panel_is_saved_as_a_preset(system: System) -> None:
    async with system.running():
        panel = await open_panel(system)
        await fill(system.ada, panel, "Prompt", {"prompt": "a door", "negative": "people"})
        await fill(system.ada, panel, "Sampler", {"steps": "7", "seed": "4"})
        form = await press(system.ada, panel, "Save as preset")
        await system.ada.submit_modal(form, {"name": "of the panel"})
        await until_text(panel, "preset=of the panel")
        form = await press(system.ada, panel, "Save as preset")
        await system.ada.submit_modal(form, {"name": "a=b"})
        await until_text(panel, "cannot have that name")
    saved = json.loads(system.rows('SELECT "values" FROM presets')[0][0])
    assert saved == {"steps": 7, "negative": "people"}


async def test_a_preset_of_another_server_is_not_there(system: System) -> None:
    elsewhere = system.discord.add_guild("Elsewhere")
    room = elsewhere.add_channel("studio")
    eve = elsewhere.add_member("eve")
    async with system.running():
        await save(system)
        answer = await eve.slash(room, "imagine", prompt="x", settings="preset=soft light")
        assert "no preset of that name" in told(answer)
        assert "soft" not in told(answer)
        assert "none yet" in (await eve.slash(room, "preset list")).message.text()


async def test_last_stands_for_what_the_person_used_last(system: System) -> None:
    async with system.running():
        refused = await system.ada.slash(system.room, "imagine", prompt="x", settings="last")
        assert "not set anything for the workflow `default`" in told(refused)
        assert "last" not in await offered(system, "")
        await drawn_with(system, "steps=4 size=96x64 scheduler=karras")
        proposals = await system.ada.autocomplete(system.room, "imagine", "settings", "la", prompt="x")
        assert proposals[0].value == "last"
        assert proposals[0].name == "last (as last time: width=96 height=64 steps=4 scheduler=karras)"
        assert (await offered(system, "last st"))[0] == "last steps="
        assert "last" not in await offered(system, "", system.bob)
        assert "last" not in await offered(system, "", workflow="slow")
    async with system.running():
        done = executed(await drawn_with(system, "last steps=3"))
        assert (done["KSampler"]["steps"], done["KSampler"]["scheduler"]) == (3, "karras")
        assert done["EmptyLatentImage"]["width"] == 96
        done = executed(await drawn_with(system, "last size=64x96"))
        assert (done["EmptyLatentImage"]["width"], done["EmptyLatentImage"]["height"]) == (64, 96)
        assert done["KSampler"]["steps"] == 3


async def test_what_runs_from_a_panel_is_used_last(system: System) -> None:
    async with system.running():
        panel = await open_panel(system)
        await fill(system.ada, panel, "Prompt", {"prompt": "a door"})
        await fill(system.ada, panel, "Sampler", {"steps": "6"})
        await run(system, panel)
        assert "As last time" in labels(await open_panel(system))
        assert (await offered(system, ""))[0] == "last"
