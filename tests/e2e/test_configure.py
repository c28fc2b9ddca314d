"""Configure & run from end to end: panel, forms, Run, restarts, strangers, hostile values, changed workflows."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from sandbox.discord import Message, SimulatedInteraction, SimulatedUser, interactions
from tests.e2e.drawing_system import DrawingSystem, open_drawing_system, press
from tests.e2e.system import System, graph, labels

V2, EPHEMERAL = 1 << 15, 1 << 6


def executed(message: Message) -> dict[str, Any]:
    """The graph that ComfyUI executed, from the picture's metadata: class -> inputs."""
    with Image.open(io.BytesIO(message.attachments[0].data)) as picture:
        done = json.loads(picture.info["prompt"])
    return {node["class_type"]: node["inputs"] for node in done.values()}


def section(panel: Message, title: str) -> tuple[str, str]:
    """The text of a page of parameters, and the custom id of its button."""
    for each in panel.flat_components():
        if each.get("type") == 9 and each["components"][0]["content"].startswith(f"### {title}"):
            return each["components"][0]["content"], each["accessory"]["custom_id"]
    raise AssertionError(f"no {title} in {panel.text()}")


async def open_form(person: SimulatedUser, panel: Message, title: str) -> SimulatedInteraction:
    return await person.press(panel, section(panel, title)[1])


async def fill(person: SimulatedUser, panel: Message, title: str, values: Mapping[str, str]) -> Message:
    """Fill in a form of the panel; the panel shows what became of it."""
    form = await open_form(person, panel, title)
    return (await person.submit_modal(form, values)).message


async def open_panel(system: System, person: SimulatedUser | None = None, **values: str) -> Message:
    answer = await (person or system.ada).slash(system.room, "configure", wait=True, **values)
    return answer.message


async def run(system: System, panel: Message) -> Message:
    """Press Run; the message of the new job with its result."""
    before = list(system.room.messages)
    await press(system.ada, panel, "Run")
    message = await system.room.wait_for_message(
        lambda shown: shown.author is system.discord.bot and shown not in before and not shown.ephemeral
    )
    return await system.result(message)


def field(form: SimulatedInteraction, name: str) -> dict[str, Any]:
    """A field of a form, by its custom id, with its label."""
    for each in form.modal["components"]:
        if each["component"]["custom_id"] == name:
            return {**each["component"], "label": each["label"]}
    raise AssertionError(f"no {name} in {form.modal}")


async def until_text(panel: Message, part: str) -> None:
    deadline = asyncio.get_running_loop().time() + 15
    while part not in panel.text():
        assert asyncio.get_running_loop().time() < deadline, panel.text()
        await asyncio.sleep(0.02)  # the panel is edited in its own time


async def test_everything_is_set_in_forms_and_run(system: System) -> None:
    async with system.running():
        await system.result(await system.imagine())
        panel = await open_panel(system)
        assert panel.ephemeral
        assert panel.flags & V2
        assert "### Prompt" in panel.text()
        assert "steps: 2" in panel.text()
        assert "seed: a new one each time" in panel.text()
        await fill(system.ada, panel, "Prompt", {"prompt": "a red door", "negative": "people"})
        form = await open_form(system.ada, panel, "Sampler")
        steps, sampler = field(form, "steps"), field(form, "sampler")
        assert steps["label"] == "steps (1 to 10000)"
        assert steps["value"] == "2"
        assert sampler["type"] == 3
        await system.ada.submit_modal(form, {"steps": "5", "seed": "42", "cfg": "3,5"})
        await fill(system.ada, panel, "Sampler 2", {"scheduler": "karras"})
        await fill(system.ada, panel, "Size", {"width": "96"})
        assert "steps: **5**" in panel.text()
        message = await run(system, panel)
        await until_text(panel, "It is on its way: https://discord.com/channels/")
    done = executed(message)
    sampler = done["KSampler"]
    assert (sampler["steps"], sampler["seed"], sampler["cfg"], sampler["scheduler"]) == (5, 42, 3.5, "karras")
    assert done["EmptyLatentImage"]["width"] == 96
    request = json.loads(system.rows("SELECT request FROM jobs ORDER BY number DESC LIMIT 1")[0][0])
    assert (request["positive"], request["negative"]) == ("a red door", "people")


async def test_a_draft_survives_a_restart(system: System) -> None:
    async with system.running():
        await system.result(await system.imagine())
        panel = await open_panel(system)
        form = await open_form(system.ada, panel, "Prompt")
    async with system.running():
        await system.ada.submit_modal(form, {"prompt": "a blue door"})
    async with system.running():
        assert "a blue door" in panel.text()
        await run(system, panel)
    assert "a blue door" in system.rows("SELECT request FROM jobs ORDER BY number DESC LIMIT 1")[0][0]


