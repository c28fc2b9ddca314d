from __future__ import annotations

import contextlib
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import ChorusError, InputInvalid
from bot.workflows.parameters import (
    OpenTo,
    Parameter,
    ParameterType,
    ParameterValue,
    check_overrides,
    checked_value,
    parameters_of,
)
from bot.workflows.parameters.parameter import TEXT_TYPES
from tests.workflows.graphs import node, parsed, txt2img
from tests.workflows.parameters.server import OBJECT_INFO, changes, found, injected
from tests.workflows.parameters.test_extraction import two_samplers, with_lora

WORKFLOW = parsed(txt2img())


@pytest.mark.parametrize(
    ("name", "typed", "value"),
    [
        ("steps", "30", 30),
        ("steps", 30.0, 30),
        ("cfg", "6,5", 6.5),
        ("cfg", 6.55, 6.55),
        ("sampler", "Euler ", "euler"),
        ("sampler", "DPM++ 2M", None),
        ("sampler", "dpmpp-2m", "dpmpp_2m"),
        ("model", "sdxl\\base.safetensors", "sdxl/base.safetensors"),
        ("model", "base", "sdxl/base.safetensors"),
        ("seed", str(2**64 - 1), 2**64 - 1),
        ("width", "1024", 1024),
    ],
)
def test_what_is_meant_is_taken(name: str, typed: ParameterValue, value: Any) -> None:
    if value is None:
        with pytest.raises(InputInvalid, match="dpmpp_2m"):
            checked_value(found(WORKFLOW, name), typed)
    else:
        taken = checked_value(found(WORKFLOW, name), typed)
        assert (taken, type(taken)) == (value, type(value))


@pytest.mark.parametrize(
    ("name", "typed", "told"),
    [
        ("steps", "abc", "whole number from 1 to 10000"),
        ("steps", "10^9", "whole number from 1 to 10000"),
        ("steps", 10**9, "nearest is 10000"),
        ("steps", "9" * 39, "nearest is 10000"),
        ("steps", 0, "nearest is 1"),
        ("steps", "2.5", "nearest is"),
        ("steps", True, "whole number"),
        ("cfg", math.nan, "a number from 0 to 100"),
        ("cfg", math.inf, "a number from 0 to 100"),
        ("cfg", -1, "nearest is 0"),
        ("width", 1001, "in steps of 8. The nearest is 1000"),
        ("width", 20000, "nearest is 16384"),
        ("sampler", "eulr", "nearest: `euler`"),
        ("sampler", "", "nearest"),
        ("model", "gone.safetensors", "nearest"),
        ("9.filename_prefix", "../../etc/passwd", "not a path"),
        ("9.filename_prefix", "a/b", "not a path"),
        ("9.filename_prefix", "a\\b", "not a path"),
        ("9.filename_prefix", "", "not a path"),
        ("9.filename_prefix", "..", "not a path"),
        ("9.filename_prefix", "%date:yyyy%", "not a path"),
        ("9.filename_prefix", "NUL", "not a path"),
        ("9.filename_prefix", "a\nb", "not a path"),
        ("9.filename_prefix", "x" * 81, "not a path"),
    ],
)
def test_what_is_not_allowed_is_refused_with_the_nearest(name: str, typed: ParameterValue, told: str) -> None:
    with pytest.raises(InputInvalid) as caught:
        check_overrides(WORKFLOW, {name: typed}, OBJECT_INFO)
    assert told in caught.value.message


def test_a_number_that_the_node_takes_as_text_must_be_one() -> None:
    graph = txt2img(**{"20": node("TextBox", value="640")})
    graph["5"]["inputs"]["width"] = ["20", 0]
    workflow = parsed(graph)
    assert check_overrides(workflow, {"width": "704"}, None).roles["width"] == 704
    for typed in ("wide", "nan", "inf"):
        with pytest.raises(InputInvalid, match="number"):
            check_overrides(workflow, {"width": typed}, None)


