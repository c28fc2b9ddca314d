"""A conversation as a file that Discord takes."""

from __future__ import annotations

import io
import random
import zipfile

from bot.conversation.export import export_file


def words(count: int) -> str:
    chance = random.Random(7)
    return "\n".join(f"{n} {chance.getrandbits(200):x}" for n in range(count))


def content(data: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.read("talk.md").decode()


def test_a_small_export_is_sent_as_it_is() -> None:
    exported = export_file("hello", "talk", 100)
    assert (exported.name, exported.data, exported.note) == ("talk.md", b"hello", None)


def test_a_large_one_is_packed() -> None:
    text = "the same again\n" * 10_000
    exported = export_file(text, "talk", 20_000)
    assert exported.name == "talk.zip"
    assert len(exported.data) <= 20_000
    assert content(exported.data) == text
    assert exported.note is not None


def test_one_that_is_too_large_packed_loses_its_oldest_part() -> None:
    text = words(5000)
    exported = export_file(text, "talk", 50_000)
    kept = content(exported.data)
    assert 30_000 < len(exported.data) <= 50_000
    assert text.endswith("\n" + kept)
    assert "oldest" in (exported.note or "")
