from __future__ import annotations

import asyncio
import logging
import wave
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from bot.characters import CharacterLibrary, import_card, voice_sample_files
from bot.characters import library as library_module
from bot.characters.character_files import CharacterFile
from bot.errors import CharacterNotFound, InputInvalid
from tests.characters import cards

ROOT = Path(__file__).parents[2]


def put(folder: Path, character_id: str, name: str | None = None, extra: str = "", file: str | None = None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / (file or f"{character_id}.yaml")
    path.write_text(f"id: {character_id}\nname: {name or character_id.title()}\nsystem_prompt: Hm.\n{extra}", "utf-8")
    return path


async def until(condition: Callable[[], bool]) -> None:
    """The watcher tells nobody when it is done: look until it is, or the deadline passes."""
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - no event to wait for
            await asyncio.sleep(0.02)


def test_what_is_shipped_loads_without_a_word(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    library = CharacterLibrary(ROOT / "characters")
    report = library.load()
    assert set(report.added) >= {"nova", "alex"}
    assert report.problems == {}
    assert caplog.messages == []
    for name in ("nova", "alex"):
        character = library.get(name)
        assert character.avatar_path is not None
        assert character.avatar_path.stat().st_size < 150_000
        with Image.open(character.avatar_path) as avatar:
            assert avatar.size == (512, 512)
        sample = voice_sample_files(character)[0]
        assert sample.transcript
        with wave.open(str(sample.path)) as sound:
            assert (sound.getnchannels(), sound.getframerate()) == (1, 16000)
            assert 3 <= sound.getnframes() / sound.getframerate() <= 30


@pytest.mark.setting("character.id")
def test_finding_by_id_name_and_alias(tmp_path: Path) -> None:
    put(tmp_path, "nova", "Nova Prime", "aliases: [Star]\n")
    put(tmp_path, "star")
    library = CharacterLibrary(tmp_path)
    library.load()
    assert library.get("nova").name == "Nova Prime"
    assert library.find(" NOVA prime").id == "nova"
    assert library.find("star").id == "star"
    assert library.names() == {"nova": "Nova Prime", "star": "Star"}
    with pytest.raises(CharacterNotFound, match="did you mean Nova Prime"):
        library.find("Nova Prim")
    with pytest.raises(CharacterNotFound, match=r"does not exist\.$"):
        library.find("@everyone")
    with pytest.raises(CharacterNotFound):
        library.get("NOVA")


def test_a_broken_file_keeps_its_last_good_version(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = put(tmp_path, "nova")
    put(tmp_path, "alex")
    library = CharacterLibrary(tmp_path)
    assert library.load().added == ("alex", "nova")
    path.write_text("name: Nova\n\tx: 1\n")
    report = library.load()
    library.load()
    assert library.get("nova").system_prompt == "Hm."
    assert "tab" in str(report.problems[path])
    assert report.changed == report.removed == ()
    assert sum("nova.yaml" in message for message in caplog.messages) == 1
    put(tmp_path, "nova", "Nova II")
    report = library.load()
    assert report.changed == ("nova",)
    assert report.problems == {}
    path.unlink()
    assert library.load().removed == ("nova",)


@pytest.mark.parametrize("value", ["!!bool x", "!!timestamp x", "!!int ''", "!!float x"])
def test_a_scalar_that_is_not_what_it_says_is_that_files_problem(tmp_path: Path, value: str) -> None:
    put(tmp_path, "good")
    path = put(tmp_path, "evil", extra=f"nsfw: {value}\n")
    library = CharacterLibrary(tmp_path)
    library.load()
    assert library.names() == {"good": "Good"}
    assert "line 4: put" in library.problems[path].message


async def test_no_file_ends_the_watching(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one for which the reader has an error nobody has thought of."""
    read = library_module.read_character

    def broken(path: Path, *, guild_id: int | None = None) -> CharacterFile:
        if "evil" in path.name:
            raise ZeroDivisionError
        return read(path, guild_id=guild_id)

    monkeypatch.setattr(library_module, "read_character", broken)
    evil = put(tmp_path, "evil")
    async with CharacterLibrary(tmp_path) as library:
        assert library.problems.keys() == {evil}
        worse = put(tmp_path, "evil2")
        await until(lambda: worse in library.problems)
        put(tmp_path, "good")
        await until(lambda: "good" in library.names())


def test_one_id_twice(tmp_path: Path) -> None:
    put(tmp_path, "nova", "First", file="a.yaml")
    second = put(tmp_path, "nova", "Second", file="b.yml")
    library = CharacterLibrary(tmp_path)
    report = library.load()
    assert library.get("nova").name == "First"
    assert str(report.problems[second]) == "b.yml: the id `nova` already belongs to a.yaml."


def test_a_guilds_characters_are_its_own(tmp_path: Path) -> None:
    root, guilds = tmp_path / "characters", tmp_path / "guilds"
    put(root, "nova")
    put(guilds / "11" / "characters", "luna", "Luna of 11")
    put(guilds / "22" / "characters", "luna", "Luna of 22")
    hidden = put(guilds / "22" / "characters", "nova", "False Nova")
    put(guilds / "not-a-guild" / "characters", "eve")
    library = CharacterLibrary(root, guilds)
    report = library.load()
    assert library.names() == {"nova": "Nova"}
    assert library.names(11) == {"luna": "Luna of 11", "nova": "Nova"}
    assert library.get("luna", 22).name == "Luna of 22"
    assert library.get("luna", 22).guild_id == 22
    assert library.find("nova", 22).guild_id is None
    assert set(report.problems) == {hidden}
    with pytest.raises(CharacterNotFound):
        library.get("luna")
    with pytest.raises(CharacterNotFound):
        library.find("luna", 33)


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    put(tmp_path, "nova")
    (tmp_path / ".hidden.yaml").write_text("junk: [")
    (tmp_path / "readme.md").write_text("junk")
    (tmp_path / "folder.yaml").mkdir()
    report = CharacterLibrary(tmp_path).load()
    assert report.added == ("nova",)
    assert report.problems == {}


def test_a_missing_folder_is_a_problem(tmp_path: Path) -> None:
    library = CharacterLibrary(tmp_path / "none")
    assert "does not exist" in str(library.load().problems[tmp_path / "none"])
    assert library.all() == []


async def test_changes_are_picked_up_while_open(tmp_path: Path) -> None:
    root, guilds = tmp_path / "characters", tmp_path / "guilds"
    path = put(root, "nova")
    async with CharacterLibrary(root, guilds) as library:
        assert library.names() == {"nova": "Nova"}
        put(root, "nova", "Nova II")
        put(root, "alex")
        await until(lambda: library.names() == {"alex": "Alex", "nova": "Nova II"})
        path.write_text("name: [")
        await until(lambda: path in library.problems)
        assert library.get("nova").name == "Nova II"
        path.unlink()
        await until(lambda: library.names() == {"alex": "Alex"})
        put(guilds / "5" / "characters", "luna")
        await until(lambda: "luna" in library.names(5))
        before = library.get("alex").avatar_sha256
        (root / "alex").mkdir()
        (root / "alex" / "avatar.png").write_bytes(cards.picture())
        await until(lambda: library.get("alex").avatar_sha256 != before)


async def test_a_card_joins_a_guild(tmp_path: Path) -> None:
    root, guilds = tmp_path / "characters", tmp_path / "guilds"
    put(root, "luna")
    card = import_card(cards.png_card(cards.v2()), "x.png")
    async with CharacterLibrary(root, guilds) as library:
        first, second = await asyncio.gather(library.add(card, 7), library.add(card, 7))
        assert {first.id, second.id} == {"luna-2", "luna-3"}
        assert first.guild_id == 7
        assert first.avatar_path is not None
        assert first.avatar_path.is_relative_to(guilds / "7" / "characters")
        assert set(library.names(7)) == {"luna", "luna-2", "luna-3"}
        assert set(library.names()) == {"luna"}


async def test_a_guild_has_a_limit_of_its_own_characters(tmp_path: Path) -> None:
    root, guilds = tmp_path / "characters", tmp_path / "guilds"
    for n in range(library_module.MAX_GUILD_CHARACTERS):
        put(guilds / "7" / "characters", f"c{n}")
        put(root, f"o{n}")
    card = import_card(cards.png_card(cards.v2()), "x.png")
    async with CharacterLibrary(root, guilds) as library:
        with pytest.raises(InputInvalid, match="100 characters of its own"):
            await library.add(card, 7)
        assert (await library.add(card, 8)).id == "luna"
        assert (await library.add(card)).guild_id is None