@pytest.mark.parametrize(("name", "told"), [("stepz", "`steps`"), ("99.steps", "no setting"), ("", "no setting")])
def test_an_unknown_setting_is_refused_with_the_nearest(name: str, told: str) -> None:
    with pytest.raises(InputInvalid) as caught:
        check_overrides(WORKFLOW, {name: 1}, OBJECT_INFO)
    assert told in caught.value.message


def test_for_derived_jobs_unknown_settings_are_dropped_and_named() -> None:
    checked = check_overrides(WORKFLOW, {"99.shift": 3, "steps": 9}, OBJECT_INFO, drop_unknown=True)
    assert (checked.dropped, checked.roles) == (("99.shift",), {"steps": 9})


def test_sizes_and_ratios() -> None:
    def size(**overrides: ParameterValue) -> dict[str, Any]:
        return changes(WORKFLOW.graph, injected(WORKFLOW, overrides))

    assert size(size="1024x640") == {"5.width": 1024, "5.height": 640}
    wide = size(aspect="16:9")
    assert wide == {"5.width": 840, "5.height": 472}
    assert abs(wide["5.width"] * wide["5.height"] / (512 * 768) - 1) < 0.02
    assert size(size="1:1") == {"5.width": 624, "5.height": 624}
    assert size(size="1024x640", width=512) == {"5.height": 640}
    for wrong in ("big", "0:1", "1:1000", "1x"):
        with pytest.raises(InputInvalid):
            size(size=wrong)


VARIED = [parsed(txt2img()), parsed(two_samplers()), parsed(with_lora(txt2img()))]
PAIRS = [
    (workflow, parameter)
    for workflow in VARIED
    for parameter in parameters_of(workflow, OBJECT_INFO)
    if parameter.open_to is not OpenTo.NOBODY
    and parameter.name not in {"lora", "prompt", "negative", "seed"}  # LoRAs and the roles of the request: see there
]


def allowed_values(parameter: Parameter) -> st.SearchStrategy[ParameterValue]:
    if parameter.choices is not None:
        return st.sampled_from(list(parameter.choices))
    if parameter.type is ParameterType.SWITCH:
        return st.booleans()
    if parameter.type is ParameterType.FILE_NAME:
        return st.sampled_from(["nova", "my boat 2", "Ünï_-"])
    if parameter.type in TEXT_TYPES:
        return st.text(max_size=50).filter(lambda text: text.strip() == text and "\n" not in text)
    low = parameter.minimum if parameter.minimum is not None else -1000
    high = parameter.maximum if parameter.maximum is not None else 1000
    if parameter.type is ParameterType.NUMBER:
        unit = parameter.step or 0.01
        return st.integers(0, int((high - low) / unit)).map(lambda n: round(low + n * unit, 6))
    step = int(parameter.step or 1)
    return st.integers(0, (int(high) - int(low)) // step).map(lambda n: int(low) + n * step)


@given(st.data())
def test_any_allowed_value_changes_its_places_only(data: st.DataObject) -> None:
    workflow, parameter = data.draw(st.sampled_from(PAIRS))
    value = data.draw(allowed_values(parameter))
    made = injected(workflow, {parameter.name: value})
    changed = changes(workflow.graph, made)
    places = {str(place) for place in parameter.places}
    boundaries = {"3.end_at_step", "10.start_at_step"} if parameter.name == "steps" else set[str]()
    assert changed.keys() <= places | boundaries
    assert made.keys() == workflow.graph.keys()
    for place in parameter.places:
        assert made[place.node_id]["inputs"][place.input_name] == value


@given(
    st.dictionaries(
        st.one_of(st.text(max_size=20), st.sampled_from([parameter.name for _, parameter in PAIRS])),
        st.one_of(st.text(max_size=40), st.integers(), st.floats(), st.booleans()),
        max_size=4,
    )
)
def test_any_override_is_taken_or_refused_with_words(overrides: dict[str, ParameterValue]) -> None:
    named = {
        str(place)
        for name in overrides
        for parameter in [parameters_of(WORKFLOW, OBJECT_INFO).find(name)]
        if parameter is not None
        for place in parameter.places
    }
    with contextlib.suppress(ChorusError):
        made = injected(WORKFLOW, overrides)
        assert changes(WORKFLOW.graph, made).keys() <= named | {"5.width", "5.height"}
