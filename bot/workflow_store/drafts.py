"""Drafts: workflows that were brought and are looked at, corrected and tried before they are saved."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from bot.domain.jobs import JobKind
from bot.domain.saved_settings import Preset, SettingValue
from bot.domain.workflow_history import HOST, VersionOrigin, WorkflowDraft, WorkflowPlace
from bot.errors import ChorusError, InputInvalid
from bot.generation.acceptance import stored_workflow
from bot.storage.presets import PresetRepository
from bot.storage.workflow_history import utc_now
from bot.workflow_store.installed_models import InstalledModels
from bot.workflow_store.saved_workflows import ChangedMeanwhile, SavedWorkflows
from bot.workflow_store.uploads import UploadContext, UploadedWorkflow, kind_of, name_of_file, read_upload
from bot.workflows.description import WorkflowDescription, describe
from bot.workflows.input_roles import InputRole
from bot.workflows.memory_estimate import MemoryEstimate, estimate_memory
from bot.workflows.object_info import ObjectInfo
from bot.workflows.run_warnings import lora_files
from bot.workflows.template_gallery import TemplateModel, template_models
from bot.workflows.workflow import Workflow, parse_workflow

ObjectInfoSource = Callable[[], Awaitable["ObjectInfo | None"]]
"""Asks ComfyUI what it has installed; None: it was never reached."""


@dataclass(frozen=True)
class DraftPage:
    """A draft with everything that is shown of it."""

    draft: WorkflowDraft
    workflow: Workflow
    description: WorkflowDescription
    replaces: bool
    """There is a workflow of that name already, of which the draft will be a new version."""
    memory: MemoryEstimate | None
    """None: it loads no models."""
    downloads: tuple[TemplateModel, ...]
    """Where its models can be had, as far as the file in the UI format says that."""


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A file that somebody brings.

    Attributes:
        data: Its content.
        file_name: Its name.
        guild_id: The server that the workflow will belong to; `HOST`: the host.
        character_id: The character that it will belong to, or `_shared`.
        kind: What it makes; None: what its output nodes say.
        name: Its name; None: that of the file.
        author_id: Who brings it; 0: a terminal.

    """

    data: bytes
    file_name: str
    guild_id: int
    character_id: str
    author_id: int
    kind: JobKind | None = None
    name: str | None = None


