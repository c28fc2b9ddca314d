"""What is said of a workflow before its first run."""

from __future__ import annotations

from typing import Any

import pytest

from bot.workflows import parse_workflow
from bot.workflows.run_warnings import MAX_WARNINGS, lora_files, run_warnings
from tests.workflows.graphs import GraphDict, node, parsed, txt2img

LORAS = ["ink_sd15.safetensors", "ink_sdxl.safetensors", "ink-flux.safetensors", "ink.safetensors"]
CHECKPOINTS = [
    "tiny_random_sd15.safetensors",
    "sd_xl_base_1.0.safetensors",
    "flux1-dev.safetensors",
    "mine.safetensors",
]


def info() -> dict[str, Any]:
    def entry(**required: Any) -> dict[str, Any]:
        return {"input": {"required": required}, "output_node": False}

    return {
        "KSampler": entry(
            steps=["INT", {"min": 1, "max": 10000}],
            cfg=["FLOAT", {"min": 0.0, "max": 100.0}],
            denoise=["FLOAT", {"min": 0.0, "max": 1.0}],
            seed=["INT", {"min": 0, "max": 2**64 - 1}],
            sampler_name=[["euler", "dpmpp_2m"], {}],
            scheduler=["COMBO", {"options": ["normal", "karras"]}],
        ),
        "CheckpointLoaderSimple": entry(ckpt_name=[CHECKPOINTS, {}]),
        "LoraLoader": entry(lora_name=[LORAS, {}], strength_model=["FLOAT", {"min": -100.0, "max": 100.0}]),
        "LoadImage": entry(image=[["example.png"], {"image_upload": True}]),
        "SaveImage": entry(images=["IMAGE"]) | {"output_node": True},
    }


def sampler(**changes: Any) -> GraphDict:
    graph = txt2img()
    graph["3"]["inputs"] |= changes
    return graph


def with_lora(lora: str, checkpoint: str) -> GraphDict:
    graph = txt2img()
    graph["4"]["inputs"]["ckpt_name"] = checkpoint
    graph["10"] = node("LoraLoader", "Ink", lora_name=lora, strength_model=1.0, model=["4", 0], clip=["4", 1])
    graph["3"]["inputs"]["model"] = ["10", 0]
    return graph


def test_a_workflow_that_fits_has_no_warning() -> None:
    assert run_warnings(parsed(txt2img()), info()) == ()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"steps": 0}, 'steps of "KSampler" is 0; ComfyUI takes 1 to 10000.'),
        ({"denoise": 1.5}, 'denoise of "KSampler" is 1.5; ComfyUI takes 0.0 to 1.0.'),
        (
            {"sampler_name": "dpmpp_2m_sde"},
            'sampler_name of "KSampler" is "dpmpp_2m_sde", which ComfyUI does not offer. The nearest: dpmpp_2m.',
        ),
        ({"scheduler": "beta"}, 'scheduler of "KSampler" is "beta", which ComfyUI does not offer.'),
    ],
)
def test_values_that_comfyui_will_refuse_are_named(changes: dict[str, Any], expected: str) -> None:
    assert run_warnings(parsed(sampler(**changes)), info()) == (expected,)


def test_what_the_bot_writes_and_what_nothing_depends_on_is_left_out() -> None:
    graph = sampler(seed=-1) | {"20": node("KSampler", steps=0, sampler_name="gone")}
    graph["21"] = node("LoadImage", image="gone.png")
    assert run_warnings(parsed(graph), info()) == ()


def test_a_placeholder_is_no_wrong_value() -> None:
    graph = sampler(steps="__CHORUS_STEPS__", sampler_name="euler")
    assert run_warnings(parsed(graph), info()) == ()


@pytest.mark.parametrize(
    ("lora", "checkpoint", "made_for"),
    [
        ("ink_sd15.safetensors", "flux1-dev.safetensors", "SD 1.5"),
        ("ink_sdxl.safetensors", "tiny_random_sd15.safetensors", "SDXL"),
        ("ink-flux.safetensors", "sd_xl_base_1.0.safetensors", "FLUX.1"),
        ("ink_sdxl.safetensors", "sd_xl_base_1.0.safetensors", None),
        ("ink.safetensors", "sd_xl_base_1.0.safetensors", None),
        ("ink_sd15.safetensors", "mine.safetensors", None),
    ],
)
def test_loras_for_another_family_are_named_where_both_are_known(
    lora: str, checkpoint: str, made_for: str | None
) -> None:
    found = run_warnings(parsed(with_lora(lora, checkpoint)), info())
    assert len(found) == (made_for is not None)
    if made_for is not None:
        assert f'The LoRA {lora} of "Ink" seems to be made for {made_for}' in found[0]


@pytest.mark.parametrize(
    ("metadata", "warned"),
    [
        ({"modelspec.architecture": "stable-diffusion-v1/lora"}, True),
        ({"ss_base_model_version": "sd_v1"}, True),
        ({"modelspec.architecture": "stable-diffusion-xl-v1-base/lora"}, False),
        ({"ss_base_model_version": "sdxl_base_v1-0"}, False),
        ({"ss_base_model_version": 7}, False),
    ],
)
def test_the_header_of_a_lora_tells_more_than_its_name(metadata: dict[str, Any], warned: bool) -> None:
    workflow = parsed(with_lora("ink.safetensors", "sd_xl_base_1.0.safetensors"))
    assert lora_files(workflow, info()) == ["ink.safetensors"]
    assert bool(run_warnings(workflow, info(), {"ink.safetensors": metadata})) is warned


def test_there_are_never_too_many() -> None:
    graph = txt2img()
    for number in range(40):
        graph[f"s{number}"] = node("KSampler", f"Sampler {number}", **(graph["3"]["inputs"] | {"steps": 0}))
        graph[f"o{number}"] = node("SaveImage", images=[f"s{number}", 0])
    assert len(run_warnings(parsed(graph), info())) == MAX_WARNINGS
    assert run_warnings(parse_workflow('{"1": {"class_type": "Gone", "inputs": {"a": [1, 2, 3]}}}'), info()) == ()
