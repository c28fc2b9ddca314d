"""Incoming webhooks (resources/webhook); the paths with a token also serve the answers to interactions."""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from dataclasses import replace
from typing import Any

from sandbox.discord import mentions, message_payload, messages, payloads, rest_interactions
from sandbox.discord.core import NO_CONTENT, Call, Core, Reply, Route
from sandbox.discord.refusals import ApiError, Form, malformed, unauthorized, unknown
from sandbox.discord.rest_access import demand, own_guild, visible_channel
from sandbox.discord.rules_messages import refuse_voice
from sandbox.discord.state import Channel, Json, Message, User, Webhook

MAX_PER_CHANNEL = 15


def check_name(name: Any, path: str, form: Form) -> None:
    """1-80 characters without `clyde` or `discord` (resources/webhook, resources/user "Usernames and Nicknames")."""
    form.length(path, name, 1, 80)
    for word in ("clyde", "discord"):
        if word in str(name or "").lower():
            form.wrong(path, "USERNAME_INVALID_CONTAINS", f'Username cannot contain "{word}"')


def avatar_bytes(value: Any) -> bytes | None:
    """The picture in a data URI.

    Raises:
        ApiError: 50035, it is none.

    """
    if value is None:
        return None
    found = re.fullmatch(r"data:image/(png|jpeg|gif|webp);base64,(.+)", str(value), re.DOTALL)
    try:
        return base64.b64decode(found[2], validate=True) if found else _no_image()
    except binascii.Error:
        return _no_image()


def _no_image() -> bytes:
    form = Form()
    form.wrong("avatar", "IMAGE_INVALID", "Invalid image data")
    form.refuse()
    return b""


async def create(core: Core, call: Call) -> Reply:
    """`POST /channels/{channel_id}/webhooks`."""
    channel = visible_channel(core, call, "manage_webhooks")
    if channel.guild is None or channel.is_thread:
        raise malformed(50024, "Cannot execute action on this channel type")
    form = Form()
    form.required("name", call.body.get("name"))
    check_name(call.body.get("name"), "name", form)
    form.refuse()
    if sum(hook.channel is channel for hook in core.world.webhooks.values()) >= MAX_PER_CHANNEL:
        raise ApiError(400, 30007, f"Maximum number of webhooks reached ({MAX_PER_CHANNEL})")
    hook = make(core, channel, str(call.body["name"]), core.world.bot, avatar_bytes(call.body.get("avatar")))
    return Reply(payloads.webhook(hook, core.base))


def make(core: Core, channel: Channel, name: str, creator: User, avatar: bytes | None) -> Webhook:
    """A webhook: the application's own when the bot makes it. Sends WEBHOOKS_UPDATE."""
    own = core.world.application_id if creator is core.world.bot else None
    hook = Webhook(core.world.ids.next(), channel, name, secrets.token_urlsafe(51), creator, own, avatar)
    core.world.webhooks[hook.id] = hook
    _tell(core, channel)
    return hook


def remove(core: Core, hook: Webhook) -> None:
    """A webhook goes; its messages stay."""
    core.world.webhooks.pop(hook.id, None)
    _tell(core, hook.channel)


def _tell(core: Core, channel: Channel) -> None:
    body: Json = {"guild_id": str(channel.guild.id) if channel.guild else None, "channel_id": str(channel.id)}
    core.gateway.send_in("WEBHOOKS_UPDATE", body, channel)


async def of_channel(core: Core, call: Call) -> Reply:
    """`GET /channels/{channel_id}/webhooks`."""
    channel = visible_channel(core, call, "manage_webhooks")
    return Reply([_listed(core, hook) for hook in core.world.webhooks.values() if hook.channel is channel])


async def of_guild(core: Core, call: Call) -> Reply:
    """`GET /guilds/{guild_id}/webhooks`."""
    guild = own_guild(core, call)
    return Reply([_listed(core, hook) for hook in core.world.webhooks.values() if hook.channel.guild is guild])


def _listed(core: Core, hook: Webhook) -> Json:
    # Tokens of other applications' webhooks are not told; those of persons' and own ones are.
    body = payloads.webhook(hook, core.base)
    if hook.creator.bot and hook.creator is not core.world.bot:
        return {key: value for key, value in body.items() if key not in {"token", "url"}}
    return body


def _by_id(core: Core, call: Call) -> Webhook:
    hook = core.world.webhooks.get(call.number("webhook_id"))
    if hook is None:
        raise unknown("Webhook")
    if not call.authorized and "webhook_token" not in call.parameters:
        raise unauthorized()
    if "webhook_token" in call.parameters and hook.token != call.parameters["webhook_token"]:
        raise ApiError(401, 50027, "Invalid Webhook Token")
    if "webhook_token" not in call.parameters:
        demand(core, hook.channel, "manage_webhooks")
    return hook


async def get(core: Core, call: Call) -> Reply:
    """`GET /webhooks/{webhook_id}` with or without its token."""
    return Reply(payloads.webhook(_by_id(core, call), core.base))


