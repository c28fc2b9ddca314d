from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import ChorusError
from bot.workflows.embedded import WorkflowSource, read_workflow_source
from bot.workflows.errors import NotAGraph
from tests.workflows.embedded import media_files

API: dict[str, Any] = {"3": {"class_type": "KSampler", "inputs": {"seed": 5, "model": ["4", 0]}}}
UI: dict[str, Any] = {"nodes": [{"id": 3, "type": "KSampler"}], "links": [], "version": 0.4}
HISTORY: dict[str, Any] = {
    "prompt": [3, "id", API, {"extra_pnginfo": {"workflow": UI}, "client_id": "x"}, ["9"]],
    "outputs": {"9": {"images": []}},
    "status": {"completed": True},
}


def source_of(value: Any) -> WorkflowSource:
    return read_workflow_source(json.dumps(value).encode())


WRAPPED: list[tuple[Any, Any, Any]] = [
    (API, API, None),
    (UI, None, UI),
    ({"prompt": API}, API, None),
    ({"prompt": json.dumps(API)}, API, None),
    ({"prompt": API, "extra_data": {"extra_pnginfo": {"workflow": UI}}, "client_id": "x"}, API, UI),
    ({"workflow": UI, "output": API}, API, UI),
    ({"workflow": API}, API, None),
    ({"workflow": UI}, None, UI),
    ({"input": {"workflow": API}}, API, None),
    ([API], API, None),
    ([[{"workflow": UI}]], None, UI),
    (HISTORY, API, UI),
    ({"id": HISTORY}, API, UI),
    ({"old": {"prompt": [1, "old", {"1": API["3"]}, {}, []]}, "new": HISTORY}, API, UI),
    (HISTORY["prompt"], API, UI),
    ({"chorus_sidecar": 1, "job": "x", "workflow": {"name": "n", "graph": API, "bindings": None}}, API, None),
    (json.dumps(API), API, None),
]


@pytest.mark.parametrize(("value", "graph", "ui_workflow"), WRAPPED)
def test_json_in_any_wrapping(value: Any, graph: Any, ui_workflow: Any) -> None:
    assert source_of(value) == WorkflowSource(graph, ui_workflow, None, None)


def test_a_sidecar_brings_its_bindings() -> None:
    sidecar = {"chorus_sidecar": 1, "workflow": {"name": "n", "graph": API, "bindings": {"positive": "3.seed"}}}
    assert source_of(sidecar).bindings == {"positive": "3.seed"}


def test_a_byte_order_mark_does_no_harm() -> None:
    assert read_workflow_source(b"\xef\xbb\xbf" + json.dumps(API).encode()).graph == API


def test_a_picture_with_both_formats() -> None:
    data = media_files.png({"prompt": json.dumps(API), "workflow": json.dumps(UI)})
    assert read_workflow_source(data) == WorkflowSource(API, UI, None, None)


def test_a_damaged_graph_beside_a_whole_one_does_no_harm() -> None:
    damaged: dict[str, Any] = {"3": API["3"], "4": {"class_type": 5, "inputs": {}}}
    assert source_of({"workflow": UI, "output": damaged}) == WorkflowSource(None, UI, None, None)
    with pytest.raises(NotAGraph, match="Node 4 of the workflow has no class_type"):
        source_of({"output": damaged})


def test_nan_in_metadata_that_no_input_has() -> None:
    data = media_files.png({"prompt": json.dumps({"3": {**API["3"], "is_changed": [float("nan")]}})})
    assert read_workflow_source(data).graph == API


def test_parameters_as_text_and_in_a_picture() -> None:
    text = "a cat\nNegative prompt: blurry\nSteps: 20, Seed: 5"
    for data in (text.encode(), media_files.png({"parameters": text})):
        found = read_workflow_source(data)
        assert found.parameters is not None
        assert (found.parameters.prompt, found.parameters.seed, found.graph) == ("a cat", 5, None)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"hello", "is no JSON"),
        (b"{}", "holds no ComfyUI graph"),
        (b"[1, 2, 3]", "holds no ComfyUI graph"),
        (b'{"chorus_sidecar": 1, "workflow": {"name": "n", "graph": null}}', "holds no ComfyUI graph"),
        (b"[" * 100_000, "nested too deeply"),
        (media_files.png({}), "has no workflow inside"),
        (media_files.png({"prompt": "a cat", "workflow": "{"}), "has no workflow inside"),
    ],
)
def test_files_without_a_workflow_are_refused(data: bytes, message: str) -> None:
    with pytest.raises(NotAGraph, match=message):
        read_workflow_source(data)


PARTS = st.recursive(
    st.sampled_from([API, UI, HISTORY, None, 1, "x", "{", json.dumps(API)]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["prompt", "workflow", "graph", "output", "nodes", "x"]), inner, max_size=4)
    ),
    max_leaves=10,
)


@given(PARTS)
def test_any_wrapping_gives_a_workflow_or_an_error(value: Any) -> None:
    try:
        found = source_of(value)
    except ChorusError:
        return
    assert found.graph is not None or found.ui_workflow is not None
