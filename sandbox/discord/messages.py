"""Creating messages. Every message, of the bot, a webhook, an interaction or a user, is published here."""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.discord import channel_changes, mentions, uploads
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
    """A message to be created: its author, its channel, and the body and files of the request."""

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


def create(context: ServerContext, new: NewMessage) -> Message:
    """Check a new message against Discord's rules, create it and send MESSAGE_CREATE.

    Raises:
        ApiError: A rule is broken; nothing was created.

    """
    body, channel = new.body, new.channel
    flags = int(body.get("flags") or 0)
    check_body(body, flags, interaction=new.interaction is not None)
    attachments = uploads.from_parts(context, channel, body, new.parts)
    uploads.kept(body, [], new.parts)
    check_files(attachments, context.attachment_limit(channel.guild))
    if flags & VOICE:
        check_voice(body, attachments, [part.content_type for part in new.parts])
    check_references(body, attachments)
    content = str(body.get("content") or "")
    check_not_empty(content, body, attachments, body.get("sticker_ids"))
    channel_changes.open_for_message(context, channel)
    message = _build(context, new, content, flags, attachments)
    publish(context, message)
    return message


def _build(context: ServerContext, new: NewMessage, content: str, flags: int, attachments: list[Attachment]) -> Message:
    channel = new.channel
    pings = mentions.compute(
        content,
        new.body.get("allowed_mentions"),
        channel=channel,
        author=new.author,
        reply_to=new.reply_to,
        default=new.default_mentions,
    )
    message = Message(
        id=context.state.ids.next(),
        channel=channel,
        author=new.author,
        content=content,
        type=new.type or (REPLY if new.reply_to else 0),
        flags=flags,
        created=context.clock.now(),
        embeds=list(new.body.get("embeds") or []),
        components=list(new.body.get("components") or []),
        attachments=attachments,
        reply_to=new.reply_to,
        reference=reference(new.reply_to) if new.reply_to else None,
        webhook_id=new.webhook_id,
        application_id=new.application_id,
        nonce=new.body.get("nonce"),
        tts=bool(new.body.get("tts")),
        interaction=new.interaction,
        interaction_metadata=new.interaction_metadata,
        pings=pings,
    )
    for attachment in attachments:
        attachment.ephemeral = message.ephemeral
    return message


def publish(context: ServerContext, message: Message) -> None:
    """Add a message to the state and send MESSAGE_CREATE.

    An ephemeral message is not added to the history of its channel.
    """
    context.state.messages[message.id] = message
    if message.interaction is not None:
        message.interaction.messages.append(message)
    if not message.ephemeral:
        message.channel.messages[message.id] = message
        if message.channel.is_thread and message.webhook_id is None:
            message.channel.thread_members.add(message.author.id)
    context.gateway.send_message("MESSAGE_CREATE", message)


def reference(target: Message) -> Json:
    """The `message_reference` to a message."""
    body: Json = {"type": 0, "message_id": str(target.id), "channel_id": str(target.channel.id)}
    return body | ({"guild_id": str(target.channel.guild.id)} if target.channel.guild else {})


def referenced_message(channel: Channel, body: Json) -> Message | None:
    """The message that a request replies to, or None.

    Raises:
        ApiError: 50035, it does not exist and `fail_if_not_exists` is not false.

    """
    message_reference: Json | None = body.get("message_reference")
    if not message_reference or not message_reference.get("message_id"):
        return None
    target = channel.messages.get(int(message_reference["message_id"]))
    if target is None and message_reference.get("fail_if_not_exists", True):
        # Not a violation: the message may have been deleted a moment ago.
        tree: Json = {
            "message_reference": {"_errors": [{"code": "REPLIES_UNKNOWN_MESSAGE", "message": "Unknown message"}]}
        }
        raise ApiError(400, 50035, "Invalid Form Body", errors=tree)
    return target


def find_by_nonce(context: ServerContext, channel: Channel, author: User, body: Json) -> Message | None:
    """The message that `enforce_nonce` returns: a recent one with the same nonce, author and channel; or None."""
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
