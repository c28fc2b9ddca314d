from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import InputInvalid
from bot.workflows.parameters import check_overrides, parameters_of
from bot.workflows.prompt_flags import parse_prompt_flags
from bot.workflows.settings_completion import MAX_CHARS, MAX_COMPLETIONS, complete_settings
from bot.workflows.settings_text import parse_settings, split_settings
from tests.workflows.graphs import parsed, txt2img
from tests.workflows.parameters.server import OBJECT_INFO, changes, injected
from tests.workflows.parameters.test_extraction import sharpen, with_lora

WORKFLOW = parsed(with_lora(txt2img()))
PARAMETERS = parameters_of(WORKFLOW, OBJECT_INFO)
LORAS = ["ink.safetensors", "styles/water color.safetensors", "detail.safetensors"]
WORDS = st.sampled_from(
    ["steps=30", "sampler=", "size=16:9", "lora=ink:0.8", "cfg =  6,5", '"', "“", "=", "seed=7", "9.filename_prefix=/x",
     "5.", " ", ",", "--", "negative=", "\\", "\n", "model='", "st", "width=512"]
)  # fmt: skip
TEXTS = st.one_of(st.text(max_size=200), st.lists(st.one_of(WORDS, st.text(max_size=8)), max_size=12).map(" ".join))


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("", {}),
        ("steps=30", {"steps": "30"}),
        ("  steps = 30,  sampler=DPM++ 2M ; cfg=6.5 ", {"steps": "30", "sampler": "DPM++ 2M", "cfg": "6.5"}),
        ("Steps=30 sampler_name=euler cfg_scale=7", {"steps": "30", "sampler": "euler", "cfg": "7"}),
        ('negative="a = b, \\"c\\"" steps=3', {"negative": 'a = b, "c"', "steps": "3"}),
        ("negative=blurry, low quality steps=3", {"negative": "blurry, low quality", "steps": "3"}),
        ("lora=ink:0.8 lora=water color:1 steps=3", {"lora": "ink:0.8", "lora2": "water color:1", "steps": "3"}),
        ("steps=3 steps=4", {"steps": "4"}),
        ("3.steps=5", {"steps": "5"}),
        ("size=16:9 ar=1:1", {"size": "16:9", "aspect": "1:1"}),
        ('sampler="', {"sampler": '"'}),
        ("“steps=3", {"“steps": "3"}),
    ],
)
def test_settings_are_read(text: str, read: dict[str, str]) -> None:
    if any(name.startswith("“") for name in read):
        with pytest.raises(InputInvalid):
            parse_settings(text, PARAMETERS)
    else:
        assert parse_settings(text, PARAMETERS) == read


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("thirty steps", "`thirty steps` is no setting"),
        ("stepz=30", "`steps`"),
        ("steps=", "has no value"),
        ("x" * 5000, "longer than"),
    ],
)
def test_what_cannot_be_read_is_told(text: str, told: str) -> None:
    with pytest.raises(InputInvalid) as caught:
        parse_settings(text, PARAMETERS)
    assert told in caught.value.message


@given(TEXTS)
def test_any_text_changes_only_what_it_names(text: str) -> None:
    _, typed = split_settings(text)
    try:
        overrides = parse_settings(text, PARAMETERS)
        made = injected(WORKFLOW, overrides)
    except InputInvalid:
        return
    named = {str(place) for one in typed for found in [PARAMETERS.find(one.name)] if found for place in found.places}
    if any(name in overrides for name in ("size", "aspect")):
        named |= {"5.width", "5.height"}
    if "lora" in overrides:
        named |= {
            key for key in changes(WORKFLOW.graph, made) if ".strength" in key or "lora" in key or key == "20.model"
        }
        named |= {"20.clip"}
    assert changes(WORKFLOW.graph, made).keys() <= named


@given(TEXTS, st.booleans())
def test_any_text_can_be_completed(text: str, for_manager: bool) -> None:
    found = complete_settings(text, PARAMETERS, loras=LORAS, for_manager=for_manager)
    assert len(found) <= MAX_COMPLETIONS
    assert all(0 < len(each.label) <= MAX_CHARS and 0 < len(each.text) <= MAX_CHARS for each in found)


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("st", "steps="),
        ("", "negative="),
        ("steps=30 sam", "steps=30 sampler="),
        ("sampler=", "sampler=euler"),
        ("sampler=dpmpp_2m_", "sampler=dpmpp_2m_sde"),
        ("steps=30 scheduler=kar", "steps=30 scheduler=karras"),
        ("lora=wat", 'lora="styles/water color.safetensors"'),
        ("lora=detail:0.7", "lora=detail.safetensors:0.7"),
        ("lora=water col", 'lora="styles/water color.safetensors"'),
        ("size=", "size=512x768"),
        ("aspect=16", "aspect=16:9"),
        ("steps=30 ", "steps=30 negative="),
        ("model=ba", "model=sdxl/base.safetensors"),
    ],
)
def test_completion_offers_what_goes_on(typed: str, first: str) -> None:
    assert first in [each.text for each in complete_settings(typed, PARAMETERS, loras=LORAS)][:2]


