"""How widget values, sockets and links of single nodes come into the prompt."""

from __future__ import annotations

import random
from datetime import datetime
from typing import Any

import pytest

from bot.workflows.conversion import ClassesNotInstalled, UiWorkflowInvalid, convert_ui_workflow
from tests.workflows.conversion.ui_files import OBJECT_INFO, inputs_of, node, ui


def test_a_node_has_class_inputs_and_a_title() -> None:
    workflow = ui(node(1, "Loader", ("b.safetensors",)), node(2, "Loader", ("c.safetensors",), title="Mine"))
    graph = convert_ui_workflow(workflow, OBJECT_INFO).graph
    assert graph == {
        "1": {"class_type": "Loader", "inputs": {"name": "b.safetensors"}, "_meta": {"title": "Load Model"}},
        "2": {"class_type": "Loader", "inputs": {"name": "c.safetensors"}, "_meta": {"title": "Mine"}},
    }


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((5, "randomize", 30, "heun", 0.5), {"seed": 5, "steps": 30, "sampler": "heun", "strength": 0.5}),
        ((5, True, 30, "heun", 0.5), {"seed": 5, "steps": 30, "sampler": "heun", "strength": 0.5}),
        ((5, "fixed"), {"seed": 5, "steps": 20, "sampler": "euler", "strength": 1.0}),
        ((5, "fixed", None, None, 2, "more"), {"seed": 5, "steps": None, "sampler": "euler", "strength": 2}),
        ({"steps": 3, "unknown": 1}, {"seed": 7, "steps": 3, "sampler": "euler", "strength": 1.0}),
        (
            (-1, "fixed", "many", "removed one"),
            {"seed": -1, "steps": "many", "sampler": "removed one", "strength": 1.0},
        ),
    ],
)
def test_values_are_positional_with_a_control_slot_after_the_seed(values: Any, expected: dict[str, Any]) -> None:
    assert inputs_of(ui(node(1, "Sampler", values)))["1"] == expected


def test_a_seed_has_a_control_slot_also_where_the_server_does_not_say_so() -> None:
    assert inputs_of(ui(node(1, "OldSampler", (9, "fixed", 12))))["1"] == {"noise_seed": 9, "steps": 12}


def test_a_linked_widget_keeps_its_slot() -> None:
    workflow = ui(
        node(1, "Number", (3,)),
        node(2, "Sampler", (5, "fixed", 30, "heun"), inputs={"steps": 8}),
        links=[(8, 1, 0, 2, 0)],
    )
    assert inputs_of(workflow)["2"] == {"seed": 5, "steps": ["1", 0], "sampler": "heun", "strength": 1.0}


def test_inputs_are_matched_by_name_and_unknown_ones_stay() -> None:
    workflow = ui(
        node(1, "Picture", ("x.png", "image")),
        node(2, "Blend", (0.1,), inputs={"second": 2, "extra": 3, "first": None}),
        links=[(2, 1, 0, 2, 99), (3, "1", "1", 2, 0)],
    )
    assert inputs_of(workflow) == {
        "1": {"image": "x.png"},
        "2": {"amount": 0.1, "second": ["1", 0], "extra": ["1", 1]},
    }


def test_an_input_of_a_widget_that_is_gone_is_removed() -> None:
    number = node(2, "Number", (4,), inputs={"value": None, "gone": 1})
    number["inputs"][1]["widget"] = {"name": "gone"}
    assert inputs_of(ui(node(1, "Number"), number, links=[(1, 1, 0, 2, 0)]))["2"] == {"value": 4}


def test_links_may_be_objects() -> None:
    links = [{"id": 1, "origin_id": 1, "origin_slot": 0, "target_id": 2, "target_slot": 0, "type": "IMAGE"}]
    workflow = ui(node(1, "Picture"), node(2, "SaveImage", inputs={"images": 1}), version=1) | {"links": links}
    assert inputs_of(workflow)["2"]["images"] == ["1", 0]


def test_force_input_is_a_socket_without_a_slot() -> None:
    assert inputs_of(ui(node(1, "Texts", ("here",))))["1"] == {"folder": "here"}
    assert inputs_of(ui(node(1, "Texts", ("old value", "here"))))["1"] == {"folder": "here"}


