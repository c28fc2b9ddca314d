"""The class of graphics memory that a workflow takes, by the sizes of its models."""

from __future__ import annotations

import pytest

from bot.workflows.graph import NodeInput
from bot.workflows.memory_estimate import MemoryEstimate, estimate_memory
from bot.workflows.model_files import ModelFile

GB = 10**9


def models(*names: str) -> list[ModelFile]:
    return [ModelFile(NodeInput("1", f"model{n}"), name) for n, name in enumerate(names)]


def test_the_largest_model_decides_and_each_file_counts_once() -> None:
    sizes = {"flux\\dev.safetensors": 12 * GB, "ae.safetensors": GB // 3, "other.safetensors": 90 * GB}
    found = estimate_memory(models("flux/dev.safetensors", "ae.safetensors", "ae.safetensors"), sizes)
    assert found == MemoryEstimate(12 * GB, 12 * GB + GB // 3, ())
    assert found is not None
    assert found.class_gigabytes == 16


def test_what_is_not_known_is_named() -> None:
    assert estimate_memory([], {"a": GB}) is None
    found = estimate_memory(models("a.pt", "b.pt"), {"a.pt": 2 * GB})
    assert found == MemoryEstimate(2 * GB, 2 * GB, ("b.pt",))
    assert estimate_memory(models("b.pt"), {}) == MemoryEstimate(0, 0, ("b.pt",))
    assert MemoryEstimate(0, 0, ("b.pt",)).class_gigabytes is None


@pytest.mark.parametrize(("size", "card"), [(1, 4), (2.5, 4), (2.6, 6), (6.9, 10), (22.4, 24), (94.5, 96), (200, None)])
def test_classes(size: float, card: int | None) -> None:
    assert MemoryEstimate(int(size * GB), 0, ()).class_gigabytes == card
