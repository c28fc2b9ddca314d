"""Voice samples: what a character's voice is copied from. The host's lie beside the character, a guild's under data/.

Every sample is kept as mono WAV; ComfyUI gets it by upload, once per content. Who added a guild's sample, and that
the speaker agreed, is in its row.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bot.characters.character import Character
from bot.characters.voice_sample_files import VoiceSampleFile, voice_sample_files
from bot.domain.jobs import InputFile
from bot.domain.voice_samples import NewVoiceSample, VoiceSample, VoiceSampleStore
from bot.errors import ChorusError, InputInvalid, NotAllowed
from bot.media.audio import BUNDLED, fit_audio, probe, to_mono_wav, transcode_to_ogg
from bot.media.ffmpeg import Ffmpeg
from bot.voice.options import VoiceOptions
from bot.voice.ports import GuildSettings

log = logging.getLogger(__name__)

LONGEST_NAME = 50
LONGEST_TRANSCRIPT = 1000
MOST_SAMPLES = 25
"""Per character and guild: what a list of choices can show."""

_Stamp = tuple[tuple[str, int, int, str], ...]


@dataclass(frozen=True)
class GivenSample:
    """A recording that somebody in a guild gives; `consented_at` is when they confirmed that the speaker agreed."""

    path: Path
    name: str
    transcript: str
    added_by: int
    consented_at: datetime


@dataclass(frozen=True)
class AddedSample:
    """The sample as stored, and sentences about what might be better."""

    sample: VoiceSample
    warnings: tuple[str, ...]


class VoiceSamples:
    """The samples of all characters."""

    def __init__(
        self,
        options: VoiceOptions,
        store: VoiceSampleStore,
        settings: GuildSettings,
        *,
        ffmpeg: Ffmpeg = BUNDLED,
    ) -> None:
        self._options = options
        self._store = store
        self._settings = settings
        self._ffmpeg = ffmpeg
        self._known: dict[str, _Stamp] = {}
        self._reading = asyncio.Lock()
        self._adding = asyncio.Lock()

    # -- choosing

    async def listed(self, character: Character, guild_id: int | None) -> list[VoiceSample]:
        """All that may be used there: the guild's own first, then the host's."""
        await self.read_folder(character)
        return await self._store.visible(character.id, guild_id)

    async def chosen(self, character: Character, guild_id: int | None) -> VoiceSample | None:
        """The one the character speaks with there: the guild's choice, else the host's; None: it has none."""
        listed = await self.listed(character, guild_id)
        hosts_name = self._settings.get(guild_id, _choice(character)) if guild_id is not None else None
        of_guild = [sample for sample in listed if sample.guild_id is not None and sample.is_default]
        of_host = [sample for sample in listed if sample.guild_id is None]
        preferred = [sample for sample in of_host if sample.name == hosts_name]
        defaults = [sample for sample in of_host if sample.is_default]
        return next(iter((*preferred, *of_guild, *defaults)), None)

    async def find(self, character: Character, guild_id: int | None, name_or_id: str) -> VoiceSample:
        """One of those listed, by its id or its name.

        Raises:
            InputInvalid: There is none.

        """
        wanted = name_or_id.strip()
        for sample in await self.listed(character, guild_id):
            if wanted == str(sample.id) or wanted.casefold() == sample.name.casefold():
                return sample
        raise InputInvalid(
            f"{character.name} has no voice sample of that name here.",
            advice="Choose one from the list that appears while you type.",
        )

    def path(self, sample: VoiceSample) -> Path:
        """Where its WAV file is."""
        return self._options.data_dir / sample.filename

    def input_file(self, sample: VoiceSample) -> InputFile:
        """As a job takes it."""
        return InputFile(role="voice_sample", path=str(self.path(sample)), sha256=sample.sha256)

    async def playable(self, sample: VoiceSample, limit_bytes: int) -> bytes:
        """It as OGG/Opus, for people to listen to.

        Raises:
            BadMedia, OSError: Its file is gone.
            OutputTooLarge: It cannot be made to fit.

        """
        with tempfile.TemporaryDirectory(prefix="chorus-sample-") as folder:
            target = Path(folder) / "sample.ogg"
            await transcode_to_ogg(self.path(sample), target, ffmpeg=self._ffmpeg)
            return (await fit_audio(target, limit_bytes, ffmpeg=self._ffmpeg)).data

    # -- changing a guild's

    async def add(self, character: Character, guild_id: int, given: GivenSample) -> AddedSample:
        """Convert a recording (or the sound of a video) and keep it for that guild.

        Raises:
            BadMedia: Empty, too large, too long, silent, or no sound.
            InputInvalid: No name, no transcript, a name that is taken, or too many samples already.

        """
        name, transcript = _checked(given)
        folder = self._options.data_dir / "guilds" / str(guild_id) / "voice" / character.id
        async with self._adding:
            own = [sample for sample in await self.listed(character, guild_id) if sample.guild_id is not None]
            if len(own) >= MOST_SAMPLES:
                raise InputInvalid(
                    f"{character.name} has {len(own)} voice samples here already.", advice="Remove one first."
                )
            if any(sample.name.casefold() == name.casefold() for sample in own):
                raise InputInvalid(
                    f"{character.name} already has a voice sample of that name here.",
                    advice="Choose another name, or remove the old one first.",
                )
            converted, digest, warnings = await self._convert(given.path, folder)
            sample = await self._store.add(
                NewVoiceSample(
                    character_id=character.id,
                    guild_id=guild_id,
                    name=name,
                    filename=converted.path.relative_to(self._options.data_dir).as_posix(),
                    sha256=digest,
                    transcript=transcript,
                    duration_seconds=converted.duration_seconds,
                    added_by=given.added_by,
                    consented_at=given.consented_at,
                )
            )
        return AddedSample(sample, warnings)

    async def make_default(self, sample: VoiceSample, guild_id: int, *, by: int) -> None:
        """What the character speaks with in that guild; a choice of one of the host's holds in that guild only."""
        key = f"voice.sample.{sample.character_id}"
        if sample.guild_id is None:
            await self._settings.set(guild_id, key, sample.name, set_by=by)
            return
        await self._store.set_default(sample.id)
        await self._settings.clear(guild_id, key)

    async def remove(self, character: Character, sample: VoiceSample) -> None:
        """Forget a guild's sample and delete its file. If it was the default, the next one is.

        Raises:
            NotAllowed: It is the host's.

        """
        if sample.guild_id is None:
            raise NotAllowed(
                "That voice sample belongs to the person who runs this bot.",
                advice="It lies in the character's folder; choose another one with `/voice sample default`.",
            )
        async with self._adding:
            await self._store.remove(sample.id)
            own = [each for each in await self.listed(character, sample.guild_id) if each.guild_id is not None]
            if sample.is_default and own:
                await self._store.set_default(own[0].id)
            if all(each.filename != sample.filename for each in own):
                await asyncio.to_thread(self.path(sample).unlink, missing_ok=True)

    # -- the host's

    async def read_folder(self, character: Character) -> None:
        """Take note of what lies in `characters/<id>/voice/`; costs a look at the folder where nothing changed.

        A file that cannot be used is logged and left out.
        """
        if character.guild_id is not None or character.folder is None:
            return
        found, stamp = await asyncio.to_thread(_look, character)
        if self._known.get(character.id) == stamp:
            return
        async with self._reading:
            if self._known.get(character.id) == stamp:
                return
            await self._keep([await self._new(character, each) for each in found], character)
            self._known[character.id] = stamp

    async def _keep(self, wanted: Sequence[NewVoiceSample | None], character: Character) -> None:
        """Make the host's rows say what the folder says, the first file being the default."""
        new = {sample.name: sample for sample in wanted if sample is not None}
        for row in await self._store.visible(character.id, None):
            if _content(row) == _content(new.get(row.name)):
                del new[row.name]
            else:
                await self._store.remove(row.id)
        for sample in new.values():
            await self._store.add(sample)
        first = next((sample.name for sample in wanted if sample is not None), None)
        for row in await self._store.visible(character.id, None):
            if row.name == first and not row.is_default:
                await self._store.set_default(row.id)

    async def _new(self, character: Character, found: VoiceSampleFile) -> NewVoiceSample | None:
        try:
            converted, digest, warnings = await self._convert(found.path, self._options.data_dir / "voices")
        except (ChorusError, OSError) as error:
            log.warning("%s: the voice sample %s cannot be used: %s", character.id, found.path.name, error)
            return None
        for warning in warnings:
            log.info("%s: %s: %s", character.id, found.path.name, warning)
        return NewVoiceSample(
            character_id=character.id,
            name=found.name[:LONGEST_NAME],
            filename=converted.path.relative_to(self._options.data_dir).as_posix(),
            sha256=digest,
            transcript=found.transcript[:LONGEST_TRANSCRIPT],
            duration_seconds=converted.duration_seconds,
        )

    async def _convert(self, source: Path, folder: Path) -> tuple[_Converted, str, tuple[str, ...]]:
        """Mono WAV named by what it was made of, so that equal recordings are one file; made once."""
        if (await asyncio.to_thread(source.stat)).st_size > self._options.max_sample_bytes:
            name = "nothing"  # its bytes are not even read: `to_mono_wav` says why
        else:
            name = (await asyncio.to_thread(_sha256, source))[:32]
        target = folder / f"{name}.wav"
        warnings: tuple[str, ...] = ()
        if await asyncio.to_thread(target.is_file):
            seconds = (await probe(target, ffmpeg=self._ffmpeg)).duration_seconds
        else:
            info = await to_mono_wav(
                source,
                target,
                max_bytes=self._options.max_sample_bytes,
                max_seconds=self._options.max_sample_seconds,
                ffmpeg=self._ffmpeg,
            )
            seconds, warnings = info.duration_seconds, info.warnings
        return _Converted(target, seconds), await asyncio.to_thread(_sha256, target), warnings


