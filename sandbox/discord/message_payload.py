"""A message as Discord writes it, with what it hides from an application that may not read content."""

from __future__ import annotations

import copy
from typing import Any

from sandbox.discord import payloads
from sandbox.discord.clock import iso
from sandbox.discord.state import DIRECT, Attachment, DiscordState, Json, Message, User, get_list, get_object


def message(
    value: Message, state: DiscordState, base: str, *, viewer: User | None = None, nested: bool = False
) -> Json:
    """resources/message, "Message Object".

    Attachments that an embed or a component shows are not in `attachments` (api-docs PR 8279); it has their links.
    `viewer` is the account whose own reactions are marked.
    """
    now = state.clock.now()
    links = {entry.filename: payloads.attachment_url(entry, base, now) for entry in value.attachments}
    embeds = [_embed(entry, links) for entry in value.embeds]
    components = [_component(entry, links) for entry in value.components]
    shown = _shown_inside(value)
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
        "attachments": [payloads.attachment(entry, base, now) for entry in value.attachments if entry not in shown],
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
        body["thread"] = payloads.channel(value.thread, state)
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
    """The message as MESSAGE_CREATE and MESSAGE_UPDATE carry it: with the guild and the author as a member."""
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


def content_is_open(value: Message, state: DiscordState) -> bool:
    """Content that needs no privileged intent: own, direct, mentioning messages (gateway, "Message Content Intent")."""
    own = value.author is state.bot or value.application_id == state.application_id
    return own or value.channel.type == DIRECT or state.bot.id in value.pings.users


def without_content(body: Json) -> Json:
    """The five fields that the privileged intent guards, emptied."""
    return body | {"content": "", "embeds": [], "attachments": [], "components": []}


def referenced_names(value: Any) -> set[str]:
    """Every `attachment://name` anywhere inside embeds or components."""
    match value:
        case str() if value.startswith("attachment://"):
            return {value.removeprefix("attachment://")}
        case dict():
            return set[str]().union(*(referenced_names(entry) for entry in value.values()))  # pyright: ignore[reportUnknownVariableType]
        case list():
            return set[str]().union(*(referenced_names(entry) for entry in value))  # pyright: ignore[reportUnknownVariableType]
        case _:
            return set()


def _urls(value: Any) -> set[str]:
    match value:
        case str() if "/attachments/" in value:
            return {value}
        case dict():
            return set[str]().union(*(_urls(entry) for entry in value.values()))  # pyright: ignore[reportUnknownVariableType]
        case list():
            return set[str]().union(*(_urls(entry) for entry in value))  # pyright: ignore[reportUnknownVariableType]
        case _:
            return set()


def _shown_inside(value: Message) -> list[Attachment]:
    shown = [value.embeds, value.components]
    names, urls = referenced_names(shown), _urls(shown)
    return [
        entry
        for entry in value.attachments
        if entry.filename in names or any(f"/attachments/{entry.channel_id}/{entry.id}/" in url for url in urls)
    ]


def _embed(embed: Json, links: dict[str, str]) -> Json:
    body = copy.deepcopy(embed) | {"type": embed.get("type", "rich")}
    for key in ("image", "thumbnail", "video", "footer", "author"):
        media = get_object(body, key)
        for field in ("url", "icon_url"):
            if str(media.get(field, "")).startswith("attachment://"):
                link = links.get(str(media[field]).removeprefix("attachment://"), "")
                media |= {field: link, f"proxy_{field}": link}
    return body


def _component(component: Json, links: dict[str, str]) -> Json:
    body = copy.deepcopy(component)
    _resolve_media(body, links)
    _number(body, [0])
    return body


def _resolve_media(node: Any, links: dict[str, str]) -> None:
    if isinstance(node, list):
        for entry in node:  # pyright: ignore[reportUnknownVariableType]
            _resolve_media(entry, links)
    elif isinstance(node, dict):
        media: Json = node  # pyright: ignore[reportUnknownVariableType]
        url = media.get("url")
        if isinstance(url, str) and url.startswith("attachment://"):
            link = links.get(url.removeprefix("attachment://"), "")
            media |= {"url": link, "proxy_url": link, "height": None, "width": None, "loading_state": 2}
        for entry in media.values():
            _resolve_media(entry, links)


def _number(component: Json, counter: list[int]) -> None:
    counter[0] += 1
    component.setdefault("id", counter[0])
    inner = list(get_list(component, "components"))
    inner += [component[key] for key in ("accessory", "component") if component.get(key)]
    for entry in inner:
        _number(entry, counter)
