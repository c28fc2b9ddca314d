"""Voice samples: the host's folder, a guild's own, and everything that is no voice sample."""

from __future__ import annotations

import asyncio
import wave
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.characters.character import Character
from bot.characters.library import CharacterLibrary
from bot.domain.voice_samples import VoiceSample
from bot.errors import InputInvalid, NotAllowed
from bot.media.errors import BadMedia
from bot.storage.database import Database
from bot.storage.guild_settings import GuildSettings
from bot.storage.voice_samples import VoiceSampleRepository
from bot.storage.waiting import INTERACTION_SECONDS, limit_interaction
from bot.voice.options import VoiceOptions
from bot.voice.samples import MAX_SAMPLES, UploadedSample, VoiceSamples
from tests.e2e.voice_system import write_sample
from tests.locked_database import locked, until_store_waits
from tests.media.sample_audio import FFMPEG
from tests.migrated_database import migrated_database

GUILD, OTHER_GUILD, GRACE = 50, 60, 7


@dataclass
class Harness:
    folder: Path
    database: Database
    settings: GuildSettings
    library: CharacterLibrary

    def __post_init__(self) -> None:
        self.samples = self.another()

    def another(self) -> VoiceSamples:
        """As after a restart."""
        options = VoiceOptions(data_dir=self.folder / "data", max_sample_bytes=50_000_000, max_sample_seconds=600)
        return VoiceSamples(options, VoiceSampleRepository(self.database), self.settings, ffmpeg=FFMPEG)

    @property
    def nova(self) -> Character:
        return self.library.get("nova")

    @property
    def voice_folder(self) -> Path:
        return self.folder / "characters" / "nova" / "voice"

    async def add(self, path: Path, name: str = "calm", *, guild_id: int = GUILD) -> VoiceSample:
        given = UploadedSample(path, name, "What is said.", added_by=GRACE, consented_at=datetime.now(UTC))
        return (await self.samples.add(self.nova, guild_id, given)).sample

    async def chosen(self, guild_id: int | None = GUILD) -> str | None:
        found = await self.samples.default_sample(self.nova, guild_id)
        return found.name if found else None


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[Harness]:
    characters = tmp_path / "characters"
    characters.mkdir()
    (characters / "nova.yaml").write_text("id: nova\nname: Nova\nsystem_prompt: You paint.\n", encoding="utf-8")
    async with (
        Database.open(migrated_database(tmp_path / "chorus.db")) as database,
        CharacterLibrary(characters) as library,
    ):
        settings = GuildSettings(database)
        await settings.load()
        yield Harness(tmp_path, database, settings, library)


def recording(folder: Path, name: str = "recording.wav", seconds: float = 4.0, *, hertz: float = 200.0) -> Path:
    path = folder / name
    write_sample(path, seconds, hertz=hertz)
    return path


# -- the host's


async def test_the_hosts_folder_is_read_when_it_is_needed(harness: Harness) -> None:
    assert await harness.chosen(None) is None
    write_sample(harness.voice_folder / "default.wav")
    (harness.voice_folder / "default.txt").write_text("Hello, I am Nova.", encoding="utf-8")
    write_sample(harness.voice_folder / "angry.wav", hertz=240)
    listed = await harness.samples.available(harness.nova, GUILD)
    assert [(each.name, each.is_default, each.guild_id) for each in listed] == [
        ("angry", False, None),
        ("default", True, None),
    ]
    chosen = await harness.samples.default_sample(harness.nova, None)
    assert chosen is not None
    assert chosen.transcript == "Hello, I am Nova."
    with wave.open(str(harness.samples.path(chosen))) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
    assert chosen.duration_seconds == pytest.approx(4.0, abs=0.05)


