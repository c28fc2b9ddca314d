"""Exported cards: what SillyTavern reads of them, and the same character when they are imported again."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.characters import CardExtension, Character, card_files, export_card, import_card, write_character
from bot.characters.character_files import read_character
from bot.media.png_text_chunks import read_text_chunks
from tests.characters import cards

V2_TEXTS = (
    "name",
    "description",
    "personality",
    "scenario",
    "first_mes",
    "mes_example",
    "creator_notes",
    "system_prompt",
    "post_history_instructions",
    "creator",
    "character_version",
)


def card_in(png: bytes, keyword: str) -> dict[str, Any]:
    texts = read_text_chunks(png, wanted={"chara", "ccv3"}, max_bytes=10_000_000)
    return json.loads(base64.b64decode(texts[keyword]))


def edited(png: bytes, **fields: Any) -> bytes:
    """As another program saves the card after a change."""
    card = card_in(png, "ccv3")
    card["data"] |= fields
    return cards.png_card(card, "ccv3")


WORDS = st.text(st.characters(codec="utf-8"), max_size=40)
SECTIONS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"id": st.from_regex(r"\A[a-z0-9]{3,20}\Z"), "name": st.from_regex(r"\A\w{1,20}\Z"), "system_prompt": st.just("x")},
    optional={
        "aliases": st.lists(WORDS, max_size=3),
        "role": WORDS,
        "greeting": WORDS,
        "core_memories": st.lists(WORDS, max_size=4),
        "personality_traits": st.lists(WORDS, max_size=3),
        "example_dialogue": WORDS,
        "default_image_workflow": WORDS,
        "visual_identity": st.fixed_dictionaries(
            {},
            optional={
                "prompt_context": WORDS,
                "reference_images": st.lists(WORDS, max_size=2),
                "appearance": st.sampled_from(["auto", "always", "never"]),
                "loras": st.lists(st.fixed_dictionaries({"name": st.just("ink"), "strength": st.floats(-2, 2)})),
            },
        ),
        "voice": st.fixed_dictionaries({}, optional={"enabled": st.booleans(), "voice_transcript": WORDS}),
        "preferred_llm": st.fixed_dictionaries({}, optional={"temperature": st.floats(0, 2), "model": WORDS}),
        "profile_image": WORDS,
        "nsfw": st.booleans(),
    },
)


@st.composite
def characters(draw: st.DrawFn) -> Character:
    keys: dict[str, Any] = draw(SECTIONS)
    keys["visual_identity"] = keys.get("visual_identity", {})
    keys["visual_identity"]["loras"] = keys["visual_identity"].get("loras", [])[:8]
    keys["system_prompt"] = "You are " + draw(WORDS)
    return Character.model_validate(keys)


@settings(max_examples=40)
@given(characters())
def test_an_exported_character_imports_equal_and_every_program_can_read_it(character: Character) -> None:
    png = export_card(CardExtension(character), None)
    found = import_card(png, "someone.png")
    assert found.character == character.model_copy(update={"profile_image": None})
    assert found.avatar_png is not None
    v2, v3 = card_in(png, "chara"), card_in(png, "ccv3")
    assert (v2["spec"], v2["spec_version"]) == ("chara_card_v2", "2.0")
    assert (v3["spec"], v3["spec_version"]) == ("chara_card_v3", "3.0")
    for data in (v2["data"], v3["data"]):
        assert all(isinstance(data[name], str) for name in V2_TEXTS)
        assert isinstance(data["extensions"], dict)
        assert all(isinstance(each, str) for each in [*data["tags"], *data["alternate_greetings"]])
        for entry in data.get("character_book", {"entries": []})["entries"]:
            assert isinstance(entry["keys"], list)
            assert isinstance(entry["content"], str)
            assert isinstance(entry["extensions"], dict)
            assert entry["enabled"] is entry["constant"] is True
            assert isinstance(entry["insertion_order"], int)
            assert entry["use_regex"] is False
    assert v3["data"]["group_only_greetings"] == []
    # SillyTavern without our part: the texts are still those of the character.
    plain = import_card(cards.png_card({**v2, "data": v2["data"] | {"extensions": {}}}), "x.png").character
    assert (plain.name, plain.nsfw) == (character.name, character.nsfw)


def test_what_another_program_changed_is_taken_over_and_the_rest_stays() -> None:
    character = Character(
        id="nova", name="Nova", system_prompt="You paint.", greeting="Hi.", core_memories=("A cat.",), role="painter"
    )
    png = export_card(CardExtension(character), None)
    changed = import_card(edited(png, first_mes="Hello {{user}}!", creator="somebody"), "x.png").character
    assert changed == character.model_copy(update={"greeting": "Hello everyone!"})
    changed = import_card(edited(png, description="You {{char}} draw.\r\n"), "x.png").character
    assert changed == character.model_copy(update={"system_prompt": "You Nova draw."})
    assert import_card(edited(png, description="You paint.\r\n"), "x.png").character == character
    changed = import_card(edited(png, tags=["NSFW"], character_book=None), "x.png").character
    assert changed == character.model_copy(update={"nsfw": True, "core_memories": ()})


def character_with_files(folder: Path) -> Character:
    (folder / "nova" / "voice").mkdir(parents=True)
    (folder / "nova" / "voice" / "default.wav").write_bytes(b"RIFF\0\0\0\0WAVEfmt ")
    (folder / "nova" / "voice" / "default.txt").write_text("I sound like this.")
    (folder / "nova" / "look.png").write_bytes(cards.png_with(cards.text_chunk("prompt", b"SECRET")))
    (folder / "nova" / "avatar.png").write_bytes(cards.picture())
    (folder / "nova.yaml").write_text(
        "id: nova\nname: Nova\nsystem_prompt: You paint.\nvisual_identity:\n  reference_images: [look.png]\n"
    )
    return read_character(folder / "nova.yaml").character


def test_voice_and_reference_pictures_come_along_without_metadata(tmp_path: Path) -> None:
    character = character_with_files(tmp_path / "here")
    files, notes = card_files(character, voice=True, references=True, max_pixels=10**7)
    assert (set(files), notes) == ({"voice/default.wav", "voice/default.txt", "look.png"}, [])
    assert b"SECRET" not in files["look.png"]
    assert card_files(character, voice=False, references=False, max_pixels=10**7) == ({}, [])
    card = import_card(export_card(CardExtension(character, files), character.avatar_path), "x.png")
    path = write_character(card, tmp_path / "there")
    again = read_character(path).character
    assert again.version == character.version
    assert [each.name for each in again.reference_paths] == ["look.png"]
    assert (tmp_path / "there" / "nova" / "voice" / "default.txt").read_text() == "I sound like this."
    assert again.avatar_path is not None


@pytest.mark.parametrize(
    "files",
    [
        {"../escape.png": cards.picture()},
        {"/etc/x.png": cards.picture()},
        {"voice/../../x.wav": b"RIFF\0\0\0\0WAVE"},
        {"voice/x.wav": b"no sound"},
        {"avatar.png": cards.picture()},
        {"x.yaml": b"id: x"},
        {"look.png": b"<html>"},
        {"look.png": cards.picture() + b"\0" * 5_000_000},
    ],
)
def test_hostile_files_are_left_out(tmp_path: Path, files: dict[str, bytes]) -> None:
    character = Character(id="nova", name="Nova", system_prompt="You paint.")
    card = import_card(export_card(CardExtension(character, files), None), "x.png")
    assert card.files == {}
    write_character(card, tmp_path / "new")
    assert sorted(each.name for each in (tmp_path / "new").rglob("*")) == ["avatar.png", "nova", "nova.yaml"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["version", "character", "files", "workflows", "id", "name", "system_prompt", "voice/x.wav"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_anything_in_our_place_leaves_a_usable_card(value: Any) -> None:
    card = cards.v2(extensions={"chorus": value, "depth_prompt": {"prompt": ""}})
    assert import_card(cards.png_card(card), "x.png").character.name in {"Luna", *_names(value)}


def _names(value: Any) -> list[str]:
    outer = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    keys: Any = outer.get("character")
    return [str(cast("dict[str, Any]", keys).get("name"))] if isinstance(keys, dict) else []
