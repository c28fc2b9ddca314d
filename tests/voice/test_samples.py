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
from bot.voice.options import VoiceOptions
from bot.voice.samples import MAX_SAMPLES, UploadedSample, VoiceSamples
from tests.e2e.voices import write_sample
from tests.media.sample_audio import FFMPEG

GUILD, OTHER_GUILD, GRACE = 50, 60, 7


@dataclass
class Studio:
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
async def studio(tmp_path: Path) -> AsyncIterator[Studio]:
    characters = tmp_path / "characters"
    characters.mkdir()
    (characters / "nova.yaml").write_text("id: nova\nname: Nova\nsystem_prompt: You paint.\n", encoding="utf-8")
    async with (
        Database.open(f"sqlite+aiosqlite:///{(tmp_path / 'chorus.db').as_posix()}") as database,
        CharacterLibrary(characters) as library,
    ):
        settings = GuildSettings(database)
        await settings.load()
        yield Studio(tmp_path, database, settings, library)


def recording(folder: Path, name: str = "recording.wav", seconds: float = 4.0, *, hertz: float = 200.0) -> Path:
    path = folder / name
    write_sample(path, seconds, hertz=hertz)
    return path


# -- the host's


async def test_the_hosts_folder_is_read_when_it_is_needed(studio: Studio) -> None:
    assert await studio.chosen(None) is None
    write_sample(studio.voice_folder / "default.wav")
    (studio.voice_folder / "default.txt").write_text("Hello, I am Nova.", encoding="utf-8")
    write_sample(studio.voice_folder / "angry.wav", hertz=240)
    listed = await studio.samples.available(studio.nova, GUILD)
    assert [(each.name, each.is_default, each.guild_id) for each in listed] == [
        ("angry", False, None),
        ("default", True, None),
    ]
    chosen = await studio.samples.default_sample(studio.nova, None)
    assert chosen is not None
    assert chosen.transcript == "Hello, I am Nova."
    with wave.open(str(studio.samples.path(chosen))) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
    assert chosen.duration_seconds == pytest.approx(4.0, abs=0.05)


async def test_a_changed_file_is_another_sample(studio: Studio) -> None:
    write_sample(studio.voice_folder / "default.wav")
    before = await studio.samples.default_sample(studio.nova, None)
    write_sample(studio.voice_folder / "default.wav", hertz=300)
    (studio.voice_folder / "default.txt").write_text("New words.", encoding="utf-8")
    after = await studio.samples.default_sample(studio.nova, None)
    assert before is not None
    assert after is not None
    assert before.sha256 != after.sha256
    assert after.transcript == "New words."
    assert len(await studio.samples.available(studio.nova, None)) == 1
    (studio.voice_folder / "default.wav").unlink()
    assert await studio.chosen(None) is None


async def test_an_unchanged_folder_keeps_its_rows(studio: Studio) -> None:
    write_sample(studio.voice_folder / "default.wav")
    first = await studio.samples.default_sample(studio.nova, None)
    assert await studio.another().default_sample(studio.nova, None) == first


async def test_a_file_that_is_no_sound_is_left_out(studio: Studio) -> None:
    studio.voice_folder.mkdir(parents=True)
    (studio.voice_folder / "default.wav").write_bytes(b"not a sound at all")
    write_sample(studio.voice_folder / "other.wav")
    assert await studio.chosen(None) == "other"


# -- a guild's own


async def test_who_added_it_and_that_the_speaker_agreed_is_kept(studio: Studio) -> None:
    sample = await studio.add(recording(studio.folder))
    assert sample.added_by == GRACE
    assert sample.consented_at is not None
    assert sample.filename.startswith(f"guilds/{GUILD}/voice/nova/")
    assert studio.samples.path(sample).is_file()
    assert await studio.chosen() == "calm"
    assert await studio.chosen(OTHER_GUILD) is None
    assert await studio.samples.available(studio.nova, OTHER_GUILD) == []


async def test_a_guilds_own_goes_before_the_hosts(studio: Studio) -> None:
    write_sample(studio.voice_folder / "default.wav")
    await studio.add(recording(studio.folder))
    await studio.add(recording(studio.folder, hertz=250), "loud")
    assert await studio.chosen() == "calm"
    loud = await studio.samples.find(studio.nova, GUILD, "LOUD")
    await studio.samples.set_default(loud, GUILD, set_by=GRACE)
    assert await studio.chosen() == "loud"
    hosts = await studio.samples.find(studio.nova, GUILD, "default")
    await studio.samples.set_default(hosts, GUILD, set_by=GRACE)
    assert await studio.chosen() == "default"
    await studio.samples.set_default(loud, GUILD, set_by=GRACE)
    assert await studio.chosen() == "loud"
    assert await studio.chosen(OTHER_GUILD) == "default"


