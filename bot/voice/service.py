"""When, with whose voice and what is spoken. The generation is the orchestrator's, the posting is delivery's."""

from __future__ import annotations

import logging
import random
from collections.abc import Sequence

from bot.characters.character import Character
from bot.domain.conversations import Message, Thread
from bot.domain.deliveries import DeliveryKind, DeliveryState
from bot.domain.jobs import UNFINISHED, GenerationRequest, InputFile, Job, JobKind, JobState, Origin
from bot.domain.voice_samples import VoiceSample
from bot.errors import CharacterNotFound, ChorusError, InputInvalid, VoiceUnavailable, WorkflowNotFound
from bot.voice.options import VoiceOptions
from bot.voice.ports import Characters, Deliveries, Generation, GuildSettings, Jobs, Turns, Workflows
from bot.voice.samples import VoiceSamples
from bot.voice.speech_text import NO_NAMES, MentionNames, speech_text
from bot.voice.values import ChannelLocation, SpeechWish, TurnVoice
from bot.workflows.input_roles import InputRole
from bot.workflows.value_injection import seed_limit
from bot.workflows.workflow import Workflow

log = logging.getLogger(__name__)

AUTO = "voice.auto"
"""Key of a channel's setting in `guild_settings`."""


class VoiceService:
    """One for the whole bot. Keeps nothing: what was spoken is in the stores.

    Attributes:
        samples: What voices are copied from.

    """

    def __init__(
        self,
        options: VoiceOptions,
        *,
        samples: VoiceSamples,
        characters: Characters,
        workflows: Workflows,
        generation: Generation,
        jobs: Jobs,
        deliveries: Deliveries,
        turns: Turns,
        settings: GuildSettings,
    ) -> None:
        self.samples = samples
        self._options = options
        self._characters = characters
        self._workflows = workflows
        self._generation = generation
        self._jobs = jobs
        self._deliveries = deliveries
        self._turns = turns
        self._settings = settings

    # -- who speaks by itself, and where

    def chosen_auto(self, place: ChannelLocation) -> bool | None:
        """What `/voice auto` chose there; a Discord thread follows its channel. None: nothing."""
        for channel_id in (place.channel_id, place.parent_channel_id):
            if channel_id is not None:
                value = self._settings.get(place.guild_id, AUTO, channel_id=channel_id)
                if isinstance(value, bool):
                    return value
        return None

    def auto(self, place: ChannelLocation, character: Character) -> bool:
        """Whether the character's messages there are spoken: as chosen there, else as its file says."""
        chosen = self.chosen_auto(place)
        return character.voice.enabled and (character.voice.always_on if chosen is None else chosen)

    async def set_auto(self, place: ChannelLocation, *, on: bool, by: int) -> None:
        """Choose for that channel or thread."""
        await self._settings.set(place.guild_id, AUTO, on, channel_id=place.channel_id, set_by=by)

    async def why_silent(self, character: Character, guild_id: int | None) -> ChorusError | None:
        """Why it cannot speak there; None: it can."""
        try:
            await self._sample(character, guild_id, self._workflow(character))
        except ChorusError as error:
            return error
        return None

    async def warm_up(self) -> None:
        """Convert the host's samples before the first of them is needed."""
        for character in self._characters.all():
            if character.voice.enabled:
                await self.samples.read_folder(character)

    # -- what is asked for

    async def request(self, wish: SpeechWish) -> GenerationRequest | None:
        """The job to submit; None: there is nothing to say.

        Raises:
            ChorusError: CHARACTER_NOT_FOUND, VOICE_UNAVAILABLE, WORKFLOW_INVALID.

        """
        guild_id = wish.origin.guild_id
        character = self._characters.get(wish.character_id, guild_id)
        words = speech_text(wish.text, character, self._options, wish.names)
        if not words.parts:
            return None
        sample = await self._sample(character, guild_id, self._workflow(character))
        return GenerationRequest(
            kind=JobKind.AUDIO,
            character_id=character.id,
            requester_id=wish.requester_id,
            requester_name=wish.requester_name,
            origin=wish.origin,
            text_parts=words.parts,
            written_prompt=wish.text,
            note=words.note,
            inputs=self._inputs(sample),
            voice_sample_id=sample.id if sample else None,
            voice_transcript=sample.transcript if sample else "",
            parent_job_id=wish.parent_job_id,
            conversation_id=wish.conversation_id,
            thread_id=wish.thread_id,
            message_id=wish.message_id,
            alternative=wish.alternative,
            source_message_id=wish.source_message_id,
            live=wish.live,
        )

    async def speak(self, wish: SpeechWish) -> Job:
        """Accept it.

        Raises:
            InputInvalid: There is nothing to say.
            ChorusError: As `request`, and as the orchestrator refuses.

        """
        request = await self.request(wish)
        if request is None:
            raise InputInvalid("There is nothing to say in that.", advice="Choose a message with words.")
        return await self._generation.submit(request)

    async def again(self, job: Job, *, origin: Origin, requester_id: int, requester_name: str) -> Job:
        """The same words with another seed.

        Raises:
            ChorusError: As the orchestrator refuses.

        """
        character = self._characters.get(job.request.character_id, origin.guild_id)
        limit = min(seed_limit(self._workflow(character)), 2**53 - 1)
        changed = {
            "seed": random.randint(0, limit),
            "origin": origin,
            "requester_id": requester_id,
            "requester_name": requester_name,
            "parent_job_id": job.id,
            "live": False,
        }
        return await self._generation.submit(job.request.model_copy(update=changed))

    async def instead(self, job: Job, text: str, names: MentionNames = NO_NAMES) -> Job | None:
        """Its source was edited: end it and speak the new words; None: they say nothing.

        Raises:
            ChorusError: As `speak`.

        """
        await self._generation.cancel(job.id)
        old = job.request
        request = await self.request(
            SpeechWish(
                text=text,
                character_id=old.character_id,
                origin=old.origin,
                requester_id=old.requester_id,
                requester_name=old.requester_name,
                names=names,
                source_message_id=old.source_message_id,
                conversation_id=old.conversation_id,
                thread_id=old.thread_id,
                parent_job_id=job.id,
            )
        )
        return None if request is None else await self._generation.submit(request)

    # -- turns

    async def turn_stands(
        self, turn: Message, thread: Thread, place: ChannelLocation, origin: Origin, names: MentionNames = NO_NAMES
    ) -> TurnVoice:
        """All of a turn's text stands in Discord: speak it, if it is spoken there; once, however often this is asked.

        Speech of other alternatives is ended where it is under way and told as outdated where it may be heard; what
        was spoken is spoken anew, also where the channel's turns are not.

        Args:
            turn: As stored.
            thread: Its line of talk.
            place: Where it stands.
            origin: Guild, channel and newest message there; the bubble replies to the turn's last message.
            names: For what the turn mentions.

        """
        pieces = await self._pieces(turn.id)
        if not pieces or turn.character_id is None:
            return TurnVoice()
        try:
            character = self._characters.get(turn.character_id, origin.guild_id)
        except CharacterNotFound as error:
            return TurnVoice(error=error)
        known = [job for job in await self._jobs.about_message(pieces[0]) if is_speech_of(job, turn.id)]
        current = [job for job in known if job.request.alternative == turn.shown_alternative]
        outdated = [job for job in known if job not in current and await self._is_heard(job)]
        for job in outdated:
            if job.state in UNFINISHED:
                await self._generation.cancel(job.id)
        told = tuple(job for job in outdated if job.state not in UNFINISHED)
        done = [job for job in current if job.state is JobState.FAILED or await self._is_heard(job)]
        if done or not (outdated or self.auto(place, character)):
            return TurnVoice(None, told)
        try:
            job = await self._speak_turn(
                turn, thread, origin.model_copy(update={"reply_to_message_id": pieces[-1]}), names
            )
        except ChorusError as error:
            return TurnVoice(None, told, error)
        return TurnVoice(job, told)

    async def is_stale(self, job: Job) -> bool:
        """The turn it speaks is deleted, or shows another alternative. False for other texts: Discord has them."""
        if job.request.message_id is None:
            return False
        turn = await self._turns.message(job.request.message_id)
        return turn is None or turn.deleted_at is not None or turn.shown_alternative != job.request.alternative

    async def of_message(self, discord_message_id: int) -> Sequence[Job]:
        """All speech of the text in that message, oldest first; of a turn, by its first message."""
        return [job for job in await self._jobs.about_message(discord_message_id) if job.request.kind is JobKind.AUDIO]

    async def of_turn(self, message_id: str) -> Sequence[Job]:
        """All speech of a turn, oldest first."""
        pieces = await self._pieces(message_id, also_deleted=True)
        return [job for piece in pieces[:1] for job in await self.of_message(piece) if is_speech_of(job, message_id)]

    async def first_piece(self, message_id: str) -> int | None:
        """The Discord message that speech of a turn is kept under."""
        return next(iter(await self._pieces(message_id)), None)

    async def _speak_turn(self, turn: Message, thread: Thread, origin: Origin, names: MentionNames) -> Job | None:
        asked = await self._turns.message(turn.reply_to_id) if turn.reply_to_id else None
        request = await self.request(
            SpeechWish(
                text=turn.text,
                character_id=turn.character_id or "",
                origin=origin,
                requester_id=(asked.author_id if asked else None) or 0,
                requester_name=(asked.author_name if asked else None) or "",
                names=names,
                source_message_id=await self.first_piece(turn.id),
                conversation_id=thread.conversation_id,
                thread_id=thread.id,
                message_id=turn.id,
                alternative=turn.shown_alternative,
                live=True,
            )
        )
        return None if request is None else await self._generation.submit(request)

    async def _pieces(self, message_id: str, *, also_deleted: bool = False) -> list[int]:
        wanted = {DeliveryState.SENT, DeliveryState.DELETED} if also_deleted else {DeliveryState.SENT}
        rows = [
            row
            for row in await self._deliveries.of_turn(message_id)
            if row.kind is DeliveryKind.TURN and row.state in wanted and row.discord_message_id is not None
        ]
        return [row.discord_message_id or 0 for row in sorted(rows, key=lambda row: row.part)]

    async def _is_heard(self, job: Job) -> bool:
        """There is, or will be, something of it in Discord."""
        if not job.state.ended:
            return True
        rows = await self._deliveries.of_job(job.id) if job.state is JobState.DELIVERED else ()
        return any(row.kind is DeliveryKind.VOICE and row.state is DeliveryState.SENT for row in rows)

    # -- the voice itself

    def _workflow(self, character: Character) -> Workflow:
        if not character.voice.enabled:
            raise VoiceUnavailable(
                f"{character.name} does not speak.", advice="The owner can set `voice.enabled` in the character's file."
            )
        try:
            return self._workflows.get(character.id, JobKind.AUDIO, character.default_workflow(JobKind.AUDIO))
        except WorkflowNotFound as error:
            raise VoiceUnavailable(f"{character.name} has no voice.") from error

    async def _sample(self, character: Character, guild_id: int | None, workflow: Workflow) -> VoiceSample | None:
        """What the workflow copies the voice from; None: it needs none, or goes on with its own."""
        analysis = workflow.analysis
        if not analysis.takes(InputRole.VOICE_SAMPLE) and analysis.ambiguity(InputRole.VOICE_SAMPLE) is None:
            return None
        sample = await self.samples.chosen(character, guild_id)
        if sample is None and analysis.has_placeholder(InputRole.VOICE_SAMPLE):
            raise VoiceUnavailable(
                f"{character.name} has no voice sample to speak with.", advice="Add one with `/voice sample add`."
            )
        return sample

    def _inputs(self, sample: VoiceSample | None) -> tuple[InputFile, ...]:
        return (self.samples.input_file(sample),) if sample is not None else ()


def is_speech_of(job: Job, message_id: str) -> bool:
    """It speaks that turn."""
    return job.request.kind is JobKind.AUDIO and job.request.message_id == message_id
