"""REST routes of responses to interactions: the callback, and the messages of the interaction's token."""

from __future__ import annotations

from sandbox.discord import interaction_responses, interactions, message_edits, message_payload
from sandbox.discord.context import NO_CONTENT, ApiRequest, ApiResponse, Route, ServerContext
from sandbox.discord.errors import unknown
from sandbox.discord.json_values import Json
from sandbox.discord.message_models import Interaction, Message


def render(context: ServerContext, message: Message) -> Json:
    """A response message as the application gets it."""
    return message_payload.message(message, context.state, context.base_url, viewer=context.state.bot)


async def callback(context: ServerContext, request: ApiRequest) -> ApiResponse:
    """`POST /interactions/{id}/{token}/callback`; with `with_response` it returns what was created."""
    interaction = interactions.by_callback(context, request.number("interaction_id"), request.parameters["token"])
    interaction_responses.answer(context, interaction, request.body, request.parts)
    if request.query.get("with_response", "").lower() not in {"1", "true"}:
        return NO_CONTENT
    interaction_object: Json = {"id": str(interaction.id), "type": interaction.type}
    response_message = interaction.original
    if response_message is None:
        return ApiResponse({"interaction": interaction_object, "resource": {"type": interaction.response_type}})
    interaction_object |= {
        "response_message_id": str(response_message.id),
        "response_message_loading": response_message.loading,
        "response_message_ephemeral": response_message.ephemeral,
    }
    resource: Json = {"type": interaction.response_type, "message": render(context, response_message)}
    return ApiResponse({"interaction": interaction_object, "resource": resource})


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
    """The interaction that a `/webhooks/{id}/{token}` path refers to; None if the id is a webhook's.

    Raises:
        ApiError: 10015, the application never had that token; or 50027, the token has expired.

    """
    if request.number("webhook_id") != context.state.application_id:
        return None
    interaction = interactions.by_token(context, request.parameters["webhook_token"])
    if interaction is None:
        raise unknown("Webhook")
    return interaction


ROUTES = [Route("POST", "/interactions/{interaction_id}/{token}/callback", callback, public=True)]
