"""REST routes of webhooks (resources/webhook)."""

from __future__ import annotations

from sandbox.discord import payloads
from sandbox.discord.context import NO_CONTENT, ApiRequest, ApiResponse, Route, ServerContext
from sandbox.discord.errors import ApiError, FormErrors, malformed, unauthorized, unknown
from sandbox.discord.json_values import Json
from sandbox.discord.message_models import Webhook
from sandbox.discord.rest_access import own_guild, require_permissions, visible_channel
from sandbox.discord.webhooks import (
    MAX_PER_CHANNEL,
    avatar_bytes,
    check_name,
    create_webhook,
    delete_webhook,
    send_webhooks_update,
)


async def create(context: ServerContext, request: ApiRequest) -> ApiResponse:
    """`POST /channels/{channel_id}/webhooks`."""
    channel = visible_channel(context, request, "manage_webhooks")
    if channel.guild is None or channel.is_thread:
        raise malformed(50024, "Cannot execute action on this channel type")
    form = FormErrors()
    form.required("name", request.body.get("name"))
    check_name(request.body.get("name"), "name", form)
    form.raise_if_any()
    if sum(webhook.channel is channel for webhook in context.state.webhooks.values()) >= MAX_PER_CHANNEL:
        raise ApiError(400, 30007, f"Maximum number of webhooks reached ({MAX_PER_CHANNEL})")
    webhook = create_webhook(
        context, channel, str(request.body["name"]), context.state.bot, avatar_bytes(request.body.get("avatar"))
    )
    return ApiResponse(payloads.webhook(webhook, context.base_url))


async def get_channel_webhooks(context: ServerContext, request: ApiRequest) -> ApiResponse:
    """`GET /channels/{channel_id}/webhooks`."""
    channel = visible_channel(context, request, "manage_webhooks")
    found = [webhook for webhook in context.state.webhooks.values() if webhook.channel is channel]
    return ApiResponse([_without_foreign_token(context, webhook) for webhook in found])


async def get_guild_webhooks(context: ServerContext, request: ApiRequest) -> ApiResponse:
    """`GET /guilds/{guild_id}/webhooks`."""
    guild = own_guild(context, request)
    found = [webhook for webhook in context.state.webhooks.values() if webhook.channel.guild is guild]
    return ApiResponse([_without_foreign_token(context, webhook) for webhook in found])


def _without_foreign_token(context: ServerContext, webhook: Webhook) -> Json:
    """A webhook as lists have it: with its token, unless another application created it."""
    body = payloads.webhook(webhook, context.base_url)
    if webhook.creator.bot and webhook.creator is not context.state.bot:
        return {key: value for key, value in body.items() if key not in {"token", "url"}}
    return body


def find_webhook(context: ServerContext, request: ApiRequest) -> Webhook:
    """The webhook in the path, with its token or, without one, for a bot that may manage it.

    Raises:
        ApiError: 10015, 401, 50027, 50001 or 50013.

    """
    webhook = context.state.webhooks.get(request.number("webhook_id"))
    if webhook is None:
        raise unknown("Webhook")
    if not request.authorized and "webhook_token" not in request.parameters:
        raise unauthorized()
    if "webhook_token" in request.parameters and webhook.token != request.parameters["webhook_token"]:
        raise ApiError(401, 50027, "Invalid Webhook Token")
    if "webhook_token" not in request.parameters:
        require_permissions(context, webhook.channel, "manage_webhooks")
    return webhook


async def get(context: ServerContext, request: ApiRequest) -> ApiResponse:
    """`GET /webhooks/{webhook_id}` with or without its token."""
    return ApiResponse(payloads.webhook(find_webhook(context, request), context.base_url))


async def modify(context: ServerContext, request: ApiRequest) -> ApiResponse:
    """`PATCH /webhooks/{webhook_id}`: name, avatar, channel."""
    webhook = find_webhook(context, request)
    form = FormErrors()
    check_name(request.body.get("name", webhook.name), "name", form)
    form.raise_if_any()
    webhook.name = str(request.body.get("name", webhook.name))
    if "avatar" in request.body:
        webhook.avatar = avatar_bytes(request.body["avatar"])
    if "channel_id" in request.body:
        webhook.channel = context.state.channels.get(int(request.body["channel_id"]), webhook.channel)
    send_webhooks_update(context, webhook.channel)
    return ApiResponse(payloads.webhook(webhook, context.base_url))


async def delete(context: ServerContext, request: ApiRequest) -> ApiResponse:
    """`DELETE /webhooks/{webhook_id}`."""
    delete_webhook(context, find_webhook(context, request))
    return NO_CONTENT


_WITH_TOKEN = "/webhooks/{webhook_id}/{webhook_token}"  # noqa: S105 - a path

ROUTES = [
    Route("POST", "/channels/{channel_id}/webhooks", create),
    Route("GET", "/channels/{channel_id}/webhooks", get_channel_webhooks),
    Route("GET", "/guilds/{guild_id}/webhooks", get_guild_webhooks),
    Route("GET", "/webhooks/{webhook_id}", get),
    Route("PATCH", "/webhooks/{webhook_id}", modify),
    Route("DELETE", "/webhooks/{webhook_id}", delete),
    Route("GET", _WITH_TOKEN, get, public=True),
    Route("PATCH", _WITH_TOKEN, modify, public=True),
    Route("DELETE", _WITH_TOKEN, delete, public=True),
]
