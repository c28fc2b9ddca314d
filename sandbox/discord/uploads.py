"""Uploaded files: the file parts of requests become attachments."""

from __future__ import annotations

import io
import mimetypes
import re
from dataclasses import dataclass

from PIL import Image, UnidentifiedImageError

from sandbox.discord.context import FilePart, ServerContext
from sandbox.discord.errors import FormErrors
from sandbox.discord.json_values import Json, get_list
from sandbox.discord.message_models import Attachment, Channel


@dataclass(frozen=True)
class Upload:
    """A file that a user attaches."""

    filename: str
    data: bytes
    content_type: str | None = None
    description: str | None = None


def clean_name(filename: str) -> str:
    """A filename as Discord stores it: letters, digits, `_`, `-` and `.`, with `_` for blanks."""
    name = re.sub(r"[^A-Za-z0-9_.\-]", "", filename.replace(" ", "_")).lstrip(".")
    return name or "unknown"


def picture_size(data: bytes) -> tuple[int, int] | None:
    """Width and height of a picture, from its header; None if the file is no picture."""
    try:
        with Image.open(io.BytesIO(data)) as picture:
            return picture.size
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError):
        return None


def store(context: ServerContext, channel: Channel, upload: Upload, details: Json | None = None) -> Attachment:
    """Store a file on the CDN; `details` is its entry in the request's `attachments`."""
    given = details or {}
    wanted = str(given.get("filename") or upload.filename)
    name = clean_name(wanted)
    guessed = mimetypes.guess_type(name)[0] or "application/octet-stream"
    declared = upload.content_type
    size = picture_size(upload.data) if guessed.startswith("image/") else None
    attachment = Attachment(
        id=context.state.ids.next(),
        filename=name,
        data=upload.data,
        content_type=declared if declared and declared != "application/octet-stream" else guessed,
        channel_id=channel.id,
        description=given.get("description") or upload.description,
        title=given.get("title") or (wanted if name != wanted else None),
        duration_secs=given.get("duration_secs"),
        waveform=given.get("waveform"),
        width=size[0] if size else None,
        height=size[1] if size else None,
    )
    context.state.uploads[attachment.id] = attachment
    return attachment


def from_parts(context: ServerContext, channel: Channel, body: Json, parts: list[FilePart]) -> list[Attachment]:
    """The new attachments of a request: part `files[n]` belongs to the entry with id n (reference, "Uploading Files").

    Raises:
        ApiError: 50035, an entry has no file.

    """
    entries = {str(entry.get("id")): entry for entry in get_list(body, "attachments")}
    return [
        store(context, channel, Upload(part.filename, part.data, part.content_type), entries.get(str(part.index)))
        for part in sorted(parts, key=lambda part: part.index)
    ]


def kept(body: Json, existing: list[Attachment], parts: list[FilePart]) -> list[Attachment]:
    """The attachments that an edit keeps: all if the request has no `attachments`, else those that it lists.

    Raises:
        ApiError: 50035, an id is neither that of an attachment nor that of a part.

    """
    if body.get("attachments") is None:
        return list(existing)
    old = {str(entry.id): entry for entry in existing}
    new = {str(part.index) for part in parts}
    form, result = FormErrors(), list[Attachment]()
    for index, entry in enumerate(body["attachments"]):
        key = str(entry.get("id"))
        if key in old:
            result.append(old[key])
        elif key not in new:
            form.add(f"attachments.{index}.id", "ATTACHMENT_NOT_FOUND", f"Attachment data for id {key} was not found")
    form.raise_if_any()
    return result
