"""REST routes of webhook messages (resources/webhook). The same paths serve an interaction's followup messages."""

from __future__ import annotations

from dataclasses import replace

from sandbox.discord import mentions, message_edits, message_payload, messages, rest_interactions
from sandbox.discord.context import NO_CONTENT, ApiRequest, ApiResponse, Route, ServerContext
from sandbox.discord.errors import FormErrors, unknown
from sandbox.discord.guild_models import User
from sandbox.discord.json_values import Json
from sandbox.discord.message_models import Channel, Message, Webhook
from sandbox.discord.rest_access import require_open
from sandbox.discord.rest_webhooks import find_webhook
from sandbox.discord.rules_messages import refuse_voice
from sandbox.discord.webhooks import check_name


async def execute(context: ServerContext, request: ApiRequest) -> ApiResponse:
    """`POST /webhooks/{webhook_id}/{webhook_token}`: status 204, or the message with `wait=true`."""
    interaction = rest_interactions.find_interaction(context, request)
    if interaction is not None:
        return await rest_interactions.follow_up(context, interaction, request)
    webhook = find_webhook(context, request)
    channel = _destination(context, webhook, request)
    refuse_voice(request.body)
    if request.body.get("message_reference"):
        form = FormErrors()
        form.add("message_reference", "MESSAGE_REFERENCE_WEBHOOK", "Webhooks cannot reply.")
        form.raise_if_any()
    form = FormErrors()
    if request.body.get("username") is not None:
        check_name(request.body["username"], "username", form)
    form.raise_if_any()
    body = dict(request.body)
    if (
        body.get("components")
        and webhook.application_id != context.state.application_id
        and not _with_components(request)
    ):
        body.pop("components")  # ignored unless the application owns the webhook (resources/webhook, "Execute Webhook")
    new = messages.NewMessage(
        channel,
        message_author(webhook, body),
        body,
        request.parts,
        webhook_id=webhook.id,
        application_id=webhook.application_id,
        default_mentions=mentions.WEBHOOK,
    )
    message = messages.create(context, new)
    return (
        ApiResponse(_render(context, message)) if request.query.get("wait", "").lower() in {"1", "true"} else NO_CONTENT
    )


def _with_components(request: ApiRequest) -> bool:
    return request.query.get("with_components", "").lower() in {"1", "true"}


def message_author(webhook: Webhook, body: Json) -> User:
    """The author that a message shows: the webhook's own, or the one that `username` names."""
    own = webhook.author
    return replace(own, name=str(body["username"])) if body.get("username") else own


def _destination(context: ServerContext, webhook: Webhook, request: ApiRequest) -> Channel:
    thread_id = request.optional_number("thread_id")
    if thread_id is None:
        return webhook.channel
    thread = context.state.channels.get(thread_id)
    if thread is None or thread.parent is not webhook.channel:
        raise unknown("Channel")
    return thread


def _render(context: ServerContext, message: Message) -> Json:
    return message_payload.message(message, context.state, context.base_url)


def _own_message(context: ServerContext, webhook: Webhook, request: ApiRequest) -> Message:
    message = context.state.messages.get(request.number("message_id"))
    if message is None or message.deleted or message.webhook_id != webhook.id:
        raise unknown("Message")
    if message.channel is not _destination(context, webhook, request):
        raise unknown("Message")  # a message in a thread needs `thread_id`
    return message


async def get_message(context: ServerContext, request: ApiRequest) -> ApiResponse:
    """`GET /webhooks/{webhook_id}/{webhook_token}/messages/{message_id}`."""
    interaction = rest_interactions.find_interaction(context, request)
    if interaction is not None:
        return await rest_interactions.get(context, interaction, request)
    return ApiResponse(_render(context, _own_message(context, find_webhook(context, request), request)))


async def edit_message(context: ServerContext, request: ApiRequest) -> ApiResponse:
    """`PATCH /webhooks/{webhook_id}/{webhook_token}/messages/{message_id}`."""
    interaction = rest_interactions.find_interaction(context, request)
    if interaction is not None:
        return await rest_interactions.edit(context, interaction, request)
    message = _own_message(context, find_webhook(context, request), request)
    require_open(message.channel)
    return ApiResponse(_render(context, message_edits.edit(context, message, request.body, request.parts)))


async def delete_message(context: ServerContext, request: ApiRequest) -> ApiResponse:
    """`DELETE /webhooks/{webhook_id}/{webhook_token}/messages/{message_id}`."""
    interaction = rest_interactions.find_interaction(context, request)
    if interaction is not None:
        return await rest_interactions.delete(context, interaction, request)
    message_edits.delete(context, _own_message(context, find_webhook(context, request), request))
    return NO_CONTENT


_WITH_TOKEN = "/webhooks/{webhook_id}/{webhook_token}"  # noqa: S105 - a path
_MESSAGE = _WITH_TOKEN + "/messages/{message_id}"

ROUTES = [
    Route("POST", _WITH_TOKEN, execute, public=True),
    Route("GET", _MESSAGE, get_message, public=True),
    Route("PATCH", _MESSAGE, edit_message, public=True),
    Route("DELETE", _MESSAGE, delete_message, public=True),
]
