"""How often a workflow failed in a row for reasons of its own."""

from __future__ import annotations

import uuid
from datetime import datetime

from bot.domain.jobs import JobError
from bot.domain.value import Value


class WorkflowFailures(Value):
    """The failures of one version of a workflow on one ComfyUI server since it last made something there."""

    content_hash: str
    """Of the workflow as it was sent: adapted to the models of the server, where it takes any."""
    server: str
    """Base URL, without user name and password."""
    count: int
    error: JobError
    """Of the last failure."""
    installed: str
    """Fingerprint of what the server had installed for the workflow at the last failure."""
    comfyui_version: str
    """At the last failure; empty: it was not known."""
    inputs: tuple[str, ...] = ()
    """Fingerprints of who gave which files for the jobs that failed; the same files of one person count once."""
    job_id: uuid.UUID
    """The last job that failed."""
    failed_at: datetime