@dataclass(frozen=True)
class _Converted:
    path: Path
    duration_seconds: float


def _choice(character: Character) -> str:
    return f"voice.sample.{character.id}"


def _checked(given: GivenSample) -> tuple[str, str]:
    name, transcript = " ".join(given.name.split()), " ".join(given.transcript.split())
    if not name or len(name) > LONGEST_NAME:
        raise InputInvalid(f"The name needs 1 to {LONGEST_NAME} characters.")
    if not transcript or len(transcript) > LONGEST_TRANSCRIPT:
        raise InputInvalid(
            f"The transcript needs 1 to {LONGEST_TRANSCRIPT} characters.",
            advice="Write down word for word what is said in the recording.",
        )
    return name, transcript


def _look(character: Character) -> tuple[list[VoiceSampleFile], _Stamp]:
    found = voice_sample_files(character)
    named: dict[str, VoiceSampleFile] = {}
    for sample in found:  # `default.wav` and `default.mp3` would be one name: the first counts
        named.setdefault(sample.name[:LONGEST_NAME], sample)
    stamp: list[tuple[str, int, int, str]] = []
    for sample in named.values():
        status = sample.path.stat()
        stamp.append((str(sample.path), status.st_mtime_ns, status.st_size, sample.transcript))
    return list(named.values()), tuple(stamp)


def _content(sample: NewVoiceSample | None) -> tuple[str, str, str] | None:
    return None if sample is None else (sample.filename, sample.sha256, sample.transcript)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
