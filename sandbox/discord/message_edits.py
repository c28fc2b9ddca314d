"""Editing and deleting messages, with MESSAGE_UPDATE and MESSAGE_DELETE."""

from __future__ import annotations

import copy

from sandbox.discord import uploads
from sandbox.discord.context import FilePart, ServerContext
from sandbox.discord.errors import FormErrors, malformed, unknown
from sandbox.discord.json_values import Json
from sandbox.discord.message_models import (
    COMPONENTS_V2,
    EPHEMERAL,
    LOADING,
    VOICE,
    Attachment,
    Message,
)
from sandbox.discord.rules_messages import check_body, check_files, check_not_empty, check_references


def edit(context: ServerContext, message: Message, body: Json, parts: list[FilePart]) -> Message:
    """Edit a message. Absent keys change nothing, and `attachments` replaces the files. An edit notifies nobody.

    Raises:
        ApiError: A rule is broken; nothing was changed.

    """
    if message.is_voice:
        raise malformed(50162, "Voice messages cannot be edited.")
    new_flags = int(body.get("flags") or 0)
    if new_flags & VOICE:
        raise malformed(50162, "Voice messages cannot be edited.")
    v2 = (message.flags | new_flags) & COMPONENTS_V2
    if message.flags & COMPONENTS_V2 and body.get("flags") is not None and not new_flags & COMPONENTS_V2:
        form = FormErrors()
        form.add("flags", "MESSAGE_CANNOT_REMOVE_COMPONENTS_V2_FLAG", "The flag IS_COMPONENTS_V2 cannot be removed")
        form.raise_if_any()
    check_body(body, (new_flags & ~EPHEMERAL) | v2)
    changed: Json = {
        "content": message.content if "content" not in body else body["content"] or "",
        "embeds": message.embeds if "embeds" not in body else body["embeds"] or [],
        "components": message.components if "components" not in body else body["components"] or [],
    }
    if v2 and (changed["content"] or changed["embeds"]):
        raise malformed(50035, "Content and embeds must be emptied before a message becomes Components V2.")
    attachments = uploads.kept(body, message.attachments, parts)
    attachments += uploads.from_parts(context, message.channel, body, parts)
    check_files(attachments, context.attachment_limit(message.channel.guild))
    check_references(changed, attachments)
    check_not_empty(changed["content"], changed, attachments)
    _replace(context, message, changed, attachments, (message.flags & ~LOADING) | v2)
    return message


def _replace(
    context: ServerContext, message: Message, changed: Json, attachments: list[Attachment], flags: int
) -> None:
    was_loading = message.loading
    if not was_loading:
        message.versions.append(
            {
                "content": message.content,
                "embeds": copy.deepcopy(message.embeds),
                "components": copy.deepcopy(message.components),
                "attachments": list(message.attachments),
            },
        )
        message.edited = context.clock.now()
    message.content, message.embeds, message.components = changed["content"], changed["embeds"], changed["components"]
    message.attachments, message.flags = attachments, flags
    context.gateway.send_message("MESSAGE_UPDATE", message)


def delete(context: ServerContext, message: Message) -> None:
    """Delete a message and send MESSAGE_DELETE.

    Raises:
        ApiError: 10008, it is deleted already.

    """
    if message.deleted:
        raise unknown("Message")
    message.deleted = True
    message.channel.messages.pop(message.id, None)
    if message.ephemeral:
        context.changes.notify()
        return
    body: Json = {"id": str(message.id), "channel_id": str(message.channel.id)}
    guild = message.channel.guild
    context.gateway.send_in("MESSAGE_DELETE", body | ({"guild_id": str(guild.id)} if guild else {}), message.channel)
