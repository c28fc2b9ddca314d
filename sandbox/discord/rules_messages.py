"""Limits of messages: content, flags, allowed mentions, files, voice messages (resources/message, "Create Message")."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from sandbox.discord.attachment_links import referenced_names
from sandbox.discord.component_types import V2_ONLY
from sandbox.discord.errors import ApiError, FormErrors, malformed
from sandbox.discord.json_values import Json
from sandbox.discord.message_models import COMPONENTS_V2, EPHEMERAL, SUPPRESS_NOTIFICATIONS, VOICE, Attachment, flatten
from sandbox.discord.rules_components import check_components
from sandbox.discord.rules_embeds import check_embeds

CONTENT, MAX_FILES, MAX_NONCE = 2000, 10, 25
SUPPRESS_EMBEDS = 1 << 2
SETTABLE = SUPPRESS_EMBEDS | SUPPRESS_NOTIFICATIONS | VOICE | COMPONENTS_V2
"""Flags that a request may set; interaction responses may set EPHEMERAL too."""


def check_body(body: Json, flags: int, *, interaction: bool = False) -> None:
    """Check a message's body, without its files.

    Raises:
        ApiError: 50035 with the tree of errors.

    """
    form = FormErrors()
    form.length("content", body.get("content"), 0, CONTENT)
    check_embeds(body.get("embeds"), form)
    v2 = bool(flags & COMPONENTS_V2)
    check_components(body.get("components"), form, v2=v2)
    nonce = body.get("nonce")
    if nonce is not None:
        form.length("nonce", str(nonce), 0, MAX_NONCE)
    if flags & ~(SETTABLE | (EPHEMERAL if interaction else 0)):
        form.add("flags", "MESSAGE_FLAGS_INVALID", "This message flag cannot be set.")
    if v2:
        for key in ("content", "embeds", "poll", "sticker_ids"):
            if body.get(key):
                form.add(key, "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2", f"{key} cannot be used with V2")
    elif any(entry.get("type") in V2_ONLY for entry in flatten(body.get("components") or [])):
        form.add("flags", "BASE_TYPE_REQUIRED", "These components need the flag IS_COMPONENTS_V2.")
    check_allowed_mentions(body.get("allowed_mentions"), form)
    form.raise_if_any()


def check_allowed_mentions(value: Any, form: FormErrors) -> None:
    """Check `allowed_mentions`: at most 100 ids per list; `parse: ["users"]` excludes a list of `users`."""
    if not isinstance(value, dict):
        return
    allowed: Json = dict(value)  # pyright: ignore[reportUnknownArgumentType]
    for key in ("users", "roles"):
        form.length(f"allowed_mentions.{key}", allowed.get(key), 0, 100)
        if key in (allowed.get("parse") or []) and allowed.get(key):
            message = f'parse:["{key}"] and {key}: [ids...] are mutually exclusive.'
            form.add("allowed_mentions", "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", message)


def check_files(attachments: list[Attachment], limit: int) -> None:
    """Check the files of a message: at most ten, none larger than `limit` bytes.

    Raises:
        ApiError: 50035; or status 413, code 40005.

    """
    form = FormErrors()
    form.length("attachments", attachments, 0, MAX_FILES)
    form.raise_if_any()
    if any(entry.size > limit for entry in attachments):
        raise ApiError(413, 40005, "Request entity too large")


def check_references(body: Json, attachments: list[Attachment]) -> None:
    """Check that every `attachment://` reference names a file of the message.

    Discord itself refuses such references in components only, and shows no picture in an embed. Both are refused here,
    because no correct client sends either.

    Raises:
        ApiError: 50035.

    """
    names = {entry.filename for entry in attachments}
    form = FormErrors()
    for key in ("embeds", "components"):
        for name in sorted(referenced_names(body.get(key)) - names):
            message = f"The referenced attachment {name!r} was not found"
            form.add(key, "UNFURLED_MEDIA_ITEM_REFERENCED_ATTACHMENT_NOT_FOUND", message)
    form.raise_if_any()


def check_not_empty(content: str, body: Json, attachments: list[Attachment], stickers: Any = None) -> None:
    """Check that a message has content, an embed, a file, a component, a poll or a sticker.

    Raises:
        ApiError: 50006.

    """
    if not (
        content.strip() or body.get("embeds") or body.get("components") or attachments or stickers or body.get("poll")
    ):
        raise malformed(50006, "Cannot send an empty message")


def check_voice(body: Json, attachments: list[Attachment], part_types: list[str]) -> None:
    """Check a voice message (resources/message, "Voice Messages").

    Raises:
        ApiError: 50159, 50160 or 50161.

    """
    if body.get("content") or body.get("embeds") or body.get("components"):
        raise malformed(50159, "Voice messages do not support additional content.")
    if len(attachments) != 1 or not all(kind.startswith("audio/") for kind in part_types):
        raise malformed(50160, "Voice messages must have a single audio attachment.")
    attachment = attachments[0]
    if (
        attachment.duration_secs is None
        or not 0 < attachment.duration_secs <= 1200
        or not _is_waveform(attachment.waveform)
    ):
        raise malformed(50161, "Voice messages must have supporting metadata.")


def refuse_voice(body: Json) -> None:
    """Refuse IS_VOICE_MESSAGE, which only Create Message and the callback of an interaction may set.

    Raises:
        ApiError: 50035.

    """
    form = FormErrors()
    if int(body.get("flags") or 0) & VOICE:
        form.add("flags", "MESSAGE_FLAGS_INVALID", "IS_VOICE_MESSAGE cannot be set here.")
    form.raise_if_any()


def _is_waveform(value: str | None) -> bool:
    if not value:
        return False
    try:
        return 1 <= len(base64.b64decode(value, validate=True)) <= 256
    except binascii.Error:
        return False
