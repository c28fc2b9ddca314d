"""Settings of a workflow from end to end: typed in Discord, executed by ComfyUI, told in Info and in the sidecar."""

from __future__ import annotations

import asyncio
import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from sandbox.discord import Message
from tests.e2e.drawing_system import DrawingSystem, open_drawing_system, press
from tests.e2e.system import System, open_system


def executed(message: Message) -> dict[str, Any]:
    """The graph that ComfyUI executed, from the picture's metadata: class -> inputs."""
    with Image.open(io.BytesIO(message.attachments[0].data)) as picture:
        graph = json.loads(picture.info["prompt"])
    return {node["class_type"]: node["inputs"] for node in graph.values()}


async def test_sampler_scheduler_steps_size_and_batch_are_executed(system: System) -> None:
    async with system.running() as (services, _):
        settings = "sampler=DPMPP_2m scheduler=karras, steps=4 cfg=3,5 denoise=0.9 size=96x64 batch=2"
        message = await system.imagine(settings=settings)
        await system.result(message, files=2)
        await system.until_delivered()
        told = (await press(system.ada, message, "Info")).message.text()
    done = executed(message)
    sampler = {name: value for name, value in done["KSampler"].items() if not isinstance(value, list)}
    assert sampler.pop("seed") == int(system.rows("SELECT seed FROM jobs")[0][0])
    assert sampler == {"sampler_name": "dpmpp_2m", "scheduler": "karras", "steps": 4, "cfg": 3.5, "denoise": 0.9}
    assert done["EmptyLatentImage"] == {"width": 96, "height": 64, "batch_size": 2}
    assert {Image.open(io.BytesIO(file.data)).size for file in message.attachments} == {(96, 64)}
    for part in (
        "size 96 x 64",
        "steps 4",
        "sampler dpmpp",
        "scheduler karras",
        "sd_xl_base_1.0.safetensors",
        "Waited",
    ):
        assert part.replace("_", "\\_") in told or part in told
    (sidecar, *_) = services.settings.storage.data_dir.glob("images/*/*.json")
    effective = json.loads(sidecar.read_text("utf-8"))["parameters"]["effective"]
    assert (effective["steps"], effective["sampler"], effective["batch"]) == (4, "dpmpp_2m", 2)
    assert effective["prompt"] == "a lighthouse at dusk"


async def test_what_nobody_changed_is_told_too(system: System) -> None:
    async with system.running():
        message = await system.imagine()
        await system.result(message)
        await system.until_delivered()
        told = (await press(system.ada, message, "Info")).message.text()
    assert "size 64 x 64" in told
    assert "steps 2" in told
    prompt_id = system.rows("SELECT prompt_id FROM attempts")[0][0]
    assert prompt_id in told


@pytest.mark.parametrize(
    ("settings", "part"),
    [
        ("steps=abc", "whole number from 1 to 10000"),
        ("steps=0", "nearest is 1"),
        ("sampler=oiler", "euler"),
        ("stepz=3", "steps"),
        ("lora=gone:0.8", "nearest"),
        ("steps=500", "may be asked for here"),
        ("size=4096x4096", "larger than what may be asked for"),
    ],
)
async def test_bad_settings_are_refused_at_once(system: System, settings: str, part: str) -> None:
    async with system.running():
        await system.result(await system.imagine())
        answer = await system.ada.slash(system.room, "imagine", prompt="x", settings=settings)
    assert answer.message.ephemeral
    assert "INPUT_INVALID" in answer.message.text()
    assert part in answer.message.text()
    assert len(system.rows("SELECT id FROM jobs")) == 1


async def test_settings_complete_as_one_types(system: System) -> None:
    async with system.running():
        await system.result(await system.imagine())
        names = await system.ada.autocomplete(system.room, "imagine", "settings", "st", prompt="x")
        samplers = await system.ada.autocomplete(
            system.room, "imagine", "settings", "steps=9 sampler=dpmpp_2m", prompt="x"
        )
        loras = await system.ada.autocomplete(system.room, "imagine", "settings", "lora=nova", prompt="x")
        sizes = await system.ada.autocomplete(system.room, "imagine", "settings", "size=", prompt="x")
        nowhere = await system.ada.autocomplete(system.room, "imagine", "settings", "st", prompt="x", workflow="none")
    assert names[0].value == "steps="
    assert "steps=9 sampler=dpmpp_2m" in [choice.value for choice in samplers]
    assert "chorus_nova_zit_v1_000001750.safetensors" in str(loras[0].value)
    assert "size=64x64" in [choice.value for choice in sizes]
    assert nowhere == []


async def test_a_lora_is_inserted_and_executed(system: System) -> None:
    async with system.running():
        message = await system.imagine(settings="lora=chorus_nova_zit_v1_000001750:0.8")
        await system.result(message)
    assert executed(message)["LoraLoader"]["strength_model"] == 0.8


async def test_flags_of_a_prompt_count(system: System) -> None:
    async with system.running():
        prompt = "a lighthouse --steps 3 --seed 77 --no birds --wobble 2 --wf slow"
        message = await system.imagine(prompt=prompt)
        await system.result(message)
        await system.until_delivered()
    done = executed(message)
    assert (done["KSampler"]["steps"], done["KSampler"]["seed"]) == (3, 77)
    assert system.rows("SELECT workflow_name FROM jobs") == [("slow",)]
    assert "--wobble" in message.text()
    request = json.loads(system.rows("SELECT request FROM jobs")[0][0])
    assert request["positive"] == "a lighthouse --wobble 2"
    assert request["negative"].endswith("birds")


