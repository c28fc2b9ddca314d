"""Subgraphs: the ids of their nodes, their links, and the values that instances have for widgets inside them."""

from __future__ import annotations

from typing import Any

import pytest

from bot.workflows.conversion import UiWorkflowInvalid, convert_ui_workflow
from tests.workflows.conversion.ui_files import OBJECT_INFO, inputs_of, node, subgraph, ui


def numbers(**more: Any) -> dict[str, Any]:
    """Two numbers and a sampler inside; inputs `a` (two numbers), `model`, `steps`; the output is the sampler's."""
    return subgraph(
        "numbers",
        node(1, "Number", (10,), inputs={"value": 1}),
        node(2, "Number", (20,), inputs={"value": 2}),
        node(3, "Sampler", (5, "fixed", 30, "heun", 0.5), inputs={"model": 3, "steps": 4}),
        links=[(1, -10, 0, 1, 0), (2, -10, 0, 2, 0), (3, -10, 1, 3, 0), (4, -10, 2, 3, 1), (5, 3, 0, -20, 0)],
        inputs=[("a", "INT"), ("model", "MODEL"), ("steps", "INT")],
        outputs=[("out", "LATENT")],
    )


def values_inside(instance: dict[str, Any], *others: dict[str, Any], **more: Any) -> tuple[Any, Any, Any]:
    converted = inputs_of(ui(instance, *others, definitions=[numbers()], **more))
    return converted["50:1"]["value"], converted["50:2"]["value"], converted["50:3"]["steps"]


def test_inner_nodes_come_out_under_the_ids_of_their_instances() -> None:
    workflow = ui(
        node(40, "Loader", ("a",)),
        node(50, "numbers", inputs={"steps": None, "model": 1}),
        node(60, "numbers"),
        node(70, "Blend", (1,), inputs={"latent": 2}),
        links=[(1, 40, 0, 50, 0), (2, 50, 0, 70, 0)],
        definitions=[numbers()],
    )
    converted = inputs_of(workflow)
    assert set(converted) == {"40", "70", "50:1", "50:2", "50:3", "60:1", "60:2", "60:3"}
    assert converted["70"]["latent"] == ["50:3", 0]
    assert converted["50:3"] == {"model": ["40", 0], "seed": 5, "steps": 30, "sampler": "heun", "strength": 0.5}
    assert "model" not in converted["60:3"]


@pytest.mark.parametrize(
    ("instance", "expected"),
    [
        # Without values, the inner node's value; the first target's for every target of the input.
        (node(50, "numbers"), (10, 10, 30)),
        # Positional over the inputs that lead to a widget.
        (node(50, "numbers", (7, 8)), (7, 7, 8)),
        (node(50, "numbers", (7,)), (7, 7, 30)),
        (node(50, "numbers", (None, 8)), (10, 10, 8)),
        # Positional over proxyWidgets, where there are such.
        (node(50, "numbers", (8, 7), properties={"proxyWidgets": [["3", "steps"], ["-1", "a"]]}), (7, 7, 8)),
        (node(50, "numbers", (7, 8), properties={"proxyWidgets": [["1", "value"], ["3", "steps"]]}), (7, 7, 8)),
        (node(50, "numbers", (7,), properties={"proxyWidgets": [["99", "x"], ["3", "steps"]]}), (10, 10, 30)),
        (node(50, "numbers", (7, 8), properties={"proxyWidgets": [["3", "no"], ["3", "steps"]]}), (10, 10, 8)),
        (node(50, "numbers", (None, 8), properties={"proxyWidgets": [["-1", "a"], ["3", "steps"]]}), (10, 10, 8)),
        (node(50, "numbers", (7, 8), properties={"proxyWidgets": []}), (7, 7, 8)),
    ],
)
def test_an_instance_has_values_of_its_own(instance: dict[str, Any], expected: tuple[Any, Any, Any]) -> None:
    assert values_inside(instance) == expected


def test_a_proxy_widget_may_be_one_that_no_input_leads_to() -> None:
    proxies = {"proxyWidgets": [["3", "strength"], ["3", "$$canvas-image-preview"], ["3", "sampler"]]}
    workflow = ui(node(50, "numbers", (0.9, None, "euler"), properties=proxies), definitions=[numbers()])
    assert inputs_of(workflow)["50:3"] == {"seed": 5, "steps": 30, "sampler": "euler", "strength": 0.9}


def test_a_proxy_widget_without_a_socket_is_skipped() -> None:
    definition = subgraph("e", node(1, "Editors", ([[0, 0]], [], True)))
    proxies = {"proxyWidgets": [["1", "curve"], ["1", "boxes"], ["1", "flags"]]}
    workflow = ui(node(5, "e", ([[9, 9]], [1, 2], False), properties=proxies), definitions=[definition])
    assert inputs_of(workflow)["5:1"] == {
        "curve": {"__type__": "CURVE", "__value__": [[0, 0]]},
        "boxes": {"__value__": [1, 2]},
        "flags": False,
    }


