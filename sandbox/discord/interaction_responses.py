"""What the application's responses to an interaction do (interactions/receiving-and-responding)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sandbox.discord import mentions, message_edits, messages
from sandbox.discord.context import FilePart, ServerContext
from sandbox.discord.errors import ApiError, FormErrors, unknown
from sandbox.discord.interactions import ALLOWED, CHOICES, COMMAND, DEFER_UPDATE, SHOW_MODAL, UPDATE
from sandbox.discord.json_values import Json, get_int, get_object
from sandbox.discord.message_models import EPHEMERAL, LOADING, VOICE, Interaction, Message
from sandbox.discord.permissions import bits
from sandbox.discord.rules_commands import check_choices
from sandbox.discord.rules_messages import refuse_voice
from sandbox.discord.rules_modals import check_modal


def answer(context: ServerContext, interaction: Interaction, body: Json, parts: list[FilePart]) -> None:
    """Apply a callback to its interaction.

    Raises:
        ApiError: The callback type is not allowed for the interaction, or its data breaks a rule.

    """
    kind, data = int(body.get("type") or 0), get_object(body, "data")
    form = FormErrors()
    if kind not in ALLOWED[interaction.type]:
        form.add("type", "BASE_TYPE_CHOICES", f"Value must be one of {sorted(ALLOWED[interaction.type])}.")
    if kind in {DEFER_UPDATE, UPDATE} and interaction.source is None:
        form.add("type", "INTERACTION_INVALID_CALLBACK", "There is no message to update.")
    if kind == CHOICES:
        check_choices(data.get("choices"), "data.choices", form)
    if kind == SHOW_MODAL:
        check_modal(data, form)
    form.raise_if_any()
    match kind:
        case 4:
            interaction.original = _create_response(context, interaction, data, parts)
        case 5:
            interaction.original = _create_loading_message(context, interaction, int(data.get("flags") or 0))
        case 6:
            interaction.original = interaction.source
        case 7 if interaction.source is not None:
            interaction.original = message_edits.edit(context, interaction.source, data, parts)
        case _:
            pass
    interaction.response_type, interaction.response_data = kind, data
    context.changes.notify()


def _new_message(
    context: ServerContext, interaction: Interaction, data: Json, parts: list[FilePart]
) -> messages.NewMessage:
    is_command = interaction.type == COMMAND
    menu = is_command and interaction.data.get("type", 1) != 1
    reply_to = None if is_command else interaction.source
    return messages.NewMessage(
        channel=interaction.channel,
        author=context.state.bot,
        body=data,
        parts=parts,
        type=(messages.CONTEXT_MENU_COMMAND if menu else messages.CHAT_INPUT_COMMAND) if is_command else 0,
        webhook_id=context.state.application_id,
        application_id=context.state.application_id,
        interaction=interaction,
        interaction_metadata=interaction.metadata,
        reply_to=reply_to,
        default_mentions=mentions.WEBHOOK,
    )


def _create_response(context: ServerContext, interaction: Interaction, data: Json, parts: list[FilePart]) -> Message:
    if get_int(data, "flags", 0) & VOICE and not interaction.app_permissions & bits("send_voice_messages"):
        raise ApiError(403, 50173, "Cannot send voice messages in this channel")
    return messages.create(context, _new_message(context, interaction, data, parts))


def _create_loading_message(context: ServerContext, interaction: Interaction, flags: int) -> Message:
    form = FormErrors()
    if flags & ~EPHEMERAL:  # components/reference: V2 cannot be set on a defer
        form.add("data.flags", "MESSAGE_FLAGS_INVALID", "Only EPHEMERAL can be set on a deferred answer.")
    form.raise_if_any()
    new = _new_message(context, interaction, {}, [])
    message = Message(
        id=context.state.ids.next(),
        channel=interaction.channel,
        author=context.state.bot,
        type=new.type or (messages.REPLY if new.reply_to else 0),
        flags=(flags & EPHEMERAL) | LOADING,
        created=context.clock.now(),
        reply_to=new.reply_to,
        reference=messages.reference(new.reply_to) if new.reply_to else None,
        webhook_id=new.webhook_id,
        application_id=new.application_id,
        interaction=interaction,
        interaction_metadata=new.interaction_metadata,
    )
    messages.publish(context, message)
    return message


def follow_up(context: ServerContext, interaction: Interaction, body: Json, parts: list[FilePart]) -> Message:
    """Create a followup message. The first one after a deferred response fills in the "is thinking" message.

    Raises:
        ApiError: 10015, there was no callback yet; or a rule is broken.

    """
    if interaction.response_type is None:
        raise unknown("Webhook")
    refuse_voice(body)
    original = interaction.original
    if original is not None and original.loading:
        return fill_deferred(context, original, body, parts)
    metadata = dict(interaction.metadata)
    if original is not None:
        metadata["original_response_message_id"] = str(original.id)
    new = _new_message(context, interaction, body, parts)
    return messages.create(context, replace(new, type=0, reply_to=original, interaction_metadata=metadata))


def fill_deferred(context: ServerContext, original: Message, body: Json, parts: list[FilePart]) -> Message:
    """Fill in a deferred response. It notifies users as a new message does, though it is an edit."""
    clean: Json = {key: value for key, value in body.items() if key != "flags"}
    flags = int(body.get("flags") or 0) & ~EPHEMERAL
    message = message_edits.edit(context, original, clean | {"flags": flags}, parts)
    message.pings = mentions.compute(
        message.content,
        body.get("allowed_mentions"),
        channel=message.channel,
        author=context.state.bot,
        reply_to=None,
        default=mentions.WEBHOOK,
    )
    return message


def response_message(interaction: Interaction, key: str) -> Message:
    """The interaction's message `@original`, or the one with this id.

    Raises:
        ApiError: 10008, there is no such message of this interaction; or 10015, there was no callback yet.

    """
    if interaction.response_type is None:
        raise unknown("Webhook")
    found: Any = interaction.original
    if key != "@original":
        mine = [*interaction.messages, *([interaction.source] if interaction.source and interaction.original else [])]
        found = next((message for message in mine if str(message.id) == key), None)
    if found is None or found.deleted:
        raise unknown("Message")
    return found
