"""Speech of turns: it follows the turn's alternatives, and each alternative is spoken at most once.

Nothing is kept in memory. A turn's speech is found by the turn's first Discord message, which every speech job of the
turn has as its source.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.characters.library import CharacterLibrary
from bot.domain.channels import Channel
from bot.domain.conversations import Message, Thread
from bot.domain.deliveries import DeliveryKind, DeliveryState
from bot.domain.jobs import UNFINISHED, Job, JobKind, JobState, Origin
from bot.errors import CharacterNotFound, ChorusError
from bot.generation.orchestrator import Orchestrator
from bot.storage.conversations import ConversationRepository
from bot.storage.deliveries import DeliveryRepository
from bot.storage.jobs import JobRepository
from bot.voice.auto_voice import AutoVoice
from bot.voice.speech_requests import SpeechJobBuilder, SpeechRequest
from bot.voice.speech_text import NO_NAMES, MentionNames


@dataclass(frozen=True)
class TurnSpeechResult:
    """What follows from a turn that was delivered or shows another alternative.

    Attributes:
        job: The submitted speech.
        outdated: Jobs that speak other alternatives and whose voice messages have to be deleted.
        error: Why there is no speech although the turn is to be spoken.

    """

    job: Job | None = None
    outdated: tuple[Job, ...] = ()
    error: ChorusError | None = None


class TurnSpeech:
    """Submits the speech of turns, and tells which speech does not fit its turn any more."""

    def __init__(
        self,
        *,
        builder: SpeechJobBuilder,
        auto: AutoVoice,
        characters: CharacterLibrary,
        orchestrator: Orchestrator,
        jobs: JobRepository,
        deliveries: DeliveryRepository,
        conversations: ConversationRepository,
    ) -> None:
        self._builder = builder
        self._auto = auto
        self._characters = characters
        self._orchestrator = orchestrator
        self._jobs = jobs
        self._deliveries = deliveries
        self._conversations = conversations

    async def speak(
        self,
        turn: Message,
        thread: Thread,
        channel: Channel,
        origin: Origin,
        names: MentionNames = NO_NAMES,
    ) -> TurnSpeechResult:
        """Submit the speech of a turn that Discord shows; however often this is called, once for each alternative.

        A turn is spoken where auto voice is on, and where another of its alternatives was spoken. Unfinished speech of
        other alternatives is cancelled.

        Args:
            turn: The turn as stored.
            thread: Its thread.
            channel: Where it was posted.
            origin: Guild, channel and newest message there; the voice message replies to the turn's last message.
            names: For what the turn mentions.

        """
        message_ids = await self._discord_message_ids(turn.id)
        if not message_ids or turn.character_id is None:
            return TurnSpeechResult()
        try:
            character = self._characters.get(turn.character_id, origin.guild_id)
        except CharacterNotFound as error:
            return TurnSpeechResult(error=error)
        known = [job for job in await self._jobs.about_message(message_ids[0]) if _is_speech_of(job, turn.id)]
        current = [job for job in known if job.request.alternative == turn.shown_alternative]
        outdated = [job for job in known if job not in current and await self._is_pending_or_posted(job)]
        posted = await self._cancel_unfinished(outdated)
        done = [job for job in current if job.state is JobState.FAILED or await self._is_pending_or_posted(job)]
        if done or not (outdated or self._auto.is_on(channel, character)):
            return TurnSpeechResult(None, posted)
        try:
            request = await self._builder.build(
                await self._speech(turn, thread, _replying_to(origin, message_ids[-1]), message_ids[0], names)
            )
            job = None if request is None else await self._orchestrator.submit(request)
        except ChorusError as error:
            return TurnSpeechResult(None, posted, error)
        return TurnSpeechResult(job, posted)

    async def is_outdated(self, job: Job) -> bool:
        """Whether the turn that a job speaks was deleted or shows another alternative.

        False for speech of other texts, which only Discord has.
        """
        if job.request.message_id is None:
            return False
        turn = await self._conversations.message(job.request.message_id)
        return turn is None or turn.deleted_at is not None or turn.shown_alternative != job.request.alternative

    async def jobs_for(self, turn_id: str) -> Sequence[Job]:
        """Return all jobs that speak a turn, oldest first, also when its Discord messages were deleted."""
        message_ids = await self._discord_message_ids(turn_id, also_deleted=True)
        if not message_ids:
            return []
        return [job for job in await self._jobs.about_message(message_ids[0]) if _is_speech_of(job, turn_id)]

    async def first_message_id(self, turn_id: str) -> int | None:
        """Return the first Discord message of a turn, which is the source of all its speech; None: there is none."""
        return next(iter(await self._discord_message_ids(turn_id)), None)

    async def _cancel_unfinished(self, jobs: Sequence[Job]) -> tuple[Job, ...]:
        """Cancel those of the jobs that are unfinished; return the others."""
        for job in jobs:
            if job.state in UNFINISHED:
                await self._orchestrator.cancel(job.id)
        return tuple(job for job in jobs if job.state not in UNFINISHED)

    async def _speech(
        self, turn: Message, thread: Thread, origin: Origin, source_message_id: int, names: MentionNames
    ) -> SpeechRequest:
        """Build the request in the name of the person whose message the turn answers."""
        answered = await self._conversations.message(turn.reply_to_id) if turn.reply_to_id else None
        return SpeechRequest(
            text=turn.text,
            character_id=turn.character_id or "",
            origin=origin,
            requester_id=(answered.author_id if answered else None) or 0,
            requester_name=(answered.author_name if answered else None) or "",
            names=names,
            source_message_id=source_message_id,
            conversation_id=thread.conversation_id,
            thread_id=thread.id,
            message_id=turn.id,
            alternative=turn.shown_alternative,
            live=True,
        )

    async def _discord_message_ids(self, turn_id: str, *, also_deleted: bool = False) -> list[int]:
        wanted = {DeliveryState.SENT, DeliveryState.DELETED} if also_deleted else {DeliveryState.SENT}
        rows = [
            row
            for row in await self._deliveries.of_turn(turn_id)
            if row.kind is DeliveryKind.TURN and row.state in wanted and row.discord_message_id is not None
        ]
        return [row.discord_message_id or 0 for row in sorted(rows, key=lambda row: row.part)]

    async def _is_pending_or_posted(self, job: Job) -> bool:
        """Whether Discord shows the speech, or will."""
        if job.state in {*UNFINISHED, JobState.GENERATED}:
            return True
        rows = await self._deliveries.of_job(job.id) if job.state is JobState.DELIVERED else ()
        return any(row.kind is DeliveryKind.VOICE and row.state is DeliveryState.SENT for row in rows)


def _is_speech_of(job: Job, turn_id: str) -> bool:
    return job.request.kind is JobKind.AUDIO and job.request.message_id == turn_id


def _replying_to(origin: Origin, message_id: int) -> Origin:
    return origin.model_copy(update={"reply_to_message_id": message_id})
