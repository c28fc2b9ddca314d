from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from bot.workflows import InputRole, InputValues, inject, seed_limit
from bot.workflows.model_files import installed_name
from tests.workflows.graphs import SHARED, class_of, inputs_of, node, parsed, txt2img

INFO: dict[str, Any] = {
    "KSampler": {"input": {"required": {"seed": ["INT", {"default": 0, "min": 0, "max": 2**64 - 1}]}}},
    "PrimitiveInt": {"input": {"required": {"value": ["INT", {"min": -(2**63), "max": 2**63 - 1}]}}},
    "TestTTS": {"input": {"required": {"seed": ["INT", {"min": 0, "max": 2**32 - 1}]}}},
}


def seed_of(graph: dict[str, Any], place: str) -> Any:
    node_id, name = place.split(".")
    return graph[node_id]["inputs"][name]


def test_the_original_never_changes_and_untouched_nodes_are_shared() -> None:
    graph = txt2img()
    workflow = parsed(graph)
    before = copy.deepcopy(workflow.graph)
    filled = inject(workflow, InputValues(positive="P", negative="N", seed=1, width=64, height=64, steps=2, cfg=1.5))
    assert workflow.graph == before
    assert filled["4"] is workflow.graph["4"]
    assert filled["6"] is not workflow.graph["6"]
    assert filled["3"]["inputs"]["model"] is workflow.graph["3"]["inputs"]["model"]
    assert seed_of(filled, "3.steps") == 2
    assert seed_of(filled, "3.cfg") == 1.5
    assert (seed_of(filled, "5.width"), seed_of(filled, "5.height")) == (64, 64)


def test_nothing_given_changes_nothing() -> None:
    workflow = parsed(txt2img())
    assert inject(workflow, InputValues()) == workflow.graph


def test_the_workflows_own_negative_stays_where_none_is_given() -> None:
    assert inject(parsed(txt2img()), InputValues(positive="P"))["7"]["inputs"]["text"] == "blurry"
    assert inject(parsed(txt2img()), InputValues(positive="P", negative=""))["7"]["inputs"]["text"] == ""


@pytest.mark.parametrize(
    "behind",
    [
        node("Seed (rgthree)", seed=-1),
        node("PrimitiveInt", value=5),
        node("easy seed", seed=5, control="fixed"),
        node("Seed Generator", seed=5),
        node("CR Seed", seed=5),
        node("INTConstant", value=5),
        node("ttN seed", seed="5"),
    ],
    ids=class_of,
)
def test_a_seed_behind_a_link_is_written_where_it_is(behind: dict[str, Any]) -> None:
    graph = txt2img(**{"20": behind, "21": node("Reroute", any=["20", 0])})
    graph["3"]["inputs"]["seed"] = ["21", 0]
    name = next(iter(behind["inputs"]))
    filled = inject(parsed(graph), InputValues(positive="x", seed=77))
    assert filled["20"]["inputs"][name] == 77
    assert type(filled["20"]["inputs"][name]) is int
    assert filled["3"]["inputs"]["seed"] == ["21", 0]


@pytest.mark.parametrize("written", [-1, "-1", "123", 762179815415612, 5.0, "write a random number here"])
def test_whatever_stands_there_becomes_the_seed(written: Any) -> None:
    graph = txt2img()
    graph["3"]["inputs"]["seed"] = written
    assert inject(parsed(graph), InputValues(positive="x", seed=9))["3"]["inputs"]["seed"] == 9


def test_flags_and_computed_seeds_are_left_alone() -> None:
    graph = txt2img(**{"20": node("SimpleMath", a=["21", 0], b=1), "21": node("PrimitiveInt", value=4)})
    graph["3"]["inputs"]["seed"] = ["20", 0]
    graph["5"]["inputs"] |= {"control_after_generate": "randomize", "use_seed": True}
    analysis = parsed(graph).analysis
    assert inputs_of(analysis, InputRole.SEED) == []


def test_every_reachable_seed_is_written() -> None:
    graph = txt2img(
        **{
            "20": node("UltimateSDUpscale", image=["8", 0], seed=1, steps=20, positive=["6", 0], negative=["7", 0]),
            "21": node("KSampler", seed=2),
        }
    )
    graph["9"]["inputs"]["images"] = ["20", 0]
    workflow = parsed(graph)
    assert inputs_of(workflow.analysis, InputRole.SEED) == ["20.seed", "3.seed"]
    filled = inject(workflow, InputValues(positive="x", seed=8))
    assert (seed_of(filled, "3.seed"), seed_of(filled, "20.seed"), seed_of(filled, "21.seed")) == (8, 8, 2)