def test_a_union_with_a_widget_type_is_a_widget() -> None:
    assert inputs_of(ui(node(1, "Rate", (30,))))["1"] == {"rate": 30}


def test_dynamic_combos_bring_their_inputs_at_once() -> None:
    values = ("auto", "h264", 18.0, 55)
    workflow = ui(
        node(1, "Picture", ("x.png",)),
        node(2, "SaveFilm", values, inputs={"format.codec.mask": 4, "format.loops": 5}),
        node(3, "SaveFilm", ("gif", 3, 44), inputs={"format.codec.mask": 6}),
        node(4, "SaveFilm", ("unknown", 33)),
        node(5, "SaveFilm"),
        links=[(4, 1, 1, 2, 0), (5, 1, 0, 2, 1), (6, 1, 1, 3, 0)],
    )
    converted = inputs_of(workflow)
    assert converted["2"] == {
        "format": "auto",
        "format.codec": "h264",
        "format.codec.crf": 18.0,
        "format.codec.mask": ["1", 1],
        "quality": 55,
    }
    assert converted["3"] == {"format": "gif", "format.loops": 3, "quality": 44}
    assert converted["4"] == {"format": "unknown", "quality": 33}
    assert converted["5"] == {"format": "auto", "format.codec": "auto", "quality": 90}


def test_of_an_autogrow_group_only_linked_sockets_come() -> None:
    workflow = ui(
        node(1, "Picture"),
        node(2, "Batch", (4,), inputs={"images.image0": 1, "images.image1": None, "images.image2": 2}),
        links=[(1, 1, 0, 2, 0), (2, 1, 0, 2, 2)],
    )
    assert inputs_of(workflow)["2"] == {"images.image0": ["1", 0], "images.image2": ["1", 0], "size": 4}


def test_lists_and_curves_are_wrapped() -> None:
    converted = inputs_of(ui(node(1, "Editors", ([[0, 0], [1, 1]], [{"x": 1}], True)), node(2, "Editors")))
    assert converted["1"] == {
        "curve": {"__type__": "CURVE", "__value__": [[0, 0], [1, 1]]},
        "boxes": {"__value__": [{"x": 1}]},
        "flags": True,
    }
    assert converted["2"] == {"boxes": {"__value__": []}, "flags": False}


@pytest.mark.parametrize(
    ("written", "sent"),
    [(2**53, 2**53), (2**64 - 1, 18446744073709552000), (1234567890123456789, 1234567890123456800)],
)
def test_large_integers_lose_digits_as_in_javascript(written: int, sent: int) -> None:
    assert inputs_of(ui(node(1, "Number", (written,))))["1"]["value"] == sent


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("a /* b\n */c // d\ne", "a c \ne"),
        ("see http://x.y/z, cat", "see http:"),
        (r"{one} \{two\} \n", r"one {two} \n"),
        ("/* open // gone", "/* open "),
        ("(a:1.2) | }", "(a:1.2) | }"),
    ],
)
def test_marks_of_dynamic_prompts(written: str, sent: str) -> None:
    assert inputs_of(ui(node(1, "Encode", (written,))))["1"] == {"text": sent}


def test_alternatives_stay_unless_somebody_chooses() -> None:
    workflow = ui(node(1, "Encode", (r"a {red|{dark|light} blue} \{cat\} // c",)), node(2, "Texts", ("{a|b}",)))
    converted = convert_ui_workflow(workflow, OBJECT_INFO)
    assert converted.graph["1"]["inputs"]["text"] == r"a {red|{dark|light} blue} \{cat\} // c"
    assert converted.notes == ('Node 1 (Encode Text): "text" has alternatives such as {a|b}, which were kept.',)
    chosen = {inputs_of(workflow, choices=random.Random(seed))["1"]["text"] for seed in range(40)}
    assert chosen == {"a red {cat} ", "a dark blue {cat} ", "a light blue {cat} "}
    assert converted.graph["2"]["inputs"]["folder"] == "{a|b}"


