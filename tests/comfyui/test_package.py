"""What the package imports."""

from __future__ import annotations

from pathlib import Path


def test_it_imports_nothing_else_of_chorus() -> None:
    """The client could be published alone."""
    for file in (Path(__file__).parents[2] / "bot" / "comfyui").glob("*.py"):
        for line in file.read_text().splitlines():
            words = line.split()
            if words[:1] in (["import"], ["from"]) and len(words) > 1 and words[1].startswith("bot"):
                assert words[1].startswith("bot.comfyui"), f"{file.name}: {line}"