async def test_the_draft_names_the_job_before_the_job_exists(system: System) -> None:
    async with system.running():
        await system.result(await system.imagine())
        panel = await open_panel(system)
        await fill(system.ada, panel, "Prompt", {"prompt": "a green door"})
        # Whatever moment the bot is killed at: a job that another press would not find cannot be there.
        system.refuse_jobs_unless("SELECT 1 FROM setting_drafts WHERE started_job_id = NEW.id")
        await run(system, panel)
    assert "a green door" in system.rows("SELECT request FROM jobs ORDER BY number DESC LIMIT 1")[0][0]


async def test_a_panel_on_a_result_starts_with_its_settings(system: System) -> None:
    async with system.running():
        first = await system.imagine(settings="steps=4 sampler=dpmpp_2m size=96x64", seed="77")
        await system.result(first)
        await system.until_delivered()
        panel = (await press(system.ada, first, "Configure")).message
        assert panel.ephemeral
        for part in ("steps: **4**", "seed: **77**", "width: **96**", "a lighthouse at dusk"):
            assert part in panel.text()
        assert "dpmpp\\_2m" in panel.text()
        await fill(system.ada, panel, "Sampler", {"steps": "3"})
        second = await run(system, panel)
        await system.until_delivered(2)
        info = (await press(system.ada, second, "Info")).message
        again = (await press(system.ada, info, "Configure")).message
        assert "steps: **3**" in again.text()
    done = executed(second)
    assert (done["KSampler"]["steps"], done["KSampler"]["seed"]) == (3, 77)
    assert (done["KSampler"]["sampler_name"], done["EmptyLatentImage"]["width"]) == ("dpmpp_2m", 96)
    assert json.loads(system.rows("SELECT request FROM jobs")[1][0])["follow_up"] == "remix"


async def test_wrong_values_are_told_and_nothing_is_lost(system: System) -> None:
    async with system.running():
        await system.result(await system.imagine())
        panel = await open_panel(system)
        await fill(system.ada, panel, "Prompt", {"prompt": "a long poem about nothing"})
        await fill(system.ada, panel, "Sampler", {"steps": "many", "cfg": "6", "seed": "-1"})
        assert "whole number from 1 to 10000" in panel.text()
        assert "cfg: **6**" in panel.text()
        await press(system.ada, panel, "Run")
        await until_text(panel, "INPUT_INVALID")
        assert len(system.rows("SELECT id FROM jobs")) == 1
        form = await open_form(system.ada, panel, "Sampler")
        assert field(form, "steps")["value"] == "many"
        await system.ada.submit_modal(form, {"steps": "999", "seed": ""})
        await press(system.ada, panel, "Run")
        await until_text(panel, "may be asked for here")  # a limit of the owner, which acceptance checks
        await fill(system.ada, panel, "Sampler", {"steps": "3"})
        await run(system, panel)
    assert "a long poem about nothing" in system.rows("SELECT request FROM jobs ORDER BY number DESC LIMIT 1")[0][0]


async def test_an_empty_prompt_is_told_in_the_panel(system: System) -> None:
    async with system.running():
        panel = await open_panel(system)
        await press(system.ada, panel, "Run")
        await until_text(panel, "The prompt is empty")
    assert system.rows("SELECT id FROM jobs") == []


async def test_back_to_defaults_keeps_the_prompt(system: System) -> None:
    async with system.running():
        panel = await open_panel(system)
        await fill(system.ada, panel, "Prompt", {"prompt": "a door", "negative": "people"})
        await fill(system.ada, panel, "Sampler", {"steps": "9"})
        await press(system.ada, panel, "Back to defaults")
        assert "steps: 2" in panel.text()
        assert "people" not in panel.text()
        assert "a door" in panel.text()


async def test_what_was_used_last_is_offered(system: System) -> None:
    async with system.running():
        await system.result(await system.imagine())
        assert "As last time" not in labels(await open_panel(system))
        await system.result(await system.imagine(settings="steps=4 scheduler=karras"))
        panel = await open_panel(system)
        await fill(system.ada, panel, "Prompt", {"prompt": "a door"})
        await press(system.ada, panel, "As last time")
        assert "steps: **4**" in panel.text()
        assert "scheduler: **karras**" in panel.text()
        assert "a door" in panel.text()
        assert "As last time" not in labels(await open_panel(system, system.bob))