async def test_a_changed_file_is_another_sample(harness: Harness) -> None:
    write_sample(harness.voice_folder / "default.wav")
    before = await harness.samples.default_sample(harness.nova, None)
    write_sample(harness.voice_folder / "default.wav", hertz=300)
    (harness.voice_folder / "default.txt").write_text("New words.", encoding="utf-8")
    after = await harness.samples.default_sample(harness.nova, None)
    assert before is not None
    assert after is not None
    assert before.sha256 != after.sha256
    assert after.transcript == "New words."
    assert len(await harness.samples.available(harness.nova, None)) == 1
    (harness.voice_folder / "default.wav").unlink()
    assert await harness.chosen(None) is None


async def test_an_unchanged_folder_keeps_its_rows(harness: Harness) -> None:
    write_sample(harness.voice_folder / "default.wav")
    first = await harness.samples.default_sample(harness.nova, None)
    assert await harness.another().default_sample(harness.nova, None) == first


async def test_a_file_that_is_no_sound_is_left_out(harness: Harness) -> None:
    harness.voice_folder.mkdir(parents=True)
    (harness.voice_folder / "default.wav").write_bytes(b"not a sound at all")
    write_sample(harness.voice_folder / "other.wav")
    assert await harness.chosen(None) == "other"


# -- a guild's own


async def test_who_added_it_and_that_the_speaker_agreed_is_kept(harness: Harness) -> None:
    sample = await harness.add(recording(harness.folder))
    assert sample.added_by == GRACE
    assert sample.consented_at is not None
    assert sample.filename.startswith(f"guilds/{GUILD}/voice/nova/")
    assert harness.samples.path(sample).is_file()
    assert await harness.chosen() == "calm"
    assert await harness.chosen(OTHER_GUILD) is None
    assert await harness.samples.available(harness.nova, OTHER_GUILD) == []


async def test_a_converted_recording_waits_for_a_locked_database(
    quick_retries: None, harness: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    path = recording(harness.folder)

    async def add_in_an_interaction() -> VoiceSample:
        limit_interaction()
        return await harness.add(path)

    async with locked(harness.folder / "chorus.db"):
        adding = asyncio.create_task(add_in_an_interaction())
        await until_store_waits(caplog)
        await asyncio.wait({adding}, timeout=2 * INTERACTION_SECONDS)
        assert not adding.done()
    assert harness.samples.path(await adding).is_file()


async def test_a_guilds_own_goes_before_the_hosts(harness: Harness) -> None:
    write_sample(harness.voice_folder / "default.wav")
    await harness.add(recording(harness.folder))
    await harness.add(recording(harness.folder, hertz=250), "loud")
    assert await harness.chosen() == "calm"
    loud = await harness.samples.find(harness.nova, GUILD, "LOUD")
    await harness.samples.set_default(loud, GUILD, set_by=GRACE)
    assert await harness.chosen() == "loud"
    hosts = await harness.samples.find(harness.nova, GUILD, "default")
    await harness.samples.set_default(hosts, GUILD, set_by=GRACE)
    assert await harness.chosen() == "default"
    await harness.samples.set_default(loud, GUILD, set_by=GRACE)
    assert await harness.chosen() == "loud"
    assert await harness.chosen(OTHER_GUILD) == "default"


async def test_removing_the_default_makes_the_next_one_it(harness: Harness) -> None:
    first = await harness.add(recording(harness.folder))
    await harness.add(recording(harness.folder, hertz=250), "loud")
    await harness.samples.remove(harness.nova, first)
    assert not harness.samples.path(first).exists()
    assert await harness.chosen() == "loud"
    with pytest.raises(InputInvalid, match="no voice sample of that name"):
        await harness.samples.find(harness.nova, GUILD, "calm")


async def test_a_file_of_two_samples_stays_until_both_are_gone(harness: Harness) -> None:
    path = recording(harness.folder)
    first, second = await harness.add(path), await harness.add(path, "twin")
    assert first.filename == second.filename
    await harness.samples.remove(harness.nova, first)
    assert harness.samples.path(second).is_file()
    await harness.samples.remove(harness.nova, second)
    assert not harness.samples.path(second).exists()


async def test_nobody_removes_the_hosts(harness: Harness) -> None:
    write_sample(harness.voice_folder / "default.wav")
    hosts = await harness.samples.find(harness.nova, GUILD, "default")
    with pytest.raises(NotAllowed):
        await harness.samples.remove(harness.nova, hosts)


async def test_names(harness: Harness) -> None:
    path = recording(harness.folder)
    await harness.add(path, "  Calm   voice ")
    with pytest.raises(InputInvalid, match="of that name"):
        await harness.add(path, "calm VOICE")
    for name in ("", "   ", "x" * 51):
        with pytest.raises(InputInvalid, match="name"):
            await harness.add(path, name)
    with pytest.raises(InputInvalid, match="transcript"):
        await harness.samples.add(harness.nova, GUILD, UploadedSample(path, "a", " ", GRACE, datetime.now(UTC)))
    elsewhere = await harness.add(path, "calm voice", guild_id=OTHER_GUILD)
    assert elsewhere.guild_id == OTHER_GUILD


async def test_not_too_many(harness: Harness) -> None:
    path = recording(harness.folder, seconds=3.0)
    for n in range(MAX_SAMPLES):
        await harness.add(path, f"sample {n}")
    with pytest.raises(InputInvalid, match=str(MAX_SAMPLES)):
        await harness.add(path, "one more")


@pytest.mark.parametrize(("seconds", "warned"), [(1.0, True), (5.0, False), (40.0, True)])
async def test_lengths_outside_the_recommended_are_warned_of(harness: Harness, seconds: float, warned: bool) -> None:
    path = recording(harness.folder, seconds=seconds)
    given = UploadedSample(path, "calm", "Words.", added_by=GRACE, consented_at=datetime.now(UTC))
    added = await harness.samples.add(harness.nova, GUILD, given)
    assert bool(added.warnings) is warned
    assert all("3 to 30 s" in warning for warning in added.warnings)


# -- what is no voice sample


async def refused(harness: Harness, path: Path, words: str) -> None:
    with pytest.raises(BadMedia, match=words):
        await harness.add(path)
    assert await harness.samples.available(harness.nova, GUILD) == []
    assert [file for file in (harness.folder / "data").rglob("*") if file.is_file()] == []


async def test_not_sound(harness: Harness) -> None:
    path = harness.folder / "cat.wav"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(500))
    await refused(harness, path, "no sound")


