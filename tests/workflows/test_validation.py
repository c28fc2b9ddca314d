from __future__ import annotations

import json
from typing import Any

import pytest

from bot.domain.jobs import JobKind
from bot.errors import ChorusError, MissingModel, MissingNode
from bot.workflows import (
    AmbiguousInput,
    NoOutputNode,
    NoPromptInput,
    parse_workflow,
    validate_installed,
    validate_structure,
)
from bot.workflows.object_info import input_spec, parse_spec
from tests.workflows.graphs import SHARED, GraphDict, node, parsed, txt2img


@pytest.fixture(scope="module")
def object_info() -> dict[str, Any]:
    path = SHARED / "object_info.json"
    if not path.exists():
        pytest.skip("the recorded /object_info is not here")
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def upscaler() -> GraphDict:
    return {
        "1": node("LoadImage", image="a.png"),
        "2": node("ImageScaleBy", image=["1", 0], upscale_method="lanczos", scale_by=2.0),
        "3": node("SaveImage", images=["2", 0], filename_prefix="x"),
    }


def test_a_good_graph_passes(object_info: dict[str, Any]) -> None:
    validate_structure(parsed(txt2img()), JobKind.IMAGE)
    validate_structure(parsed(txt2img()), JobKind.IMAGE, object_info=object_info)
    validate_installed(txt2img(), object_info)


def test_nowhere_to_put_the_prompt() -> None:
    graph = {"1": node("EmptyImage", width=8, height=8), "2": node("SaveImage", images=["1", 0], filename_prefix="x")}
    with pytest.raises(NoPromptInput) as caught:
        validate_structure(parsed(graph))
    assert "__CHORUS_PROMPT__" in caught.value.advice
    with pytest.raises(NoPromptInput):
        validate_structure(parsed(graph), JobKind.AUDIO)


def test_a_placeholder_in_a_node_that_no_output_needs_is_named() -> None:
    graph = {
        "1": node("EmptyImage", width=8, height=8),
        "2": node("SaveImage", images=["1", 0], filename_prefix="x"),
        "3": node("PrimitiveString", title="My words", value="__CHORUS_PROMPT__, sharp"),
    }
    with pytest.raises(NoPromptInput, match=r'node 3 \("My words"\), but no output node depends on it') as caught:
        validate_structure(parsed(graph))
    assert "Connect that node" in caught.value.advice


def test_a_picture_is_enough_for_a_workflow_that_starts_from_one() -> None:
    validate_structure(parsed(upscaler()))
    validate_structure(parsed(upscaler()), has_reference=True)
    with pytest.raises(NoPromptInput):
        validate_structure(parsed(upscaler()), has_reference=False)


def test_an_open_question_names_the_nodes_and_the_line_to_write() -> None:
    graph = txt2img(
        **{
            "10": node("CLIPTextEncode", title="Right half", text="a dog", clip=["4", 1]),
            "40": node("ConditioningCombine", conditioning_1=["6", 0], conditioning_2=["10", 0]),
        }
    )
    graph["3"]["inputs"]["positive"] = ["40", 0]
    with pytest.raises(AmbiguousInput, match=r'10\.text \("Right half"\)') as caught:
        validate_structure(parse_workflow(json.dumps(graph), name="duo"))
    assert "duo.bindings.yaml" in caught.value.advice
    assert 'positive: ["' in caught.value.advice
    assert "a dog" not in str(caught.value)


def test_no_output_node(object_info: dict[str, Any]) -> None:
    graph = txt2img()
    del graph["9"]
    with pytest.raises(NoOutputNode):
        validate_structure(parsed(graph))
    with pytest.raises(NoOutputNode):
        validate_structure(parsed(graph), object_info=object_info)
    unknown = txt2img(**{"9": node("My Own Sender", images=["8", 0])})
    validate_structure(parsed(unknown))
    validate_structure(parsed(unknown), object_info={**object_info, "My Own Sender": {"output_node": True}})
    with pytest.raises(NoOutputNode):
        validate_structure(parsed(unknown), object_info={**object_info, "My Own Sender": {"output_node": False}})


def test_a_missing_node_names_title_and_nearest(object_info: dict[str, Any]) -> None:
    graph = txt2img(**{"3": {**txt2img()["3"], "class_type": "KSamplr", "_meta": {"title": "My sampler"}}})
    with pytest.raises(MissingNode, match=r'"KSamplr".*"My sampler"') as caught:
        validate_installed(graph, object_info)
    assert '"KSampler"' in caught.value.advice
    validate_installed(txt2img(), {**object_info, "KSampler": object_info["KSampler"]})


def test_leftovers_need_their_nodes_but_not_their_models(object_info: dict[str, Any]) -> None:
    validate_installed(txt2img(**{"50": node("LoraLoader", lora_name="gone.safetensors")}), object_info)
    with pytest.raises(MissingNode):
        validate_installed(txt2img(**{"50": node("Gone")}), object_info)


@pytest.mark.parametrize(
    ("class_type", "name", "value"),
    [
        ("CheckpointLoaderSimple", "ckpt_name", "tiny_random_sd15_v2.safetensors"),
        ("LoraLoader", "lora_name", "style.safetensors"),
        ("UpscaleModelLoader", "model_name", "4x.pth"),
    ],
)
def test_a_missing_model_in_either_dialect(object_info: dict[str, Any], class_type: str, name: str, value: str) -> None:
    graph = txt2img(**{"50": node(class_type, **{name: value}), "51": node("PreviewAny", source=["50", 0])})
    with pytest.raises(MissingModel, match=value) as caught:
        validate_installed(graph, object_info)
    known = "tiny_random_sd15.safetensors" if class_type == "CheckpointLoaderSimple" else "No file of that kind"
    assert known in caught.value.advice


