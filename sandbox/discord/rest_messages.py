"""Messages and reactions of channels (resources/message)."""

from __future__ import annotations

from urllib.parse import unquote

from sandbox.discord import message_payload, messages, payloads
from sandbox.discord.core import NO_CONTENT, Call, Core, Reply, Route
from sandbox.discord.permissions import missing
from sandbox.discord.refusals import ApiError, Form, malformed, unknown
from sandbox.discord.rest_access import demand, message_in, sending_permissions, visible_channel
from sandbox.discord.state import DIRECT, VOICE, Channel, Json, Message


def render(core: Core, message: Message) -> Json:
    """A message as the bot may read it over REST: content needs the application's privileged intent as well."""
    body = message_payload.message(message, core.world, core.base, viewer=core.world.bot)
    readable = core.gateway.may_read_content or message_payload.content_is_open(message, core.world)
    return body if readable else message_payload.without_content(body)


async def send(core: Core, call: Call) -> Reply:
    """`POST /channels/{channel_id}/messages`."""
    body = call.body
    channel = visible_channel(core, call)
    voice = bool(int(body.get("flags") or 0) & VOICE)
    embeds, reply = bool(body.get("embeds")), bool(body.get("message_reference"))
    demand(core, channel, *sending_permissions(channel, files=bool(call.parts), embeds=embeds, reply=reply))
    if voice and missing(channel, core.world.bot, "send_voice_messages"):
        raise ApiError(403, 50173, "Cannot send voice messages in this channel")
    if channel.archived:
        raise ApiError(400, 50083, "Thread is archived")
    if channel.type == DIRECT and not all(user.accepts_dms for user in channel.recipients):
        raise ApiError(403, 50007, "Cannot send messages to this user")
    earlier = messages.repeated(core, channel, core.world.bot, body)
    if earlier is not None:
        return Reply(render(core, earlier))
    draft = messages.Draft(
        channel,
        core.world.bot,
        body,
        call.parts,
        reply_to=messages.referenced(channel, body),
    )
    return Reply(render(core, messages.create(core, draft)))


async def history(core: Core, call: Call) -> Reply:
    """`GET /channels/{channel_id}/messages`, newest first, 1-100 of them."""
    channel = visible_channel(core, call)
    if missing(channel, core.world.bot, "read_message_history"):
        return Reply([])
    limit = call.optional("limit") or 50
    if not 1 <= limit <= 100:
        form = Form()
        form.wrong("limit", "NUMBER_TYPE_MAX", "int value should be between 1 and 100.")
        form.refuse()
    return Reply([render(core, message) for message in page(list(channel.messages.values()), call, limit)])


