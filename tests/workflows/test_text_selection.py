"""Which text is selected as the prompt: joined texts, several texts, graphs without a sampler, and any graph at all."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.workflows import AmbiguousInput, InputRole, InputValues, describe, inject, parse_workflow
from tests.workflows.graphs import SHARED, GraphDict, candidates_of, inputs_of, node, parsed, txt2img


def found(graph: GraphDict, role: InputRole = InputRole.POSITIVE) -> list[str]:
    return inputs_of(parsed(graph).analysis, role)


def candidates(graph: GraphDict, role: InputRole = InputRole.POSITIVE) -> list[str]:
    return candidates_of(parsed(graph).analysis, role)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (node("PrimitiveString", value="a cat"), ", oil painting, masterpiece", "21.value"),
        (
            node("PrimitiveString", title="Prompt", value="a cat"),
            node("PrimitiveString", title="Style", value="oil"),
            "21.value",
        ),
        (
            node("PrimitiveString", value="masterpiece, best quality"),
            node("PrimitiveString", value="a cat"),
            "22.value",
        ),
        (node("PrimitiveString", value="PROMPT HERE"), node("PrimitiveString", value="a painting in oil"), "21.value"),
        (node("PrimitiveString", value=""), node("PrimitiveString", value="a cat"), "22.value"),
    ],
)
def test_joins_that_names_decide(first: dict[str, Any], second: Any, expected: str) -> None:
    nodes = {"21": first}
    link: Any = second
    if isinstance(second, dict):
        nodes["22"], link = second, ["22", 0]
    join = node("StringConcatenate", string_a=["21", 0], string_b=link, delimiter=", ")
    assert found(txt2img(["20", 0], **nodes, **{"20": join})) == [expected]


def test_a_prompt_and_a_suffix_typed_into_one_join() -> None:
    join = node("StringConcatenate", string_a="a cat", string_b=", oil painting", delimiter="")
    assert found(txt2img(["20", 0], **{"20": join})) == ["20.string_a"]


def test_replacing_fills_the_gap_of_a_template() -> None:
    gap = node("StringReplace", string="a photo of {subject}, 35mm", find="{subject}", replace="a cat")
    assert found(txt2img(["20", 0], **{"20": gap})) == ["20.replace"]
    linked = node("StringReplace", string="a photo of XX", find="XX", replace=["21", 0])
    assert found(txt2img(["20", 0], **{"20": linked, "21": node("PrimitiveString", value="a cat")})) == ["21.value"]
    cleaning = node("StringReplace", string="a cat", find="\n", replace=" ")
    assert found(txt2img(["20", 0], **{"20": cleaning})) == ["20.string"]


@pytest.mark.parametrize("join", ["ConditioningCombine", "ConditioningConcat", "regions"])
def test_distinct_prompts_are_an_open_question(join: str) -> None:
    ends = (
        ("conditioning_to", "conditioning_from")
        if join == "ConditioningConcat"
        else ("conditioning_1", "conditioning_2")
    )
    graph = txt2img(**{"10": node("CLIPTextEncode", text="a dog", clip=["4", 1])})
    sources = ["6", "10"]
    if join == "regions":
        area = {"width": 64, "height": 64, "x": 0, "y": 0, "strength": 1.0}
        graph |= {f"3{at}": node("ConditioningSetArea", conditioning=[at, 0], **area) for at in sources}
        sources = ["36", "310"]
    kind = "ConditioningCombine" if join == "regions" else join
    graph["40"] = node(kind, **{ends[0]: [sources[0], 0], ends[1]: [sources[1], 0]})
    graph["3"]["inputs"]["positive"] = ["40", 0]
    assert found(graph) == []
    assert candidates(graph) == ["10.text", "6.text"]


def test_two_plain_literals_in_one_join_are_an_open_question() -> None:
    join = node("StringConcatenate", string_a="a cat", string_b="a forest", delimiter=" in ")
    assert candidates(txt2img(["20", 0], **{"20": join})) == ["20.string_a", "20.string_b"]


def test_a_sender_of_somebodys_own_is_an_end_too() -> None:
    graph = txt2img(
        **{
            "9": node("My Sender", images=["8", 0]),
            "50": node("LoadImage", image="a.png"),
            "51": node("PreviewImage", images=["50", 0]),
            "52": node("CLIPTextEncode", text="left over", clip=["4", 1]),
        }
    )
    assert found(graph) == ["6.text"]
    assert found(graph, InputRole.SEED) == ["3.seed"]


def test_two_different_pictures_are_an_open_question_once_one_is_given() -> None:
    graph = txt2img(
        **{
            "50": node("LoadImage", title="face", image="a.png"),
            "51": node("LoadImage", title="dress", image="b.png"),
            "52": node("ImageBatch", image1=["50", 0], image2=["51", 0]),
            "53": node("PreviewImage", images=["52", 0]),
        }
    )
    workflow = parsed(graph)
    assert inject(workflow, InputValues(positive="P"))["6"]["inputs"]["text"] == "P"
    with pytest.raises(AmbiguousInput, match="pictures"):
        inject(workflow, InputValues(positive="P", reference_image="x.png"))


def test_an_empty_join_takes_the_prompt_once() -> None:
    join = node("StringFunction|pysssss", action="append", tidy_tags="no", text_a="", text_b="", text_c="")
    assert found(txt2img(["20", 0], **{"20": join})) == ["20.text_a"]


def test_what_must_never_be_drawn_is_not_replaced() -> None:
    graph = txt2img(
        **{
            "10": node("CLIPTextEncode", text=["11", 0], clip=["4", 1]),
            "11": node("String Literal", string=""),
            "40": node("ConditioningCombine", conditioning_1=["7", 0], conditioning_2=["10", 0]),
        }
    )
    graph["3"]["inputs"]["negative"] = ["40", 0]
    assert found(graph, InputRole.NEGATIVE) == ["11.string"]


NAMES = ["text", "prompt", "positive", "negative", "seed", "width", "conditioning", "value", "", "any_01", "a.b", "Ä"]
CLASSES = ["KSampler", "CLIPTextEncode", "SaveImage", "Reroute", "LoadImage", "TTS", "StringConcatenate", "\x00", ""]
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
    st.tuples(st.sampled_from("123456"), st.integers(0, 2)).map(list),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2),
)
NODES = st.fixed_dictionaries(
    {
        "class_type": st.sampled_from(CLASSES),
        "inputs": st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=6),
        "_meta": st.one_of(st.none(), st.dictionaries(st.just("title"), st.one_of(st.none(), st.text(max_size=5)))),
    }
)


@given(st.dictionaries(st.sampled_from("123456"), NODES, min_size=1))
def test_any_graph_can_be_read_described_and_filled(graph: GraphDict) -> None:
    workflow = parsed(graph)
    text_spec = {"input": {"required": {"text": ["STRING"]}}}
    assert describe(workflow, object_info={"KSampler": {}, "CLIPTextEncode": text_spec}).name == "default"
    try:
        filled = inject(
            workflow, InputValues(positive="P", negative="N", seed=2**70, width=8, text="T", reference_image="i")
        )
    except AmbiguousInput:
        assert workflow.analysis.ambiguities
        return
    assert filled.keys() == workflow.graph.keys()
    for role, value in ((InputRole.NEGATIVE, "N"), (InputRole.WIDTH, 8)):
        for target in workflow.analysis.inputs_for(role):
            assert filled[target.node_id]["inputs"][target.input_name] in {value, "P", "T", "i", 2**70 % 2**32}
    json.dumps(filled)


def test_no_sampler_at_all() -> None:
    api = {
        "1": node("IdeogramV3", prompt="a cat", aspect_ratio="1:1", rendering_speed="BALANCED", seed=3),
        "2": node("SaveImage", images=["1", 0], filename_prefix="x"),
    }
    assert found(api) == ["1.prompt"]
    masks = {
        "1": node("LoadImage", image="a.png"),
        "2": node("GroundingDinoSAMSegment (segment anything)", image=["1", 0], prompt="hair"),
        "3": node("PreviewImage", images=["2", 0]),
    }
    assert found(masks) == []
    assert found(masks, InputRole.REFERENCE_IMAGE) == ["1.image"]


def test_what_only_a_text_display_shows_is_not_the_prompt() -> None:
    graph = txt2img(**{"50": node("PreviewAny", source=["51", 0]), "51": node("PrimitiveString", value="a note")})
    assert found(graph) == ["6.text"]


def test_chorus_engines_own_workflow() -> None:
    path = SHARED / "workflows" / "nova_default_workflow.json"
    if not path.exists():
        pytest.skip("the recorded workflows are not here")
    analysis = parse_workflow(path.read_bytes()).analysis
    assert inputs_of(analysis, InputRole.POSITIVE) == ["6.text"]
    assert inputs_of(analysis, InputRole.NEGATIVE) == ["7.text"]
    assert inputs_of(analysis, InputRole.SEED) == ["3.seed"]
    assert inputs_of(analysis, InputRole.WIDTH) == ["58.width"]
