"""Creating, editing and deleting channels and threads, with the gateway events that tell of it."""

from __future__ import annotations

from sandbox.discord import guild_payloads
from sandbox.discord.context import ServerContext
from sandbox.discord.errors import ApiError
from sandbox.discord.guild_models import Guild, User
from sandbox.discord.json_values import Json
from sandbox.discord.message_models import PRIVATE_THREAD, TEXT, THREAD, Channel, Message
from sandbox.discord.permissions import missing


def create_channel(context: ServerContext, guild: Guild, name: str, *, nsfw: bool, topic: str | None) -> Channel:
    """Create a text channel and send CHANNEL_CREATE."""
    channel = Channel(context.state.ids.next(), TEXT, name, guild, nsfw=nsfw, topic=topic, created=context.clock.now())
    context.state.channels[channel.id] = channel
    context.gateway.send_in("CHANNEL_CREATE", guild_payloads.channel(channel, context.state), channel)
    return channel


def edit_channel(context: ServerContext, channel: Channel, changes: Json) -> None:
    """Change name, topic, age restriction, archive state or lock and send CHANNEL_UPDATE or THREAD_UPDATE."""
    channel.name = changes.get("name") or channel.name
    channel.topic = changes.get("topic", channel.topic)
    channel.nsfw = bool(changes.get("nsfw", channel.nsfw))
    channel.archived = bool(changes.get("archived", channel.archived))
    channel.locked = bool(changes.get("locked", channel.locked))
    event = "THREAD_UPDATE" if channel.is_thread else "CHANNEL_UPDATE"
    context.gateway.send(event, guild_payloads.channel(channel, context.state), guild=channel.guild)


def open_for_message(context: ServerContext, channel: Channel) -> None:
    """Sending a message opens an archived thread, unless it is locked (topics/threads, "Active & Archived Threads").

    Raises:
        ApiError: 50083, the thread is locked and the bot lacks `manage_threads`.

    """
    if not channel.archived:
        return
    if channel.locked and missing(channel, context.state.bot, "manage_threads"):
        raise ApiError(400, 50083, "Thread is archived")
    edit_channel(context, channel, {"archived": False})


def delete_channel(context: ServerContext, channel: Channel) -> None:
    """Delete a channel with its threads and webhooks and send CHANNEL_DELETE or THREAD_DELETE."""
    body = guild_payloads.channel(channel, context.state)
    event = "THREAD_DELETE" if channel.is_thread else "CHANNEL_DELETE"
    context.gateway.send_in(event, body, channel)
    for other in list(context.state.channels.values()):
        if other is channel or other.parent is channel:
            del context.state.channels[other.id]
    for webhook in list(context.state.webhooks.values()):
        if webhook.channel is channel:
            del context.state.webhooks[webhook.id]


def create_thread(
    context: ServerContext,
    parent: Channel,
    name: str,
    owner: User,
    message: Message | None,
    *,
    private: bool = False,
) -> Channel:
    """Create a thread, from a message (whose id it gets) or without one, and send THREAD_CREATE."""
    thread = Channel(
        message.id if message else context.state.ids.next(),
        PRIVATE_THREAD if private else THREAD,
        name,
        parent.guild,
        parent,
        owner_id=owner.id,
        created=context.clock.now(),
        thread_members={owner.id, context.state.bot.id},
    )
    context.state.channels[thread.id] = thread
    if message is not None:
        message.thread = thread
    body = guild_payloads.channel(thread, context.state) | {"newly_created": True}
    context.gateway.send_in("THREAD_CREATE", body, thread)
    return thread
