from __future__ import annotations

import pytest

from bot.workflows import BindingsInvalid, InputSource, InputValues, inject, parse_bindings
from bot.workflows.input_roles import InputRole
from tests.workflows.graphs import inputs_of, node, parsed, txt2img

TWO = txt2img(
    **{
        "10": node("CLIPTextEncode", text="a dog", clip=["4", 1]),
        "40": node("ConditioningCombine", conditioning_1=["6", 0], conditioning_2=["10", 0]),
        "57:8.1": node("PrimitiveString", value="odd id"),
    }
)
TWO["3"]["inputs"]["positive"] = ["40", 0]


def test_the_owner_settles_an_open_question() -> None:
    assert parsed(TWO).analysis.ambiguity(InputRole.POSITIVE) is not None
    workflow = parsed(TWO, 'positive: ["10.text"]')
    assert inputs_of(workflow.analysis, InputRole.POSITIVE) == ["10.text"]
    assert workflow.analysis.sources[InputRole.POSITIVE] is InputSource.BINDINGS
    assert workflow.analysis.ambiguities == ()
    filled = inject(workflow, InputValues(positive="P"))
    assert (filled["10"]["inputs"]["text"], filled["6"]["inputs"]["text"]) == ("P", "a cat")


def test_one_place_needs_no_list_and_several_are_fine() -> None:
    assert inputs_of(parsed(TWO, "positive: 6.text").analysis, InputRole.POSITIVE) == ["6.text"]
    assert inputs_of(parsed(TWO, 'positive: [6.text, "10.text"]').analysis, InputRole.POSITIVE) == [
        "10.text",
        "6.text",
    ]
    assert inputs_of(parsed(TWO, 'positive: "57:8.1.value"').analysis, InputRole.POSITIVE) == ["57:8.1.value"]


def test_an_empty_list_means_nowhere() -> None:
    workflow = parsed(txt2img(), "negative: []\nseed: []")
    assert inputs_of(workflow.analysis, InputRole.NEGATIVE) == []
    filled = inject(workflow, InputValues(positive="P", negative="N", seed=4))
    assert filled["7"]["inputs"]["text"] == "blurry"
    assert filled["3"]["inputs"]["seed"] == 5


def test_bindings_go_before_placeholders() -> None:
    graph = txt2img("%prompt%", "so %prompt%")
    filled = inject(parsed(graph, "positive: 7.text"), InputValues(positive="P"))
    assert filled["7"]["inputs"]["text"] == "P"


def test_bindings_are_part_of_the_content() -> None:
    assert parsed(TWO).content_hash == parsed(TWO, "").content_hash == parsed(TWO, "# only a comment").content_hash
    assert parsed(TWO).content_hash != parsed(TWO, "positive: 6.text").content_hash
    assert parsed(TWO, "positive: 6.text").content_hash == parsed(TWO, 'positive: ["6.text"]').content_hash


def test_layout_and_order_are_not() -> None:
    graph = txt2img()
    turned = {key: {"inputs": graph[key]["inputs"], "class_type": graph[key]["class_type"]} for key in reversed(graph)}
    assert parsed(graph).content_hash == parsed(turned).content_hash
    turned["3"]["inputs"] = {**turned["3"]["inputs"], "steps": 21}
    assert parsed(graph).content_hash != parsed(turned).content_hash


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("positve: 6.text", 'unknown key "positve"; the nearest known one is "positive"'),
        ("defaults: {widht: 3}", 'unknown key "defaults.widht"; the nearest known one is "width"'),
        ("positive: {a: b}", 'wrong value at "positive"'),
        ("defaults: {width: -4}", 'wrong value at "defaults.width"'),
        ("- a\n- b", "must be a mapping"),
        ("positive:\n\t- 6.text", r"no YAML \(line 2\)"),
        ("\x00", "no YAML"),
        ('positive: "99.text"', "no such node"),
        ('positive: "6.txt"', r'no such input. Its inputs: "6.text"'),
        ("positive: clip", "no such node. The nearest"),
        ('positive: "../../x"', "no such node"),
    ],
)
def test_what_is_wrong_is_said_with_the_nearest(text: str, says: str) -> None:
    with pytest.raises(BindingsInvalid, match=says):
        parsed(TWO, text)


def test_unreadable_bytes_and_yaml_tags() -> None:
    with pytest.raises(BindingsInvalid):
        parse_bindings(b"\xff\xfe\xfa")
    with pytest.raises(BindingsInvalid):
        parse_bindings("positive: !!python/object/apply:os.system ['true']")
