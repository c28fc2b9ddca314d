"""Every key of `config.yaml` and of a character file has a test that proves its effect.

Such a test is marked `@pytest.mark.setting("comfyui.url")`, for a key of character files "character.voice.enabled". The
marks are collected from the sources of all tests, so that this test needs no other one to run.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel

from bot.characters import Character
from bot.settings import Settings
from bot.settings.loading import SECRETS
from bot.yaml_documents import dotted_key, known_keys

TESTS = Path(__file__).parent

NOT_PROVEN_YET: tuple[str, ...] = ()


def keys_of(model: type[BaseModel], prefix: str = "") -> set[str]:
    """The keys that have a value of their own, not those of sections."""
    keys = {prefix + dotted_key(path) for path in known_keys(model)}
    return {key for key in keys if not any(other.startswith(f"{key}.") for other in keys)}


KEYS = (keys_of(Settings) - set(SECRETS.values())) | keys_of(Character, "character.")


def marked_keys(source: str) -> Iterator[str]:
    """The arguments of `pytest.mark.setting(...)` in a file, in decorators, `marks=` and `pytestmark`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.setting":
            yield from (str(ast.literal_eval(argument)) for argument in node.args)


def all_marked_keys() -> set[str]:
    return {key for path in TESTS.rglob("test_*.py") for key in marked_keys(path.read_text("utf-8"))}


def test_every_key_has_a_test_of_its_effect() -> None:
    assert sorted(KEYS - all_marked_keys()) == sorted(NOT_PROVEN_YET)


def test_marks_name_keys_that_exist() -> None:
    assert sorted(all_marked_keys() - KEYS) == []


def test_marks_are_found_wherever_they_stand() -> None:
    source = """
pytestmark = pytest.mark.setting("a")
@pytest.mark.setting("b", "c.d")
@pytest.mark.parametrize("x", [pytest.param(1, marks=pytest.mark.setting("e"))])
def test_something(x): ...
"""
    assert sorted(marked_keys(source)) == ["a", "b", "c.d", "e"]
