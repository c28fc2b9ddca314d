"""Whatever a workflow file holds, reading it ends soon, and with a graph or with a sentence for its owner."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.jobs import JobKind
from bot.errors import ChorusError, WorkflowInvalid
from bot.workflows import BindingsInvalid, InputRole, InputValues, NotAGraph, WorkflowLibrary, describe, inject
from bot.workflows import library as library_module
from bot.workflows.graph import Graph
from bot.workflows.graph_analysis import analyze_graph
from bot.workflows.graph_limits import MAX_DEPTH, MAX_NAME_CHARS, MAX_NODES, MAX_VALUES
from bot.workflows.placeholders import MAX_USES
from bot.workflows.workflow import parse_workflow
from bot.workflows.workflow_files import BINDINGS_SUFFIX
from tests.workflows.graphs import GraphDict, inputs_of, node, parsed, txt2img

HUGE = 10**310
"""More than a float can hold."""


@pytest.mark.parametrize("name", ["steps", "cfg", "seed", "width", "height"])
def test_numbers_beyond_a_float_are_read(tmp_path: Path, name: str) -> None:
    owner = "5" if name in {"width", "height"} else "3"
    graph = txt2img(**{"30": node("KSampler", **{name: -HUGE}), "31": node("SaveImage", images=["30", 0])})
    graph[owner]["inputs"][name] = HUGE
    path = tmp_path / "nova/image/default.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(graph))
    library = WorkflowLibrary(tmp_path)
    assert library.load().problems == {}
    workflow = library.get("nova", JobKind.IMAGE)
    filled = inject(workflow, InputValues(positive="P", seed=7, width=7, height=7, steps=7, cfg=7))
    assert filled[owner]["inputs"][name] == 7


async def test_no_file_ends_the_watching(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one for which the reader has an error nobody has thought of."""
    read = library_module.read_workflow

    def broken(path: Path, **given: Any) -> Any:
        if "evil" in path.name:
            raise ZeroDivisionError
        return read(path, **given)

    monkeypatch.setattr(library_module, "read_workflow", broken)
    folder = tmp_path / "nova/image"
    folder.mkdir(parents=True)
    (folder / "evil.json").write_text("{}")
    async with WorkflowLibrary(tmp_path) as library, asyncio.timeout(60):
        assert library.problems.keys() == {folder / "evil.json"}
        seen = library.revision
        (folder / "evil2.json").write_text("{}")
        while folder / "evil2.json" not in library.problems:
            seen = await library.wait_changed(seen)
        (folder / "good.json").write_text(json.dumps(txt2img()))
        while "good" not in library.names("nova", JobKind.IMAGE):
            seen = await library.wait_changed(seen)


def test_halves_of_characters_become_question_marks() -> None:
    graph = txt2img(**{"\ud800": node("Save\udfffImage", title="\udc00", images=["8", 0])})
    graph["6"]["inputs"]["text"] = "a \ud83d cat \U0001f600 \\ud800"
    workflow = parsed(graph)
    assert workflow.graph["6"]["inputs"]["text"] == "a ? cat \U0001f600 \\ud800"
    assert workflow.graph["?"] == node("Save?Image", title="?", images=["8", 0])
    with pytest.raises(NotAGraph, match="twice"):
        parse_workflow('{"\\ud800": {"class_type": "A"}, "\\ud801": {"class_type": "B"}}')


def chain_of_samplers(count: int) -> GraphDict:
    """Each takes the latent of the next, whose id is higher and whose steps differ."""
    graph = {str(at): node("KSampler", steps=at, cfg=at, latent_image=[str(at + 1), 0]) for at in range(1, count)}
    return {**graph, str(count): node("KSampler", steps=0, cfg=0), "save": node("SaveImage", images=["1", 0])}


def seeds_behind_reroutes(count: int) -> GraphDict:
    graph = {f"r{at}": node("Reroute", x=[f"r{at + 1}", 0]) for at in range(count)}
    graph |= {
        f"s{at}": node("KSampler", seed=["r0", 0], steps=["r0", 0], ref_text=["r0", 0], model=[f"s{at + 1}", 0])
        for at in range(count)
    }
    return {**graph, f"r{count}": node("PrimitiveInt", value=5), "save": node("SaveImage", images=["s0", 0])}


class CountingGraph(dict[str, Any]):
    """Counts how often a node is looked up."""

    lookups = 0

    def __getitem__(self, node_id: str) -> Any:
        self.lookups += 1
        return super().__getitem__(node_id)


@pytest.mark.parametrize("make", [chain_of_samplers, seeds_behind_reroutes])
def test_the_work_grows_with_the_nodes_and_not_with_their_square(make: Callable[[int], GraphDict]) -> None:
    def lookups(count: int) -> int:
        graph = CountingGraph(make(count))
        analyze_graph(graph)
        return graph.lookups

    assert lookups(400) < 2.5 * lookups(200)


def test_the_main_sampler_is_the_most_upstream_one() -> None:
    assert inputs_of(parsed(chain_of_samplers(50)).analysis, InputRole.STEPS) == ["50.steps"]
    # Two that wait for each other are no reason to prefer the other.
    circle: Graph = {
        "1": node("KSampler", steps=1, latent_image=["2", 0]),
        "2": node("KSampler", steps=2, latent_image=["1", 0]),
        "3": node("KSampler", steps=3, latent_image=["3", 0]),
        "9": node("SaveImage", images=["1", 0], more=["3", 0]),
    }
    assert inputs_of(analyze_graph(circle), InputRole.STEPS) == ["3.steps"]


