"""The picture that a character decided to send in a conversation: shown on a message of the character."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import discord

from bot.discord_client.errors import FailureKind, failure_kind
from bot.domain.jobs import GenerationRequest, JobKind, JobQuery, Origin
from bot.errors import ChorusError
from cogs.actors import is_age_restricted, require_known
from cogs.delivery.first_answer import first_answer
from cogs.delivery.live_message import LiveMessage, MessagePayload
from cogs.delivery.message_search import find_in_channel, has_footer
from cogs.delivery.progress_editor import progress_payload
from cogs.delivery.webhooks import is_gone, thread_argument, webhook_channel, webhook_name
from cogs.ui.embeds import footer
from cogs.ui.progress import progress_card

if TYPE_CHECKING:
    from bot.characters import Character
    from bot.discord_client.bot import ChorusBot
    from bot.domain.conversations import Message, Scene, Thread
    from bot.domain.deliveries import Delivery
    from bot.domain.jobs import Job
    from cogs.delivery.message_presenter import MessagePresenter
    from cogs.delivery.outbox import Outbox
    from cogs.delivery.webhooks import CharacterWebhooks


PictureEditor = Callable[["GenerationRequest", "Message | None", "Thread", "Character"], Awaitable["GenerationRequest"]]
"""(request, the message that is answered, its thread, who draws) -> the request with the picture that is changed."""


class WebhookLiveMessage(LiveMessage):
    """A message of a character's webhook, which only the webhook itself may edit."""

    def __init__(self, bot: ChorusBot, webhook: discord.Webhook, job: Job, message_id: int) -> None:
        origin = job.request.origin
        super().__init__(bot, channel_id=origin.channel_id or 0, message_id=message_id, guild_id=origin.guild_id)
        self._webhook = webhook
        self._thread = thread_argument(bot.get_channel(self.channel_id))

    async def _edit_in_channel(self, payload: MessagePayload) -> None:
        await self._webhook.edit_message(
            self.id,
            content=payload.content,
            embeds=[payload.embed] if payload.embed is not None else [],
            attachments=payload.files(),
            view=payload.view(),
            thread=self._thread,
        )

    async def remove(self) -> bool:
        """By the webhook, which needs no permission; by the bot where the webhook was deleted."""
        try:
            await self._webhook.delete_message(self.id, thread=self._thread)
        except discord.HTTPException as error:
            if failure_kind(error) is FailureKind.AMBIGUOUS:
                raise
            return await super().remove()
        return True


class TurnPicturePresenter:
    """The presenter of pictures that belong to a turn and were not asked for by a command."""

    def __init__(self, bot: ChorusBot, outbox: Outbox, webhooks: CharacterWebhooks, messages: MessagePresenter) -> None:
        self._bot = bot
        self._outbox = outbox
        self._webhooks = webhooks
        self._messages = messages

    def handles(self, job: Job) -> bool:
        """By the stored request: the picture of a turn, without an interaction."""
        request = job.request
        is_turn_picture = request.message_id is not None and request.kind is not JobKind.AUDIO
        return is_turn_picture and request.origin.interaction_id is None and request.origin.channel_id is not None

    async def present(self, job: Job) -> None:
        """Show the job as the character where webhooks are allowed, else as the bot."""
        origin = job.request.origin
        channel = self._bot.get_channel(origin.channel_id or 0)
        home = webhook_channel(channel)
        try:
            character = self._bot.services.characters.get(job.request.character_id, origin.guild_id)
        except ChorusError:  # the character's file is gone: the bot shows the picture
            character = None
        webhook = await self._webhooks.of(home, character) if home is not None and character is not None else None
        if webhook is None or character is None:
            await self._messages.present(job)
            return
        name = webhook_name(character.name)
        try:
            message_id = await self._answer(job, webhook, character_name=name, channel=channel)
        except discord.HTTPException as error:
            if not is_gone(error):
                raise
            self._webhooks.forget(webhook.id)  # somebody deleted it: a new one is made
            await self.present(job)
            return
        await self._messages.follow_on(job, WebhookLiveMessage(self._bot, webhook, job, message_id))

    async def _answer(self, job: Job, webhook: discord.Webhook, *, character_name: str, channel: Any) -> int:
        payload = progress_payload(job, progress_card(job, character_name, None))

        async def post(_row: Delivery) -> int:
            view = payload.view()
            message = await webhook.send(
                embed=payload.embed or discord.utils.MISSING,
                username=character_name,
                view=view if view is not None else discord.utils.MISSING,
                thread=thread_argument(channel),
                wait=True,
            )
            return message.id

        outgoing = first_answer(job).model_copy(update={"webhook_id": webhook.id})
        return await self._outbox.send(outgoing, post, find_in_channel(self._bot, has_footer(footer(job))))


async def submit_turn_picture(
    bot: ChorusBot,
    turn: Message,
    thread: Thread,
    *,
    character: Character,
    scene: Scene,
    prompt: str,
    edit: PictureEditor | None,
) -> uuid.UUID:
    """Submit the picture of a turn once: a turn that is answered again after a crash finds its job.

    Args:
        bot: The bot.
        turn: What the character says.
        thread: Where.
        character: Who draws.
        scene: What it decided to send.
        prompt: The prompt, written from the scene.
        edit: Puts the picture that is to be changed into the request, where the scene changes one.

    Returns:
        The job's id.

    Raises:
        ChorusError: The job was refused.

    """
    services = bot.services
    for known in await services.jobs.recent(JobQuery(channel_id=thread.channel_id, limit=20)):
        if known.request.message_id == turn.id:
            return known.id
    asked = await services.conversations.repository.message(turn.reply_to_id) if turn.reply_to_id else None
    channel = bot.get_channel(thread.channel_id)
    guild = getattr(channel, "guild", None)
    await require_known(bot, guild, (asked.author_id if asked else None) or 0)
    request = GenerationRequest(
        kind=JobKind.IMAGE,
        character_id=character.id,
        requester_id=(asked.author_id if asked else None) or 0,
        requester_name=(asked.author_name if asked else None) or "",
        origin=Origin(
            guild_id=guild.id if guild else None,
            channel_id=thread.channel_id,
            after_message_id=getattr(channel, "last_message_id", None) or (asked and asked.discord_message_id),
            age_restricted=is_age_restricted(channel),
            parent_channel_id=getattr(channel, "parent_id", None),
        ),
        positive=prompt,
        written_prompt=scene.description,
        conversation_id=thread.conversation_id,
        thread_id=thread.id,
        message_id=turn.id,
    )
    if scene.edits and edit is not None:
        request = await edit(request, asked, thread, character)
    return (await services.orchestrator.submit(request)).id