def test_a_seed_fits_the_node() -> None:
    workflow = parsed(txt2img())
    assert seed_limit(workflow) == 2**32 - 1
    assert seed_limit(workflow, INFO) == 2**64 - 1
    assert seed_of(inject(workflow, InputValues(seed=2**40), INFO), "3.seed") == 2**40
    assert seed_of(inject(workflow, InputValues(seed=2**40 + 3)), "3.seed") == 3
    assert seed_of(inject(workflow, InputValues(seed=2**64 - 1), INFO), "3.seed") == 2**64 - 1
    assert seed_of(inject(workflow, InputValues(seed=2**64), INFO), "3.seed") == 0


def test_a_shared_seed_fits_everything_it_reaches() -> None:
    graph = txt2img(
        **{
            "20": node("PrimitiveInt", value=1),
            "21": node("TestTTS", text="hi", seed=["20", 0]),
            "22": node("SaveAudio", audio=["21", 0], filename_prefix="a"),
        }
    )
    graph["3"]["inputs"]["seed"] = ["20", 0]
    assert seed_limit(parsed(graph), INFO) == 2**32 - 1
    alone = txt2img(**{"20": node("PrimitiveInt", value=1)})
    alone["3"]["inputs"]["seed"] = ["20", 0]
    assert seed_limit(parsed(alone), INFO) == 2**63 - 1


def test_a_placeholder_seed_counts_for_the_limit() -> None:
    graph = txt2img()
    graph["3"]["inputs"]["seed"] = "__CHORUS_SEED__"
    assert seed_limit(parsed(graph), INFO) == 2**64 - 1
    assert seed_limit(parsed(graph)) == 2**32 - 1
    assert seed_of(inject(parsed(graph), InputValues(seed=2**33 + 1)), "3.seed") == 1


def test_a_square_from_one_number_is_not_pulled_apart() -> None:
    graph = txt2img(**{"20": node("PrimitiveInt", value=512)})
    graph["5"]["inputs"] |= {"width": ["20", 0], "height": ["20", 0]}
    analysis = parsed(graph).analysis
    assert (inputs_of(analysis, InputRole.WIDTH), inputs_of(analysis, InputRole.HEIGHT)) == ([], [])


def test_sizes_behind_links_and_measured_ones() -> None:
    graph = txt2img(**{"20": node("PrimitiveInt", value=512), "21": node("GetImageSize", image=["22", 0])})
    graph["5"]["inputs"] |= {"width": ["20", 0], "height": ["21", 1]}
    analysis = parsed(graph).analysis
    assert inputs_of(analysis, InputRole.WIDTH) == ["20.value"]
    assert inputs_of(analysis, InputRole.HEIGHT) == []


def test_steps_of_a_detailer_are_its_own() -> None:
    detailer = node("FaceDetailer", image=["8", 0], seed=3, steps=8, cfg=5.0, positive=["6", 0], negative=["7", 0])
    hires = node("KSampler", seed=1, steps=10, cfg=8.0, latent_image=["3", 0], positive=["6", 0], negative=["7", 0])
    graph = txt2img(**{"20": detailer, "21": hires})
    graph["8"]["inputs"]["samples"] = ["21", 0]
    graph["9"]["inputs"]["images"] = ["20", 0]
    analysis = parsed(graph).analysis
    assert inputs_of(analysis, InputRole.STEPS) == ["3.steps"]
    assert inputs_of(analysis, InputRole.CFG) == ["21.cfg", "3.cfg"]


def test_windows_paths_are_written_as_the_server_has_them() -> None:
    info = {"VAELoader": {"input": {"required": {"vae_name": [["none", "z/ae.safetensors"]]}}}}
    graph = txt2img(**{"30": node("VAELoader", vae_name="z\\ae.safetensors")})
    graph["8"]["inputs"]["vae"] = ["30", 0]
    filled = inject(parsed(graph), InputValues(positive="x"), info)
    assert filled["30"]["inputs"]["vae_name"] == "z/ae.safetensors"
    assert inject(parsed(graph), InputValues(positive="x"))["30"]["inputs"]["vae_name"] == "z\\ae.safetensors"
    assert installed_name("z/ae.safetensors", ["z\\ae.safetensors"]) == "z\\ae.safetensors"


def test_chorus_engines_workflow_takes_a_prompt_and_a_new_seed() -> None:
    path = SHARED / "workflows" / "nova_default_workflow.json"
    if not path.exists():
        pytest.skip("the recorded workflows are not here")
    workflow = parsed(json.loads(path.read_text()))
    filled = inject(workflow, InputValues(positive='a "lighthouse" {at} dusk\\', seed=11))
    assert filled["6"]["inputs"]["text"] == 'a "lighthouse" {at} dusk\\'
    assert filled["3"]["inputs"]["seed"] == 11
    assert filled["7"]["inputs"]["text"] == "blurry ugly bad"
    assert {key for key in filled if filled[key] != workflow.graph[key]} == {"3", "6"}