def page(found: list[Message], call: Call, limit: int) -> list[Message]:
    """The slice that `before`, `after` or `around` asks for."""
    before, after, around = call.optional("before"), call.optional("after"), call.optional("around")
    if around is not None:
        older = [message for message in found if message.id < around][-(limit // 2) :]
        newer = [message for message in found if message.id >= around][: limit - len(older)]
        return list(reversed(older + newer))
    if after is not None:
        return list(reversed([message for message in found if message.id > after][:limit]))
    if before is not None:
        found = [message for message in found if message.id < before]
    return list(reversed(found[-limit:]))


async def get(core: Core, call: Call) -> Reply:
    """`GET /channels/{channel_id}/messages/{message_id}`."""
    channel = visible_channel(core, call, "read_message_history")
    return Reply(render(core, message_in(channel, call.number("message_id"))))


async def edit(core: Core, call: Call) -> Reply:
    """`PATCH /channels/{channel_id}/messages/{message_id}`: own messages, answers to interactions included."""
    channel = visible_channel(core, call)
    message = message_in(channel, call.number("message_id"))
    if message.author is not core.world.bot:
        raise ApiError(403, 50005, "Cannot edit a message authored by another user")
    if call.parts:
        demand(core, channel, "attach_files")
    return Reply(render(core, messages.edit(core, message, call.body, call.parts)))


async def delete(core: Core, call: Call) -> Reply:
    """`DELETE /channels/{channel_id}/messages/{message_id}`."""
    channel = visible_channel(core, call)
    message = message_in(channel, call.number("message_id"))
    if message.author is not core.world.bot:
        demand(core, channel, "manage_messages")
    messages.delete(core, message)
    return NO_CONTENT


async def bulk_delete(core: Core, call: Call) -> Reply:
    """`POST /channels/{channel_id}/messages/bulk-delete`: 2-100 messages younger than two weeks."""
    channel = visible_channel(core, call, "manage_messages")
    ids = [int(entry) for entry in call.body.get("messages", [])]
    if not 2 <= len(ids) <= 100:
        raise malformed(50016, "Provided too few or too many messages to delete. Must provide 2 to 100 messages.")
    for message_id in ids:
        if message_id in channel.messages:
            messages.delete(core, channel.messages[message_id])
    return NO_CONTENT


def _emoji(call: Call) -> str:
    emoji = unquote(call.parameters["emoji_name"])
    # A custom emoji would be `name:id`; the sandbox has none. Anything with letters is no emoji.
    if not emoji or any(char.isascii() and (char.isalpha() or char.isspace()) for char in emoji):
        raise ApiError(400, 10014, "Unknown Emoji", violation=True)
    return emoji


async def react(core: Core, call: Call) -> Reply:
    """`PUT .../reactions/{emoji}/@me`; a new emoji needs ADD_REACTIONS."""
    channel = visible_channel(core, call, "read_message_history")
    message, emoji = message_in(channel, call.number("message_id")), _emoji(call)
    if all(reaction.emoji != emoji for reaction in message.reactions):
        demand(core, channel, "add_reactions")
    messages.add_reaction(core, message, core.world.bot, emoji)
    return NO_CONTENT


async def unreact(core: Core, call: Call) -> Reply:
    """`DELETE .../reactions/{emoji}/{@me or user}`; another's needs MANAGE_MESSAGES."""
    channel = visible_channel(core, call)
    message = message_in(channel, call.number("message_id"))
    user = core.world.bot
    if call.parameters["user_id"] != "@me":
        demand(core, channel, "manage_messages")
        found = core.world.users.get(call.number("user_id"))
        if found is None:
            raise unknown("User")
        user = found
    messages.remove_reaction(core, message, user, _emoji(call))
    return NO_CONTENT


async def reactors(core: Core, call: Call) -> Reply:
    """`GET .../reactions/{emoji}`: who reacted."""
    channel = visible_channel(core, call)
    message, emoji = message_in(channel, call.number("message_id")), _emoji(call)
    users = [user for reaction in message.reactions if reaction.emoji == emoji for user in reaction.users]
    return Reply([payloads.user(user) for user in users])


async def clear_reactions(core: Core, call: Call) -> Reply:
    """`DELETE .../reactions`: all of them."""
    channel = visible_channel(core, call, "manage_messages")
    message = message_in(channel, call.number("message_id"))
    message.reactions.clear()
    _tell_cleared(core, channel, message)
    return NO_CONTENT


def _tell_cleared(core: Core, channel: Channel, message: Message) -> None:
    body: Json = {"channel_id": str(channel.id), "message_id": str(message.id)}
    guild: Json = {"guild_id": str(channel.guild.id)} if channel.guild else {}
    core.gateway.send_in("MESSAGE_REACTION_REMOVE_ALL", body | guild, channel)


async def typing(core: Core, call: Call) -> Reply:
    """`POST /channels/{channel_id}/typing`."""
    channel = visible_channel(core, call)
    demand(core, channel, *sending_permissions(channel))
    core.world.typing.append((channel, core.world.bot))
    return NO_CONTENT


_MESSAGE = "/channels/{channel_id}/messages/{message_id}"

ROUTES = [
    Route("POST", "/channels/{channel_id}/messages", send),
    Route("GET", "/channels/{channel_id}/messages", history),
    Route("POST", "/channels/{channel_id}/messages/bulk-delete", bulk_delete),
    Route("GET", _MESSAGE, get),
    Route("PATCH", _MESSAGE, edit),
    Route("DELETE", _MESSAGE, delete),
    Route("PUT", _MESSAGE + "/reactions/{emoji_name}/@me", react),
    Route("DELETE", _MESSAGE + "/reactions/{emoji_name}/{user_id}", unreact),
    Route("GET", _MESSAGE + "/reactions/{emoji_name}", reactors),
    Route("DELETE", _MESSAGE + "/reactions", clear_reactions),
    Route("POST", "/channels/{channel_id}/typing", typing),
]
