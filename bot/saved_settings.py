"""Settings that were kept, for the workflow that they are used with: presets, the last ones, and those of a job."""

from __future__ import annotations

import difflib
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from bot.domain.jobs import Job
from bot.domain.saved_settings import Draft, Preset
from bot.errors import InputInvalid, WorkflowNotFound
from bot.storage.drafts import DraftRepository
from bot.storage.last_settings import LastSettingsRepository
from bot.storage.presets import PresetRepository
from bot.workflows.library import WorkflowLibrary
from bot.workflows.parameters import ParameterValue, parameters_of
from bot.workflows.stored_values import checked_values, usable_values
from bot.workflows.workflow import SHARED, Workflow

LONGEST_PRESET_NAME: Final = 40
_PRESET_NAME: Final = re.compile(r"[^\W_](?:[\w .+-]*[\w.+-])?")
_LARGEST_PRESET: Final = 20_000
"""Characters of all values of a preset together."""


@dataclass(frozen=True)
class KeptValues:
    """Kept values as a workflow takes them now.

    Attributes:
        values: Parameter name -> value.
        notes: A sentence for each value that was left out.

    """

    values: Mapping[str, ParameterValue]
    notes: tuple[str, ...] = ()


class SavedSettings:
    """Drafts, presets and last settings.

    Args:
        drafts: What people have set in configuration panels.
        presets: Settings that people of a server have named.
        last: What each person set last for each workflow.
        workflows: The workflow library.
        object_info: Returns the body of `GET /object_info`, if known.

    """

    def __init__(
        self,
        drafts: DraftRepository,
        presets: PresetRepository,
        last: LastSettingsRepository,
        workflows: WorkflowLibrary,
        object_info: Callable[[], Mapping[str, Any] | None],
    ) -> None:
        self.drafts = drafts
        self.presets = presets
        self._last = last
        self._workflows = workflows
        self._object_info = object_info

    # -- used last

    async def last(
        self, user_id: int, character_id: str, workflow: Workflow, *, may_change_reserved: bool
    ) -> KeptValues | None:
        """What the person set last for that workflow of that character; None: nothing yet."""
        values = await self._last.get(user_id, character_id, workflow.kind, workflow.name)
        return None if values is None else self.usable(workflow, values, may_change_reserved=may_change_reserved)

    def usable(
        self, workflow: Workflow, values: Mapping[str, ParameterValue], *, may_change_reserved: bool
    ) -> KeptValues:
        """Values that were kept, without those that the workflow does not take from this person now."""
        kept, notes = usable_values(workflow, values, self._object_info(), may_change_reserved=may_change_reserved)
        return KeptValues(kept, notes)

    # -- presets

    async def preset(self, guild_id: int | None, name: str) -> Preset:
        """The server's preset of that name.

        Raises:
            InputInvalid: There is none, or this is no server.

        """
        found = await self.presets.get(require_guild(guild_id), name)
        if found is None:
            known = {preset.name.casefold(): preset.name for preset in await self.presets.of_guild(guild_id or 0)}
            near = difflib.get_close_matches(name.casefold()[:100], known, n=1, cutoff=0.3)
            hint = f" The nearest is `{known[near[0]]}`." if near else ""
            raise InputInvalid(
                f"This server has no preset of that name.{hint}", advice="`/preset list` shows those that there are."
            )
        return found

    def workflow_of(self, preset: Preset, character_id: str) -> Workflow:
        """The workflow of a preset, for a character that draws.

        Raises:
            InputInvalid: It is another character's.
            WorkflowNotFound: It was removed.
            WorkflowInvalid: Its file cannot be used.

        """
        if preset.character_id not in {SHARED, character_id}:
            raise InputInvalid(
                f"The preset `{preset.name}` is for a workflow of another character.",
                advice=f"Choose the character `{preset.character_id}`.",
            )
        try:
            return self._workflows.get(
                character_id, preset.kind, preset.workflow_name, guild_id=preset.guild_id or None
            )
        except WorkflowNotFound as error:
            gone = f"The preset `{preset.name}` is for the workflow `{preset.workflow_name}`"
            raise WorkflowNotFound(
                f"{gone}, which does not exist any more.",
                advice="Save it anew for another workflow, or delete it with `/preset delete`.",
            ) from error

    def new_preset(
        self,
        name: str,
        workflow: Workflow,
        values: Mapping[str, ParameterValue],
        *,
        guild_id: int | None,
        author_id: int,
    ) -> Preset:
        """A preset of checked values, not stored yet. The prompt and the seed are no part of it.

        Raises:
            InputInvalid: The name or a value cannot be used, there is nothing to keep, or this is no server.

        """
        guild_id, name = require_guild(guild_id), " ".join(name.split())
        if len(name) > LONGEST_PRESET_NAME or not _PRESET_NAME.fullmatch(name):
            raise InputInvalid(
                "A preset cannot have that name.",
                advice=f"Take letters, digits, spaces and . + - _, at most {LONGEST_PRESET_NAME} characters.",
            )
        checked = checked_values(workflow, values, self._object_info())
        if not checked:
            raise InputInvalid(
                "There is nothing to keep: every setting is the workflow's own.",
                advice="Change something first; the prompt and the seed are no part of a preset.",
            )
        if sum(len(str(value)) for value in checked.values()) > _LARGEST_PRESET:
            raise InputInvalid(f"A preset has {_LARGEST_PRESET:,} characters at most.")
        return Preset(
            guild_id=guild_id,
            name=name,
            character_id=workflow.character_id,
            kind=workflow.kind,
            workflow_name=workflow.name,
            values=checked,
            author_id=author_id,
            created_at=datetime.now(UTC),
        )

    # -- drafts

    async def open_draft(
        self,
        user_id: int,
        character_id: str,
        workflow: Workflow,
        values: Mapping[str, ParameterValue] | None = None,
        *,
        notes: Sequence[str] = (),
        source_job_id: uuid.UUID | None = None,
    ) -> Draft:
        """Store a new draft for a person's panel."""
        now = datetime.now(UTC)
        draft = Draft(
            id=uuid.uuid4(),
            user_id=user_id,
            character_id=character_id,
            kind=workflow.kind,
            workflow_name=workflow.name,
            values=values or {},
            source_job_id=source_job_id,
            notes=tuple(notes),
            created_at=now,
            updated_at=now,
        )
        await self.drafts.add(draft)
        return draft

    def values_of_job(self, job: Job, workflow: Workflow, *, may_change_reserved: bool) -> KeptValues:
        """What a job was made with, chosen or not, as far as it differs from the workflow as it is now."""
        parameters = parameters_of(workflow, self._object_info())
        values: dict[str, ParameterValue] = dict(job.parameters.get("overrides", {}))
        for name, value in job.effective_settings.items():
            parameter = parameters.find(name)
            if name == "loras" or parameter is None or parameter.default == value:
                continue
            values.setdefault(parameter.name, value)
        kept = self.usable(workflow, values, may_change_reserved=may_change_reserved)
        words = {"prompt": str(job.parameters.get("positive") or job.request.positive), "seed": str(job.seed)}
        negative = job.effective_settings.get("negative")
        if negative is not None:
            words["negative"] = str(negative)
        return KeptValues({**kept.values, **words}, kept.notes)


def require_guild(guild_id: int | None) -> int:
    """The server's id.

    Raises:
        InputInvalid: This is a direct message.

    """
    if guild_id is None:
        raise InputInvalid("Presets belong to a server.", advice="Use them in a channel of one.")
    return guild_id


def require_workflow(preset: Preset, its_workflow: Workflow, workflow: Workflow) -> None:
    """The preset is for the workflow that is used.

    Args:
        preset: The preset.
        its_workflow: `SavedSettings.workflow_of` it.
        workflow: What is used.

    Raises:
        InputInvalid: It is for another one.

    """
    if (its_workflow.kind, its_workflow.name) != (workflow.kind, workflow.name):
        raise InputInvalid(
            f"The preset `{preset.name}` is for the workflow `{preset.workflow_name}`.",
            advice="Choose that workflow, or leave `workflow` out.",
        )
