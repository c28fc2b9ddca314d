"""Creating and deleting webhooks, and the rules for their names and avatars (resources/webhook)."""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from typing import Any

from sandbox.discord.context import ServerContext
from sandbox.discord.errors import FormErrors
from sandbox.discord.guild_models import User
from sandbox.discord.json_values import Json
from sandbox.discord.message_models import Channel, Webhook

MAX_PER_CHANNEL = 15
"""Webhooks per channel."""


def check_name(name: Any, path: str, form: FormErrors) -> None:
    """Check a webhook name: 1 to 80 characters without `clyde` or `discord` (resources/webhook, "Create Webhook")."""
    form.length(path, name, 1, 80)
    for word in ("clyde", "discord"):
        if word in str(name or "").lower():
            form.add(path, "USERNAME_INVALID_CONTAINS", f'Username cannot contain "{word}"')


def avatar_bytes(value: Any) -> bytes | None:
    """The picture of a data URI; None for null.

    Raises:
        ApiError: 50035, the value is no data URI of a picture.

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


def create_webhook(context: ServerContext, channel: Channel, name: str, creator: User, avatar: bytes | None) -> Webhook:
    """Create a webhook and send WEBHOOKS_UPDATE. It is the application's own if the bot creates it."""
    own = context.state.application_id if creator is context.state.bot else None
    webhook = Webhook(context.state.ids.next(), channel, name, secrets.token_urlsafe(51), creator, own, avatar)
    context.state.webhooks[webhook.id] = webhook
    send_webhooks_update(context, channel)
    return webhook


def delete_webhook(context: ServerContext, webhook: Webhook) -> None:
    """Delete a webhook and send WEBHOOKS_UPDATE; its messages stay."""
    context.state.webhooks.pop(webhook.id, None)
    send_webhooks_update(context, webhook.channel)


def send_webhooks_update(context: ServerContext, channel: Channel) -> None:
    """Send WEBHOOKS_UPDATE for a channel."""
    body: Json = {"guild_id": str(channel.guild.id) if channel.guild else None, "channel_id": str(channel.id)}
    context.gateway.send_in("WEBHOOKS_UPDATE", body, channel)
