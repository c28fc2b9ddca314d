"""Messages come, change and go; every way to write one (bot, webhook, interaction, person) ends here."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

from sandbox.discord import mentions, payloads, uploads
from sandbox.discord.context import FilePart, ServerContext
from sandbox.discord.errors import ApiError, FormErrors, malformed, unknown
from sandbox.discord.rules_messages import check_body, check_files, check_not_empty, check_references, check_voice
from sandbox.discord.state import (
    COMPONENTS_V2,
    EPHEMERAL,
    LOADING,
    VOICE,
    Attachment,
    Channel,
    Interaction,
    Json,
    Message,
    Reaction,
    User,
)

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


def edit(context: ServerContext, message: Message, body: Json, parts: list[FilePart]) -> Message:
    """Change a message: keys that are absent stay, `attachments` replaces the files. An edit never pings.

    Raises:
        ApiError: A rule is broken; nothing was changed.

    """
    if message.is_voice:
        raise malformed(50162, "Voice messages cannot be edited.")
    wanted = int(body.get("flags") or 0)
    if wanted & VOICE:
        raise malformed(50162, "Voice messages cannot be edited.")
    v2 = (message.flags | wanted) & COMPONENTS_V2
    if message.flags & COMPONENTS_V2 and body.get("flags") is not None and not wanted & COMPONENTS_V2:
        form = FormErrors()
        form.add("flags", "MESSAGE_CANNOT_REMOVE_COMPONENTS_V2_FLAG", "The flag IS_COMPONENTS_V2 cannot be removed")
        form.raise_if_any()
    check_body(body, (wanted & ~EPHEMERAL) | v2)
    after: Json = {
        "content": message.content if "content" not in body else body["content"] or "",
        "embeds": message.embeds if "embeds" not in body else body["embeds"] or [],
        "components": message.components if "components" not in body else body["components"] or [],
    }
    if v2 and (after["content"] or after["embeds"]):
        raise malformed(50035, "Content and embeds must be emptied before a message becomes Components V2.")
    attachments = uploads.kept(body, message.attachments, parts)
    attachments += uploads.from_parts(context, message.channel, body, parts)
    check_files(attachments, context.attachment_limit(message.channel.guild))
    check_references(after, attachments)
    check_not_empty(after["content"], after, attachments)
    _replace(context, message, after, attachments, (message.flags & ~LOADING) | v2)
    return message


def _replace(context: ServerContext, message: Message, after: Json, attachments: list[Attachment], flags: int) -> None:
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
    message.content, message.embeds, message.components = after["content"], after["embeds"], after["components"]
    message.attachments, message.flags = attachments, flags
    context.gateway.send_message("MESSAGE_UPDATE", message)


def delete(context: ServerContext, message: Message) -> None:
    """Take a message away and send MESSAGE_DELETE.

    Raises:
        ApiError: 10008, it is gone already.

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


def add_reaction(context: ServerContext, message: Message, user: User, emoji: str) -> None:
    """Add a reaction and send MESSAGE_REACTION_ADD; the same one twice changes nothing.

    Raises:
        ApiError: 30010, twenty different ones are there (resources/message, "Create Reaction").

    """
    reaction = next((entry for entry in message.reactions if entry.emoji == emoji), None)
    if reaction is None:
        if len(message.reactions) >= 20:
            raise ApiError(400, 30010, "Maximum number of reactions reached (20)")
        reaction = Reaction(emoji)
        message.reactions.append(reaction)
    if user in reaction.users:
        return
    reaction.users.append(user)
    body = _reaction_body(message, user, emoji) | {"message_author_id": str(message.author.id), "type": 0}
    context.gateway.send_in("MESSAGE_REACTION_ADD", body | {"burst": False}, message.channel)


def remove_reaction(context: ServerContext, message: Message, user: User, emoji: str) -> None:
    """Take a reaction back and send MESSAGE_REACTION_REMOVE; one that is not there changes nothing."""
    for reaction in message.reactions:
        if reaction.emoji == emoji and user in reaction.users:
            reaction.users.remove(user)
            message.reactions = [entry for entry in message.reactions if entry.users]
            body = _reaction_body(message, user, emoji, with_member=False) | {"type": 0, "burst": False}
            context.gateway.send_in("MESSAGE_REACTION_REMOVE", body, message.channel)
            return


def _reaction_body(message: Message, user: User, emoji: str, *, with_member: bool = True) -> Json:
    body: Json = {
        "user_id": str(user.id),
        "channel_id": str(message.channel.id),
        "message_id": str(message.id),
        "emoji": {"id": None, "name": emoji},
    }
    guild = message.channel.guild
    if guild is None:
        return body
    body["guild_id"] = str(guild.id)
    if with_member and (member := guild.members.get(user.id)):
        body["member"] = payloads.member(member)
    return body
