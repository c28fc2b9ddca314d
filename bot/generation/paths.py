"""Where a job's files lie. Names come from our own ids only, never from text or from a server's reply."""

from __future__ import annotations

import re
from pathlib import Path

from bot.domain.jobs import Job, JobKind

_FOLDERS = {JobKind.IMAGE: "images", JobKind.AUDIO: "audio", JobKind.VIDEO: "video"}
TERMINAL = "terminal"
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]")


def folder_of(job: Job) -> str:
    """`images/<conversation>`, relative to the data folder; without one `channel-<id>`, or `terminal`."""
    request = job.request
    if request.conversation_id:
        place = _UNSAFE.sub("_", request.conversation_id)[:64]
    elif request.origin.channel_id is not None:
        place = f"channel-{request.origin.channel_id}"
    else:
        place = TERMINAL
    return f"{_FOLDERS[request.kind]}/{place}"


def stem_of(job: Job) -> str:
    """What the names of all files of a job begin with, and of no other job."""
    if job.request.kind is not JobKind.AUDIO:
        return job.digest
    message = job.request.message_id or str(job.request.source_message_id or job.digest)
    return f"message_{_UNSAFE.sub('_', message)[:64]}_{job.created_at:%Y%m%dT%H%M%S%fZ}"


def files_of(data_dir: Path, job: Job) -> list[Path]:
    """Everything of the job that is there now, finished or not."""
    folder = data_dir / folder_of(job)
    return sorted(folder.glob(f"{stem_of(job)}*")) if folder.is_dir() else []
