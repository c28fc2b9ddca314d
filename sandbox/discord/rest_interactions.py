"""Answers to interactions: the callback, and the followups through the interaction's token."""

from __future__ import annotations

from sandbox.discord import interaction_responses, interactions, message_edits, message_payload
from sandbox.discord.context import NO_CONTENT, ApiRequest, ApiResponse, Route, ServerContext
from sandbox.discord.errors import unknown
from sandbox.discord.json_values import Json
from sandbox.discord.message_models import Interaction, Message


def render(context: ServerContext, message: Message) -> Json:
    """An answer as the application reads it."""
    return message_payload.message(message, context.state, context.base_url, viewer=context.state.bot)


async def callback(context: ServerContext, request: ApiRequest) -> ApiResponse:
    """`POST /interactions/{id}/{token}/callback`: the first answer, in 3 s; `with_response` returns what was made."""
    interaction = interactions.by_callback(context, request.number("interaction_id"), request.parameters["token"])
    interaction_responses.answer(context, interaction, request.body, request.parts)
    if request.query.get("with_response", "").lower() not in {"1", "true"}:
        return NO_CONTENT
    about: Json = {"id": str(interaction.id), "type": interaction.type}
    made = interaction.original
    if made is None:
        return ApiResponse({"interaction": about, "resource": {"type": interaction.response_type}})
    about |= {
        "response_message_id": str(made.id),
        "response_message_loading": made.loading,
        "response_message_ephemeral": made.ephemeral,
    }
    return ApiResponse(
        {"interaction": about, "resource": {"type": interaction.response_type, "message": render(context, made)}}
    )


async def follow_up(context: ServerContext, interaction: Interaction, request: ApiRequest) -> ApiResponse:
    """`POST /webhooks/{application_id}/{token}`."""
    return ApiResponse(
        render(context, interaction_responses.follow_up(context, interaction, request.body, request.parts))
    )


async def get(context: ServerContext, interaction: Interaction, request: ApiRequest) -> ApiResponse:
    """`GET /webhooks/{application_id}/{token}/messages/{@original or id}`."""
    return ApiResponse(
        render(context, interaction_responses.response_message(interaction, request.parameters["message_id"]))
    )


async def edit(context: ServerContext, interaction: Interaction, request: ApiRequest) -> ApiResponse:
    """`PATCH /webhooks/{application_id}/{token}/messages/{@original or id}`."""
    message = interaction_responses.response_message(interaction, request.parameters["message_id"])
    if message.loading:
        return ApiResponse(
            render(context, interaction_responses.fill_deferred(context, message, request.body, request.parts))
        )
    return ApiResponse(render(context, message_edits.edit(context, message, request.body, request.parts)))


async def delete(context: ServerContext, interaction: Interaction, request: ApiRequest) -> ApiResponse:
    """`DELETE /webhooks/{application_id}/{token}/messages/{@original or id}`."""
    message_edits.delete(context, interaction_responses.response_message(interaction, request.parameters["message_id"]))
    return NO_CONTENT


def find_interaction(context: ServerContext, request: ApiRequest) -> Interaction | None:
    """The interaction that a `/webhooks/{id}/{token}` path means; None where the id is a real webhook's.

    Raises:
        ApiError: 10015 for an unknown token of the application, 50027 for an expired one.

    """
    if request.number("webhook_id") != context.state.application_id:
        return None
    interaction = interactions.by_token(context, request.parameters["webhook_token"])
    if interaction is None:
        raise unknown("Webhook")
    return interaction


ROUTES = [Route("POST", "/interactions/{interaction_id}/{token}/callback", callback, public=True)]