async def test_removing_the_default_makes_the_next_one_it(studio: Studio) -> None:
    first = await studio.add(recording(studio.folder))
    await studio.add(recording(studio.folder, hertz=250), "loud")
    await studio.samples.remove(studio.nova, first)
    assert not studio.samples.path(first).exists()
    assert await studio.chosen() == "loud"
    with pytest.raises(InputInvalid, match="no voice sample of that name"):
        await studio.samples.find(studio.nova, GUILD, "calm")


async def test_a_file_of_two_samples_stays_until_both_are_gone(studio: Studio) -> None:
    path = recording(studio.folder)
    first, second = await studio.add(path), await studio.add(path, "twin")
    assert first.filename == second.filename
    await studio.samples.remove(studio.nova, first)
    assert studio.samples.path(second).is_file()
    await studio.samples.remove(studio.nova, second)
    assert not studio.samples.path(second).exists()


async def test_nobody_removes_the_hosts(studio: Studio) -> None:
    write_sample(studio.voice_folder / "default.wav")
    hosts = await studio.samples.find(studio.nova, GUILD, "default")
    with pytest.raises(NotAllowed):
        await studio.samples.remove(studio.nova, hosts)


async def test_names(studio: Studio) -> None:
    path = recording(studio.folder)
    await studio.add(path, "  Calm   voice ")
    with pytest.raises(InputInvalid, match="of that name"):
        await studio.add(path, "calm VOICE")
    for name in ("", "   ", "x" * 51):
        with pytest.raises(InputInvalid, match="name"):
            await studio.add(path, name)
    with pytest.raises(InputInvalid, match="transcript"):
        await studio.samples.add(studio.nova, GUILD, UploadedSample(path, "a", " ", GRACE, datetime.now(UTC)))
    elsewhere = await studio.add(path, "calm voice", guild_id=OTHER_GUILD)
    assert elsewhere.guild_id == OTHER_GUILD


async def test_not_too_many(studio: Studio) -> None:
    path = recording(studio.folder, seconds=3.0)
    for n in range(MAX_SAMPLES):
        await studio.add(path, f"sample {n}")
    with pytest.raises(InputInvalid, match=str(MAX_SAMPLES)):
        await studio.add(path, "one more")


@pytest.mark.parametrize(("seconds", "warned"), [(1.0, True), (5.0, False), (40.0, True)])
async def test_lengths_outside_the_recommended_are_warned_of(studio: Studio, seconds: float, warned: bool) -> None:
    path = recording(studio.folder, seconds=seconds)
    given = UploadedSample(path, "calm", "Words.", added_by=GRACE, consented_at=datetime.now(UTC))
    added = await studio.samples.add(studio.nova, GUILD, given)
    assert bool(added.warnings) is warned
    assert all("3 to 30 s" in warning for warning in added.warnings)


# -- what is no voice sample


async def refused(studio: Studio, path: Path, words: str) -> None:
    with pytest.raises(BadMedia, match=words):
        await studio.add(path)
    assert await studio.samples.available(studio.nova, GUILD) == []
    assert [file for file in (studio.folder / "data").rglob("*") if file.is_file()] == []


async def test_not_sound(studio: Studio) -> None:
    path = studio.folder / "cat.wav"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(500))
    await refused(studio, path, "no sound")


async def test_no_bytes(studio: Studio) -> None:
    path = studio.folder / "empty.wav"
    path.touch()
    await refused(studio, path, "empty")


async def test_200_megabytes_are_refused_unopened(studio: Studio) -> None:
    path = studio.folder / "huge.wav"
    with path.open("wb") as file:
        file.truncate(200_000_000)
    await refused(studio, path, "too large")


async def test_two_hours(studio: Studio) -> None:
    path = studio.folder / "long.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1)
        file.setframerate(2000)
        file.writeframes(b"\x10\xf0" * (2000 * 3600))
    await refused(studio, path, "too long")


async def test_silence(studio: Studio) -> None:
    path = studio.folder / "silence.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(2 * 8000 * 4))
    await refused(studio, path, "nothing to hear")


async def test_of_a_video_the_sound_is_taken(studio: Studio) -> None:
    path = studio.folder / "video.mp4"
    tone = recording(studio.folder)
    picture = ["-f", "lavfi", "-i", "color=red:s=64x64:r=5:d=4"]
    await FFMPEG.run([*picture, "-i", str(tone), "-shortest", "-c:a", "aac", "-y", str(path)])
    sample = await studio.add(path)
    assert sample.duration_seconds == pytest.approx(4.0, abs=0.2)
    with wave.open(str(studio.samples.path(sample))) as file:
        assert file.getnchannels() == 1


async def test_adding_at_once_keeps_names_apart(studio: Studio) -> None:
    path = recording(studio.folder)
    results = await asyncio.gather(*(studio.add(path) for _ in range(3)), return_exceptions=True)
    assert sum(isinstance(result, VoiceSample) for result in results) == 1
    assert sum(isinstance(result, InputInvalid) for result in results) == 2
