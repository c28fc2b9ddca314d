"""Voice samples: recordings that a character's voice is copied from.

The host's lie beside the character and may be used in every guild. A guild's are added through Discord, lie in the data
folder, and may be used in that guild only; their rows say who added them and that the speaker agreed. All are kept as
mono WAV files, which ComfyUI gets by upload.
"""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bot.characters.character import Character
from bot.domain.jobs import InputFile
from bot.domain.voice_samples import NewVoiceSample, VoiceSample
from bot.errors import InputInvalid, NotAllowed
from bot.media.audio import transcode_to_ogg
from bot.media.audio_shrinking import shrink_audio
from bot.media.ffmpeg import Ffmpeg
from bot.storage.guild_settings import GuildSettings
from bot.storage.voice_samples import VoiceSampleRepository
from bot.storage.waiting import waiting_for_store
from bot.voice.host_samples import MAX_NAME_LENGTH, MAX_TRANSCRIPT_LENGTH, HostSamples
from bot.voice.options import VoiceOptions
from bot.voice.sample_conversion import SampleConverter

MAX_SAMPLES = 25
"""Samples of a character in a guild: Discord's autocomplete shows at most 25 choices."""


@dataclass(frozen=True)
class UploadedSample:
    """A recording that a person adds in a guild.

    Attributes:
        path: The file.
        name: What to call it.
        transcript: What is said in it.
        added_by: Discord id of the person.
        consented_at: When the person confirmed that the speaker agreed.

    """

    path: Path
    name: str
    transcript: str
    added_by: int
    consented_at: datetime


@dataclass(frozen=True)
class AddedSample:
    """The stored sample, and sentences about what might be better."""

    sample: VoiceSample
    warnings: tuple[str, ...]


