"""Settings that people keep: drafts of the configuration panel, presets of a server, and what a person used last."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime

from pydantic import Field

from bot.domain.jobs import JobKind
from bot.domain.value import Value

SettingValue = int | float | str | bool
"""A value of a workflow's parameter, or the text that a person typed for one."""


class Draft(Value):
    """What a person has set in a configuration panel and not run yet. A panel's buttons hold the id alone."""

    id: uuid.UUID
    user_id: int
    """The Discord user who opened the panel, and who alone may use it."""
    character_id: str
    kind: JobKind
    workflow_name: str
    values: Mapping[str, SettingValue] = Field(default_factory=dict[str, SettingValue])
    """Parameter name -> value, as typed; also `prompt`, `negative` and `seed`. The others are the workflow's own."""
    source_job_id: uuid.UUID | None = None
    """The job whose result the panel was opened on."""
    started_job_id: uuid.UUID | None = None
    """The job that the panel started last."""
    notes: tuple[str, ...] = ()
    """What was left out when values were taken over."""
    created_at: datetime
    updated_at: datetime


class Preset(Value):
    """Settings that people of a server have named."""

    guild_id: int
    name: str
    """As its author wrote it; names that differ in case only are equal."""
    character_id: str
    """Whose workflow it is for; `_shared` for a workflow of every character."""
    kind: JobKind
    workflow_name: str
    values: Mapping[str, SettingValue]
    author_id: int
    """Discord user id."""
    created_at: datetime
