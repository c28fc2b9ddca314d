"""How much of real graphs can be changed, over those that lie beside the checkout."""

from __future__ import annotations

import contextlib
import json
import lzma
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from bot.errors import ChorusError
from bot.workflows import InputValues, Workflow, inject, parse_workflow
from bot.workflows.graph import NodeInput, class_type, inputs, is_link
from bot.workflows.parameters import OpenTo, check_overrides, parameters_of
from bot.workflows.parameters.access import is_dangerous
from bot.workflows.settings_completion import complete_settings
from tests.workflows.graphs import SHARED

GRAPHS = sorted(SHARED.glob("ui/expected/*.json"))
pytestmark = pytest.mark.skipif(not GRAPHS, reason="../shared/comfyui is not there")


def object_info() -> dict[str, Any]:
    return json.loads(lzma.decompress((SHARED / "ui" / "object_info.json.xz").read_bytes()))


def workflow(path: Path) -> Workflow:
    return parse_workflow(path.read_bytes())


def test_most_literals_of_real_graphs_can_be_changed() -> None:
    """Texts that reach a path, a URL or code are closed on purpose and counted apart."""
    info, counts = object_info(), Counter[str]()
    for path in GRAPHS:
        found = workflow(path)
        opened = {place: parameter.open_to for parameter in parameters_of(found, info) for place in parameter.places}
        for node_id in found.analysis.reachable_nodes:
            node_class = class_type(found.graph, node_id)
            core = "nodes" in str(info[node_class].get("python_module")) and not info[node_class].get("api_node")
            for name, value in inputs(found.graph, node_id).items():
                if is_link(value):
                    continue
                state = opened.get(NodeInput(node_id, name))
                changeable = state in {OpenTo.EVERYONE, OpenTo.MANAGERS}
                counts["all"] += 1
                counts["all changeable"] += changeable
                counts["core"] += core
                counts["core changeable"] += core and changeable
                counts["closed on purpose"] += state is OpenTo.NOBODY and is_dangerous(node_class, name)
    assert counts["all changeable"] >= 0.90 * counts["all"]
    assert counts["all changeable"] + counts["closed on purpose"] >= 0.99 * counts["all"]
    assert counts["core changeable"] >= 0.97 * counts["core"]


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(10))
def test_mutated_graphs_never_break_the_extraction(long_run: bool, seed: int) -> None:
    """Whatever a file holds, its parameters are extracted, completed and changed, or a `ChorusError` says why not."""
    info, dice = object_info(), random.Random(seed)
    sources = [json.loads(path.read_bytes()) for path in GRAPHS]
    values: list[Any] = [
        None,
        "",
        "x" * 2000,
        -1,
        2**70,
        1.5,
        True,
        [],
        {},
        ["1", 0],
        ["nowhere", 3],
        "%model%",
        "{{x}}",
    ]
    rounds = 1000 if long_run else 30
    for _ in range(rounds):
        graph = json.loads(json.dumps(dice.choice(sources)))
        for _ in range(dice.randint(1, 8)):
            node = graph[dice.choice(list(graph))]
            if node["inputs"]:
                node["inputs"][dice.choice(list(node["inputs"]))] = dice.choice(values)
            if dice.random() < 0.2:
                node["class_type"] = dice.choice(["KSampler", "Switch", "PrimitiveInt", "Unknown", "LoraLoader"])
        content = json.dumps(graph)
        if dice.random() < 0.2:  # a file that was cut, or damaged somewhere
            at = dice.randrange(len(content))
            content = (
                content[:at] + dice.choice(["", "]", "0", '"', "null", "\ud800"]) + content[at + dice.randint(0, 9) :]
            )
        try:
            found = parse_workflow(content)
            _ = found.analysis
        except ChorusError:
            continue
        known = dice.choice([info, None])
        parameters = list(parameters_of(found, known))
        for parameter in parameters:
            for place in parameter.places:
                assert place.node_id in found.analysis.reachable_nodes
                assert not is_link(inputs(found.graph, place.node_id)[place.input_name])
        if not parameters:
            continue
        changed = dice.choice(parameters)
        value = dice.choice([*(changed.choices or ())[:3], 1, 0.5, "x", True])
        complete_settings(f"{changed.name}={value} ", parameters_of(found, known))
        with contextlib.suppress(ChorusError):
            checked = check_overrides(found, {changed.name: value}, known)
            inject(found, InputValues(**checked.roles, overrides=checked.values), known)  # pyright: ignore[reportArgumentType]
