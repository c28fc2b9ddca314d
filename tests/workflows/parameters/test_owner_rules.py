from __future__ import annotations

import pytest

from bot.errors import InputInvalid
from bot.workflows import BindingsInvalid, InputValues, inject
from bot.workflows.parameters import OpenTo, check_overrides, parameters_of
from tests.workflows.graphs import parsed, txt2img
from tests.workflows.parameters.server import OBJECT_INFO, changes, found, injected


def test_expose_opens_what_is_closed() -> None:
    workflow = parsed(txt2img(), 'expose: ["9.filename_prefix"]')
    assert found(workflow, "9.filename_prefix").open_to is OpenTo.EVERYONE
    assert injected(workflow, {"9.filename_prefix": "nova"})["9"]["inputs"]["filename_prefix"] == "nova"


def test_hidden_ones_are_not_there_and_locked_ones_stay_as_they_are() -> None:
    workflow = parsed(txt2img(), "hide: [denoise]\nlock: [model]")
    assert parameters_of(workflow, OBJECT_INFO).find("denoise") is None
    assert parameters_of(workflow, OBJECT_INFO).find("3.denoise") is None
    assert found(workflow, "model").open_to is OpenTo.NOBODY
    for name, value in (("denoise", 0.5), ("3.denoise", 0.5), ("model", "sdxl/base.safetensors")):
        with pytest.raises(InputInvalid):
            check_overrides(workflow, {name: value}, OBJECT_INFO)


def test_limits_narrow_ranges_and_lists() -> None:
    workflow = parsed(txt2img(), "limits: {size: 1536, steps: [5, 50], batch: 4, sampler: [euler, uni_pc]}")
    assert (found(workflow, "width").maximum, found(workflow, "height").maximum) == (1536, 1536)
    assert (found(workflow, "steps").minimum, found(workflow, "steps").maximum) == (5, 50)
    assert found(workflow, "batch").maximum == 4
    assert list(found(workflow, "sampler").choices or ()) == ["euler", "uni_pc"]
    with pytest.raises(InputInvalid, match="nearest is 1536"):
        check_overrides(workflow, {"size": "4096x512"}, OBJECT_INFO)
    with pytest.raises(InputInvalid, match="uni_pc"):
        check_overrides(workflow, {"sampler": "dpmpp_2m"}, OBJECT_INFO)
    assert found(parsed(txt2img(), "limits: {steps: 90000}"), "steps").maximum == 10000


def test_defaults_are_used_where_nobody_chose() -> None:
    workflow = parsed(txt2img(), "defaults: {steps: 28, sampler: uni_pc, '5.batch_size': 2, negative: ugly}")
    written = {"3.steps": 28, "3.sampler_name": "uni_pc", "5.batch_size": 2, "7.text": "ugly"}
    assert changes(workflow.graph, inject(workflow, InputValues(), OBJECT_INFO)) == written
    assert changes(workflow.graph, injected(workflow, {"steps": 9, "sampler": "dpmpp_2m"})) == written | {
        "3.steps": 9,
        "3.sampler_name": "dpmpp_2m",
    }
    assert inject(workflow, InputValues(negative="blue"), OBJECT_INFO)["7"]["inputs"]["text"] == "blue"


def test_labels() -> None:
    workflow = parsed(txt2img(), 'label: {"3.denoise": "How much changes"}')
    assert found(workflow, "denoise").label == "How much changes"


@pytest.mark.parametrize(
    ("bindings", "told"),
    [
        ("expose: [stepz]", "steps"),
        ('hide: ["3.shift"]', "Its inputs"),
        ('lock: ["77.steps"]', "no such node"),
        ("limits: {steps: many}", 'wrong value at "limits'),
        ("defaults: {smapler: euler}", 'nearest known one is "sampler"'),
        ("defaults: {sampler: [euler]}", "one value"),
    ],
)
def test_what_the_owner_got_wrong_is_told(bindings: str, told: str) -> None:
    with pytest.raises(BindingsInvalid) as caught:
        parsed(txt2img(), bindings)
    assert told in caught.value.message


def test_old_bindings_keep_their_hash() -> None:
    """The hash of version 0.1, by which stored jobs find their workflow."""
    workflow = parsed(txt2img(), "defaults: {width: 832, cfg: 6}\nnegative: []")
    assert workflow.bindings.model_dump(mode="json", exclude_defaults=True) == {
        "negative": [],
        "defaults": {"width": 832, "cfg": 6.0},
    }
