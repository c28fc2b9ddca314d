from __future__ import annotations

import pytest

from bot.errors import InputInvalid
from bot.workflows import validate_installed
from bot.workflows.parameters import check_overrides
from bot.workflows.parameters.loras import parse_lora
from tests.workflows.graphs import node, parsed, txt2img
from tests.workflows.parameters.server import OBJECT_INFO, changes, injected
from tests.workflows.parameters.test_extraction import with_lora


def test_a_loader_takes_the_lora_and_its_strengths() -> None:
    workflow = parsed(with_lora(txt2img()))
    assert changes(workflow.graph, injected(workflow, {"lora": "detail:0.5"})) == {
        "20.lora_name": "detail.safetensors",
        "20.strength_model": 0.5,
        "20.strength_clip": 0.5,
    }
    assert changes(workflow.graph, injected(workflow, {"lora": "Water Color"})) == {
        "20.lora_name": "styles/water color.safetensors"
    }
    assert changes(workflow.graph, injected(workflow, {"lora": "ink:0.3:0.1"})) == {
        "20.strength_model": 0.3,
        "20.strength_clip": 0.1,
    }


def test_further_loras_get_loaders_behind_the_model() -> None:
    workflow = parsed(with_lora(txt2img()))
    made = injected(workflow, {"lora": "ink:0.3", "lora2": "detail:0.5"})
    assert made["20"]["inputs"]["strength_model"] == 0.3
    assert made["20"]["inputs"]["model"] == ["lora_1", 0]
    assert made["lora_1"]["inputs"] == {
        "lora_name": "detail.safetensors",
        "strength_model": 0.5,
        "strength_clip": 0.5,
        "model": ["4", 0],
        "clip": ["4", 1],
    }


def test_a_workflow_without_a_loader_gets_one() -> None:
    workflow = parsed(txt2img())
    made = injected(workflow, {"lora": "ink:0.8", "lora2": "detail"})
    assert changes(workflow.graph, {key: made[key] for key in workflow.graph}) == {
        "3.model": ["lora_2", 0],
        "6.clip": ["lora_2", 1],
        "7.clip": ["lora_2", 1],
    }
    assert made["lora_2"]["inputs"]["model"] == ["lora_1", 0]
    assert made["lora_1"]["inputs"]["clip"] == ["4", 1]
    assert made["8"]["inputs"]["vae"] == ["4", 2]
    validate_installed(made, OBJECT_INFO)


def test_a_model_without_text_encoder_gets_a_loader_for_the_model_only() -> None:
    graph = {
        "1": node("UNETLoader", unet_name="flux.safetensors"),
        "2": node("TextToPicture", prompt="a cat", model=["1", 0]),
        "3": node("SaveImage", images=["2", 0], filename_prefix="x"),
    }
    workflow = parsed(graph)
    made = injected(workflow, {"lora": "ink"}, None)
    assert made["lora_1"]["class_type"] == "LoraLoaderModelOnly"
    assert made["lora_1"]["inputs"] == {"lora_name": "ink", "strength_model": 1.0, "model": ["1", 0]}
    assert made["2"]["inputs"]["model"] == ["lora_1", 0]


def test_where_it_is_not_clear_the_error_says_why() -> None:
    graph = txt2img(**{"44": node("CheckpointLoaderSimple", title="Other", ckpt_name="sdxl/base.safetensors")})
    graph["7"]["inputs"]["clip"] = ["44", 1]
    with pytest.raises(InputInvalid, match=r'several text encoders: .*"Other"'):
        check_overrides(parsed(graph), {"lora": "ink"}, OBJECT_INFO)
    graph = {
        "1": node("LoadImage", image="a.png"),
        "2": node("SaveImage", images=["1", 0], filename_prefix="x"),
    }
    with pytest.raises(InputInvalid, match="loads no model"):
        check_overrides(parsed(graph), {"lora": "ink"}, OBJECT_INFO)


@pytest.mark.parametrize("name", ["lora", "lora2"])
def test_a_lora_of_another_server_is_refused_with_the_nearest(name: str) -> None:
    with pytest.raises(InputInvalid, match=r"detail\.safetensors"):
        check_overrides(parsed(txt2img()), {name: "detial:0.8"}, OBJECT_INFO)


def test_locked_loras_stay() -> None:
    with pytest.raises(InputInvalid, match="cannot be changed"):
        check_overrides(parsed(with_lora(txt2img()), "lock: [lora]"), {"lora": "ink"}, OBJECT_INFO)
    with pytest.raises(InputInvalid, match="cannot be changed"):
        check_overrides(parsed(txt2img(), "lock: [lora]"), {"lora": "ink"}, OBJECT_INFO)


def test_spellings_of_a_lora() -> None:
    assert parse_lora("ink") == ("ink", None, None)
    assert parse_lora(" a b.safetensors:-0.5 ") == ("a b.safetensors", -0.5, None)
    assert parse_lora("ink:.8:1") == ("ink", 0.8, 1.0)
    assert parse_lora("ink:") == ("ink", None, None)
    for wrong in ("", ":", "ink:999"):
        with pytest.raises(InputInvalid):
            parse_lora(wrong)
