"""What people may ask a workflow for, also in nodes beside the main ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bot.domain.jobs import GenerationRequest, JobKind
from bot.errors import InputInvalid
from bot.generation.value_limits import RequestLimits
from bot.workflows.parameters import ParameterValue, check_overrides
from bot.workflows.workflow import Workflow, parse_workflow
from tests.generation.harness import node, picture_graph

LIMITS = RequestLimits(max_pixels=1024 * 1024, max_steps=100, max_batch=20)


def scaled_workflow(**size: Any) -> Workflow:
    """A picture, several times, painted over by a second sampler and scaled."""
    graph = picture_graph()
    graph["5"]["inputs"]["denoise"] = 1.0
    graph["8"] = node("ImageScale", image=["6", 0], upscale_method="bicubic", crop="disabled", **size)
    graph["9"] = node("RepeatLatentBatch", samples=["5", 0], amount=2)
    graph["10"] = {
        "class_type": "KSampler",
        "inputs": graph["5"]["inputs"] | {"latent_image": ["9", 0], "denoise": 0.4, "steps": 4},
    }
    graph["6"]["inputs"]["samples"] = ["10", 0]
    graph["7"]["inputs"]["images"] = ["8", 0]
    return parse_workflow(
        json.dumps(graph), bindings=None, character_id="nova", kind=JobKind.IMAGE, name="s", path=Path("s.json")
    )


def check(workflow: Workflow, overrides: dict[str, ParameterValue], *, requester_id: int = 1) -> None:
    request = GenerationRequest(kind=JobKind.IMAGE, character_id="nova", requester_id=requester_id, positive="x")
    LIMITS.check(request, workflow, check_overrides(workflow, overrides))


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ({"batch": 4096}, "batch.max_count"),
        ({"9.amount": 64}, "batch.max_count"),
        ({"8.width": 16384, "8.height": 16384}, "limits.max_pixels_per_image"),
        ({"8.height": 16384}, "limits.max_pixels_per_image"),
        ({"steps": 101}, "limits.max_steps"),
        ({"width": 2048, "height": 2048}, "limits.max_pixels_per_image"),
    ],
)
def test_no_node_is_given_more_than_is_allowed(overrides: dict[str, ParameterValue], said: str) -> None:
    workflow = scaled_workflow(width=512, height=512)
    with pytest.raises(InputInvalid) as refusal:
        check(workflow, overrides)
    assert said in refusal.value.advice
    check(workflow, overrides, requester_id=0)


@pytest.mark.parametrize(
    "overrides", [{"batch": 20}, {"9.amount": 20}, {"8.width": 1024}, {"8.width": 1024, "8.height": 1024}, {"cfg": 9}]
)
def test_what_is_within_the_limits_is_allowed(overrides: dict[str, ParameterValue]) -> None:
    check(scaled_workflow(width=512, height=512), overrides)


def test_what_the_workflow_has_of_its_own_is_allowed() -> None:
    workflow = scaled_workflow(width=4096, height=4096)
    check(workflow, {"8.width": 2048})
    check(workflow, {"8.width": 4096, "batch": 1})
    with pytest.raises(InputInvalid):
        check(workflow, {"8.width": 8192})
