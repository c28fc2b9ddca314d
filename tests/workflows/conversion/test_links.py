"""Links through reroutes, primitives, and muted and bypassed nodes."""

from __future__ import annotations

from typing import Any

import pytest

from bot.workflows.conversion import UiWorkflowInvalid, convert_ui_workflow
from tests.workflows.conversion.ui_files import OBJECT_INFO, inputs_of, node, ui

PICTURE = node(1, "Picture", ("x.png", "image"))
SAVE = node(9, "SaveImage", ("p",), inputs={"images": 9})


def test_notes_are_left_out_and_reroutes_followed() -> None:
    workflow = ui(
        PICTURE,
        node(2, "Reroute", inputs={"": 1}),
        node(3, "Reroute", inputs={"": 2}),
        node(4, "Note", ("hello",)),
        node(5, "MarkdownNote", ("# hello",)),
        SAVE,
        links=[(1, 1, 0, 2, 0), (2, 2, 0, 3, 0), (9, 3, 0, 9, 0)],
    )
    assert inputs_of(workflow) == {"1": {"image": "x.png"}, "9": {"images": ["1", 0], "filename_prefix": "p"}}


def test_a_reroute_without_a_source_gives_nothing() -> None:
    workflow = ui(
        node(2, "Reroute", inputs={"": None}),
        node(3, "Number", (4,), inputs={"value": 3}),
        SAVE,
        links=[(3, 2, 0, 3, 0), (9, 2, 0, 9, 0)],
    )
    assert inputs_of(workflow) == {"3": {"value": 4}, "9": {"filename_prefix": "p"}}


@pytest.mark.parametrize("mode", [0, 2, 4])
def test_a_primitive_writes_its_value_into_every_widget(mode: int) -> None:
    workflow = ui(
        node(1, "PrimitiveNode", (12, "fixed"), mode=mode, outputs=["INT"]),
        node(2, "Number", (0,), inputs={"value": 1}),
        node(3, "Sampler", (1, "fixed", 2), inputs={"steps": 2, "model": 3}),
        links=[(1, 1, 0, 2, 0), (2, 1, 0, 3, 0), (3, 1, 0, 3, 1)],
    )
    converted = inputs_of(workflow)
    assert converted == {"2": {"value": 12}, "3": {"seed": 1, "steps": 12, "sampler": "euler", "strength": 1.0}}


def test_a_primitive_without_a_value_changes_nothing_and_texts_are_dynamic_prompts() -> None:
    workflow = ui(
        node(1, "PrimitiveNode"),
        node(2, "Number", (5,), inputs={"value": 1}),
        node(3, "PrimitiveNode", ("{a} // b",)),
        node(4, "Encode", ("own",), inputs={"text": 2}),
        links=[(1, 1, 0, 2, 0), (2, 3, 0, 4, 0)],
    )
    assert inputs_of(workflow) == {"2": {"value": 5}, "4": {"text": "a "}}


def test_a_primitive_takes_values_of_other_nodes_if_it_is_told_to() -> None:
    replacing = {"Run widget replace on values": True}
    workflow = ui(
        node(1, "PrimitiveNode", ("%Number.value%",), properties=replacing),
        node(2, "Encode", ("own",), inputs={"text": 2}),
        node(3, "Number", (8,), title="Number"),
        links=[(2, 1, 0, 2, 0)],
    )
    assert inputs_of(workflow)["2"] == {"text": "8"}


def test_a_muted_node_is_left_out_and_a_widget_keeps_its_value() -> None:
    workflow = ui(
        node(1, "Number", (3,), mode=2),
        node(2, "Number", (4,), inputs={"value": 1}),
        node(3, "Picture", mode=2),
        SAVE,
        links=[(1, 1, 0, 2, 0), (9, 3, 0, 9, 0)],
    )
    assert inputs_of(workflow) == {"2": {"value": 4}, "9": {"filename_prefix": "p"}}


@pytest.mark.parametrize(
    ("bypassed", "expected"),
    [
        # The input with the same index, sockets counted before widgets.
        (node(2, "Blend", (0.5,), inputs={"second": 2, "first": 1}, mode=4), ["1", 0]),
        # Its type does not fit: the first input with the consumer's type.
        (node(2, "Masked", inputs={"mask": 3, "image": 1}, mode=4), ["1", 0]),
        # The input that is chosen may be unlinked.
        (node(2, "Blend", (0.5,), inputs={"second": 2}, mode=4), None),
        # There is none.
        (node(2, "Loader", inputs={"extra": 3}, types={"extra": "MASK"}, mode=4), None),
        # A class that the server does not have does no harm.
        (node(2, "Unknown", inputs={"a": 3, "b": 1}, types={"a": "MASK", "b": "IMAGE"}, mode=4), ["1", 0]),
        (node(2, "Unknown", inputs={"a": 3, "b": 1}, types={"a": "MASK", "b": "MASK,IMAGE"}, mode=4), ["1", 0]),
    ],
)
def test_a_bypassed_node_passes_on_an_input(bypassed: Any, expected: Any) -> None:
    workflow = ui(
        PICTURE,
        node(7, "Picture", ("y.png",)),
        bypassed,
        SAVE,
        links=[(1, 1, 0, 2, 0), (2, 7, 0, 2, 0), (3, 1, 1, 2, 0), (9, 2, 0, 9, 0)],
    )
    assert inputs_of(workflow)["9"].get("images") == expected


def test_any_type_takes_the_same_index_or_the_first() -> None:
    workflow = ui(
        PICTURE,
        node(2, "Masked", inputs={"mask": 3, "image": 1}, mode=4),
        node(3, "Number", inputs={"any": 4, "other": 5}, types={"any": "*"}),
        links=[(1, 1, 0, 2, 1), (3, 1, 1, 2, 0), (4, 2, 0, 3, 0), (5, 2, 7, 3, 0)],
    )
    assert inputs_of(workflow)["3"] == {"value": 0, "any": ["1", 1], "other": ["1", 1]}


def test_bypass_works_through_chains() -> None:
    count = 3000
    chain = [node(n, "Blend", (1,), inputs={"first": n}, mode=4) for n in range(2, count)]
    workflow = ui(
        PICTURE,
        *chain,
        node(count, "SaveImage", inputs={"images": count}),
        links=[(n, n - 1, 0, n, 0) for n in range(2, count + 1)],
    )
    assert inputs_of(workflow)[str(count)]["images"] == ["1", 0]


def test_links_in_a_circle_are_said() -> None:
    workflow = ui(
        node(1, "Reroute", inputs={"": 1}),
        node(2, "Reroute", inputs={"": 2}),
        SAVE,
        links=[(1, 2, 0, 1, 0), (2, 1, 0, 2, 0), (9, 2, 0, 9, 0)],
    )
    with pytest.raises(UiWorkflowInvalid, match=r"links of node 9 \(SaveImage\) go round in a circle"):
        convert_ui_workflow(workflow, OBJECT_INFO)


def test_nodes_that_no_output_needs_stay() -> None:
    assert inputs_of(ui(PICTURE, node(2, "Number", (1,), mode=1))) == {"1": {"image": "x.png"}, "2": {"value": 1}}
