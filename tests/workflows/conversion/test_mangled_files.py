"""Damaged files: each is converted or refused with an error that people see, within a second."""

from __future__ import annotations

import copy
import json
import time
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import ChorusError
from bot.workflows.conversion import convert_ui_workflow
from tests.workflows.conversion.test_subgraphs import nested, numbers
from tests.workflows.conversion.ui_files import OBJECT_INFO, node, ui

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-3, 70)
    | st.integers()
    | st.floats()
    | st.sampled_from(["", "x", "-10", "-20", "Reroute", "PrimitiveNode", "numbers", "outer", "inner", "SaveFilm", "*"])
    | st.text(max_size=5)
)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=8,
)
FILE = ui(
    node(1, "PrimitiveNode", (12, "fixed"), outputs=["INT"]),
    node(2, "Reroute", inputs={"": 1}),
    node(3, "Sampler", (1, "fixed", 2), inputs={"steps": 2, "model": 3}),
    node(4, "Blend", (0.5,), inputs={"second": 4, "first": 5}, mode=4),
    node(5, "SaveFilm", ("auto", "h264", 18.0, 55), inputs={"images": 6, "format.codec.mask": 7}),
    node(6, "numbers", (1, 2), inputs={"steps": None, "model": 8}, properties={"proxyWidgets": [["1", "value"]]}),
    node(7, "outer", (3,), properties={"proxyWidgets": [["1", "2: value"], ["-1", "o"]]}),
    node(8, "Encode", ("a {b|c} // d",)),
    node(9, "SaveImage", ("%Number.value%",), inputs={"images": 9}),
    node(10, "CustomCombo", ("A", 0, "A", "B", "")),
    node(11, "Load3D", ("a.glb",)),
    node(12, "Batch", (4,), inputs={"images.image0": 10, "images.image2": 11}),
    links=[
        (1, 7, 0, 2, 0),
        (2, 1, 0, 3, 1),
        (3, 2, 0, 3, 0),
        (4, 12, 0, 4, 1),
        (5, 6, 0, 4, 0),
        (6, 4, 0, 5, 0),
        (7, 4, 1, 5, 1),
        (8, 2, 0, 6, 0),
        (9, 4, 0, 9, 0),
        (10, 4, 0, 12, 0),
        (11, 2, 0, 12, 0),
    ],
    definitions=[numbers(), *nested()],
)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every place of a JSON value, as container and key."""
    found: list[tuple[Any, Any]] = []
    waiting: list[Any] = [value]
    while waiting:
        container = waiting.pop()
        keys: Any = list(cast("dict[str, Any]", container)) if isinstance(container, dict) else range(len(container))
        container = cast("Any", container)
        for key in keys:
            found.append((container, key))
            if isinstance(container[key], (dict, list)):
                waiting.append(container[key])
    return found


def converted_or_refused(workflow: Any, seconds: float = 1) -> None:
    """Convert a file; no other error than a `ChorusError`, in so many seconds of CPU time at most."""
    started = time.process_time()
    try:
        graph = convert_ui_workflow(workflow, OBJECT_INFO).graph
    except ChorusError:
        pass
    else:
        assert all(found["class_type"] in OBJECT_INFO for found in graph.values())
        json.dumps(graph)
    assert time.process_time() - started < seconds


CHANGES = st.lists(st.tuples(st.integers(0, 10**6), st.sampled_from(["write", "remove", "copy"]), JSON), max_size=12)


@pytest.mark.long
def test_mangled_files(long_run: bool) -> None:
    settings(max_examples=10_000 if long_run else 100)(given(CHANGES)(convert_changed))()


def convert_changed(changes: list[tuple[int, str, Any]]) -> None:
    workflow = copy.deepcopy(FILE)
    for number, kind, value in changes:
        known = places(workflow)
        container, key = known[number % len(known)]
        if kind == "remove":
            del container[key]
        elif kind == "write":
            container[key] = value
        else:
            other, name = known[(number * 7919) % len(known)]
            container[key] = copy.deepcopy(other[name])
    converted_or_refused(workflow)


@settings(max_examples=200)
@given(st.dictionaries(st.sampled_from(["nodes", "links", "definitions", "state", "version", "x"]), JSON))
def test_any_json(workflow: dict[str, Any]) -> None:
    converted_or_refused(workflow)


MANY = 9_000


@pytest.mark.parametrize(
    "workflow",
    [
        ui(*(node(n, "Number", (n,)) for n in range(MANY))),
        # A long chain that every node of another long list hangs on.
        ui(
            *(node(n, "Reroute", inputs={"": n}) for n in range(MANY // 2)),
            *(node(n, "Number", inputs={"value": n}) for n in range(MANY // 2, MANY)),
            links=[
                *((n, n - 1, 0, n, 0) for n in range(MANY // 2)),
                *((n, MANY // 2 - 1, 0, n, 0) for n in range(MANY // 2, MANY)),
            ],
        ),
        ui(*(node(n, "Encode", ("{" * 10_000 + "/*" * 10_000,)) for n in range(5))),
        ui(*(node(n, "SaveImage", ("%a.b%" * 10_000,)) for n in range(5)), node(9, "Number", title="a")),
        ui(*(node(n, "Number") for n in range(20_000))),
        ui(node(1, "Number"), links=[(n, 1, 0, 1, 0) for n in range(150_000)]),
    ],
    ids=["nodes", "chain", "texts", "marks", "too many nodes", "too many links"],
)
def test_large_files(workflow: Any) -> None:
    # What took quadratic time would take minutes; these take half a second where nothing else runs.
    converted_or_refused(workflow, seconds=5)
