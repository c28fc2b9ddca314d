from __future__ import annotations

import tomllib
from pathlib import Path

from bot.settings import Settings, default_settings, load_settings
from bot.settings.loading import SECRETS
from bot.yaml_documents import KeyPath, known_keys, read_yaml

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "config.example.yaml"


def test_the_example_lists_every_key() -> None:
    lines = read_yaml(EXAMPLE).lines
    listed: set[KeyPath] = {path for path in lines if all(isinstance(part, str) for part in path)}
    # Given together they would contradict each other, so one is a comment.
    assert set(known_keys(Settings)) - listed == {("comfyui", "urls")}
    assert listed - set(known_keys(Settings)) == set()
    assert "# urls: [" in EXAMPLE.read_text("utf-8")


def test_the_example_shows_the_defaults() -> None:
    assert load_settings(EXAMPLE, environment={}) == default_settings(ROOT)


def test_dotenv_names_the_secrets() -> None:
    text = (ROOT / ".env.example").read_text("utf-8")
    for name in SECRETS:
        assert f"{name}=" in text


def test_the_makefile_and_the_lock_agree_on_uv() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    pinned = next(item for item in project["dependency-groups"]["dev"] if item.startswith("uv=="))
    version = pinned.removeprefix("uv==")
    assert f"UV_VERSION := {version}\n" in (ROOT / "Makefile").read_text("utf-8")
    assert f'"uv=={version}"' in (ROOT / ".github/workflows/ci.yml").read_text("utf-8")