async def test_no_bytes(harness: Harness) -> None:
    path = harness.folder / "empty.wav"
    path.touch()
    await refused(harness, path, "empty")


async def test_200_megabytes_are_refused_unopened(harness: Harness) -> None:
    path = harness.folder / "huge.wav"
    with path.open("wb") as file:
        file.truncate(200_000_000)
    await refused(harness, path, "too large")


async def test_two_hours(harness: Harness) -> None:
    path = harness.folder / "long.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1)
        file.setframerate(2000)
        file.writeframes(b"\x10\xf0" * (2000 * 3600))
    await refused(harness, path, "too long")


async def test_silence(harness: Harness) -> None:
    path = harness.folder / "silence.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(2 * 8000 * 4))
    await refused(harness, path, "nothing to hear")


async def test_of_a_video_the_sound_is_taken(harness: Harness) -> None:
    path = harness.folder / "video.mp4"
    tone = recording(harness.folder)
    picture = ["-f", "lavfi", "-i", "color=red:s=64x64:r=5:d=4"]
    await FFMPEG.run([*picture, "-i", str(tone), "-shortest", "-c:a", "aac", "-y", str(path)])
    sample = await harness.add(path)
    assert sample.duration_seconds == pytest.approx(4.0, abs=0.2)
    with wave.open(str(harness.samples.path(sample))) as file:
        assert file.getnchannels() == 1


async def test_adding_at_once_keeps_names_apart(harness: Harness) -> None:
    path = recording(harness.folder)
    results = await asyncio.gather(*(harness.add(path) for _ in range(3)), return_exceptions=True)
    assert sum(isinstance(result, VoiceSample) for result in results) == 1
    assert sum(isinstance(result, InputInvalid) for result in results) == 2