def test_a_promoted_input_that_is_linked_takes_the_link() -> None:
    number = node(40, "Number", (1,))
    found = values_inside(node(50, "numbers", (7, 8), inputs={"a": 1}), number, links=[(1, 40, 0, 50, 9)])
    assert found == (["40", 0], ["40", 0], 8)


def test_if_nothing_comes_of_the_link_the_inner_values_count() -> None:
    instance = node(50, "numbers", (7, 8), inputs={"a": 1})
    assert values_inside(instance, node(40, "Number", (1,), mode=2), links=[(1, 40, 0, 50, 0)]) == (10, 20, 8)
    primitive = node(40, "PrimitiveNode", (1, "fixed"))
    assert values_inside(instance, primitive, links=[(1, 40, 0, 50, 0)]) == (10, 20, 8)


def test_promoted_texts_are_no_dynamic_prompts() -> None:
    definition = subgraph(
        "text",
        node(1, "Encode", ("inner // gone",), inputs={"text": 1}),
        node(2, "Encode", ("alone // gone",)),
        links=[(1, -10, 0, 1, 0)],
        inputs=[("text", "STRING")],
    )
    converted = inputs_of(ui(node(5, "text", ("outer // stays",)), node(6, "text"), definitions=[definition]))
    assert [found["text"] for found in converted.values()] == [
        "outer // stays",
        "alone ",
        "inner // gone",
        "alone ",
    ]


def nested() -> list[dict[str, Any]]:
    """`outer` has an instance 1 of `middle`, which has an instance 2 of `inner`, which has number 3."""
    return [
        subgraph(
            "outer",
            node(1, "middle", inputs={"m": 1}),
            links=[(1, -10, 0, 1, 0), (2, 1, 0, -20, 0)],
            inputs=[("o", "INT")],
            outputs=[("result", "INT")],
        ),
        subgraph(
            "inner",
            node(3, "Number", (30,), inputs={"value": 1}),
            links=[(1, -10, 0, 3, 0), (2, 3, 0, -20, 0)],
            inputs=[("i", "INT")],
            outputs=[("result", "INT")],
        ),
        subgraph(
            "middle",
            node(2, "inner", inputs={"i": 1}),
            links=[(1, -10, 0, 2, 0), (2, 2, 0, -20, 0)],
            inputs=[("m", "INT")],
            outputs=[("result", "INT")],
        ),
    ]


@pytest.mark.parametrize(
    ("instance", "expected"),
    [
        (node(9, "outer"), 30),
        (node(9, "outer", (1,)), 1),
        (node(9, "outer", (1,), properties={"proxyWidgets": [["1", "m"]]}), 1),
        (node(9, "outer", (1,), properties={"proxyWidgets": [["1", "value"]]}), 30),
        (node(9, "outer", (1,), inputs={"o": 5}), ["8", 0]),
    ],
)
def test_promoted_widgets_of_inner_subgraphs_can_be_promoted_again(instance: dict[str, Any], expected: Any) -> None:
    workflow = ui(
        node(8, "Number"),
        instance,
        node(10, "Number", (0,), inputs={"value": 6}),
        links=[(5, 8, 0, 9, 0), (6, 9, 0, 10, 0)],
        definitions=nested(),
    )
    converted = inputs_of(workflow)
    assert converted["9:1:2:3"] == {"value": expected}
    assert converted["10"] == {"value": ["9:1:2:3", 0]}


def test_an_inner_instance_has_values_of_its_own() -> None:
    outer, inner, middle = nested()
    middle["nodes"][0]["widgets_values"] = [77]
    assert inputs_of(ui(node(9, "outer"), definitions=[outer, inner, middle]))["9:1:2:3"] == {"value": 77}


def test_unlinked_widgets_deep_inside_can_be_promoted_by_proxies() -> None:
    outer, inner, middle = nested()
    del outer["links"][0], outer["inputs"][0]
    outer["nodes"][0]["inputs"] = []
    for entry in (["1", "m"], ["1", "2: 3: value", "3"]):
        workflow = ui(node(9, "outer", (4,), properties={"proxyWidgets": [entry]}), definitions=[outer, inner, middle])
        expected = {"value": 4} if entry == ["1", "m"] else {"value": 30}
        assert inputs_of(workflow)["9:1:2:3"] == expected


def test_primitives_inside_write_and_can_be_promoted() -> None:
    definition = subgraph(
        "p",
        node(1, "PrimitiveNode", (3, "fixed")),
        node(2, "Number", (0,), inputs={"value": 1}),
        links=[(1, 1, 0, 2, 0)],
    )
    proxies = {"proxyWidgets": [["1", "value"], ["1", "control_after_generate"]]}
    workflow = ui(node(7, "p"), node(8, "p", (9, "fixed"), properties=proxies), definitions=[definition])
    assert inputs_of(workflow) == {"7:2": {"value": 3}, "8:2": {"value": 9}}


