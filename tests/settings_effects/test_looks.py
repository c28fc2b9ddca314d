"""What the keys of a character's look do to its pictures."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.characters import Character
from bot.conversation.image_prompt_writer import ImagePromptWriter
from bot.domain.jobs import Derivation, Job
from bot.generation.character_look import DEFAULT_NEGATIVE
from bot.gpu_lock import GpuLock
from bot.language_model.client import LanguageModel, ModelOptions
from bot.language_model.request_slots import RequestSlots
from sandbox.comfyui import StandInComfyUI
from tests.conversation.scripted_model import says, scripted_model
from tests.settings_effects.running import NOVA, image_graph, made, picture, running, write_workflow

LOOKS = "a woman with short red hair"
INK, WASH = "ink.safetensors", "styles\\wash.safetensors"


@pytest.fixture(autouse=True)
def loras(comfy: StandInComfyUI) -> None:
    comfy.models["loras"][:] = [INK, WASH]


def nova(**visual: object) -> Character:
    return Character.model_validate({"id": "nova", "name": "Nova", "system_prompt": "x", "visual_identity": visual})


async def drawn(folder: Path, comfy: StandInComfyUI, identity: str, **more: object) -> Job:
    async with running(folder, comfy.url, character=f"{NOVA}visual_identity: {{{identity}}}\n") as services:
        return await made(services, picture(**more))


@pytest.mark.parametrize(
    ("identity", "loaded", "prompt"),
    [
        pytest.param(
            "loras: [{name: ink.safetensors, strength: 0.6, trigger: nvink}]",
            [f"{INK}:0.6"],
            "a boat, nvink",
            marks=pytest.mark.setting(
                "character.visual_identity.loras.name",
                "character.visual_identity.loras.strength",
                "character.visual_identity.loras.trigger",
            ),
        ),
        pytest.param(
            "style_lora: styles/wash.safetensors",
            [f"{WASH}:1"],
            "a boat",
            marks=pytest.mark.setting("character.visual_identity.style_lora"),
        ),
        pytest.param(
            "loras: [{name: ink.safetensors, trigger: boat}], style_lora: styles/wash.safetensors",
            [f"{INK}:1", f"{WASH}:1"],
            "a boat",
        ),
    ],
)
async def test_a_character_has_its_own_loras(
    tmp_path: Path, comfy: StandInComfyUI, identity: str, loaded: list[str], prompt: str
) -> None:
    job = await drawn(tmp_path, comfy, identity)
    assert sorted(job.effective_settings["loras"]) == sorted(loaded)
    assert job.parameters["positive"] == prompt
    assert any("Nova's" in line for line in job.parameters["added"])


async def test_what_a_person_chooses_goes_before_the_characters_own(tmp_path: Path, comfy: StandInComfyUI) -> None:
    identity = "loras: [{name: ink.safetensors, strength: 0.6, trigger: nvink}]"
    job = await drawn(tmp_path, comfy, identity, overrides={"lora": "ink:0.2"})
    assert job.effective_settings["loras"] == [f"{INK}:0.2"]


async def test_a_lora_that_is_not_there_is_told_and_the_picture_is_drawn(tmp_path: Path, comfy: StandInComfyUI) -> None:
    job = await drawn(tmp_path, comfy, "loras: [{name: nowhere.safetensors, trigger: nvink}]")
    assert job.artifacts
    assert "loras" not in job.effective_settings
    assert job.note is not None
    assert "nowhere.safetensors" in job.note


async def test_a_repetition_has_the_loras_of_then(tmp_path: Path, comfy: StandInComfyUI) -> None:
    character = f"{NOVA}visual_identity: {{loras: [{{name: ink.safetensors, strength: 0.6, trigger: nvink}}]}}\n"
    async with running(tmp_path, comfy.url, character=character) as services:
        first = await made(services, picture())
        kept = {"overrides": first.parameters["overrides"], "positive": first.parameters["positive"]}
        again = await made(services, picture(**kept, derivation=Derivation.REPEAT, seed=first.seed))
    assert again.effective_settings == first.effective_settings


@pytest.mark.setting("character.visual_identity.appearance")
@pytest.mark.parametrize(
    ("appearance", "prompt", "shown"),
    [
        ("auto", "Nova on a bicycle", True),
        ("auto", "a portrait of you", True),
        ("auto", "nova, smiling", True),
        ("auto", "a boat", False),
        ("auto", "a nova in the night sky", False),
        ("auto", 'a sign that says "thank you, Nova"', False),
        ("auto", "Supernova", False),
        ("always", "a boat", True),
        ("never", "Nova on a bicycle", False),
    ],
)
async def test_the_appearance_is_added_where_the_character_is_meant(
    tmp_path: Path, comfy: StandInComfyUI, appearance: str, prompt: str, shown: bool
) -> None:
    identity = f"prompt_context: {LOOKS}, appearance: {appearance}"
    job = await drawn(tmp_path, comfy, identity, positive=prompt)
    assert job.parameters["positive"] == (f"{prompt}, {LOOKS}" if shown else prompt)
    assert any("appearance" in line for line in job.parameters.get("added", [])) is shown


async def test_what_is_derived_from_a_picture_gets_the_appearance_no_second_time(
    tmp_path: Path, comfy: StandInComfyUI
) -> None:
    words = f"Nova on a bicycle, {LOOKS}"
    job = await drawn(tmp_path, comfy, f"prompt_context: {LOOKS}", positive=words, derivation=Derivation.AGAIN)
    assert job.parameters["positive"] == words


async def test_a_character_without_a_negative_prompt_has_the_usual_one(tmp_path: Path, comfy: StandInComfyUI) -> None:
    graph = image_graph()
    texts = [node["inputs"] for node in graph.values() if node["class_type"] == "CLIPTextEncode"]
    texts[-1]["text"] = "__CHORUS_NEGATIVE__"
    write_workflow(tmp_path, "nova/image/open", graph)
    usual = await drawn(tmp_path, comfy, "default_workflow: open")
    own = await drawn(tmp_path, comfy, "default_workflow: open, negative_prompt: fog")
    asked = await drawn(tmp_path, comfy, "default_workflow: open", negative="rain")
    found = [job.effective_settings["negative"] for job in (usual, own, asked)]
    assert found == [DEFAULT_NEGATIVE, "fog", "rain"]


@pytest.mark.setting("character.visual_identity.prompt_style", "character.visual_identity.quality_tags")
async def test_prompts_are_written_as_prose_or_tags_with_quality_tags() -> None:
    async with scripted_model() as server, LanguageModel(server.url) as model:
        writer = ImagePromptWriter(model, ModelOptions(model="scripted", timeout_seconds=5), GpuLock(), RequestSlots(4))
        server.script = [says("A boat at sea."), says("boat, sea")]
        prose = await writer.write(nova(), "a boat")
        tags = await writer.write(nova(prompt_style="tags", quality_tags="masterpiece, best quality"), "a boat")
    asked = [str(request["messages"][0]["content"]) for request in server.asked]
    assert ["tags" in task for task in asked] == [False, True]
    assert prose.positive == "A boat at sea."
    assert tags.positive == "boat, sea, masterpiece, best quality"


async def test_trigger_words_reach_a_prompt_that_is_written_later(tmp_path: Path, comfy: StandInComfyUI) -> None:
    job = await drawn(tmp_path, comfy, "loras: [{name: ink.safetensors, trigger: nvink}]", rewrite=True)
    assert job.parameters["rewritten"] is True
    assert job.parameters["positive"] == "a boat, nvink"


@pytest.mark.setting("visual_generation.model")
@pytest.mark.parametrize(
    ("model", "file"),
    [
        (None, "sd_xl_base_1.0.safetensors"),
        ("flux1", "flux1-dev.safetensors"),
        ("tiny_random_sd15", "tiny_random_sd15.safetensors"),
    ],
)
async def test_the_owner_chooses_the_model_of_workflows_for_any_model(
    tmp_path: Path, comfy: StandInComfyUI, model: str | None, file: str
) -> None:
    write_workflow(tmp_path, "nova/image/any", image_graph(ckpt_name="__CHORUS_MODEL__"))
    async with running(tmp_path, comfy.url, visual_generation={"model": model}) as services:
        job = await made(services, picture(workflow_name="any", overrides={"width": 64, "height": 64, "steps": 1}))
    assert job.effective_settings["model"] == file
