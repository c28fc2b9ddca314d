"""Messages as Discord's JSON, with and without the fields that need the message content intent."""

from __future__ import annotations

from sandbox.discord import attachment_payload, guild_payloads, payloads
from sandbox.discord.attachment_links import embedded_attachments, resolve_component, resolve_embed
from sandbox.discord.clock import iso
from sandbox.discord.guild_models import User
from sandbox.discord.json_values import Json, get_list
from sandbox.discord.message_models import DIRECT, Message
from sandbox.discord.state import DiscordState


def message(
    value: Message, state: DiscordState, base: str, *, viewer: User | None = None, nested: bool = False
) -> Json:
    """resources/message, "Message Object".

    Attachments that an embed or a component shows are not in `attachments` (api-docs PR 8279); their CDN links are in
    the embed or component.

    Args:
        value: The message.
        state: The state it belongs to.
        base: The URL of the local Discord.
        viewer: The account whose own reactions are marked with `me`.
        nested: Whether this is a `referenced_message`, which has no `referenced_message` itself.

    """
    now = state.clock.now()
    links = {entry.filename: attachment_payload.attachment_url(entry, base, now) for entry in value.attachments}
    embeds = [resolve_embed(entry, links) for entry in value.embeds]
    components = [resolve_component(entry, links) for entry in value.components]
    embedded = embedded_attachments(value)
    body: Json = {
        "id": str(value.id),
        "channel_id": str(value.channel.id),
        "author": payloads.user(value.author),
        "content": value.content,
        "timestamp": iso(value.created),
        "edited_timestamp": iso(value.edited) if value.edited else None,
        "tts": value.tts,
        "mention_everyone": value.pings.everyone,
        "mentions": [payloads.user(who) for who in payloads.mentioned(value, state)],
        "mention_roles": [str(role_id) for role_id in sorted(value.pings.roles)],
        "attachments": [
            attachment_payload.attachment(entry, base, now) for entry in value.attachments if entry not in embedded
        ],
        "embeds": embeds,
        "components": components,
        "pinned": False,
        "type": value.type,
        "flags": value.flags,
    }
    body |= _optional(value)
    if value.reactions:
        body["reactions"] = [_reaction(entry.emoji, entry.users, viewer) for entry in value.reactions]
    if value.thread is not None:
        body["thread"] = guild_payloads.channel(value.thread, state)
    if value.reply_to is not None and not nested:
        gone = value.reply_to.deleted
        body["referenced_message"] = None if gone else message(value.reply_to, state, base, viewer=viewer, nested=True)
    return body


def _optional(value: Message) -> Json:
    optional: Json = {
        "webhook_id": str(value.webhook_id) if value.webhook_id else None,
        "application_id": str(value.application_id) if value.application_id else None,
        "nonce": value.nonce,
        "interaction_metadata": value.interaction_metadata,
        "message_reference": value.reference,
    }
    return {key: entry for key, entry in optional.items() if entry is not None}


def _reaction(emoji: str, users: list[User], viewer: User | None) -> Json:
    return {
        "emoji": {"id": None, "name": emoji},
        "count": len(users),
        "count_details": {"burst": 0, "normal": len(users)},
        "me": viewer in users,
        "me_burst": False,
        "burst_colors": [],
    }


def event(value: Message, state: DiscordState, base: str) -> Json:
    """The message in MESSAGE_CREATE and MESSAGE_UPDATE: with the guild, and members for the author and mentions."""
    body = message(value, state, base, viewer=state.bot) | {"channel_type": value.channel.type}
    guild = value.channel.guild
    if guild is None:
        return body
    body["guild_id"] = str(guild.id)
    if value.webhook_id is None and (member := guild.members.get(value.author.id)):
        body["member"] = payloads.member(member, with_user=False)
    for mentioned in get_list(body, "mentions"):
        if member := guild.members.get(int(mentioned["id"])):
            mentioned["member"] = payloads.member(member, with_user=False)
    return body


def needs_no_content_intent(value: Message, state: DiscordState) -> bool:
    """Whether a bot gets the content without the message content intent.

    That is so for its own messages, DMs and messages that mention it (events/gateway, "Message Content Intent").
    """
    own = value.author is state.bot or value.application_id == state.application_id
    return own or value.channel.type == DIRECT or state.bot.id in value.pings.users


def without_content(body: Json) -> Json:
    """The message without the fields that the message content intent protects."""
    return body | {"content": "", "embeds": [], "attachments": [], "components": []}
