from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.characters import Character, import_card, write_character
from bot.characters.character_files import read_character
from bot.characters.character_writer import to_yaml
from bot.errors import InputInvalid
from bot.yaml_documents import parse_yaml
from tests.characters import cards


def test_a_card_becomes_a_character_that_loads(tmp_path: Path) -> None:
    card = import_card(cards.png_card(cards.v2()), "x.png")
    path = write_character(card, tmp_path / "new")
    assert path == tmp_path / "new" / "luna.yaml"
    read = read_character(path).character
    assert read.version == card.character.version
    assert read.avatar_path is not None
    assert read.avatar_path.read_bytes() == card.avatar_png
    assert sorted(item.name for item in path.parent.iterdir()) == ["luna", "luna.yaml"]


def test_nothing_is_ever_overwritten(tmp_path: Path) -> None:
    card = import_card(cards.png_card(cards.v2()), "x.png")
    (tmp_path / "luna.yaml").write_text("mine")
    (tmp_path / "luna-2").mkdir()
    (tmp_path / "luna-4.yml").write_text("mine too")
    first, second = write_character(card, tmp_path, {"luna-5"}), write_character(card, tmp_path, {"luna-5"})
    assert [first.name, second.name] == ["luna-3.yaml", "luna-6.yaml"]
    assert (tmp_path / "luna.yaml").read_text() == "mine"
    assert read_character(second).character.id == "luna-6"
    assert read_character(second).character.avatar_path == tmp_path / "luna-6" / "avatar.png"


def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    folder = tmp_path / "characters"
    folder.mkdir()
    card = import_card(cards.png_card(cards.v2(first_mes="x" * 90_000)), "x.png")
    assert card.avatar_png is not None
    assert len(card.avatar_png) < 50_000
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            write_character(card, folder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(folder.iterdir()) == []


def test_texts_too_large_for_a_file_are_refused_and_leave_nothing(tmp_path: Path) -> None:
    book = {"entries": [{"content": "\u8a18" * 4000, "constant": True}] * 100}
    card = import_card(json.dumps(cards.v2(description="\u6f22" * 90_000, character_book=book)).encode(), "x.json")
    with pytest.raises(InputInvalid, match="larger than 1000 kB"):
        write_character(card, tmp_path / "new")
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="needs a user who can be refused")
def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError):
        write_character(import_card(cards.png_card(cards.v2()), "x.png"), tmp_path)


HOSTILE = st.text(
    alphabet=st.sampled_from(list("ab: #&*!|>'\"%@`{}[],-?\n\t\\<\x85\u2028\ufeff\U0001f600é")), max_size=60
)


@settings(max_examples=200, deadline=None)
@given(HOSTILE, HOSTILE, st.lists(HOSTILE, max_size=3))
def test_no_text_breaks_out_of_its_key(prompt: str, greeting: str, memories: list[str]) -> None:
    character = Character(
        id="x", name="X", system_prompt="-" + prompt, greeting=greeting, core_memories=tuple(memories)
    )
    document = parse_yaml(to_yaml(character).encode(), name="x.yaml")
    assert set(document.data) <= {"id", "name", "system_prompt", "greeting", "core_memories"}
    assert Character.model_validate(document.data) == character


def test_long_texts_are_blocks_people_can_edit() -> None:
    character = Character(id="x", name="X", system_prompt="First line.\n\nSecond: line.")
    assert "system_prompt: |-\n  First line.\n\n  Second: line.\n" in to_yaml(character)
