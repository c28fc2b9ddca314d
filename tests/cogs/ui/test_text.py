"""Text of people and models in messages of the bot."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.language_model.model_names import model_name
from cogs.ui.text import escaped, without_masked_links

MASKED = re.compile(r"\]\(")


@pytest.mark.parametrize(
    "text",
    [
        "[Nitro](http://evil.example)",
        "[a](http://a.example) [b](<http://b.example>)",
        "[a\\](http://a.example)",
        "\\`[a](http://a.example)\\`",
        "``` [a](http://a.example)",
        "[a](http://a.example 'title')",
    ],
)
def test_a_masked_link_shows_its_address(text: str) -> None:
    shown = without_masked_links(text)
    assert MASKED.search(shown) is None
    assert shown.replace("]\\(", "](") == text
    assert MASKED.search(escaped(text)) is None


@pytest.mark.parametrize(
    "text", ["`[a](b)`", "```md\n[a](b)\n```", "``x ` [a](b)``", "[a] (b)", "plain", "a[0] = f(x)"]
)
def test_code_and_ordinary_text_stay_as_they_are(text: str) -> None:
    assert without_masked_links(text) == text


@given(st.text(alphabet="[]()`\\ a\n", max_size=40))
def test_only_backslashes_are_added_and_once(text: str) -> None:
    shown = without_masked_links(text)
    assert shown.replace("\\", "") == text.replace("\\", "")
    assert without_masked_links(shown) == shown
    if "`" not in text:
        assert MASKED.search(shown) is None


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("llama3.1:8b", "llama3.1:8b"),
        ("/home/joe/models/nemo.gguf", "nemo.gguf"),
        ("C:\\models\\nemo.gguf", "nemo.gguf"),
        ("hf.co/someone/nemo:Q4", "nemo:Q4"),
        ("", ""),
    ],
)
def test_a_models_name_shows_no_folders(name: str, shown: str) -> None:
    assert model_name(name) == shown


@pytest.mark.parametrize(
    "text",
    ["[a](https://a.b) ` [b](https://a.b) **x** ` [c](https://a.b)", "https://a.b/` [a](https://a.b) `", "](`]("],
)
def test_no_backtick_between_links_or_in_an_address_opens_code(text: str) -> None:
    shown = escaped(text)
    assert "](" not in shown
    assert not re.search(r"(?<!\\)(?:\\\\)*[`*]", shown)
