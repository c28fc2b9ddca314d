"""The fraction of a progress bar."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.comfyui.execution_updates import CachedNodes, NodeProgress, NodeStarted, Started
from bot.comfyui.progress import ProgressMeter
from tests.comfyui.scripted_server import GRAPH


def test_the_fraction_counts_nodes_and_steps() -> None:
    graph: dict[str, Any] = {
        "4": {"class_type": "Loader", "inputs": {}},
        "3": {"class_type": "KSampler", "inputs": {"steps": 10, "model": ["4", 0]}},
        "9": {"class_type": "SaveImage", "inputs": {"images": ["3", 0]}},
        "leftover": {"class_type": "Note", "inputs": {}},
    }
    meter = ProgressMeter(graph)
    steps = [
        Started(),
        CachedNodes(frozenset({"4"})),
        NodeStarted("3"),
        NodeProgress("3", 5, 10),
        NodeProgress("3", 10, 10),
    ]
    fractions = [meter.feed(update) for update in steps]
    assert fractions == pytest.approx([0, 0, 0, 10 / 21, 20 / 21])
    assert meter.feed(NodeProgress("3", 1, 10)) == pytest.approx(20 / 21), "it never falls"
    assert meter.feed(NodeStarted("9")) == pytest.approx(20 / 21)


@given(
    st.lists(st.sampled_from([NodeStarted("1"), NodeStarted("2"), NodeProgress("1", 1, 0), NodeProgress("2", 9, 3)]))
)
def test_the_fraction_never_falls_and_stays_between_0_and_1(updates: list[NodeStarted | NodeProgress]) -> None:
    meter = ProgressMeter(GRAPH)
    fractions = [meter.feed(update) for update in updates]
    assert fractions == sorted(fractions)
    assert all(0 <= fraction <= 1 for fraction in fractions)
