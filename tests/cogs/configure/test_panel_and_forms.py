"""The panel and its forms keep Discord's limits, and a form that is sent in unchanged changes nothing."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.jobs import JobKind
from bot.domain.saved_settings import Draft
from bot.workflows.parameter_pages import MAX_FIELDS, ParameterPage, field_count, parameter_pages, shown_value
from bot.workflows.parameters import OpenTo, parameters_of
from bot.workflows.workflow import Workflow, parse_workflow
from cogs.configure.forms import form_fields, read_form
from cogs.configure.panel import PAGES_SHOWN, PanelContent, panel_view
from cogs.ui.modals import stateless_modal
from sandbox.discord.errors import FormErrors
from sandbox.discord.rules_components import check_components
from sandbox.discord.rules_modals import check_modal
from tests.workflows.graphs import parsed, txt2img
from tests.workflows.parameters.server import OBJECT_INFO
from tests.workflows.parameters.test_extraction import with_lora

REPOSITORY = Path(__file__).parents[3]
SHIPPED = sorted(REPOSITORY.glob("workflows/*/image/*.json"))
VALUES = st.one_of(st.text(max_size=5000), st.integers(), st.floats(allow_nan=False), st.booleans())
LORAS = [f"styles/ink number {n}.safetensors" for n in range(60)]


def large() -> dict[str, Any]:
    """A graph whose nodes fill several panels, with ids and titles as long as they can be."""
    graph = with_lora(txt2img())
    for n in range(40):
        node = {"class_type": f"Custom{n}", "inputs": {f"value_{m}": m for m in range(7)}}
        graph[f"{'9' * 60}:{n}"] = node | {"_meta": {"title": f"**{'T' * 200} {n}**"}}
    first = next(iter(graph))
    graph[first]["inputs"] |= {f"extra_{n}": [f"{'9' * 60}:{n}", 0] for n in range(40)}
    return graph


def workflows() -> list[Workflow]:
    return [
        parsed(with_lora(txt2img())),
        parsed(large()),
        *(parse_workflow(path.read_text("utf-8")) for path in SHIPPED),
    ]


def pages_of(workflow: Workflow) -> list[ParameterPage]:
    parameters = parameters_of(workflow, OBJECT_INFO)
    return parameter_pages(workflow, parameters, loras=LORAS, may_change_reserved=True)


def broken_rules(check: Any, content: Any, **more: Any) -> str:
    form = FormErrors()
    check(content, form, **more)
    try:
        form.raise_if_any()
    except Exception as error:  # noqa: BLE001 - whatever the rule raises is what the test shows
        return json.dumps(getattr(error, "errors", str(error)))
    return ""


@pytest.mark.parametrize("workflow", workflows(), ids=range(len(workflows())))
def test_every_parameter_that_may_be_changed_is_on_one_page(workflow: Workflow) -> None:
    pages = pages_of(workflow)
    names = [parameter.name for page in pages for parameter in page.parameters]
    assert len(set(names)) == len(names)
    assert len({page.key for page in pages}) == len(pages)
    assert all(sum(map(field_count, page.parameters)) <= MAX_FIELDS for page in pages)
    uploaded = {"text", "voice_sample", "voice_transcript", "reference_image", "character_name"}
    open_names = {p.name for p in parameters_of(workflow, OBJECT_INFO) if p.open_to is not OpenTo.NOBODY}
    assert open_names - uploaded <= set(names)


@settings(max_examples=60)
@given(st.data())
def test_panels_and_forms_keep_the_limits_of_discord(data: st.DataObject) -> None:
    workflow = data.draw(st.sampled_from(workflows()))
    pages = pages_of(workflow)
    names = [parameter.name for page in pages for parameter in page.parameters]
    values = data.draw(st.dictionaries(st.sampled_from(names), VALUES, max_size=12))
    problems = data.draw(st.dictionaries(st.sampled_from(names), st.text(max_size=500), max_size=12))
    now = datetime.now(UTC)
    draft = Draft(id=uuid.uuid4(), user_id=1, character_id="nova", kind=JobKind.IMAGE, workflow_name="w", values=values,
                  created_at=now, updated_at=now)  # fmt: skip
    content = PanelContent(
        draft=draft, title=data.draw(st.text(max_size=300)),
        notes=data.draw(st.lists(st.text(max_size=300), max_size=5)),
        pages=pages, defaults={"seed": ""}, problems=problems, has_last=True, can_save=True,
    )  # fmt: skip
    at = data.draw(st.integers(0, 20))
    view = panel_view(content, at, data.draw(st.one_of(st.none(), st.text(min_size=1, max_size=3000))))
    assert broken_rules(check_components, view.to_components(), v2=True) == ""
    page = data.draw(st.sampled_from(pages))
    modal = stateless_modal(page.title, "chorus:x", form_fields(page, values, {"seed": ""}))
    assert broken_rules(check_modal, modal.to_dict()) == ""


@settings(max_examples=60)
@given(st.data())
def test_a_form_that_is_sent_in_unchanged_changes_nothing(data: st.DataObject) -> None:
    pages = pages_of(data.draw(st.sampled_from(workflows())))
    names = [parameter.name for page in pages for parameter in page.parameters]
    values = data.draw(st.dictionaries(st.sampled_from(names), VALUES, max_size=12))
    page = data.draw(st.sampled_from(pages))
    modal = stateless_modal(page.title, "chorus:x", form_fields(page, values, {"seed": ""}))
    submitted = {each["component"]["custom_id"]: shown(each["component"]) for each in modal.to_dict()["components"]}
    parameters = (parameter for each in pages for parameter in each.parameters)
    changes = read_form(parameters, values, {"seed": ""}, submitted)
    assert (changes.values, changes.unset) == ({}, frozenset())


def shown(component: dict[str, Any]) -> str:
    """What Discord's client submits for a field that nobody touched."""
    if component["type"] == 3:
        return next((str(each["value"]) for each in component["options"] if each["default"]), "")
    return str(component.get("value") or "")


def test_what_is_emptied_is_the_workflows_own_again() -> None:
    pages = pages_of(parsed(txt2img()))
    parameters = [parameter for page in pages for parameter in page.parameters]
    values = {"steps": "30", "sampler": "euler_ancestral", "seed": "5", "negative": "people"}
    own = {each.name: shown_value(each.default) for each in parameters}
    submitted = {"steps": "", "sampler": own["sampler"], "seed": " ", "cfg": own["cfg"], "negative": ""}
    changes = read_form(iter(parameters), values, {"seed": "", "negative": "ugly"}, submitted)
    assert changes.unset == {"steps", "sampler", "seed"}
    assert changes.values == {"negative": ""}


def test_a_large_workflow_has_several_panels() -> None:
    assert len(pages_of(parsed(large()))) > PAGES_SHOWN