def test_repeated_ids_are_replaced_definition_by_definition() -> None:
    first = subgraph(
        "f", node(1, "Number", (1,)), node(3, "Number", (2,), inputs={"value": 1}), links=[(1, 1, 0, 3, 0)]
    )
    second = subgraph("s", node(1, "Number", (3,)), node(3, "Number", (4,)), node(4, "Number", (5,)))
    workflow = ui(
        node(1, "f", (8,), properties={"proxyWidgets": [["1", "value"]]}),
        node(2, "s"),
        definitions=[first, second],
        last_node_id="3",
    )
    assert inputs_of(workflow) == {
        "1:4": {"value": 8},
        "1:3": {"value": ["1:4", 0]},
        "2:5": {"value": 3},
        "2:6": {"value": 4},
        "2:7": {"value": 5},
    }


@pytest.mark.parametrize("mode", [2, 4])
def test_of_a_disabled_instance_in_the_root_nothing_comes_out(mode: int) -> None:
    workflow = ui(
        node(8, "Number", (1,)),
        node(9, "outer", inputs={"o": 5}, mode=mode),
        node(10, "Number", (2,), inputs={"value": 6}),
        links=[(5, 8, 0, 9, 0), (6, 9, 0, 10, 0)],
        definitions=nested(),
    )
    expected = ["8", 0] if mode == 4 else 2
    assert inputs_of(workflow) == {"8": {"value": 1}, "10": {"value": expected}}


@pytest.mark.parametrize("mode", [2, 4])
def test_of_a_disabled_instance_in_a_subgraph_the_nodes_come_out_unused(mode: int) -> None:
    outer, inner, middle = nested()
    outer["nodes"][0]["mode"] = mode
    workflow = ui(
        node(8, "Number", (1,)),
        node(9, "outer", inputs={"o": 5}),
        node(10, "Number", (2,), inputs={"value": 6}),
        links=[(5, 8, 0, 9, 0), (6, 9, 0, 10, 0)],
        definitions=[outer, inner, middle],
    )
    converted = inputs_of(workflow)
    assert converted["9:1:2:3"] == {"value": ["8", 0]}
    assert converted["10"] == {"value": ["8", 0] if mode == 4 else 2}


def test_an_output_that_is_linked_straight_to_an_input_leads_through() -> None:
    through = subgraph(
        "t", node(1, "Number"), links=[(1, -10, 0, -20, 0)], inputs=[("in", "INT")], outputs=[("out", "INT")]
    )
    workflow = ui(
        node(8, "Number", (1,)),
        node(9, "t", inputs={"in": 5}),
        node(10, "Number", (2,), inputs={"value": 6}),
        links=[(5, 8, 0, 9, 0), (6, 9, 0, 10, 0)],
        definitions=[through],
    )
    assert inputs_of(workflow)["10"] == {"value": ["8", 0]}


def test_a_subgraph_inside_itself_is_said() -> None:
    outer, inner, middle = nested()
    inner["nodes"].append(node(5, "outer"))
    with pytest.raises(UiWorkflowInvalid, match=r'The subgraph "outer" contains itself \(node 5\)'):
        convert_ui_workflow(ui(node(9, "outer"), definitions=[outer, inner, middle]), OBJECT_INFO)


def test_subgraphs_that_multiply_are_refused() -> None:
    definitions = [subgraph(f"d{n}", *(node(m, f"d{n + 1}") for m in range(10))) for n in range(12)]
    definitions.append(subgraph("d12", node(1, "Number")))
    with pytest.raises(UiWorkflowInvalid, match="more than 100000 nodes and values"):
        convert_ui_workflow(ui(node(1, "d0"), definitions=definitions), OBJECT_INFO)


@pytest.mark.parametrize("text", ["x" * 100_000, "// " * 30_000, "%a.b%" * 20_000])
def test_a_long_text_in_many_instances_is_refused(text: str) -> None:
    definition = subgraph(
        "d", node(1, "Encode", (text,)), node(2, "SaveImage", (text,)), node(3, "Texts", ("x" * 100_000,))
    )
    many = (node(n, "d") for n in range(3_000))
    with pytest.raises(UiWorkflowInvalid, match="more than 16 MB of text"):
        convert_ui_workflow(ui(*many, definitions=[definition]), OBJECT_INFO)


def test_subgraphs_that_are_nested_too_deeply_are_refused() -> None:
    definitions = [subgraph(f"d{n}", node(1, f"d{n + 1}")) for n in range(200)]
    with pytest.raises(UiWorkflowInvalid, match="more than 50 levels deep"):
        convert_ui_workflow(ui(node(1, "d0"), definitions=definitions), OBJECT_INFO)
