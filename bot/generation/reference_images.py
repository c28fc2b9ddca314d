"""The reference pictures of characters: what a workflow's inputs for references get where nobody attached one."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from bot.characters.character import Character
from bot.domain.jobs import CHARACTER_REFERENCES, Derivation, FileRole, GenerationRequest, InputFile, JobKind
from bot.errors import ChorusError, InputInvalid
from bot.generation.input_files import InputFiles
from bot.workflows.media_assignment import assign_files, free_references
from bot.workflows.workflow import Workflow

_log = logging.getLogger(__name__)


class ReferenceImages:
    """Checks and keeps the files of `visual_identity.reference_images`, each once until it changes.

    Args:
        files: Where they are kept.

    """

    def __init__(self, files: InputFiles) -> None:
        self._files = files
        self._kept: dict[tuple[Path, int, int], InputFile] = {}
        """(path, modification time in ns, bytes) -> the kept copy."""

    async def added_to(
        self, request: GenerationRequest, character: Character, workflow: Workflow
    ) -> tuple[GenerationRequest, tuple[str, ...]]:
        """Return the request with the character's pictures for the workflow's references, and sentences about them.

        Repetitions keep the pictures of then; other jobs made from earlier ones get those that the character has now.
        A picture that cannot be used is left out, and a sentence says so.

        Raises:
            AmbiguousInput, InputInvalid: As from `assign_files`, about what the person has given.

        """
        if request.kind is JobKind.AUDIO or request.derivation is Derivation.REPEAT:
            return request, ()
        request = request.model_copy(update={"inputs": request.given_inputs})
        given = [file.role for file in request.inputs]
        places = free_references(workflow, assign_files(workflow, given))
        added: list[str] = []
        found: list[InputFile] = []
        roles = list(CHARACTER_REFERENCES)
        for path in character.reference_paths:
            if len(found) == min(len(places), len(CHARACTER_REFERENCES)):
                break
            try:
                found.append(await self._file(path, roles[len(found)]))
            except (ChorusError, OSError) as error:
                _log.warning("%s: the reference picture %s cannot be used: %s", character.id, path.name, error)
                added.append(f"not the reference picture {path.name}: {_reason(error)}")
            else:
                added.append(f"the reference picture {path.name}, which is {character.name}'s")
        return request.model_copy(update={"inputs": (*request.inputs, *found)}), tuple(added)

    async def _file(self, path: Path, role: FileRole) -> InputFile:
        status = await asyncio.to_thread(path.stat)
        key = (path, status.st_mtime_ns, status.st_size)
        known = self._kept.get(key)
        if known is None or not await asyncio.to_thread(Path(known.path).is_file):
            self._files.require_size(status.st_size)
            known = (await self._files.keep_picture(await asyncio.to_thread(path.read_bytes), role)).file
            self._kept[key] = known
        return known.model_copy(update={"role": role})


def _reason(error: ChorusError | OSError) -> str:
    return error.message if isinstance(error, InputInvalid) else "it cannot be read"
