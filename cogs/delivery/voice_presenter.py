"""Shows speech: posted in reply to what it speaks, exactly once, and never of text that has changed."""

from __future__ import annotations

import logging
from collections import deque
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import discord

from bot.discord_client.errors import NETWORK_ERRORS, failure_kind
from bot.domain.job_updates import Ended
from bot.domain.jobs import JobKind, JobState
from cogs.delivery.live_message import LiveMessage, MessagePayload
from cogs.delivery.live_posting import TAKES_NO_EDITS
from cogs.delivery.message_presenter import MessagePresenter
from cogs.delivery.result_poster import ResultPoster, reason_for_no_post
from cogs.delivery.voice_sender import VoiceSender
from cogs.ui.embeds import ended_without_result, spoken_embed
from cogs.ui.errors import error_embed
from cogs.ui.job_buttons import result_view

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot
    from bot.domain.jobs import Job
    from bot.errors import ChorusError
    from cogs.delivery.outbox import Outbox
    from cogs.ui.progress import ProgressCard

log = logging.getLogger(__name__)


class SpeechResultPoster(ResultPoster):
    """The result of `/speak`: the answer shows the text, quoted; the speech replies to it."""

    def __init__(self, bot: ChorusBot, outbox: Outbox, sender: VoiceSender) -> None:
        super().__init__(bot, outbox)
        self._sender = sender

    async def post(self, job: Job, live: LiveMessage, character: str) -> int:
        """Edit the answer for the last time, then post the speech; the id of the speech's message."""
        if ended_without_result(job):
            return await super().post(job, live, character)
        reactions = self._settings.discord.reactions
        payload = MessagePayload(spoken_embed(job, character), view=lambda: result_view(job, reactions))
        try:
            await live.edit_until_shown(payload)
        except discord.HTTPException as error:
            if failure_kind(error) not in TAKES_NO_EDITS:
                raise
            log.info("job %s: its answer takes no edits (%s), the speech is posted alone", job.id, error.code)
            with suppress(discord.HTTPException, *NETWORK_ERRORS):
                await self.remove(live)
        return await self._sender.post(job, reply_to=live.id, note_shown=True)


class VoicePresenter:
    """The presenter of speech. A command's speech is shown on its answer, other speech is posted when it is ready."""

    def __init__(self, bot: ChorusBot, outbox: Outbox) -> None:
        self._bot = bot
        self._sender = VoiceSender(bot, outbox)
        self._answered = MessagePresenter(bot, outbox, SpeechResultPoster(bot, outbox, self._sender))
        self._dropped = deque[UUID](maxlen=1000)
        self._errors_told = set[tuple[int, str]]()
        """(channel id, error code) of conversations that were told once that there is no speech."""
        self._began = datetime.now(UTC)

    def handles(self, job: Job) -> bool:
        """Speech that was asked for in Discord."""
        return job.request.kind is JobKind.AUDIO and job.request.origin.channel_id is not None

    async def present(self, job: Job) -> None:
        """Wait for the speech and post it, or say why there is none."""
        if job.request.origin.interaction_id is not None:
            await self._answered.present(job)
            return
        ended = await self._ended(job)
        if ended.state is JobState.FAILED:
            await self._tell_failure(ended)
        elif ended.state is JobState.GENERATED:
            await self._post(ended)
        await self._bot.services.orchestrator.mark_delivered(job.id)

    async def follow(
        self, job: Job, message_id: int, *, interaction: discord.Interaction[Any], shown: ProgressCard
    ) -> None:
        """Show progress on a command's answer, then the result."""
        await self._answered.follow(job, message_id, interaction=interaction, shown=shown)

    async def drop(self, job: Job) -> None:
        """The spoken text is gone or has changed: cancel the job, do not post it, delete what was posted."""
        self._dropped.append(job.id)
        await self._bot.services.orchestrator.cancel(job.id)
        await self._sender.delete(job)

    async def tell_refusal(self, channel_id: int, error: ChorusError) -> None:
        """The speech of a conversation was refused before it was a job: say so once, until one succeeds there."""
        key = (channel_id, error.code)
        if key in self._errors_told:
            return
        self._errors_told.add(key)
        try:
            await self._bot.get_partial_messageable(channel_id).send(embed=error_embed(error, advice=False))
        except (discord.HTTPException, *NETWORK_ERRORS) as failure:
            log.info("channel %s could not be told %s: %s", channel_id, error.code, failure)

    async def _ended(self, job: Job) -> Job:
        async for update in self._bot.services.orchestrator.watch(job.id):
            if isinstance(update, Ended):
                return update.job
        return await self._bot.services.orchestrator.job(job.id) or job

    async def _post(self, job: Job) -> None:
        if job.id in self._dropped or await self._is_outdated(job):
            log.info("job %s: the text that it speaks has changed, it is not posted", job.id)
            await self._sender.delete(job)
            return
        try:
            await self._sender.post(job, reply_to=job.request.origin.reply_to_message_id)
        except Exception as error:  # the job must end with a reason, whatever kept its speech from being posted
            if self._bot.is_closed():
                raise
            log.warning("job %s: the speech cannot be posted", job.id, exc_info=error)
            failed = await self._bot.services.orchestrator.mark_undeliverable(job.id, reason_for_no_post(error))
            if failed is not None:
                await self._tell_failure(failed)
            return
        self._errors_told = {each for each in self._errors_told if each[0] != job.request.origin.channel_id}
        # The text may have changed while the request was on its way.
        if job.id in self._dropped or await self._bot.services.voice.turns.is_outdated(job):
            await self._sender.delete(job)

    async def _tell_failure(self, job: Job) -> None:
        """Say why there is no speech; in a conversation, where nobody asked for it, once until one succeeds."""
        code = job.error.code if job.error else ""
        key = (job.request.origin.channel_id or 0, code)
        if job.request.live and key in self._errors_told:
            log.info("job %s: no voice again (%s)", job.id, code)
            return
        if job.request.live:
            self._errors_told.add(key)
        await self._sender.post_error(job)

    async def _is_outdated(self, job: Job) -> bool:
        """Whether the spoken text has changed. Discord is asked where a change may not have been heard of.

        That is of everything before this process, and of people's messages.
        """
        if await self._bot.services.voice.turns.is_outdated(job):
            return True
        source, origin = job.request.source_message_id, job.request.origin
        if source is None or (job.request.live and job.created_at >= self._began):
            return False
        channel = self._bot.get_partial_messageable(origin.channel_id or 0, guild_id=origin.guild_id)
        try:
            message = await channel.fetch_message(source)
        except discord.NotFound:
            return True
        except (discord.HTTPException, *NETWORK_ERRORS) as error:
            log.info("job %s: the message that it speaks cannot be read (%s)", job.id, error)
            return False
        # The text of a turn is stored, and may be in several messages.
        return job.request.message_id is None and message.content != job.request.written_prompt
