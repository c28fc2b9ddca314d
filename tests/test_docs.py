"""What the user's pages promise to list is listed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.characters import Character
from bot.errors import ERRORS_BY_CODE
from bot.settings import Settings
from bot.settings.loading import SECRETS
from bot.workflows.bindings import Bindings
from bot.yaml_documents import known_keys

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]


def text_of(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("code", sorted(ERRORS_BY_CODE))
def test_every_error_code_is_explained(code: str) -> None:
    assert f"| `{code}` |" in text_of("troubleshooting.md")


def test_every_setting_is_explained_and_no_other() -> None:
    named = set(re.findall(r"^\| `([a-z_.]+)` \|", text_of("configuration.md"), re.MULTILINE))
    keys = {".".join(str(part) for part in path) for path in known_keys(Settings)}
    leaves = {key for key in keys if not any(other.startswith(f"{key}.") for other in keys)}
    assert named == leaves - set(SECRETS.values())
    for name in SECRETS:
        assert f"`{name}`" in text_of("configuration.md")


def test_every_key_of_a_bindings_file_is_named() -> None:
    for key in Bindings.model_fields:
        assert f"`{key}`" in text_of("workflows.md")


def test_every_key_of_a_character_is_named() -> None:
    for path in known_keys(Character):
        assert re.search(rf"\b{path[-1]}\b", text_of("characters.md")), path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target