def test_names_of_saved_files_take_values_of_other_nodes() -> None:
    text = "%Number.value%/%Mine.text%_%Mine.none%_%nobody.x%_%width%_%date:yyyy-MM-dd_hhmmss%"
    workflow = ui(
        node(1, "Number", (5,), properties={"Node name for S&R": "Number"}),
        node(2, "Encode", ('a/b:"c"',), title="Mine"),
        node(3, "SaveImage", (text,)),
        node(4, "Texts", (text,)),
    )
    converted = inputs_of(workflow, now=datetime(2026, 3, 4, 15, 6, 7))  # noqa: DTZ001 - local time
    assert converted["3"]["filename_prefix"] == "5/a_b__c__%Mine.none%_%nobody.x%_%width%_2026-03-04_150607"
    assert converted["4"]["folder"] == text
    kept = convert_ui_workflow(workflow, OBJECT_INFO)
    assert kept.graph["3"]["inputs"]["filename_prefix"].endswith("_%date:yyyy-MM-dd_hhmmss%")
    assert kept.notes == (
        'Node 3 (Save Image): "filename_prefix" has a date that ComfyUI\'s editor fills in; it was kept.',
    )


def test_widgets_that_only_the_editor_has() -> None:
    converted = convert_ui_workflow(
        ui(
            node(1, "Compare", ({"before": "x"},)),
            node(2, "CustomCombo", ("B", 9, "A", "B", "", "lost")),
            node(3, "Load3D", ("a.glb", "upload3dmodel", "uploadExtraResources", "clear", "", 512)),
            node(4, "SaveGLB", ("3d/x", "")),
        ),
        OBJECT_INFO,
    )
    assert [found["inputs"] for found in converted.graph.values()] == [
        {"compare_view": {"__value__": ["", ""]}},
        {"choice": "B", "index": 1, "option1": "A", "option2": "B", "option3": ""},
        {
            "model_file": "a.glb",
            "upload 3d model": "upload3dmodel",
            "upload extra resources": "uploadExtraResources",
            "clear": "clear",
            "width": 512,
        },
        {"filename_prefix": "3d/x", "image": ""},
    ]
    assert converted.notes == ('Node 3 (Load3D): "image" is made in the browser and not in the file; it was left out.',)


def test_unknown_classes_are_all_named_with_their_packs() -> None:
    workflow = ui(
        node(1, "Nice", properties={"cnr_id": "nice-pack"}),
        node(2, "Other"),
        node(3, "Nice"),
        node(4, "Harmless", mode=2),
        node(5, "Harmless", mode=4),
    )
    with pytest.raises(ClassesNotInstalled) as caught:
        convert_ui_workflow(workflow, OBJECT_INFO)
    assert caught.value.message == "ComfyUI does not have Nice of nice-pack (node 1, 3); Other (node 2)."


def test_group_nodes_are_refused_by_name() -> None:
    with pytest.raises(ClassesNotInstalled, match=r"group nodes \(workflow>mine\)"):
        convert_ui_workflow(ui(node(1, "workflow>mine")), OBJECT_INFO)


@pytest.mark.parametrize(
    ("workflow", "message"),
    [
        ({}, "is no workflow in ComfyUI's UI format"),
        ({"1": {"class_type": "Loader", "inputs": {}}}, "is no workflow in ComfyUI's UI format"),
        (ui(), "no node that runs"),
        (ui(node(1, "Note", ("hi",)), node(2, "Loader", mode=2)), "no node that runs"),
        (ui(node(1, "Number"), node("1", "Number")), "Two nodes of the workflow have the id 1"),
        (ui({"type": "Number"}), r"\(Number\) has no id"),
        (ui(node(1, "Blend", inputs={"first": 7})), r'"first" of node 1 \(Blend\) has a link \(7\)'),
        (ui(node(1, "Blend", inputs={"first": 7}), links=[(7, 5, 0, 1, 0)]), "connected to node 5"),
        (ui(node(1, "Number", inputs={str(n): None for n in range(1001)})), "has 1001 inputs"),
    ],
)
def test_what_cannot_be_converted_is_said(workflow: Any, message: str) -> None:
    with pytest.raises(UiWorkflowInvalid, match=message):
        convert_ui_workflow(workflow, OBJECT_INFO)