async def modify(core: Core, call: Call) -> Reply:
    """`PATCH /webhooks/{webhook_id}`: name, avatar, channel."""
    hook = _by_id(core, call)
    form = Form()
    check_name(call.body.get("name", hook.name), "name", form)
    form.refuse()
    hook.name = str(call.body.get("name", hook.name))
    if "avatar" in call.body:
        hook.avatar = avatar_bytes(call.body["avatar"])
    if "channel_id" in call.body:
        hook.channel = core.world.channels.get(int(call.body["channel_id"]), hook.channel)
    _tell(core, hook.channel)
    return Reply(payloads.webhook(hook, core.base))


async def delete(core: Core, call: Call) -> Reply:
    """`DELETE /webhooks/{webhook_id}`."""
    remove(core, _by_id(core, call))
    return NO_CONTENT


async def execute(core: Core, call: Call) -> Reply:
    """`POST /webhooks/{webhook_id}/{webhook_token}`: 204, or with `wait=true` the message."""
    interaction = rest_interactions.of_application(core, call)
    if interaction is not None:
        return await rest_interactions.follow_up(core, interaction, call)
    hook = _by_id(core, call)
    channel = _destination(core, hook, call)
    refuse_voice(call.body)
    if call.body.get("message_reference"):
        form = Form()
        form.wrong("message_reference", "MESSAGE_REFERENCE_WEBHOOK", "Webhooks cannot reply.")
        form.refuse()
    form = Form()
    if call.body.get("username") is not None:
        check_name(call.body["username"], "username", form)
    form.refuse()
    body = dict(call.body)
    if body.get("components") and hook.application_id != core.world.application_id and not _with_components(call):
        body.pop("components")  # ignored unless the application owns the webhook (resources/webhook, "Execute Webhook")
    draft = messages.Draft(
        channel,
        face(hook, body),
        body,
        call.parts,
        webhook_id=hook.id,
        application_id=hook.application_id,
        default_mentions=mentions.WEBHOOK,
    )
    message = messages.create(core, draft)
    return Reply(_render(core, message)) if call.query.get("wait", "").lower() in {"1", "true"} else NO_CONTENT


def _with_components(call: Call) -> bool:
    return call.query.get("with_components", "").lower() in {"1", "true"}


def face(hook: Webhook, body: Json) -> User:
    """The author that a message shows: the webhook's own, or what `username` says."""
    own = hook.face
    return replace(own, name=str(body["username"])) if body.get("username") else own


def _destination(core: Core, hook: Webhook, call: Call) -> Channel:
    thread_id = call.optional("thread_id")
    if thread_id is None:
        return hook.channel
    thread = core.world.channels.get(thread_id)
    if thread is None or thread.parent is not hook.channel:
        raise unknown("Channel")
    return thread


def _render(core: Core, message: Message) -> Json:
    return message_payload.message(message, core.world, core.base)


def _own_message(core: Core, hook: Webhook, call: Call) -> Message:
    message = core.world.messages.get(call.number("message_id"))
    if message is None or message.deleted or message.webhook_id != hook.id:
        raise unknown("Message")
    if message.channel is not _destination(core, hook, call):
        raise unknown("Message")  # a message in a thread needs `thread_id`
    return message


async def get_message(core: Core, call: Call) -> Reply:
    """`GET /webhooks/{webhook_id}/{webhook_token}/messages/{message_id}`."""
    interaction = rest_interactions.of_application(core, call)
    if interaction is not None:
        return await rest_interactions.get(core, interaction, call)
    return Reply(_render(core, _own_message(core, _by_id(core, call), call)))


async def edit_message(core: Core, call: Call) -> Reply:
    """`PATCH /webhooks/{webhook_id}/{webhook_token}/messages/{message_id}`."""
    interaction = rest_interactions.of_application(core, call)
    if interaction is not None:
        return await rest_interactions.edit(core, interaction, call)
    message = _own_message(core, _by_id(core, call), call)
    return Reply(_render(core, messages.edit(core, message, call.body, call.parts)))


async def delete_message(core: Core, call: Call) -> Reply:
    """`DELETE /webhooks/{webhook_id}/{webhook_token}/messages/{message_id}`."""
    interaction = rest_interactions.of_application(core, call)
    if interaction is not None:
        return await rest_interactions.delete(core, interaction, call)
    messages.delete(core, _own_message(core, _by_id(core, call), call))
    return NO_CONTENT


_TOKEN = "/webhooks/{webhook_id}/{webhook_token}"  # noqa: S105 - a path
_MESSAGE = _TOKEN + "/messages/{message_id}"

ROUTES = [
    Route("POST", "/channels/{channel_id}/webhooks", create),
    Route("GET", "/channels/{channel_id}/webhooks", of_channel),
    Route("GET", "/guilds/{guild_id}/webhooks", of_guild),
    Route("GET", "/webhooks/{webhook_id}", get),
    Route("PATCH", "/webhooks/{webhook_id}", modify),
    Route("DELETE", "/webhooks/{webhook_id}", delete),
    Route("GET", _TOKEN, get, open=True),
    Route("PATCH", _TOKEN, modify, open=True),
    Route("DELETE", _TOKEN, delete, open=True),
    Route("POST", _TOKEN, execute, open=True),
    Route("GET", _MESSAGE, get_message, open=True),
    Route("PATCH", _MESSAGE, edit_message, open=True),
    Route("DELETE", _MESSAGE, delete_message, open=True),
]