class WorkflowDrafts:
    """Makes drafts of uploads and changes them until they are saved or discarded.

    Args:
        saved: Where they are saved.
        object_info: What ComfyUI has installed.
        models: The model files that it has.
        presets: Where the presets that shared workflows bring are kept.

    """

    def __init__(
        self,
        saved: SavedWorkflows,
        object_info: ObjectInfoSource,
        models: InstalledModels,
        presets: PresetRepository,
    ) -> None:
        self._saved = saved
        self._presets = presets
        self._models = models
        self._history = saved.history
        self._object_info = object_info
        self._reading = asyncio.Lock()
        """Files are read one after another: each may take a second and some hundred megabytes."""

    async def upload(self, upload: Upload) -> DraftPage:
        """Read a file and keep what was found as a draft.

        Raises:
            ChorusError: The file holds no workflow, cannot be converted, or has nodes that are refused.

        """
        found = await self.read(upload)
        shared = found.shared
        kind = upload.kind or (shared.kind if shared is not None else kind_of(found.workflow))
        presets, about_presets = await self._presets_of(found, upload.guild_id)
        place = WorkflowPlace(
            guild_id=upload.guild_id,
            character_id=upload.character_id,
            kind=kind,
            name=upload.name or name_of_file(upload.file_name if shared is None else f"{shared.name}.png"),
        )
        await self._saved.contents.put(stored_workflow(found.workflow))
        draft = WorkflowDraft(
            id=secrets.token_hex(8),
            place=place,
            author_id=upload.author_id,
            content_hash=found.workflow.content_hash,
            source=upload.file_name,
            notes=tuple(note[:300] for note in (*found.notes[:20], *about_presets)),
            presets=presets,
            base_hash=self._saved.current_hash(place),
            created_at=utc_now(),
        )
        await self._history.add_draft(draft, found.ui_workflow)
        return await self.page(draft)

    async def read(self, upload: Upload) -> UploadedWorkflow:
        """Read a file without keeping anything.

        Raises:
            ChorusError: As from `upload`.

        """
        context = UploadContext(
            rules=self._saved.rules if upload.guild_id != HOST else None,
            object_info=await self._object_info(),
            base=self._base(upload),
        )
        async with self._reading:
            return await asyncio.to_thread(_read, upload.data, context)

    async def installed(self) -> ObjectInfo | None:
        """The body of ComfyUI's `GET /object_info`; None: it was never reached."""
        return await self._object_info()

    async def draft(self, draft_id: str, guild_id: int) -> WorkflowDraft:
        """The draft with that id.

        Raises:
            InputInvalid: It was saved, discarded or forgotten, or it is another server's.

        """
        found = await self._history.draft(draft_id)
        if found is None or found.place.guild_id != guild_id:
            raise InputInvalid(
                "That upload is no longer open: it was saved, discarded, or is older than 30 days.",
                advice="`/workflow list` shows what was saved; else upload the file again.",
            )
        return found

    async def page(self, draft: WorkflowDraft) -> DraftPage:
        """Everything that is shown of a draft."""
        workflow = await self.workflow(draft)
        info = await self._object_info()
        metadata = await self._models.lora_metadata(lora_files(workflow, info)) if info is not None else None
        description = await asyncio.to_thread(describe, workflow, draft.place.kind, info, metadata=metadata)
        ui_workflow = await self._history.draft_ui_workflow(draft.id)
        return DraftPage(
            draft,
            workflow,
            description,
            replaces=self._saved.current_hash(draft.place) is not None,
            memory=await self.memory(description) if info is not None else None,
            downloads=tuple(template_models(ui_workflow)) if ui_workflow is not None else (),
        )

    async def memory(self, description: WorkflowDescription) -> MemoryEstimate | None:
        """How much graphics memory a workflow takes; None: it loads no models."""
        return estimate_memory(description.models, await self._models.sizes())

    async def workflow(self, draft: WorkflowDraft) -> Workflow:
        """The content of a draft."""
        return await self._saved.stored(draft.content_hash, draft.place)

    async def bind(self, draft: WorkflowDraft, role: InputRole, inputs: tuple[str, ...] | None) -> WorkflowDraft:
        """Say which inputs take the values of a role.

        Args:
            draft: The draft.
            role: Prompt, negative prompt, seed, ...
            inputs: Names such as `6.text`; empty: none takes them; None: what reading the graph finds.

        Raises:
            BindingsInvalid: The workflow has no such input.

        """
        workflow = await self.workflow(draft)
        given: dict[str, Any] = workflow.bindings.model_dump(mode="json", exclude_defaults=True)
        given.pop(role.value, None)
        if inputs is not None:
            given[role.value] = list(inputs)
        changed = await asyncio.to_thread(
            parse_workflow, json.dumps(workflow.graph), bindings=json.dumps(given) if given else None
        )
        await self._saved.contents.put(stored_workflow(changed))
        bound = draft.model_copy(update={"content_hash": changed.content_hash, "trial_job_id": None})
        await self._history.update_draft(bound)
        return bound

    async def record_trial(self, draft: WorkflowDraft, job_id: UUID) -> None:
        """The draft is being tried by that job."""
        await self._history.update_draft(draft.model_copy(update={"trial_job_id": job_id}))

    async def save(self, draft: WorkflowDraft, author_id: int | None) -> int:
        """Save a draft as the newest version of its place and forget it. Returns the version's number.

        Raises:
            ChangedMeanwhile: Somebody has saved a workflow of that name since; saving again puts this one on top.
            ChorusError: As from `SavedWorkflows.save`.

        """
        ui_workflow: Mapping[str, Any] | None = await self._history.draft_ui_workflow(draft.id)
        try:
            number = await self._saved.save(
                draft.place,
                await self.workflow(draft),
                origin=VersionOrigin.UPLOAD,
                author_id=author_id,
                source=draft.source,
                ui_workflow=ui_workflow,
                check_base=True,
                base_hash=draft.base_hash,
            )
        except ChangedMeanwhile:
            confirmed = draft.model_copy(update={"base_hash": self._saved.current_hash(draft.place)})
            await self._history.update_draft(confirmed)
            raise
        await self._save_presets(draft, author_id)
        await self._history.remove_draft(draft.id)
        return number

    async def discard(self, draft: WorkflowDraft) -> None:
        """Forget a draft."""
        await self._history.remove_draft(draft.id)

    async def _presets_of(
        self, found: UploadedWorkflow, guild_id: int
    ) -> tuple[dict[str, Mapping[str, SettingValue]], list[str]]:
        """The presets that a shared workflow brings, without those whose names are taken, and what is to be said."""
        brought = {preset.name: preset.values for preset in found.shared.presets} if found.shared is not None else {}
        if not brought:
            return {}, []
        if guild_id == HOST:
            return {}, ["It brings presets, which belong to Discord servers: upload it there to have them."]
        taken = [name for name in brought if await self._presets.get(guild_id, name) is not None]
        kept = {name: values for name, values in brought.items() if name not in taken}
        notes = [f"It brings the presets {', '.join(kept)}."] if kept else []
        if taken:
            notes.append(f"Its presets {', '.join(taken)} are left out, because there are some of these names here.")
        return kept, notes

    async def _save_presets(self, draft: WorkflowDraft, author_id: int | None) -> None:
        place = draft.place
        for name, values in draft.presets.items():
            if await self._presets.get(place.guild_id, name) is None:
                await self._presets.put(
                    Preset(
                        guild_id=place.guild_id,
                        name=name,
                        character_id=place.character_id,
                        kind=place.kind,
                        workflow_name=place.name,
                        values=values,
                        author_id=author_id or 0,
                        created_at=utc_now(),
                    )
                )

    def _base(self, upload: Upload) -> Workflow | None:
        """The character's default workflow, into which a text of settings is written."""
        try:
            guild_id = upload.guild_id if upload.guild_id != HOST else None
            return self._saved.library.get(upload.character_id, upload.kind or JobKind.IMAGE, guild_id=guild_id)
        except ChorusError:
            return None


def _read(data: bytes, context: UploadContext) -> UploadedWorkflow:
    found = read_upload(data, context)
    _ = found.workflow.analysis  # computed here, in the thread, and cached
    return found
