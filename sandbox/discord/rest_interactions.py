"""Answers to interactions: the callback, and the followups through the interaction's token."""

from __future__ import annotations

from sandbox.discord import interactions, message_payload, messages
from sandbox.discord.core import NO_CONTENT, Call, Core, Reply, Route
from sandbox.discord.refusals import unknown
from sandbox.discord.state import Interaction, Json, Message


def render(core: Core, message: Message) -> Json:
    """An answer as the application reads it."""
    return message_payload.message(message, core.world, core.base, viewer=core.world.bot)


async def callback(core: Core, call: Call) -> Reply:
    """`POST /interactions/{id}/{token}/callback`: the first answer, in 3 s; `with_response` returns what was made."""
    interaction = interactions.by_callback(core, call.number("interaction_id"), call.parameters["token"])
    interactions.answer(core, interaction, call.body, call.parts)
    if call.query.get("with_response", "").lower() not in {"1", "true"}:
        return NO_CONTENT
    about: Json = {"id": str(interaction.id), "type": interaction.type}
    made = interaction.original
    if made is None:
        return Reply({"interaction": about, "resource": {"type": interaction.response_type}})
    about |= {
        "response_message_id": str(made.id),
        "response_message_loading": made.loading,
        "response_message_ephemeral": made.ephemeral,
    }
    return Reply({"interaction": about, "resource": {"type": interaction.response_type, "message": render(core, made)}})


async def follow_up(core: Core, interaction: Interaction, call: Call) -> Reply:
    """`POST /webhooks/{application_id}/{token}`."""
    return Reply(render(core, interactions.follow_up(core, interaction, call.body, call.parts)))


async def get(core: Core, interaction: Interaction, call: Call) -> Reply:
    """`GET /webhooks/{application_id}/{token}/messages/{@original or id}`."""
    return Reply(render(core, interactions.target(interaction, call.parameters["message_id"])))


async def edit(core: Core, interaction: Interaction, call: Call) -> Reply:
    """`PATCH /webhooks/{application_id}/{token}/messages/{@original or id}`."""
    message = interactions.target(interaction, call.parameters["message_id"])
    if message.loading:
        return Reply(render(core, interactions.fill(core, message, call.body, call.parts)))
    return Reply(render(core, messages.edit(core, message, call.body, call.parts)))


async def delete(core: Core, interaction: Interaction, call: Call) -> Reply:
    """`DELETE /webhooks/{application_id}/{token}/messages/{@original or id}`."""
    messages.delete(core, interactions.target(interaction, call.parameters["message_id"]))
    return NO_CONTENT


def of_application(core: Core, call: Call) -> Interaction | None:
    """The interaction that a `/webhooks/{id}/{token}` path means; None where the id is a real webhook's.

    Raises:
        ApiError: 10015 for an unknown token of the application, 50027 for an expired one.

    """
    if call.number("webhook_id") != core.world.application_id:
        return None
    interaction = interactions.by_token(core, call.parameters["webhook_token"])
    if interaction is None:
        raise unknown("Webhook")
    return interaction


ROUTES = [Route("POST", "/interactions/{interaction_id}/{token}/callback", callback, open=True)]
