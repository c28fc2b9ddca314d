"""Incoming webhooks (resources/webhook); the paths with a token also serve the answers to interactions."""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from dataclasses import replace
from typing import Any

from sandbox.discord import mentions, message_payload, messages, payloads, rest_interactions
from sandbox.discord.context import NO_CONTENT, ApiRequest, ApiResponse, Route, ServerContext
from sandbox.discord.errors import ApiError, FormErrors, malformed, unauthorized, unknown
from sandbox.discord.rest_access import own_guild, require_permissions, visible_channel
from sandbox.discord.rules_messages import refuse_voice
from sandbox.discord.state import Channel, Json, Message, User, Webhook

MAX_PER_CHANNEL = 15


def check_name(name: Any, path: str, form: FormErrors) -> None:
    """1-80 characters without `clyde` or `discord` (resources/webhook, resources/user "Usernames and Nicknames")."""
    form.length(path, name, 1, 80)
    for word in ("clyde", "discord"):
        if word in str(name or "").lower():
            form.add(path, "USERNAME_INVALID_CONTAINS", f'Username cannot contain "{word}"')


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
    form = FormErrors()
    form.add("avatar", "IMAGE_INVALID", "Invalid image data")
    form.raise_if_any()
    return b""


async def create(context: ServerContext, call: ApiRequest) -> ApiResponse:
    """`POST /channels/{channel_id}/webhooks`."""
    channel = visible_channel(context, call, "manage_webhooks")
    if channel.guild is None or channel.is_thread:
        raise malformed(50024, "Cannot execute action on this channel type")
    form = FormErrors()
    form.required("name", call.body.get("name"))
    check_name(call.body.get("name"), "name", form)
    form.raise_if_any()
    if sum(hook.channel is channel for hook in context.state.webhooks.values()) >= MAX_PER_CHANNEL:
        raise ApiError(400, 30007, f"Maximum number of webhooks reached ({MAX_PER_CHANNEL})")
    hook = create_webhook(
        context, channel, str(call.body["name"]), context.state.bot, avatar_bytes(call.body.get("avatar"))
    )
    return ApiResponse(payloads.webhook(hook, context.base_url))


def create_webhook(context: ServerContext, channel: Channel, name: str, creator: User, avatar: bytes | None) -> Webhook:
    """A webhook: the application's own when the bot makes it. Sends WEBHOOKS_UPDATE."""
    own = context.state.application_id if creator is context.state.bot else None
    hook = Webhook(context.state.ids.next(), channel, name, secrets.token_urlsafe(51), creator, own, avatar)
    context.state.webhooks[hook.id] = hook
    _send_webhooks_update(context, channel)
    return hook


def delete_webhook(context: ServerContext, hook: Webhook) -> None:
    """A webhook goes; its messages stay."""
    context.state.webhooks.pop(hook.id, None)
    _send_webhooks_update(context, hook.channel)


def _send_webhooks_update(context: ServerContext, channel: Channel) -> None:
    body: Json = {"guild_id": str(channel.guild.id) if channel.guild else None, "channel_id": str(channel.id)}
    context.gateway.send_in("WEBHOOKS_UPDATE", body, channel)


async def of_channel(context: ServerContext, call: ApiRequest) -> ApiResponse:
    """`GET /channels/{channel_id}/webhooks`."""
    channel = visible_channel(context, call, "manage_webhooks")
    return ApiResponse([_listed(context, hook) for hook in context.state.webhooks.values() if hook.channel is channel])


async def of_guild(context: ServerContext, call: ApiRequest) -> ApiResponse:
    """`GET /guilds/{guild_id}/webhooks`."""
    guild = own_guild(context, call)
    return ApiResponse(
        [_listed(context, hook) for hook in context.state.webhooks.values() if hook.channel.guild is guild]
    )


def _listed(context: ServerContext, hook: Webhook) -> Json:
    # Tokens of other applications' webhooks are not told; those of persons' and own ones are.
    body = payloads.webhook(hook, context.base_url)
    if hook.creator.bot and hook.creator is not context.state.bot:
        return {key: value for key, value in body.items() if key not in {"token", "url"}}
    return body


def _by_id(context: ServerContext, call: ApiRequest) -> Webhook:
    hook = context.state.webhooks.get(call.number("webhook_id"))
    if hook is None:
        raise unknown("Webhook")
    if not call.authorized and "webhook_token" not in call.parameters:
        raise unauthorized()
    if "webhook_token" in call.parameters and hook.token != call.parameters["webhook_token"]:
        raise ApiError(401, 50027, "Invalid Webhook Token")
    if "webhook_token" not in call.parameters:
        require_permissions(context, hook.channel, "manage_webhooks")
    return hook


async def get(context: ServerContext, call: ApiRequest) -> ApiResponse:
    """`GET /webhooks/{webhook_id}` with or without its token."""
    return ApiResponse(payloads.webhook(_by_id(context, call), context.base_url))


