"""What the user's pages promise to list is listed."""

from __future__ import annotations

import ast
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


_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def _defined_names(path: Path) -> set[str]:
    """The functions and classes of a module, and methods as `Class.method`."""
    names: set[str] = set()
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, _Definition):
            names.add(node.name)
            names.update(f"{node.name}.{each.name}" for each in node.body if isinstance(each, _Definition))
    return names


def test_what_the_architecture_names_is_there() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    found = re.findall(r"`([\w/]+\.py)(?:: ([\w.]+))?`", text)
    assert len(found) > 30
    folder = ROOT
    for name, symbol in found:
        path = ROOT / name if "/" in name else folder / name
        folder = path.parent
        assert path.is_file(), name
        assert not symbol or symbol in _defined_names(path), f"{name}: {symbol}"
