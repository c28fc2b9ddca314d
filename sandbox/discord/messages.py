"""Messages come, change and go; every way to write one (bot, webhook, interaction, person) ends here."""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.discord import mentions, uploads
from sandbox.discord.context import FilePart, ServerContext
from sandbox.discord.errors import ApiError
from sandbox.discord.guild_models import User
from sandbox.discord.json_values import Json
from sandbox.discord.message_models import (
    VOICE,
    Attachment,
    Channel,
    Interaction,
    Message,
)
from sandbox.discord.rules_messages import check_body, check_files, check_not_empty, check_references, check_voice

REPLY, CHAT_INPUT_COMMAND, CONTEXT_MENU_COMMAND = 19, 20, 23
"""Message types (resources/message, "Message Types")."""


@dataclass(frozen=True)
class NewMessage:
    """A message to be made: who writes where, and the body as it came."""

    channel: Channel
    author: User
    body: Json
    parts: list[FilePart] = field(default_factory=list[FilePart])
    type: int = 0
    webhook_id: int | None = None
    application_id: int | None = None
    interaction: Interaction | None = None
    interaction_metadata: Json | None = None
    reply_to: Message | None = None
    default_mentions: Json = field(default_factory=lambda: mentions.REGULAR)


def create(context: ServerContext, draft: NewMessage) -> Message:
    """Check a draft against every rule, make the message, tell the gateway.

    Raises:
        ApiError: A rule is broken; nothing was made.

    """
    body, channel = draft.body, draft.channel
    flags = int(body.get("flags") or 0)
    check_body(body, flags, interaction=draft.interaction is not None)
    attachments = uploads.from_parts(context, channel, body, draft.parts)
    uploads.kept(body, [], draft.parts)
    check_files(attachments, context.attachment_limit(channel.guild))
    if flags & VOICE:
        check_voice(body, attachments, [part.content_type for part in draft.parts])
    check_references(body, attachments)
    content = str(body.get("content") or "")
    check_not_empty(content, body, attachments, body.get("sticker_ids"))
    message = _made(context, draft, content, flags, attachments)
    publish(context, message)
    return message


def _made(
    context: ServerContext, draft: NewMessage, content: str, flags: int, attachments: list[Attachment]
) -> Message:
    channel = draft.channel
    pings = mentions.compute(
        content,
        draft.body.get("allowed_mentions"),
        channel=channel,
        author=draft.author,
        reply_to=draft.reply_to,
        default=draft.default_mentions,
    )
    message = Message(
        id=context.state.ids.next(),
        channel=channel,
        author=draft.author,
        content=content,
        type=draft.type or (REPLY if draft.reply_to else 0),
        flags=flags,
        created=context.clock.now(),
        embeds=list(draft.body.get("embeds") or []),
        components=list(draft.body.get("components") or []),
        attachments=attachments,
        reply_to=draft.reply_to,
        reference=reference(draft.reply_to) if draft.reply_to else None,
        webhook_id=draft.webhook_id,
        application_id=draft.application_id,
        nonce=draft.body.get("nonce"),
        tts=bool(draft.body.get("tts")),
        interaction=draft.interaction,
        interaction_metadata=draft.interaction_metadata,
        pings=pings,
    )
    for attachment in attachments:
        attachment.ephemeral = message.ephemeral
    return message


def publish(context: ServerContext, message: Message) -> None:
    """Put a new message where it belongs and send MESSAGE_CREATE; an ephemeral one is in nobody's history."""
    context.state.messages[message.id] = message
    if message.interaction is not None:
        message.interaction.messages.append(message)
    if not message.ephemeral:
        message.channel.messages[message.id] = message
        if message.channel.is_thread and message.webhook_id is None:
            message.channel.thread_members.add(message.author.id)
    context.gateway.send_message("MESSAGE_CREATE", message)


def reference(target: Message) -> Json:
    """A `message_reference` to a message."""
    body: Json = {"type": 0, "message_id": str(target.id), "channel_id": str(target.channel.id)}
    return body | ({"guild_id": str(target.channel.guild.id)} if target.channel.guild else {})


def referenced_message(channel: Channel, body: Json) -> Message | None:
    """The message that a body replies to.

    Raises:
        ApiError: 50035 where it does not exist (and `fail_if_not_exists` was not switched off).

    """
    wanted: Json | None = body.get("message_reference")
    if not wanted or not wanted.get("message_id"):
        return None
    target = channel.messages.get(int(wanted["message_id"]))
    if target is None and wanted.get("fail_if_not_exists", True):
        # Not a violation: the message may have been deleted a moment ago.
        tree: Json = {
            "message_reference": {"_errors": [{"code": "REPLIES_UNKNOWN_MESSAGE", "message": "Unknown message"}]}
        }
        raise ApiError(400, 50035, "Invalid Form Body", errors=tree)
    return target


def find_by_nonce(context: ServerContext, channel: Channel, author: User, body: Json) -> Message | None:
    """The message that was made with the same nonce within the last minutes, if `enforce_nonce` asks for it."""
    nonce = body.get("nonce")
    if nonce is None or not body.get("enforce_nonce"):
        return None
    since = context.clock.now() - context.limits.nonce_seconds
    return next(
        (
            message
            for message in reversed(channel.messages.values())
            if message.author is author and str(message.nonce) == str(nonce) and message.created >= since
        ),
        None,
    )