class VoiceSamples:
    """The samples of all characters."""

    def __init__(
        self,
        options: VoiceOptions,
        repository: VoiceSampleRepository,
        settings: GuildSettings,
        *,
        ffmpeg: Ffmpeg,
    ) -> None:
        self._data_dir = options.data_dir
        self._repository = repository
        self._settings = settings
        self._ffmpeg = ffmpeg
        self._converter = SampleConverter(options, ffmpeg)
        self._host_samples = HostSamples(options, repository, self._converter)
        self._changing = asyncio.Lock()

    # -- reading

    async def available(self, character: Character, guild_id: int | None) -> list[VoiceSample]:
        """Return the samples that may be used in a guild: its own first, then the host's. None: the host's only."""
        await self.sync_host_samples(character)
        return await self._repository.visible(character.id, guild_id)

    async def sync_host_samples(self, character: Character) -> None:
        """Read the character's folder, where its files changed since the last time."""
        await self._host_samples.sync(character)

    async def default_sample(self, character: Character, guild_id: int | None) -> VoiceSample | None:
        """Return the sample that the character speaks with in a guild; None: there is no sample.

        It is the host's sample that the guild chose, else the default of the guild's own, else the host's default.
        """
        available = await self.available(character, guild_id)
        chosen_name = self._settings.get(guild_id, _setting(character.id)) if guild_id is not None else None
        of_guild = [sample for sample in available if sample.guild_id is not None and sample.is_default]
        of_host = [sample for sample in available if sample.guild_id is None]
        chosen = [sample for sample in of_host if sample.name == chosen_name]
        host_defaults = [sample for sample in of_host if sample.is_default]
        return next(iter((*chosen, *of_guild, *host_defaults)), None)

    async def find(self, character: Character, guild_id: int | None, name_or_id: str) -> VoiceSample:
        """Return an available sample by its id or its name.

        Raises:
            InputInvalid: There is none.

        """
        wanted = name_or_id.strip()
        for sample in await self.available(character, guild_id):
            if wanted == str(sample.id) or wanted.casefold() == sample.name.casefold():
                return sample
        raise InputInvalid(
            f"{character.name} has no voice sample of that name here.",
            advice="Choose one from the list that appears while you type.",
        )

    def path(self, sample: VoiceSample) -> Path:
        """Return the path of a sample's WAV file."""
        return self._data_dir / sample.filename

    def input_file(self, sample: VoiceSample) -> InputFile:
        """Return a sample as an input of a job."""
        return InputFile(role="voice_sample", path=str(self.path(sample)), sha256=sample.sha256)

    async def to_ogg(self, sample: VoiceSample, limit_bytes: int) -> bytes:
        """Return a sample as OGG/Opus of at most `limit_bytes`.

        Raises:
            BadMedia, OSError: Its file is gone.
            OutputTooLarge: It cannot be made small enough.

        """
        with tempfile.TemporaryDirectory(prefix="chorus-sample-") as folder:
            target = Path(folder) / "sample.ogg"
            await transcode_to_ogg(self.path(sample), target, ffmpeg=self._ffmpeg)
            return (await shrink_audio(target, limit_bytes, ffmpeg=self._ffmpeg)).data

    # -- changing a guild's samples

    async def add(self, character: Character, guild_id: int, uploaded: UploadedSample) -> AddedSample:
        """Convert a recording (or the sound of a video) and store it for that guild.

        Raises:
            BadMedia: Empty, too large, too long, silent, or without sound.
            InputInvalid: No name, no transcript, a name that is taken, or too many samples already.

        """
        name, transcript = _checked_texts(uploaded)
        folder = self._data_dir / "guilds" / str(guild_id) / "voice" / character.id
        async with self._changing:
            own = [sample for sample in await self.available(character, guild_id) if sample.guild_id is not None]
            if len(own) >= MAX_SAMPLES:
                raise InputInvalid(
                    f"{character.name} has {len(own)} voice samples here already.", advice="Remove one first."
                )
            if any(sample.name.casefold() == name.casefold() for sample in own):
                raise InputInvalid(
                    f"{character.name} already has a voice sample of that name here.",
                    advice="Choose another name, or remove the old one first.",
                )
            converted = await self._converter.convert(uploaded.path, folder)
            new = NewVoiceSample(
                character_id=character.id,
                guild_id=guild_id,
                name=name,
                filename=converted.filename,
                sha256=converted.sha256,
                transcript=transcript,
                duration_seconds=converted.duration_seconds,
                added_by=uploaded.added_by,
                consented_at=uploaded.consented_at,
            )
            with waiting_for_store(until=None):  # its file is on the disk
                sample = await self._repository.add(new)
        return AddedSample(sample, converted.warnings)

    async def set_default(self, sample: VoiceSample, guild_id: int, *, set_by: int) -> None:
        """Choose the sample that its character speaks with in a guild; `set_by` is the Discord id of the person."""
        if sample.guild_id is None:  # the host's default stays: other guilds use it
            await self._settings.set(guild_id, _setting(sample.character_id), sample.name, set_by=set_by)
            return
        await self._repository.set_default(sample.id)
        await self._settings.clear(guild_id, _setting(sample.character_id))

    async def remove(self, character: Character, sample: VoiceSample) -> None:
        """Remove a guild's sample and its file. If it was the default, the next one becomes it.

        Raises:
            NotAllowed: It is the host's.

        """
        if sample.guild_id is None:
            raise NotAllowed(
                "That voice sample belongs to the person who runs this bot.",
                advice="It lies in the character's folder; choose another one with `/voice sample default`.",
            )
        async with self._changing:
            await self._repository.remove(sample.id)
            with waiting_for_store(until=None):  # another sample must be the default now
                own = [each for each in await self.available(character, sample.guild_id) if each.guild_id is not None]
                if sample.is_default and own:
                    await self._repository.set_default(own[0].id)
            if all(each.filename != sample.filename for each in own):  # equal recordings share a file
                await asyncio.to_thread(self.path(sample).unlink, missing_ok=True)


def _setting(character_id: str) -> str:
    """Return the key in `guild_settings` that holds the name of the host's sample which a guild chose."""
    return f"voice.sample.{character_id}"


def _checked_texts(uploaded: UploadedSample) -> tuple[str, str]:
    name, transcript = " ".join(uploaded.name.split()), " ".join(uploaded.transcript.split())
    if not name or len(name) > MAX_NAME_LENGTH:
        raise InputInvalid(f"The name needs 1 to {MAX_NAME_LENGTH} characters.")
    if not transcript or len(transcript) > MAX_TRANSCRIPT_LENGTH:
        raise InputInvalid(
            f"The transcript needs 1 to {MAX_TRANSCRIPT_LENGTH} characters.",
            advice="Write down word for word what is said in the recording.",
        )
    return name, transcript