async def test_a_long_list_is_searched(system: System) -> None:
    async with system.running():
        await system.result(await system.imagine())
        panel = await open_panel(system)
        form = await open_form(system.ada, panel, "Sampler")
        menu = field(form, "sampler")
        assert menu["type"] == 3
        assert len(menu["options"]) <= 25
        assert [each["value"] for each in menu["options"] if each.get("default")] == ["euler"]
        await system.ada.submit_modal(form, {"sampler:search": "dpmp 2m"})
        assert "cannot be `dpmp 2m`. The nearest: `dpmpp_2m`" in panel.text()
        form = await open_form(system.ada, panel, "Sampler")
        assert field(form, "sampler:search")["value"] == "dpmp 2m"
        await system.ada.submit_modal(form, {"sampler:search": "", "sampler": "dpmpp_2m"})
        assert "sampler: **dpmpp\\_2m**" in panel.text()


async def test_a_lora_is_chosen_with_its_strength(system: System) -> None:
    async with system.running():
        await system.result(await system.imagine())
        panel = await open_panel(system)
        await fill(system.ada, panel, "Prompt", {"prompt": "a door"})
        form = await open_form(system.ada, panel, "LoRAs")
        lora = str(field(form, "lora")["options"][1]["value"])
        await system.ada.submit_modal(form, {"lora": lora, "lora:strength": "0.8"})
        done = executed(await run(system, panel))
        assert done["LoraLoader"]["lora_name"] == lora
        assert done["LoraLoader"]["strength_model"] == 0.8
        form = await open_form(system.ada, panel, "LoRAs")
        assert field(form, "lora:strength")["value"] == "0.8"
        await system.ada.submit_modal(form, {"lora": "(as in the workflow)"})
        assert "lora: as in the workflow" in panel.text()


async def forge(
    system: System, person: SimulatedUser, message: Message, custom_id: str, *, modal: Mapping[str, str] | None = None
) -> SimulatedInteraction:
    """Press a button that is not shown to the person, or submit a form of another's, as altered clients can."""
    if modal is None:
        kind, data = interactions.COMPONENT, {"custom_id": custom_id, "component_type": 2}
    else:
        inputs = [{"type": 4, "custom_id": name, "value": text} for name, text in modal.items()]
        fields = [{"type": 18, "component": each} for each in inputs]
        kind, data = interactions.MODAL, {"custom_id": custom_id, "components": fields}
    context = system.discord.context
    started = interactions.start(context, person.user, message.channel, kind, data, source=message)
    answer = SimulatedInteraction(context, started)
    await answer.wait_settled()
    return answer


async def test_a_stranger_reaches_no_panel(system: System) -> None:
    async with system.running():
        panel = await open_panel(system)
        await fill(system.ada, panel, "Prompt", {"prompt": "my secret"})
        edit = section(panel, "Prompt")[1]
        draft = edit.split(":")[3]
        actions = ("run", "save", "last", "defaults", "page")
        attempts = [edit, *(f"chorus:draft:{action}:{draft}:0" for action in actions)]
        for custom_id in attempts:
            answer = await forge(system, system.bob, panel, custom_id)
            assert "NOT_ALLOWED" in answer.message.text()
            assert answer.message is not panel
        for name in ("form", "preset"):
            custom_id = f"chorus:draft:{name}:{draft}:0"
            answer = await forge(system, system.bob, panel, custom_id, modal={"prompt": "x", "name": "x"})
            assert "NOT_ALLOWED" in answer.message.text()
        unknown = await forge(system, system.bob, panel, f"chorus:draft:run:{'0' * 36}:0")
        assert "too old" in unknown.message.text()
        assert "my secret" in panel.text()
    assert system.rows("SELECT count(*) FROM jobs") == [(0,)]


