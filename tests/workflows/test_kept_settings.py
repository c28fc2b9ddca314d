"""Presets and last settings in a settings text, and kept values for a workflow that may have changed since."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import InputInvalid
from bot.workflows.parameters import parameters_of
from bot.workflows.settings_completion import preset_being_typed
from bot.workflows.settings_text import SettingsText, parse_settings, split_kept_settings, split_settings
from bot.workflows.stored_values import checked_values, usable_values
from tests.workflows.graphs import parsed, txt2img
from tests.workflows.parameters.server import OBJECT_INFO
from tests.workflows.parameters.test_extraction import with_lora
from tests.workflows.test_settings_text import TEXTS

WORKFLOW = parsed(with_lora(txt2img()))
PARAMETERS = parameters_of(WORKFLOW, OBJECT_INFO)


@pytest.mark.parametrize(
    ("text", "split"),
    [
        ("", SettingsText(last=False, presets=(), rest="")),
        ("last", SettingsText(last=True, presets=(), rest="")),
        (" Last , steps=3", SettingsText(last=True, presets=(), rest="steps=3")),
        ("preset=soft light", SettingsText(last=False, presets=("soft light",), rest="")),
        ('Preset="soft light" steps=3', SettingsText(last=False, presets=("soft light",), rest=" steps=3")),
        ("steps=3 preset=a cfg=4 preset=b", SettingsText(last=False, presets=("a", "b"), rest=" steps=3  cfg=4 ")),
        ("last preset=a", SettingsText(last=True, presets=("a",), rest="")),
    ],
)
def test_kept_settings_are_taken_out(text: str, split: SettingsText) -> None:
    found = split_kept_settings(text)
    assert (found.last, found.presets, found.rest.split()) == (split.last, split.presets, split.rest.split())


@given(TEXTS)
def test_a_text_without_kept_settings_means_the_same(text: str) -> None:
    found = split_kept_settings(text)
    if found.last or found.presets:
        return
    with contextlib.suppress(InputInvalid):
        assert parse_settings(found.rest, PARAMETERS) == parse_settings(text, PARAMETERS)


@given(st.lists(st.one_of(TEXTS, st.sampled_from(["last", "preset=", 'preset="a b"', "preset=x"])), max_size=5))
def test_no_text_breaks_the_splitting(parts: list[str]) -> None:
    text = " ".join(parts)
    found = split_kept_settings(text)
    _, typed = split_settings(text)
    assert len(found.presets) == sum(one.name.casefold() == "preset" for one in typed)
    preset_being_typed(text)


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("", ("", "")),
        ("pre", ("", "")),
        ("steps=3 pre", ("steps=3 ", "")),
        ("steps=3 ", ("steps=3 ", "")),
        ("preset=so", ("", "so")),
        ("steps=3 preset=soft li", ("steps=3 ", "soft li")),
        ('preset="soft', ("", '"soft')),
        ('preset="soft light" ', ('preset="soft light" ', "")),
        ('preset="soft light" st', None),
        ("sampler=pre", None),
    ],
)
def test_a_preset_is_recognised_while_it_is_typed(text: str, typed: tuple[str, str] | None) -> None:
    found = preset_being_typed(text)
    assert (None if found is None else (found.before, found.name)) == typed


def test_what_the_workflow_no_longer_takes_is_left_out_and_told() -> None:
    closed = next(parameter.name for parameter in PARAMETERS if parameter.name.endswith(".filename_prefix"))
    values = {"steps": 30, "99.shift": 2.0, "sampler": "gone", "cfg": 10**9, closed: "../x", "prompt": "a"}
    kept, notes = usable_values(WORKFLOW, values, OBJECT_INFO, may_change_reserved=True)
    assert kept == {"steps": 30, "prompt": "a"}
    assert [note.split("`")[1] for note in notes] == ["99.shift", "sampler", "cfg", closed]
    assert "no longer has" in notes[0]


def test_many_that_are_left_out_are_counted() -> None:
    values = {f"9{n}.shift": n for n in range(50)}
    kept, notes = usable_values(WORKFLOW, values, OBJECT_INFO, may_change_reserved=True)
    assert kept == {}
    assert len(notes) == 6
    assert notes[-1] == "45 further settings were left out."


def test_values_are_kept_as_they_are_written() -> None:
    typed = {"steps": "30", "size": "512x768", "negative": "people", "seed": "5", "prompt": "x", "lora": "ink:0.80"}
    assert checked_values(WORKFLOW, typed, OBJECT_INFO) == {
        "steps": 30, "width": 512, "height": 768, "negative": "people", "lora": "ink:0.8"
    }  # fmt: skip