@pytest.mark.setting("discord.prompt_flags")
async def test_flags_can_be_turned_off(tmp_path: Path) -> None:
    async with open_system(tmp_path, discord={"prompt_flags": False}) as system, system.running():
        message = await system.imagine(prompt="a lighthouse --steps 3")
        await system.result(message)
        await system.until_delivered()
        assert executed(message)["KSampler"]["steps"] == 2
        assert json.loads(system.rows("SELECT request FROM jobs")[0][0])["positive"] == "a lighthouse --steps 3"


async def test_files_and_texts_of_other_nodes_need_manage_server(tmp_path: Path) -> None:
    async with open_drawing_system(tmp_path, special=False) as drawing, drawing.system.running():
        path = tmp_path / "workflows" / "nova" / "image" / "default.json"
        graph = json.loads(path.read_text("utf-8"))
        graph["3"]["inputs"]["text"] = "ugly"
        path.with_name("noted.json").write_text(json.dumps(with_note(graph)), encoding="utf-8")
        await until_workflow(drawing, "noted")
        system = drawing.system
        refused = await system.ada.slash(
            system.room, "imagine", prompt="x", workflow="noted", settings="9.text=hello there"
        )
        assert "NOT_ALLOWED" in refused.message.text()
        changes: list[dict[str, Any]] = [{"sweep": "9.text=one,two"}, {"settings": "9.text=one"}]
        for values in changes:
            refused = await system.ada.slash(system.room, "batch", prompt="x", workflow="noted", **values)
            assert "NOT_ALLOWED" in refused.message.text()
        manager = system.guild.add_member("boss", permissions=["manage_guild"])
        allowed = await manager.slash(
            system.room, "imagine", prompt="x", workflow="noted", settings="9.text=hello there"
        )
        await drawing.finished(allowed.message)
        prefix = "7.filename_prefix=../../x"
        for person, part in ((system.ada, "NOT_ALLOWED"), (manager, "not a path")):
            refused = await person.slash(system.room, "imagine", prompt="x", workflow="noted", settings=prefix)
            assert part in refused.message.text()
        offered = await system.ada.autocomplete(system.room, "imagine", "settings", "9.", prompt="x", workflow="noted")
        assert offered == []


def with_note(graph: dict[str, Any]) -> dict[str, Any]:
    """A second text of its own, joined to the negative prompt."""
    graph["9"] = {
        "class_type": "CLIPTextEncode",
        "inputs": {"text": "extra", "clip": ["1", 1]},
        "_meta": {"title": "Style"},
    }
    graph["10"] = {
        "class_type": "ConditioningCombine",
        "inputs": {"conditioning_1": ["2", 0], "conditioning_2": ["9", 0]},
    }
    graph["5"]["inputs"]["positive"] = ["10", 0]
    return graph


async def until_workflow(drawing: DrawingSystem, name: str) -> None:
    async with asyncio.timeout(60):
        while True:
            ada, room = drawing.system.ada, drawing.room
            if await ada.autocomplete(room, "imagine", "workflow", name, prompt="x"):
                return
            await asyncio.sleep(0.05)  # the bot looks at the folder in its own time


async def test_a_repetition_with_other_settings(system: System) -> None:
    async with system.running():
        first = await system.imagine(settings="steps=3", seed="5")
        await system.result(first)
        await system.until_delivered()
        digest = system.rows("SELECT substr(replace(id, '-', ''), -12) FROM jobs")[0][0]
        offered = await system.ada.autocomplete(system.room, "repeat", "settings", "sch", job=digest)
        assert offered[0].value == "scheduler="
        await system.ada.slash(system.room, "repeat", job=digest, settings="scheduler=karras")
        second = await system.room.wait_for_message(
            lambda shown: shown.author is system.discord.bot and bool(shown.components), after=first
        )
        await system.result(second)
        await system.until_delivered(2)
    done = executed(second)["KSampler"]
    assert (done["steps"], done["seed"], done["scheduler"]) == (3, 5, "karras")
    assert executed(first)["KSampler"]["scheduler"] == "normal"


async def test_again_keeps_the_settings(system: System) -> None:
    async with system.running():
        first = await system.imagine(settings="sampler=dpmpp_2m")
        await system.result(first)
        await system.until_delivered()
        answer = await press(system.ada, first, "Again")
        await system.result(answer.message)
        await system.until_delivered(2)
    assert executed(answer.message)["KSampler"]["sampler_name"] == "dpmpp_2m"


async def test_a_negative_without_a_place_is_told(tmp_path: Path) -> None:
    async with open_drawing_system(tmp_path, special=False) as drawing:
        path = tmp_path / "workflows" / "nova" / "image" / "default.json"
        graph = json.loads(path.read_text("utf-8"))
        graph["5"]["inputs"]["negative"] = ["8", 0]
        graph["8"] = {"class_type": "ConditioningZeroOut", "inputs": {"conditioning": ["2", 0]}}
        del graph["3"]
        drawing.workflow("default", graph)
        async with drawing.system.running():
            message = await drawing.system.imagine(negative="birds")
            await drawing.finished(message)
    assert "no place for a negative prompt" in message.text()
