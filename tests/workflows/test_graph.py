from __future__ import annotations

import json
from typing import Any

import pytest

from bot.workflows import InputRole, NotAGraph, NotApiFormat, decode_graph, node_title
from bot.workflows.api_format import MAX_BYTES
from tests.workflows.graphs import SHARED, inputs_of, node, parsed, txt2img

GRAPH: dict[str, Any] = txt2img()
WRAPPED: list[dict[str, Any]] = [
    GRAPH,
    {"prompt": GRAPH, "client_id": "x"},
    {"input": {"workflow": GRAPH}},
    {"workflow": GRAPH},
    {"input": {"prompt": GRAPH, "images": []}},
    {"workflow": json.dumps(GRAPH)},
]


@pytest.mark.parametrize("content", WRAPPED)
def test_wrapped_files_are_unwrapped(content: dict[str, Any]) -> None:
    assert decode_graph(json.dumps(content)) == GRAPH


def test_bom_and_comments_are_dropped() -> None:
    graph: dict[str, Any] = {**txt2img(), "_comment": "mine", "extra": {"ds": {}}, "version": 0.4}
    assert decode_graph(b"\xef\xbb\xbf" + json.dumps(graph).encode()) == txt2img()


def test_only_what_comfyui_reads_of_a_node_is_kept() -> None:
    text = json.dumps(txt2img()).replace('"class_type": "KSampler"', '"class_type": "KSampler", "is_changed": [NaN]')
    assert decode_graph(text) == txt2img()


def test_links_with_number_ids_become_text() -> None:
    graph = decode_graph('{"1": {"class_type": "A", "inputs": {"x": [2, 0], "y": [1.5, 2]}}, "2": {"class_type": "B"}}')
    assert graph["1"]["inputs"] == {"x": ["2", 0], "y": [1.5, 2]}
    assert graph["2"]["inputs"] == {}


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"   \n", "empty"),
        (b"[]", "no ComfyUI graph"),
        (b"[1, 2]", "no ComfyUI graph"),
        (b"{}", "no ComfyUI graph"),
        (b"null", "no ComfyUI graph"),
        (b'"text"', "no ComfyUI graph"),
        (b"{nodes", "no JSON"),
        (b"\xff\xfe\x00", "UTF-8"),
        (b"<html></html>", "no JSON"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"a":' * 200_000, "nested too deeply"),
        (b"1" * 10_000, "too long"),
        (b'{"1": {"inputs": {}}, "2": {"class_type": "A"}}', "Node 1 of the workflow has no class_type"),
        (b'{"1": {"class_type": "A", "inputs": []}, "2": {"class_type": "A", "inputs": [1]}}', "Node 2"),
        (b'{"1": {"class_type": "A", "inputs": {"x": NaN}}}', "not a number"),
        (b'{"1": {"class_type": "A", "inputs": {"x": -Infinity}}}', "not a number"),
        (b'{"1": {"class_type": "A"}, "1": {"class_type": "B"}}', '"1" twice'),
    ],
    ids=lambda value: str(value)[:25],
)
def test_what_is_no_graph_is_refused_with_a_sentence(data: bytes, says: str) -> None:
    with pytest.raises(NotAGraph, match=says) as caught:
        decode_graph(data)
    assert caught.value.code == "WORKFLOW_INVALID"
    assert "Export (API)" in caught.value.advice


def test_fifty_megabytes_are_not_parsed() -> None:
    with pytest.raises(NotAGraph, match="larger than 16 MB"):
        decode_graph(b" " * (50 * 2**20))
    assert MAX_BYTES == 16 * 2**20


@pytest.mark.parametrize("wrapped", [False, True])
def test_the_editors_format_is_named_as_such(wrapped: bool) -> None:
    saved = {"last_node_id": 9, "nodes": [{"id": 3, "type": "KSampler"}], "links": [], "version": 0.4}
    with pytest.raises(NotApiFormat, match="Save") as caught:
        decode_graph(json.dumps({"workflow": saved} if wrapped else saved))
    assert "Export (API)" in caught.value.advice


def test_cycles_and_endless_chains_are_read() -> None:
    loop = txt2img(positive=["20", 0], **{"20": node("Reroute", x=["21", 0]), "21": node("Reroute", x=["20", 0])})
    assert inputs_of(parsed(loop).analysis, InputRole.POSITIVE) == []
    chain = {str(at): node("Reroute", any=[str(at + 1), 0]) for at in range(100, 20_000)}
    chain["20000"] = node("PrimitiveString", value="deep")
    assert inputs_of(parsed(txt2img(positive=["100", 0], **chain)).analysis, InputRole.POSITIVE) == ["20000.value"]


def test_titles_never_fail() -> None:
    graph = {"1": node("A", title="Mine"), "2": node("B"), "57:8": node("C", title="In a subgraph")}
    assert node_title(graph, "1") == "Mine"
    assert node_title(graph, "2") == "B"
    assert node_title(graph, "57:8") == "In a subgraph"
    assert node_title(graph, "1.0.0.3") == "Mine"
    assert node_title(graph, "99") == "99"
    assert node_title({"1": None}, "1") == "1"


def test_recorded_graphs_are_read() -> None:
    files = sorted((SHARED / "workflows").glob("*.json"))
    if not files:
        pytest.skip("the recorded workflows are not here")
    for path in files:
        assert decode_graph(path.read_bytes()), path.name
