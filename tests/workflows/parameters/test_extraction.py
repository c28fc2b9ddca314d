from __future__ import annotations

from typing import Any

import pytest

from bot.workflows.parameters import OpenTo, ParameterGroup, ParameterType, parameters_of
from bot.workflows.parameters.access import is_dangerous
from tests.workflows.graphs import GraphDict, node, parsed, txt2img
from tests.workflows.parameters.server import OBJECT_INFO, changes, found, injected


def two_samplers(steps: int = 20, split: int = 10) -> GraphDict:
    """A base sampler and a refiner that share the steps."""
    shared = {
        "steps": steps, "cfg": 8.0, "sampler_name": "euler", "scheduler": "normal", "model": ["4", 0],
        "positive": ["6", 0], "negative": ["7", 0],
    }  # fmt: skip
    graph = txt2img()
    graph["3"] = node(
        "KSamplerAdvanced", add_noise="enable", noise_seed=1, start_at_step=0, end_at_step=split, latent_image=["5", 0],
        **shared,
    )  # fmt: skip
    graph["10"] = node(
        "KSamplerAdvanced", add_noise="disable", noise_seed=1, start_at_step=split, end_at_step=10000,
        latent_image=["3", 0], **shared,
    )  # fmt: skip
    graph["8"]["inputs"]["samples"] = ["10", 0]
    return graph


def with_lora(graph: GraphDict) -> GraphDict:
    graph["20"] = node(
        "LoraLoader", lora_name="ink.safetensors", strength_model=0.8, strength_clip=0.8, model=["4", 0], clip=["4", 1]
    )
    graph["3"]["inputs"]["model"] = ["20", 0]
    for encoder in ("6", "7"):
        graph[encoder]["inputs"]["clip"] = ["20", 1]
    return graph


TABLE_OF_TWENTY = [
    (txt2img(), "6.text", "prompt"),
    (txt2img(), "3.seed", "seed"),
    (txt2img(), "3.steps", "steps"),
    (txt2img(), "3.cfg", "cfg"),
    (txt2img(), "3.sampler_name", "sampler"),
    (txt2img(), "3.scheduler", "scheduler"),
    (two_samplers(), "3.noise_seed", "seed"),
    (two_samplers(), "3.steps", "steps"),
    (two_samplers(), "3.cfg", "cfg"),
    (two_samplers(), "3.sampler_name", "sampler"),
    (two_samplers(), "3.scheduler", "scheduler"),
    (two_samplers(), "3.start_at_step", "start_step"),
    (two_samplers(), "3.end_at_step", "end_step"),
    (txt2img(), "5.width", "width"),
    (txt2img(), "5.height", "height"),
    (txt2img(), "5.batch_size", "batch"),
    (txt2img(), "4.ckpt_name", "model"),
    (with_lora(txt2img()), "20.lora_name", "lora"),
    (with_lora(txt2img()), "20.strength_model", "strength"),
    (with_lora(txt2img()), "20.strength_clip", "strength"),
]


@pytest.mark.parametrize("object_info", [OBJECT_INFO, None], ids=["with", "without"])
@pytest.mark.parametrize(("graph", "place", "name"), TABLE_OF_TWENTY, ids=[f"{n}-{p}" for _, p, n in TABLE_OF_TWENTY])
def test_the_inputs_that_everybody_knows_have_one_name(
    graph: GraphDict, place: str, name: str, object_info: Any
) -> None:
    parameter = found(parsed(graph), name, object_info)
    assert place in [str(each) for each in parameter.places]
    assert parameter.open_to is OpenTo.EVERYONE
    assert found(parsed(graph), place, object_info) is parameter