HOSTILE = [
    "`*_~|>@everyone <@1> [a](https://x.y) ```",
    "\u202e\u0000\ud7ff" * 20,
    "preset=x last steps=10^9",
    "\N{PILE OF POO}" * 900,
    "chorus:draft:run",
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
async def test_hostile_values_break_nothing(system: System, text: str) -> None:
    async with system.running():
        await system.result(await system.imagine())
        panel = await open_panel(system)
        await fill(system.ada, panel, "Prompt", {"prompt": text, "negative": text})
        await fill(system.ada, panel, "Sampler", {"steps": text[:900], "seed": text[:900], "cfg": text[:900]})
        await fill(system.ada, panel, "Size", {"width": text[:900], "height": "10" * 40})
        form = await open_form(system.ada, panel, "Sampler")
        assert field(form, "steps")["value"] == text[:900].replace("\x00", "\x00")
        await press(system.ada, panel, "Run")
        await until_text(panel, "INPUT_INVALID")
        await press(system.ada, panel, "Back to defaults")
        await run(system, panel)
        assert not any(shown.pings for shown in system.room.messages)


async def until_workflow(drawing: DrawingSystem, name: str, *, there: bool = True) -> None:
    async with asyncio.timeout(60):
        while True:
            offered = await drawing.system.ada.autocomplete(drawing.room, "configure", "workflow", name)
            if bool(offered) is there:
                return
            await asyncio.sleep(0.05)  # the bot looks at the folder in its own time


async def test_a_workflow_that_changes_or_goes(tmp_path: Path) -> None:
    async with open_drawing_system(tmp_path, special=False) as drawing, drawing.system.running() as (services, _):
        system = drawing.system
        await drawing.drawn()
        drawing.workflow("mine", graph())
        await until_workflow(drawing, "mine")
        panel = await open_panel(system, workflow="mine")
        await fill(system.ada, panel, "Prompt", {"prompt": "a door"})
        await fill(system.ada, panel, "Size", {"batch": "2"})
        edit = section(panel, "Size")[1]
        without_size = graph()
        without_size["4"] = {
            "class_type": "VAEEncode",
            "inputs": {"pixels": ["9", 0], "vae": ["1", 2]},
        }
        without_size["9"] = {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "color": 0}}
        revision = services.workflows.revision
        drawing.workflow("mine", without_size)
        await services.workflows.wait_changed(revision)
        await system.ada.press(panel, edit)
        assert "have changed" in panel.text()
        assert "no longer has `batch`" in panel.text()
        (tmp_path / "workflows" / "nova" / "image" / "mine.json").unlink()
        await until_workflow(drawing, "mine", there=False)
        gone = await press(system.ada, panel, "Run")
        assert "WORKFLOW_NOT_FOUND" in gone.message.text()
        assert "a door" in panel.text()


async def test_reserved_parameters_are_for_managers(tmp_path: Path) -> None:
    async with open_drawing_system(tmp_path, special=False) as drawing, drawing.system.running():
        system = drawing.system
        noted = graph()
        noted["9"] = {
            "class_type": "CLIPTextEncode",
            "inputs": {"text": "extra", "clip": ["1", 1]},
            "_meta": {"title": "Style"},
        }
        noted["10"] = {
            "class_type": "ConditioningCombine",
            "inputs": {"conditioning_1": ["2", 0], "conditioning_2": ["9", 0]},
        }
        noted["5"]["inputs"]["positive"] = ["10", 0]
        noted["3"]["inputs"]["text"] = "ugly"
        drawing.workflow("noted", noted)
        await until_workflow(drawing, "noted")
        panel = await open_panel(system, workflow="noted")
        assert "extra" not in panel.text()
        draft = section(panel, "Prompt")[1].split(":")[3]
        await forge(system, system.ada, panel, f"chorus:draft:form:{draft}:0", modal={"9.text": "forged"})
        assert "forged" not in system.rows('SELECT "values" FROM setting_drafts')[0][0]
        manager = system.guild.add_member("boss", permissions=["manage_guild"])
        theirs = await open_panel(system, manager, workflow="noted")
        assert "extra" in theirs.text()


async def test_many_parameters_are_paged(tmp_path: Path) -> None:
    async with open_drawing_system(tmp_path, special=False) as drawing, drawing.system.running():
        large = graph()
        picture = "6"
        for n in range(100, 140):
            large[str(n)] = {
                "class_type": "ImageScale",
                "inputs": {
                    "image": [picture, 0], "upscale_method": "nearest-exact", "width": 64, "height": 64,
                    "crop": "disabled",
                },
                "_meta": {"title": f"Scale {n}"},
            }  # fmt: skip
            picture = str(n)
        large["7"]["inputs"]["images"] = [picture, 0]
        drawing.workflow("large", large)
        await until_workflow(drawing, "large")
        panel = await open_panel(drawing.system, workflow="large")
        last = next(label for label in labels(panel) if label.startswith("1 / "))
        for _ in range(int(last.rsplit(" ", 1)[1]) - 1):
            await press(drawing.requester, panel, "▶")
        assert "Scale 139" in panel.text()
        await fill(drawing.requester, panel, "Scale 139", {"139.width": "80"})
        assert "width: **80**" in panel.text()