def test_uploaded_files_and_words_are_no_models(object_info: dict[str, Any]) -> None:
    graph = upscaler()
    graph["1"]["inputs"]["image"] = "chorus/new.png"
    graph["2"]["inputs"]["upscale_method"] = "not-a-method"
    validate_installed(graph, object_info)
    remote = {"1": node("LoadImageOutput", image="x.png [output]"), "2": node("SaveImage", images=["1", 0])}
    validate_installed(remote, object_info)


@pytest.mark.parametrize("dialect", ["old", "v3"])
def test_separators_of_the_other_system_are_the_same_file(dialect: str) -> None:
    files = ["a\\b.safetensors", "z/ae.safetensors"]
    spec: list[Any] = [files] if dialect == "old" else ["COMBO", {"options": files}]
    info = {
        "VAELoader": {"input": {"required": {"vae_name": spec}}},
        "S": {"input": {"required": {"x": ["VAE"]}}, "output_node": True},
    }
    for value in ("a/b.safetensors", "a\\b.safetensors", "z\\ae.safetensors"):
        validate_installed({"1": node("VAELoader", vae_name=value), "2": node("S", x=["1", 0])}, info)
    with pytest.raises(MissingModel, match="ae2"):
        validate_installed({"1": node("VAELoader", vae_name="z/ae2.safetensors"), "2": node("S", x=["1", 0])}, info)


def test_dynamic_combos_bring_inputs_of_their_own(object_info: dict[str, Any]) -> None:
    inner: dict[str, Any] = {"required": {"lora": ["COMBO", {"options": ["a.safetensors"]}]}}
    outer: list[Any] = [
        "COMFY_DYNAMICCOMBO_V3",
        {"options": [{"key": "off", "inputs": {}}, {"key": "on", "inputs": inner}]},
    ]
    info: dict[str, Any] = {"D": {"input": {"required": {"mode": outer}}, "output_node": True}}
    assert input_spec(info, "D", "mode") is not None
    spec = input_spec(info, "D", "mode.lora")
    assert spec is not None
    assert spec.choices == ["a.safetensors"]
    validate_installed({"1": node("D", **{"mode": "on", "mode.lora": "a.safetensors"})}, info)
    with pytest.raises(MissingModel, match=r"b\.safetensors"):
        validate_installed({"1": node("D", **{"mode": "on", "mode.lora": "b.safetensors"})}, info)
    codec = input_spec(object_info, "SaveVideo", "format.codec")
    assert codec is not None
    assert "h264" in (codec.choices or ())


@pytest.mark.parametrize("raw", [None, [], {}, "INT", 3], ids=repr)
def test_what_is_no_spec_has_none(raw: Any) -> None:
    assert parse_spec(raw) is None
    validate_installed(*_model_in_input_of(raw))


INCOMPLETE: list[tuple[list[Any], str, list[str] | None]] = [
    ([["euler"]], "COMBO", ["euler"]),
    (["MASK"], "MASK", None),
    (["COMBO", {}], "COMBO", None),
    (["*", None], "*", None),
    (["A,B", {"x": 1}], "A,B", None),
]


@pytest.mark.parametrize(("raw", "expected_type", "choices"), INCOMPLETE, ids=repr)
def test_incomplete_specs_are_understood(raw: Any, expected_type: str, choices: list[str] | None) -> None:
    spec = parse_spec(raw)
    assert spec is not None
    assert (spec.type, spec.choices) == (expected_type, choices)
    validate_installed(*_model_in_input_of(raw))


def test_a_class_described_by_nonsense_is_installed() -> None:
    validate_installed({"1": node("X", a="b.safetensors")}, {"X": ["not", "a", "description"]})


def _model_in_input_of(spec: Any) -> tuple[GraphDict, dict[str, Any]]:
    object_info = {"X": {"input": {"required": {"a": spec}}, "output_node": True}}
    return {"1": node("X", a="b.safetensors")}, object_info


def test_every_recorded_class_can_be_asked(object_info: dict[str, Any]) -> None:
    graph = {str(at): node(name, x="y") for at, name in enumerate(object_info)}
    validate_installed(graph, object_info)


def test_chorus_engines_workflow_lacks_its_nodes_here(object_info: dict[str, Any]) -> None:
    path = SHARED / "workflows" / "nova_default_workflow.json"
    workflow = parse_workflow(path.read_bytes())
    validate_structure(workflow, object_info=object_info)
    with pytest.raises(MissingNode, match="easy cleanGpuUsed"):
        validate_installed(workflow.graph, object_info)


def test_recorded_workflows_are_installed_where_they_were_recorded(object_info: dict[str, Any]) -> None:
    for path in sorted((SHARED / "workflows").glob("*.json")):
        if not path.name.startswith("nova"):
            validate_installed(parse_workflow(path.read_bytes()).graph, object_info)


def test_no_message_holds_a_prompt() -> None:
    secret = "a very private wish"
    graph = txt2img(secret, **{"10": node("CLIPTextEncode", text="x" + secret, clip=["4", 1])})
    graph["40"] = node("ConditioningCombine", conditioning_1=["6", 0], conditioning_2=["10", 0])
    graph["3"]["inputs"]["positive"] = ["40", 0]
    with pytest.raises(ChorusError) as caught:
        validate_structure(parsed(graph))
    assert secret not in caught.value.message + caught.value.advice