def test_types_ranges_lists_and_tooltips_come_from_the_server() -> None:
    graph = txt2img(**{"30": sharpen()})
    graph["9"]["inputs"]["images"] = ["30", 0]
    workflow = parsed(graph)
    steps, width = found(workflow, "steps"), found(workflow, "width")
    assert (steps.type, steps.minimum, steps.maximum, steps.default) == (ParameterType.INTEGER, 1, 10000, 20)
    assert (width.minimum, width.maximum, width.step) == (16, 16384, 8)
    assert list(found(workflow, "sampler").choices or ())[:2] == ["euler", "euler_ancestral"]
    assert list(found(workflow, "scheduler").choices or ())[:2] == ["normal", "karras"]
    assert found(workflow, "model").type is ParameterType.MODEL
    assert found(workflow, "seed").maximum == 2**64 - 1
    sharpness = found(workflow, "30.sharpness")
    assert (sharpness.type, sharpness.step, sharpness.tooltip) == (ParameterType.NUMBER, 0.01, "How crisp it gets.")
    assert found(workflow, "30.fast").type is ParameterType.SWITCH
    assert found(workflow, "cfg").step == 0.01


def sharpen() -> dict[str, Any]:
    return node(
        "Sharpen", sharpness=0.5, fast=False, note_text="x", path="/tmp/x", mask_model="sam.safetensors", image=["8", 0]
    )


def test_files_and_texts_are_for_managers_and_paths_for_nobody() -> None:
    graph = txt2img(**{"30": sharpen()})
    graph["9"]["inputs"]["images"] = ["30", 0]
    workflow = parsed(graph)
    opened = {name: found(workflow, f"30.{name}").open_to for name in graph["30"]["inputs"] if name != "image"}
    assert opened == {
        "sharpness": OpenTo.EVERYONE,
        "fast": OpenTo.EVERYONE,
        "note_text": OpenTo.MANAGERS,
        "path": OpenTo.NOBODY,
        "mask_model": OpenTo.MANAGERS,
    }
    prefix = found(workflow, "9.filename_prefix")
    assert (prefix.type, prefix.open_to) == (ParameterType.FILE_NAME, OpenTo.MANAGERS)


@pytest.mark.parametrize(
    ("node_class", "name", "dangerous"),
    [
        ("RegexExtract", "string", False),
        ("RegexExtract", "regex_pattern", True),
        ("JsonExtractString", "key", False),
        ("SomeClient", "key", True),
        ("ElevenLabsTextToSpeech", "language_code", False),
        ("RunPython", "text", True),
        ("ComfyMathExpression", "expression", True),
        ("HTTPRequest", "body", True),
    ],
)
def test_texts_that_reach_files_servers_or_code(node_class: str, name: str, dangerous: bool) -> None:
    assert is_dangerous(node_class, name) is dangerous


def test_what_no_output_depends_on_is_no_parameter() -> None:
    workflow = parsed(txt2img(**{"40": node("KSampler", seed=1, steps=99, model=["4", 0])}))
    assert parameters_of(workflow, OBJECT_INFO).find("40.steps") is None


def test_a_value_behind_primitives_reroutes_and_switches_is_one_parameter() -> None:
    graph = txt2img(
        **{
            "50": node("PrimitiveInt", title="How long", value=25),
            "51": node("PrimitiveInt", value=5),
            "52": node("Reroute", any=["53", 0]),
            "53": node("ComfySwitchNode", switch=True, on_true=["50", 0], on_false=["51", 0]),
        }
    )
    graph["3"]["inputs"]["steps"] = ["52", 0]
    workflow = parsed(graph)
    steps = found(workflow, "steps")
    assert [str(place) for place in steps.places] == ["50.value"]
    assert (steps.minimum, steps.maximum) == (1, 10000)
    assert found(workflow, "3.steps") is steps
    assert changes(workflow.graph, injected(workflow, {"steps": 30})) == {"50.value": 30}


def test_nodes_of_one_title_are_told_apart() -> None:
    graph = txt2img(**{"30": sharpen(), "31": sharpen()})
    graph["31"]["inputs"]["image"] = ["30", 0]
    graph["9"]["inputs"]["images"] = ["31", 0]
    labels = [parameter.label for parameter in parameters_of(parsed(graph), OBJECT_INFO)]
    assert len(labels) == len(set(labels))
    assert "Sharpen #30 · sharpness" in labels
    assert "KSampler · steps" in labels