def test_completion_offers_names_once_and_what_one_may_change() -> None:
    graph = txt2img(**{"30": sharpen()})
    graph["9"]["inputs"]["images"] = ["30", 0]
    parameters = parameters_of(parsed(graph), OBJECT_INFO)
    assert "steps=30 steps=" not in [each.text for each in complete_settings("steps=30 st", parameters)]
    everyone = {each.text for each in complete_settings("30.", parameters)}
    managers = {each.text for each in complete_settings("30.", parameters, for_manager=True)}
    assert everyone == {"30.sharpness=", "30.fast="}
    assert managers == everyone | {"30.note_text=", "30.mask_model="}
    assert complete_settings("30.path=", parameters, for_manager=True) == []


def test_every_value_that_is_offered_is_taken() -> None:
    for parameter in PARAMETERS:
        for each in complete_settings(f"{parameter.name}=", PARAMETERS, loras=LORAS):
            check_overrides(WORKFLOW, parse_settings(each.text, PARAMETERS), OBJECT_INFO)
    for each in (*complete_settings("size=", PARAMETERS), *complete_settings("aspect=", PARAMETERS)):
        check_overrides(WORKFLOW, parse_settings(each.text, PARAMETERS), OBJECT_INFO)


@pytest.mark.parametrize(
    ("text", "prompt", "settings", "negative", "workflow"),
    [
        ("a door", "a door", {}, None, None),
        ("a door --ar 16:9 --seed 7 --steps 30", "a door", {"aspect": "16:9", "seed": "7", "steps": "30"}, None, None),
        ("a door --no trees, people --wf portrait", "a door", {}, "trees, people", "portrait"),
        ("a door \u2014ar 16:9", "a door", {"aspect": "16:9"}, None, None),
        ("a <lora:ink:0.8> door <lora:water color>", "a door", {"lora": "ink:0.8", "lora2": "water color"}, None, None),
        ("a door --steps 30 with a cat", "a door with a cat", {"steps": "30"}, None, None),
        ("a door -- open", "a door -- open", {}, None, None),
        ("well--known", "well--known", {}, None, None),
        ("a door --12.shift 3", "a door --12.shift 3", {}, None, None),
    ],
)
def test_flags_of_a_prompt(
    text: str, prompt: str, settings: dict[str, str], negative: str | None, workflow: str | None
) -> None:
    found = parse_prompt_flags(text)
    assert (found.prompt, found.settings, found.negative, found.workflow) == (prompt, settings, negative, workflow)
    assert found.note is None


@pytest.mark.parametrize(
    ("text", "prompt", "count"),
    [
        ("a door --count 4", "a door", 4),
        ("a door --count=4 --steps 30", "a door", 4),
        ("a door --count 4 with a cat", "a door with a cat", 4),
        ("a door --count many", "a door --count many", None),
        ("a door --count 0", "a door --count 0", None),
    ],
)
def test_a_count_is_a_flag_where_several_can_be_made(text: str, prompt: str, count: int | None) -> None:
    found = parse_prompt_flags(text, takes_count=True)
    assert (found.prompt, found.count) == (prompt, count)
    assert parse_prompt_flags(text).count is None
    assert "--count" in parse_prompt_flags(text).prompt


def test_unknown_flags_stay_text_and_are_named() -> None:
    found = parse_prompt_flags("a door --stylize 250 --steps 30 --v")
    assert found.prompt == "a door --stylize 250 --v"
    assert found.settings == {"steps": "30"}
    assert found.note == "I know no flags --stylize, --v, so they stay text."


@given(
    st.one_of(
        st.text(max_size=100),
        st.lists(st.sampled_from(["--ar", "--no", "—", "<lora:", "a:1>", "--x", "7", "--seed"])).map(" ".join),
    )
)
def test_any_prompt_can_be_searched_for_flags(text: str) -> None:
    found = parse_prompt_flags(text)
    assert len(found.prompt) <= len(text)
