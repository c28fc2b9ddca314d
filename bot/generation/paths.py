"""Folders and names of a job's files. They are made of our own ids only, never of text or of a server's reply."""

from __future__ import annotations

import re
from pathlib import Path

from bot.domain.jobs import Job, JobKind

_FOLDERS = {JobKind.IMAGE: "images", JobKind.AUDIO: "audio", JobKind.VIDEO: "video"}
TERMINAL_FOLDER = "terminal"
"""Folder of jobs that a terminal command made."""
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]")


def folder_of(job: Job) -> str:
    """`images/<conversation id>`, relative to the data folder.

    A job without a conversation is in `images/channel-<id>` or `images/terminal`.
    """
    request = job.request
    if request.conversation_id:
        folder = _UNSAFE.sub("_", request.conversation_id)[:64]
    elif request.origin.channel_id is not None:
        folder = f"channel-{request.origin.channel_id}"
    else:
        folder = TERMINAL_FOLDER
    return f"{_FOLDERS[request.kind]}/{folder}"


def stem_of(job: Job) -> str:
    """The beginning of the names of all files of the job, which no other job has."""
    if job.request.kind is not JobKind.AUDIO:
        return job.digest
    message = job.request.message_id or str(job.request.source_message_id or job.digest)
    return f"message_{_UNSAFE.sub('_', message)[:64]}_{job.created_at:%Y%m%dT%H%M%S%fZ}"


def files_of(data_dir: Path, job: Job) -> list[Path]:
    """All files of the job on the disk, also partial ones."""
    folder = data_dir / folder_of(job)
    return sorted(folder.glob(f"{stem_of(job)}*")) if folder.is_dir() else []