TOO_LARGE: dict[str, tuple[GraphDict, str]] = {
    "nodes": ({str(at): node("Note") for at in range(MAX_NODES + 1)}, f"{MAX_NODES + 1:,} nodes"),
    "inputs": ({"1": node("A", **{f"a{at}": 0 for at in range(MAX_VALUES + 1)})}, f"more than {MAX_VALUES:,} values"),
    "items": ({"1": node("A", x=[{"y": [0] * MAX_VALUES}])}, f"more than {MAX_VALUES:,} values"),
    "title": ({"1": node("A", title=[0] * MAX_VALUES)}, f"more than {MAX_VALUES:,} values"),
    "depth": ({"1": node("A", x=json.loads("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1)))}, "nested too deeply"),
    "class": ({"1": node("A" * (MAX_NAME_CHARS + 1))}, f"longer than {MAX_NAME_CHARS:,} characters"),
    "name": ({"1": node("A", **{"a" * (MAX_NAME_CHARS + 1): 1})}, f"longer than {MAX_NAME_CHARS:,} characters"),
    "placeholders": ({"1": node("A", x="%cfg%" * (MAX_USES + 1))}, f"more than {MAX_USES:,} placeholders"),
}


@pytest.mark.parametrize("what", TOO_LARGE)
def test_what_is_too_large_is_refused_with_the_limit(what: str) -> None:
    graph, says = TOO_LARGE[what]
    with pytest.raises(NotAGraph, match=says):
        _ = parsed(graph).analysis


@pytest.mark.parametrize("text", ["positive: !!bool x", "positive: !!timestamp x", "positive: !!int ''", "seed: 1_:9"])
def test_scalars_that_are_not_what_they_say(text: str) -> None:
    with pytest.raises(BindingsInvalid):
        parsed(txt2img(), bindings=text)


def test_a_bindings_file_has_a_limit(tmp_path: Path) -> None:
    path = tmp_path / "nova/image/default.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(txt2img()))
    path.with_name(f"default{BINDINGS_SUFFIX}").write_text("positive: 6.text\n" + "#" * 100_000)
    library = WorkflowLibrary(tmp_path)
    assert "100 kB" in library.load().problems[path].message


# -- any JSON at all, more or less like a graph

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([HUGE, -HUGE, 2**64, 1e308, -0.0, float("nan"), float("inf")]),
    st.floats(),
    st.text(st.characters(), max_size=6),
    st.sampled_from(["\ud800", "{{PROMPT}}", "%seed%", "__CHORUS_PROMPT__", "1" * 400, "-3.0", "٣", " "]),
)
VALUES = st.recursive(
    st.one_of(SCALARS, st.tuples(st.sampled_from("123456"), st.integers(-2, 2)).map(list)),
    lambda children: st.one_of(st.lists(children, max_size=3), st.dictionaries(st.text(max_size=3), children)),
    max_leaves=6,
)
NUMBER_NAMES = ["seed", "noise_seed", "width", "height", "steps", "cfg", "guidance", "value", "a"]
TEXT_NAMES = ["text", "prompt", "positive", "negative", "ref_text", "tags", "lyrics", "find", "replace", "\ud800", ""]
NAMES = st.sampled_from([*NUMBER_NAMES, *TEXT_NAMES, "latent", "image", "audio"])
PICTURE_CLASSES = ["KSampler", "CLIPTextEncode", "SaveImage", "LoadImage", "EmptyLatentImage", "Flux2Scheduler"]
CLASSES = st.sampled_from(
    [*PICTURE_CLASSES, "Reroute", "LoadAudio", "F5TTS", "StringConcatenate", "ShowText", "\udfff"]
)
NODES = st.fixed_dictionaries(
    {"class_type": st.one_of(CLASSES, VALUES), "inputs": st.one_of(st.dictionaries(NAMES, VALUES), VALUES)},
    optional={"_meta": VALUES, "is_changed": VALUES},
)
GOOD_NODES = st.fixed_dictionaries({"class_type": CLASSES, "inputs": st.dictionaries(NAMES, VALUES)})
FILES = st.one_of(
    st.dictionaries(st.sampled_from(["1", "2", "3", "4", "5", "6", "a.b", "\ud800"]), GOOD_NODES, min_size=1),
    st.dictionaries(st.sampled_from(["1", "2", "prompt", "nodes", "links", ""]), st.one_of(NODES, VALUES)),
)
BINDINGS = st.one_of(
    st.none(),
    st.dictionaries(st.sampled_from(["positive", "seed", "defaults", "steps", "x"]), VALUES).map(json.dumps),
    st.text(max_size=20),
)


@given(FILES, BINDINGS)
def test_any_file_is_a_workflow_or_refused(file: dict[str, Any], bindings: str | None) -> None:
    try:
        workflow = parse_workflow(json.dumps(file), bindings=bindings)
        description = describe(workflow, object_info={"KSampler": {"input": {"required": {"seed": ["INT", {}]}}}})
    except WorkflowInvalid as error:
        error.message.encode()
        return
    # What people are shown and what the database keeps has to be text.
    repr(description).encode()
    for problem in description.problems:
        problem.message.encode()
    values = InputValues(positive="P", negative="N", seed=2**63, width=8, height=8, steps=1, cfg=1.0, text="T")
    try:
        filled = inject(workflow, values)
    except ChorusError:
        return
    json.dumps(filled, ensure_ascii=False).encode()
