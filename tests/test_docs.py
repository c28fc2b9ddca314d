"""What the user's pages promise to list is listed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.errors import ERRORS_BY_CODE

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("code", sorted(ERRORS_BY_CODE))
def test_every_error_code_is_explained(code: str) -> None:
    assert f"| `{code}` |" in (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target
