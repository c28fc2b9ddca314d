"""What is left of a workflow when it is shared: everything but the words and the paths of people."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.workflows import InputRole, parse_workflow
from bot.workflows.embedded import read_workflow_source
from bot.workflows.embedded.shared_workflow import CHUNK
from bot.workflows.errors import NotAGraph
from bot.workflows.sharing import shared_workflow, without_own_words
from tests.e2e.system import graph
from tests.workflows.embedded.media_files import png

SECRET = "SECRET"
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30).map(lambda text: f"{SECRET} {text}")
PATHS = st.sampled_from(
    ["/home/SECRET/x.png", "C:\\SECRET\\x.png", "~/SECRET/x.png", "\\\\SECRET\\x.png", "C:/SECRET/x"]
)


def drawing(prompt: str, negative: str, path: str) -> dict[str, Any]:
    drawn = graph()
    drawn["2"]["inputs"]["text"], drawn["3"]["inputs"]["text"] = prompt, negative
    drawn["5"]["inputs"]["seed"] = 5
    drawn["7"]["inputs"]["filename_prefix"] = path
    drawn["8"] = {"class_type": "LoadImage", "inputs": {"image": path}, "_meta": {"title": "A", "note": SECRET}}
    drawn["9"] = {"class_type": "PreviewImage", "inputs": {"images": ["8", 0]}}
    return drawn


@given(prompt=WORDS, negative=WORDS, path=PATHS, bound=st.booleans())
def test_words_and_paths_of_people_are_gone_and_what_takes_them_is_not(
    prompt: str, negative: str, path: str, bound: bool
) -> None:
    bindings = {"positive": ["2.text"], "defaults": {"negative": SECRET, "steps": 7}, "label": {"5.cfg": "Guidance"}}
    workflow = parse_workflow(
        json.dumps(drawing(prompt, negative, path)), bindings=json.dumps(bindings) if bound else None
    )
    presets: dict[str, dict[str, Any]] = {
        "dusk": {
            "steps": 5,
            "sampler": "euler",
            "prompt": SECRET,
            "negative": SECRET,
            "2.text": SECRET,
            "8.image": SECRET,
        },
        "words": {"prompt": SECRET, "unknown": SECRET},
    }
    shared = without_own_words(workflow)
    content = shared_workflow(shared, presets, None)
    assert SECRET not in json.dumps(shared.graph) + content.encoded()
    assert [(preset.name, preset.values) for preset in content.presets] == [("dusk", {"steps": 5, "sampler": "euler"})]
    for role in InputRole:
        assert set(shared.analysis.inputs_for(role)) == set(workflow.analysis.inputs_for(role)), role
    assert shared.graph["5"] == workflow.graph["5"]
    assert shared.graph["8"]["inputs"]["image"].startswith("x")
    if bound:
        assert (content.bindings["defaults"], content.bindings["label"]) == ({"steps": 7}, {"5.cfg": "Guidance"})
    # And back.
    source = read_workflow_source(png({"prompt": json.dumps(shared.graph), CHUNK: content.encoded()}))
    assert source.graph == shared.graph
    assert source.shared == content
    again = parse_workflow(json.dumps(source.graph), bindings=json.dumps(source.bindings) if source.bindings else None)
    assert again.content_hash == shared.content_hash


def test_where_the_prompt_is_not_clear_every_text_is_emptied() -> None:
    ambiguous, unknown = graph(), graph()
    ambiguous["2"]["inputs"]["text"], ambiguous["3"]["inputs"]["text"] = SECRET, f"{SECRET} 2"
    ambiguous["5"]["inputs"]["positive"], ambiguous["5"]["inputs"]["negative"] = ["3", 0], ["2", 0]
    # The negative prompt has a placeholder, so texts without one are taken for the workflow's own.
    unknown["2"]["inputs"]["text"] = SECRET
    for drawn in (ambiguous, unknown):
        assert SECRET not in json.dumps(without_own_words(parse_workflow(json.dumps(drawn))).graph)


def test_texts_around_a_placeholder_are_the_workflows_own() -> None:
    drawn = graph()
    drawn["2"]["inputs"]["text"] = "watercolour, __CHORUS_PROMPT__"
    assert without_own_words(parse_workflow(json.dumps(drawn))).graph["2"]["inputs"]["text"].startswith("watercolour")


@pytest.mark.parametrize(
    "chunk",
    [
        "no JSON",
        "[]",
        "{}",
        '{"format": "chorus-workflow/2", "name": "x", "kind": "image"}',
        '{"format": "chorus-workflow/1", "name": "x", "kind": "sculpture"}',
        "[" * 100_000,
    ],
)
def test_a_damaged_part_is_refused(chunk: str) -> None:
    with pytest.raises(NotAGraph, match="cannot be read"):
        read_workflow_source(png({"prompt": json.dumps(graph()), CHUNK: chunk}))
