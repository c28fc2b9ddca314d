"""The host's voice samples: rows and converted files follow what lies in `characters/<id>/voice/`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from bot.characters.character import Character
from bot.characters.voice_sample_files import VoiceSampleFile, voice_sample_files
from bot.domain.voice_samples import NewVoiceSample
from bot.errors import ChorusError
from bot.storage.voice_samples import VoiceSampleRepository
from bot.voice.options import VoiceOptions
from bot.voice.sample_conversion import SampleConverter

log = logging.getLogger(__name__)

MAX_NAME_LENGTH = 50
MAX_TRANSCRIPT_LENGTH = 1000

_FolderState = tuple[tuple[str, int, int, str], ...]
"""(path, modification time in ns, bytes, transcript) of each recording."""


class HostSamples:
    """Keeps the rows of the host's samples equal to the folders of the characters."""

    def __init__(self, options: VoiceOptions, repository: VoiceSampleRepository, converter: SampleConverter) -> None:
        self._folder = options.data_dir / "voices"
        self._repository = repository
        self._converter = converter
        self._synced: dict[str, _FolderState] = {}
        self._syncing = asyncio.Lock()

    async def sync(self, character: Character) -> None:
        """Make the character's rows equal to its folder. Where nothing changed, only the folder is listed.

        Recordings that cannot be used are logged and left out. Characters of a guild have no such folder.
        """
        if character.guild_id is not None or character.folder is None:
            return
        found, state = await asyncio.to_thread(_scan, character)
        if self._synced.get(character.id) == state:
            return
        async with self._syncing:
            if self._synced.get(character.id) == state:
                return
            await self._replace_rows([await self._convert(character, each) for each in found], character)
            self._synced[character.id] = state

    async def _replace_rows(self, wanted: Sequence[NewVoiceSample | None], character: Character) -> None:
        """Make the rows equal to `wanted`, the first being the default; None is a recording that cannot be used."""
        new = {sample.name: sample for sample in wanted if sample is not None}
        for row in await self._repository.visible(character.id, None):
            if _content(row) == _content(new.get(row.name)):
                del new[row.name]
            else:
                await self._repository.remove(row.id)
        for sample in new.values():
            await self._repository.add(sample)
        first = next((sample.name for sample in wanted if sample is not None), None)
        for row in await self._repository.visible(character.id, None):
            if row.name == first and not row.is_default:
                await self._repository.set_default(row.id)

    async def _convert(self, character: Character, found: VoiceSampleFile) -> NewVoiceSample | None:
        try:
            converted = await self._converter.convert(found.path, self._folder)
        except (ChorusError, OSError) as error:
            log.warning("%s: the voice sample %s cannot be used: %s", character.id, found.path.name, error)
            return None
        for warning in converted.warnings:
            log.info("%s: %s: %s", character.id, found.path.name, warning)
        return NewVoiceSample(
            character_id=character.id,
            name=found.name[:MAX_NAME_LENGTH],
            filename=converted.filename,
            sha256=converted.sha256,
            transcript=found.transcript[:MAX_TRANSCRIPT_LENGTH],
            duration_seconds=converted.duration_seconds,
        )


def _scan(character: Character) -> tuple[list[VoiceSampleFile], _FolderState]:
    """List the recordings in the character's folder. Of files with the same name, the first counts."""
    by_name: dict[str, VoiceSampleFile] = {}
    for sample in voice_sample_files(character):
        by_name.setdefault(sample.name[:MAX_NAME_LENGTH], sample)
    state: list[tuple[str, int, int, str]] = []
    for sample in by_name.values():
        status = sample.path.stat()
        state.append((str(sample.path), status.st_mtime_ns, status.st_size, sample.transcript))
    return list(by_name.values()), tuple(state)


def _content(sample: NewVoiceSample | None) -> tuple[str, str, str] | None:
    return None if sample is None else (sample.filename, sample.sha256, sample.transcript)
