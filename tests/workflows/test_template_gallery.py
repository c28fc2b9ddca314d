"""The index of ComfyUI's gallery, and the models that its workflows name."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bot.workflows.template_gallery import TEMPLATE_NAME, TemplateModel, read_index, search, template_models

INDEX: list[Any] = [
    {
        "title": "Image",
        "templates": [
            {"name": "boat", "title": "A boat", "tags": ["Sea"], "models": ["Flux"], "size": 5 * 10**9, "usage": 3},
            {"name": "door", "title": "A door", "description": "Not a boat.", "usage": 90, "openSource": False},
        ],
    },
    {"title": "Video", "templates": [{"name": "waves", "title": "Waves", "models": ["Wan"], "usage": 10}]},
]


def test_popular_templates_come_first_and_keep_what_people_read() -> None:
    door, waves, boat = read_index(INDEX)
    assert (door.name, waves.name, boat.name) == ("door", "waves", "boat")
    assert (boat.title, boat.category, boat.tags, boat.models) == ("A boat", "Image", ("Sea",), ("Flux",))
    assert boat.size_bytes == 5 * 10**9
    assert door.costs_money
    assert not boat.costs_money


def test_every_word_is_searched_for_and_titles_come_first() -> None:
    templates = read_index(INDEX)
    assert [found.name for found in search(templates, "BOAT")] == ["boat", "door"]
    assert [found.name for found in search(templates, "boat sea")] == ["boat"]
    assert [found.name for found in search(templates, "wan video")] == ["waves"]
    assert search(templates, "submarine") == []
    assert len(search(templates, "")) == 3


def test_names_that_would_leave_the_gallery_are_left_out() -> None:
    names = ["../secret", "/etc/passwd", "a/b", "a\\b", "", ".hidden", "x" * 300, "fine name-1.0"]
    assert [one.name for one in read_index([{"templates": [{"name": name} for name in names]}])] == ["fine name-1.0"]


def test_models_of_nodes_and_subgraphs_are_found_once_with_their_page() -> None:
    model = {"name": "a.safetensors", "directory": "vae", "url": "https://example.org/a.safetensors"}
    other = {"name": "b.safetensors", "directory": "loras", "url": "file:///etc/passwd"}
    workflow = {
        "nodes": [{"properties": {"models": [model]}}, {"properties": {"models": [model, "no", {}]}}],
        "definitions": {"subgraphs": [{"nodes": [{"properties": {"models": [other]}}]}]},
    }
    assert template_models(workflow) == [
        TemplateModel("a.safetensors", "vae", "https://example.org/a.safetensors"),
        TemplateModel("b.safetensors", "loras", None),
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["templates", "name", "title", "nodes", "properties", "models", "url", "size", "usage"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=30,
)


@given(st.lists(JSON, max_size=4), st.dictionaries(st.sampled_from(["nodes", "definitions"]), JSON))
def test_anything_can_be_read(index: list[Any], workflow: dict[str, Any]) -> None:
    for template in read_index(index):
        assert TEMPLATE_NAME.fullmatch(template.name)
    for model in template_models(workflow):
        assert model.url is None or model.url.startswith(("http://", "https://", "HTTP"))
