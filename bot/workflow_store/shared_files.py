"""Sharing a workflow: one picture that `upload` takes on another server, and that ComfyUI opens."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.domain.jobs import Job, JobKind, JobQuery, JobState
from bot.domain.saved_settings import Preset
from bot.domain.workflow_history import WorkflowPlace
from bot.errors import InputInvalid
from bot.media.images.shared_picture import shared_picture
from bot.storage.gallery import GalleryRepository
from bot.storage.jobs import JobRepository
from bot.storage.presets import PresetRepository
from bot.workflows.embedded.shared_workflow import CHUNK, SharedWorkflow
from bot.workflows.object_info import ObjectInfo
from bot.workflows.sharing import shared_workflow, without_own_words
from bot.workflows.workflow import SHARED, Workflow

_LOOKED_AT = 100
"""Newest jobs of the person, among which an example is looked for."""


@dataclass(frozen=True)
class SharedFile:
    """What was made.

    Attributes:
        name: Of the file.
        data: A PNG.
        graph: In the API format.
        content: What it brings beside the graph.

    """

    name: str
    data: bytes
    graph: Mapping[str, Any]
    content: SharedWorkflow

    def as_json(self) -> dict[str, Any]:
        """The same without a picture, for the card of a character; `upload` reads it too."""
        return {"prompt": dict(self.graph), CHUNK: self.content.model_dump(mode="json")}


class WorkflowSharing:
    """Makes files of workflows.

    Args:
        jobs: Where examples are found.
        gallery: Which results were deleted.
        presets: The presets of servers.
        data_dir: Where the files of results lie.
        max_pixels: The largest picture that is opened.

    """

    def __init__(
        self,
        jobs: JobRepository,
        gallery: GalleryRepository,
        presets: PresetRepository,
        *,
        data_dir: Path,
        max_pixels: int,
    ) -> None:
        self._jobs = jobs
        self._gallery = gallery
        self._presets = presets
        self._data_dir = data_dir
        self._max_pixels = max_pixels

    async def share(
        self,
        workflow: Workflow,
        place: WorkflowPlace,
        *,
        guild_id: int | None,
        requester_id: int,
        object_info: ObjectInfo | None,
    ) -> SharedFile:
        """Make the file. It holds no prompts, no paths and no name of a person.

        Args:
            workflow: What is shared.
            place: Where it belongs.
            guild_id: The server whose presets come along; None: none do.
            requester_id: Who shares it: only a picture of theirs becomes the example.
            object_info: The body of `GET /object_info`, if known.

        Raises:
            InputInvalid: The file would hold more than can be read again.

        """
        presets = await self._presets.of_guild(guild_id) if guild_id is not None else []
        values = {preset.name: preset.values for preset in presets if _is_of(preset, place)}
        example = await self._example(place, guild_id, requester_id)
        return await asyncio.to_thread(self._make, workflow, values, object_info, example)

    def _make(
        self,
        workflow: Workflow,
        presets: Mapping[str, Mapping[str, Any]],
        object_info: ObjectInfo | None,
        example: Path | None,
    ) -> SharedFile:
        clean = without_own_words(workflow)
        try:
            content = shared_workflow(clean, presets, object_info)
        except ValueError as error:
            raise InputInvalid(
                "That workflow is too large to be shared as one file.", advice="Share its file: `/workflow get`."
            ) from error
        texts = {"prompt": json.dumps(clean.graph, separators=(",", ":")), CHUNK: content.encoded()}
        data = shared_picture(example, workflow.name, texts, max_pixels=self._max_pixels)
        return SharedFile(f"{workflow.name}.png", data, clean.graph, content)

    async def _example(self, place: WorkflowPlace, guild_id: int | None, requester_id: int) -> Path | None:
        """The newest picture that the person had drawn with it in that server, unless it is for adults only."""
        if place.kind is not JobKind.IMAGE:
            return None
        query = JobQuery(
            requester_id=requester_id,
            guild_id=guild_id,
            states=(JobState.GENERATED, JobState.DELIVERED),
            limit=_LOOKED_AT,
        )
        for job in await self._jobs.recent(query):
            path = self._picture_of(job, place)
            if path is not None and not await self._gallery.is_deleted(job.id):
                return path
        return None

    def _picture_of(self, job: Job, place: WorkflowPlace) -> Path | None:
        request, origin = job.request, job.request.origin
        if request.kind is not place.kind or job.workflow_name != place.name:
            return None
        if place.character_id not in {SHARED, request.character_id} or origin.age_restricted:
            return None
        pictures = (artifact for artifact in job.artifacts if artifact.media_type.startswith("image/"))
        return next((self._data_dir / artifact.path for artifact in pictures), None)


def _is_of(preset: Preset, place: WorkflowPlace) -> bool:
    same = preset.kind is place.kind and preset.workflow_name == place.name
    return same and preset.character_id == place.character_id
