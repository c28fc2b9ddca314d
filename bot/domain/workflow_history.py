"""Workflows that people bring: where they lie, their versions, and drafts that are not saved yet."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from pydantic import Field

from bot.domain.jobs import JobKind
from bot.domain.saved_settings import SettingValue
from bot.domain.value import Value

HOST = 0
"""In place of a server's id: the workflow is the host's and visible in every server."""


class VersionOrigin(StrEnum):
    """How a version came about."""

    UPLOAD = "upload"
    HAND = "hand"
    """Somebody changed the files on the host's disk."""
    ROLLBACK = "rollback"
    COPY = "copy"


class WorkflowPlace(Value):
    """Which workflow is meant."""

    guild_id: int
    """The server; `HOST` for the host's."""
    character_id: str
    """A character's id, or `_shared` for every character."""
    kind: JobKind
    name: str


class WorkflowVersion(Value):
    """One version of a workflow. Its content is in `workflow_versions`, by the hash."""

    place: WorkflowPlace
    number: int
    """From 1; the largest is what the files hold."""
    content_hash: str
    origin: VersionOrigin
    author_id: int | None = None
    """The Discord user; None: a terminal, or a change by hand."""
    source: str = ""
    """The name of the file that was brought, or what was restored or copied."""
    has_ui_workflow: bool = False
    """It was brought in the UI format, which is kept beside it."""
    is_written: bool = True
    """False: the process ended before the files were written."""
    created_at: datetime
    removed_at: datetime | None = None


class WorkflowDraft(Value):
    """A workflow that somebody has brought and not saved yet. Its content is in `workflow_versions`, by the hash."""

    id: str
    """16 hexadecimal digits."""
    place: WorkflowPlace
    author_id: int
    content_hash: str
    source: str
    """The name of the file."""
    notes: tuple[str, ...] = ()
    """What the conversion changed or left as it is."""
    presets: Mapping[str, Mapping[str, SettingValue]] = Field(default_factory=dict[str, Mapping[str, SettingValue]])
    """Values by the names of the presets that a shared workflow brings; they are saved with it."""
    base_hash: str | None = None
    """What the name stood for when the draft was made, or when its author last confirmed; None: nothing."""
    trial_job_id: uuid.UUID | None = None
    """The last trial of this content."""
    created_at: datetime


class WorkflowUse(Value):
    """How often and how well a workflow ran in a server."""

    character_id: str
    kind: JobKind
    name: str
    runs: int
    """Jobs that ended, cancelled ones left out."""
    failures: int
    median_seconds: float | None = None
    """Of the executions of the newest jobs that made something."""
    last_used: datetime | None = None
