"""Starting interactions, and finding them by their tokens (interactions/receiving-and-responding)."""

from __future__ import annotations

import secrets

from sandbox.discord import guild_payloads, message_payload, payloads
from sandbox.discord.context import ServerContext
from sandbox.discord.errors import ApiError, unknown
from sandbox.discord.guild_models import User
from sandbox.discord.json_values import Json
from sandbox.discord.message_models import Channel, Interaction, Message
from sandbox.discord.permissions import USER_INSTALLED_PERMISSIONS, permissions_in

COMMAND, COMPONENT, AUTOCOMPLETE, MODAL = 2, 3, 4, 5
ANSWER, DEFER, DEFER_UPDATE, UPDATE, CHOICES, SHOW_MODAL = 4, 5, 6, 7, 8, 9
ALLOWED = {
    COMMAND: {ANSWER, DEFER, SHOW_MODAL},
    COMPONENT: {ANSWER, DEFER, DEFER_UPDATE, UPDATE, SHOW_MODAL},
    AUTOCOMPLETE: {CHOICES},
    MODAL: {ANSWER, DEFER, DEFER_UPDATE, UPDATE},
}
"""Interaction type -> the callback types that it allows ("Interaction Callback Type")."""


def start(
    context: ServerContext,
    user: User,
    channel: Channel,
    kind: int,
    data: Json,
    *,
    source: Message | None = None,
    metadata: Json | None = None,
) -> Interaction:
    """Start an interaction: send INTERACTION_CREATE.

    Args:
        context: The local Discord.
        user: Who uses a command or a component, or submits a modal.
        channel: Where.
        kind: The interaction type: COMMAND, COMPONENT, AUTOCOMPLETE or MODAL.
        data: The interaction's `data`.
        source: The message whose component was used, also for a modal that a component opened.
        metadata: Keys of the interaction metadata beside id, type and user.

    """
    state, guild = context.state, channel.guild
    bot_is_member = guild is None or state.bot.id in guild.members
    interaction_id = state.ids.next()
    owners: Json = {"0": str(guild.id) if guild else "0"} if bot_is_member else {"1": str(user.id)}
    base_metadata: Json = {
        "id": str(interaction_id),
        "type": kind,
        "user": payloads.user(user),
        "authorizing_integration_owners": owners,
    }
    interaction = Interaction(
        id=interaction_id,
        token=secrets.token_urlsafe(96),
        type=kind,
        user=user,
        channel=channel,
        created=context.clock.now(),
        data=data,
        metadata=base_metadata | (metadata or {}),
        source=source,
        app_permissions=permissions_in(channel, state.bot) if bot_is_member else USER_INSTALLED_PERMISSIONS,
    )
    state.interactions[interaction.id] = interaction
    state.interactions_by_token[interaction.token] = interaction
    context.gateway.send("INTERACTION_CREATE", _payload(context, interaction, owners), guild=guild)
    return interaction


def _payload(context: ServerContext, interaction: Interaction, owners: Json) -> Json:
    state, channel, user = context.state, interaction.channel, interaction.user
    body: Json = {
        "id": str(interaction.id),
        "application_id": str(state.application_id),
        "type": interaction.type,
        "data": interaction.data,
        "channel_id": str(channel.id),
        "channel": guild_payloads.resolved_channel(channel, state, user),
        "token": interaction.token,
        "version": 1,
        "locale": "en-US",
        "entitlements": [],
        "app_permissions": str(interaction.app_permissions),
        "authorizing_integration_owners": owners,
        "attachment_size_limit": context.attachment_limit(channel.guild),
        "context": 1 if channel.guild is None else 0,
    }
    if interaction.source is not None:
        body["message"] = message_payload.message(interaction.source, state, context.base_url, viewer=state.bot)
    guild = channel.guild
    if guild is None:
        return body | {"user": payloads.user(user)}
    member = payloads.member(guild.members[user.id]) | {"permissions": str(permissions_in(channel, user))}
    partial: Json = {"id": str(guild.id), "locale": guild.locale, "features": []}
    return body | {"guild_id": str(guild.id), "guild": partial, "guild_locale": guild.locale, "member": member}


def by_callback(context: ServerContext, interaction_id: int, token: str) -> Interaction:
    """The interaction that a callback responds to.

    Raises:
        ApiError: 10062, it is unknown or older than 3 s; or 40060, it was responded to already.

    """
    interaction = context.state.interactions.get(interaction_id)
    if interaction is None or interaction.token != token:
        raise unknown("interaction")
    if interaction.response_type is not None:
        raise ApiError(400, 40060, "Interaction has already been acknowledged.")
    if interaction.failed or context.clock.now() - interaction.created > context.limits.callback_seconds:
        interaction.failed = True
        raise unknown("interaction")
    return interaction


def by_token(context: ServerContext, token: str) -> Interaction | None:
    """The interaction with this token; None if no interaction ever had it.

    Raises:
        ApiError: 50027, the token's 15 minutes are over.

    """
    interaction = context.state.interactions_by_token.get(token)
    if interaction is not None and context.clock.now() - interaction.created > context.limits.token_seconds:
        raise ApiError(401, 50027, "Invalid Webhook Token")
    return interaction
