from __future__ import annotations

from typing import Any

from bot.domain.jobs import JobKind
from bot.workflows import InputRole, InputSource, describe
from bot.workflows.description import DescribedNode, RequiredClass
from tests.workflows.graphs import node, parsed, txt2img

OBJECT_INFO: dict[str, Any] = {
    "KSampler": {"input": {"required": {"seed": ["INT", {"min": 0, "max": 2**64 - 1}]}}},
    "CheckpointLoaderSimple": {"input": {"required": {"ckpt_name": [["tiny.safetensors"]]}}},
    "EmptyLatentImage": {},
    "CLIPTextEncode": {},
    "VAEDecode": {},
    "SaveImage": {"output_node": True},
}


def test_it_names_the_inputs_of_each_role() -> None:
    roles = describe(parsed(txt2img())).roles
    assert {role.role: [str(found.node_input) for found in role.inputs] for role in roles} == {
        InputRole.POSITIVE: ["6.text"],
        InputRole.NEGATIVE: ["7.text"],
        InputRole.SEED: ["3.seed"],
        InputRole.WIDTH: ["5.width"],
        InputRole.HEIGHT: ["5.height"],
        InputRole.STEPS: ["3.steps"],
        InputRole.CFG: ["3.cfg"],
    }
    assert {role.source for role in roles} == {InputSource.GRAPH}
    prompt = roles[0]
    assert (prompt.label, prompt.inputs[0].node_title, prompt.inputs[0].value) == ("prompt", "CLIPTextEncode", "a cat")


def test_it_compares_with_what_is_installed() -> None:
    graph = txt2img(**{"61": node("Gone Node", images=["8", 0])})
    description = describe(parsed(graph), object_info=OBJECT_INFO)
    assert RequiredClass("Gone Node", installed=False) in description.classes
    assert RequiredClass("KSampler", installed=True) in description.classes
    assert [(model.name, model.installed, model.nearest) for model in description.models] == [
        ("tiny_random_sd15.safetensors", False, ("tiny.safetensors",))
    ]
    assert description.seed_limit == 2**64 - 1
    assert [problem.code for problem in description.problems] == ["MISSING_NODE"]


def test_without_a_server_it_knows_no_more_than_the_file() -> None:
    description = describe(parsed(txt2img()))
    assert {required.installed for required in description.classes} == {None}
    assert [model.installed for model in description.models] == [None]
    assert description.seed_limit == 2**32 - 1
    assert description.output_nodes == (DescribedNode("9", "SaveImage", "SaveImage"),)
    assert description.problems == ()


def test_a_common_role_without_an_input_is_described_too() -> None:
    description = describe(parsed(txt2img(), "negative: []"))
    (negative,) = [role for role in description.roles if role.role is InputRole.NEGATIVE]
    assert (negative.inputs, negative.candidates, negative.source) == ((), (), InputSource.BINDINGS)
    assert InputRole.VOICE_SAMPLE not in [role.role for role in description.roles]


def test_an_ambiguity_is_described_by_its_candidates() -> None:
    graph = txt2img(["20", 0], **{"20": node("StringConcatenate", string_a="a cat", string_b="a dog", delimiter="")})
    description = describe(parsed(graph))
    prompt = description.roles[0]
    assert (prompt.role, prompt.inputs, prompt.source) == (InputRole.POSITIVE, (), None)
    assert [str(candidate) for candidate in prompt.candidates] == ["20.string_a", "20.string_b"]
    assert "bindings.yaml" in description.problems[0].advice


def test_problems_are_those_of_the_kind_it_is_used_for() -> None:
    description = describe(parsed(txt2img()), JobKind.AUDIO)
    assert description.kind is JobKind.AUDIO
    assert [problem.code for problem in description.problems] == ["WORKFLOW_INVALID"]