async def modify(context: ServerContext, call: ApiRequest) -> ApiResponse:
    """`PATCH /webhooks/{webhook_id}`: name, avatar, channel."""
    hook = _by_id(context, call)
    form = FormErrors()
    check_name(call.body.get("name", hook.name), "name", form)
    form.raise_if_any()
    hook.name = str(call.body.get("name", hook.name))
    if "avatar" in call.body:
        hook.avatar = avatar_bytes(call.body["avatar"])
    if "channel_id" in call.body:
        hook.channel = context.state.channels.get(int(call.body["channel_id"]), hook.channel)
    _send_webhooks_update(context, hook.channel)
    return ApiResponse(payloads.webhook(hook, context.base_url))


async def delete(context: ServerContext, call: ApiRequest) -> ApiResponse:
    """`DELETE /webhooks/{webhook_id}`."""
    delete_webhook(context, _by_id(context, call))
    return NO_CONTENT


async def execute(context: ServerContext, call: ApiRequest) -> ApiResponse:
    """`POST /webhooks/{webhook_id}/{webhook_token}`: 204, or with `wait=true` the message."""
    interaction = rest_interactions.find_interaction(context, call)
    if interaction is not None:
        return await rest_interactions.follow_up(context, interaction, call)
    hook = _by_id(context, call)
    channel = _destination(context, hook, call)
    refuse_voice(call.body)
    if call.body.get("message_reference"):
        form = FormErrors()
        form.add("message_reference", "MESSAGE_REFERENCE_WEBHOOK", "Webhooks cannot reply.")
        form.raise_if_any()
    form = FormErrors()
    if call.body.get("username") is not None:
        check_name(call.body["username"], "username", form)
    form.raise_if_any()
    body = dict(call.body)
    if body.get("components") and hook.application_id != context.state.application_id and not _with_components(call):
        body.pop("components")  # ignored unless the application owns the webhook (resources/webhook, "Execute Webhook")
    draft = messages.NewMessage(
        channel,
        message_author(hook, body),
        body,
        call.parts,
        webhook_id=hook.id,
        application_id=hook.application_id,
        default_mentions=mentions.WEBHOOK,
    )
    message = messages.create(context, draft)
    return ApiResponse(_render(context, message)) if call.query.get("wait", "").lower() in {"1", "true"} else NO_CONTENT


def _with_components(call: ApiRequest) -> bool:
    return call.query.get("with_components", "").lower() in {"1", "true"}


def message_author(hook: Webhook, body: Json) -> User:
    """The author that a message shows: the webhook's own, or what `username` says."""
    own = hook.author
    return replace(own, name=str(body["username"])) if body.get("username") else own


def _destination(context: ServerContext, hook: Webhook, call: ApiRequest) -> Channel:
    thread_id = call.optional_number("thread_id")
    if thread_id is None:
        return hook.channel
    thread = context.state.channels.get(thread_id)
    if thread is None or thread.parent is not hook.channel:
        raise unknown("Channel")
    return thread


def _render(context: ServerContext, message: Message) -> Json:
    return message_payload.message(message, context.state, context.base_url)


def _own_message(context: ServerContext, hook: Webhook, call: ApiRequest) -> Message:
    message = context.state.messages.get(call.number("message_id"))
    if message is None or message.deleted or message.webhook_id != hook.id:
        raise unknown("Message")
    if message.channel is not _destination(context, hook, call):
        raise unknown("Message")  # a message in a thread needs `thread_id`
    return message


async def get_message(context: ServerContext, call: ApiRequest) -> ApiResponse:
    """`GET /webhooks/{webhook_id}/{webhook_token}/messages/{message_id}`."""
    interaction = rest_interactions.find_interaction(context, call)
    if interaction is not None:
        return await rest_interactions.get(context, interaction, call)
    return ApiResponse(_render(context, _own_message(context, _by_id(context, call), call)))


async def edit_message(context: ServerContext, call: ApiRequest) -> ApiResponse:
    """`PATCH /webhooks/{webhook_id}/{webhook_token}/messages/{message_id}`."""
    interaction = rest_interactions.find_interaction(context, call)
    if interaction is not None:
        return await rest_interactions.edit(context, interaction, call)
    message = _own_message(context, _by_id(context, call), call)
    return ApiResponse(_render(context, messages.edit(context, message, call.body, call.parts)))


async def delete_message(context: ServerContext, call: ApiRequest) -> ApiResponse:
    """`DELETE /webhooks/{webhook_id}/{webhook_token}/messages/{message_id}`."""
    interaction = rest_interactions.find_interaction(context, call)
    if interaction is not None:
        return await rest_interactions.delete(context, interaction, call)
    messages.delete(context, _own_message(context, _by_id(context, call), call))
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
    Route("GET", _TOKEN, get, public=True),
    Route("PATCH", _TOKEN, modify, public=True),
    Route("DELETE", _TOKEN, delete, public=True),
    Route("POST", _TOKEN, execute, public=True),
    Route("GET", _MESSAGE, get_message, public=True),
    Route("PATCH", _MESSAGE, edit_message, public=True),
    Route("DELETE", _MESSAGE, delete_message, public=True),
]