def test_a_dynamic_combo_brings_the_inputs_of_its_choice() -> None:
    graph = txt2img(**{"60": node("SaveVideo", video=["8", 0], **{"format": "mp4", "format.codec": "h264"})})
    workflow = parsed(graph)
    codec, kind = found(workflow, "60.format.codec"), found(workflow, "60.format")
    assert list(codec.choices or ()) == ["h264", "av1"]
    assert list(kind.choices or ()) == ["auto", "mp4", "webm"]
    made = injected(workflow, {"60.format": "webm"})
    assert made["60"]["inputs"] == {"video": ["8", 0], "format": "webm", "format.quality": 30}
    assert injected(workflow, {"60.format": "mp4"})["60"] == graph["60"]


def test_guidance_and_cfg_are_two_where_a_graph_has_both() -> None:
    graph = txt2img(**{"70": node("FluxGuidance", guidance=3.5, conditioning=["6", 0])})
    assert found(parsed(txt2img()), "guidance").name == "cfg"
    graph["3"]["inputs"]["positive"] = ["70", 0]
    workflow = parsed(graph)
    assert changes(workflow.graph, injected(workflow, {"guidance": 4, "cfg": 2})) == {"70.guidance": 4.0, "3.cfg": 2.0}


def test_groups() -> None:
    graph = with_lora(txt2img(**{"30": sharpen()}))
    graph["9"]["inputs"]["images"] = ["30", 0]
    workflow = parsed(graph)
    groups = {name: found(workflow, name).group for name in ("prompt", "width", "steps", "model", "lora", "30.fast")}
    assert groups == {
        "prompt": ParameterGroup.PROMPT,
        "width": ParameterGroup.SIZE,
        "steps": ParameterGroup.SAMPLER,
        "model": ParameterGroup.MODEL,
        "lora": ParameterGroup.LORAS,
        "30.fast": ParameterGroup.OTHER,
    }


def test_parameters_are_extracted_once_per_version() -> None:
    workflow, info = parsed(txt2img()), dict(OBJECT_INFO)
    assert parameters_of(workflow, info) is parameters_of(parsed(txt2img()), info)
    assert parameters_of(workflow, info) is not parameters_of(workflow, dict(info))


def test_shared_steps_move_together() -> None:
    workflow = parsed(two_samplers())
    assert changes(workflow.graph, injected(workflow, {"steps": 30})) == {
        "3.steps": 30,
        "10.steps": 30,
        "3.end_at_step": 15,
        "10.start_at_step": 15,
    }


def test_the_boundary_of_shared_steps_is_one_value() -> None:
    workflow = parsed(two_samplers())
    assert changes(workflow.graph, injected(workflow, {"end_step": 14})) == {
        "3.end_at_step": 14,
        "10.start_at_step": 14,
    }


def test_sigmas_that_are_split_move_with_the_steps() -> None:
    graph = txt2img(
        **{
            "80": node("BasicScheduler", scheduler="simple", steps=20, denoise=1.0, model=["4", 0]),
            "81": node("SplitSigmas", sigmas=["80", 0], step=5),
            "82": node(
                "SamplerCustom", noise_seed=1, cfg=1.0, add_noise=True, model=["4", 0], positive=["6", 0],
                negative=["7", 0], sampler=["83", 0], sigmas=["81", 1], latent_image=["5", 0],
            ),
            "83": node("KSamplerSelect", sampler_name="euler"),
        }
    )  # fmt: skip
    graph["8"]["inputs"]["samples"] = ["82", 0]
    workflow = parsed(graph)
    assert changes(workflow.graph, injected(workflow, {"steps": 40})) == {"80.steps": 40, "81.step": 10}
    assert changes(workflow.graph, injected(workflow, {"sampler": "uni_pc"})) == {"83.sampler_name": "uni_pc"}
