"""Speech jobs: built from texts, submitted, and replaced when their text changes. The cogs post the results."""

from __future__ import annotations

from collections.abc import Sequence

from bot.characters.character import Character
from bot.characters.library import CharacterLibrary
from bot.domain.jobs import GenerationRequest, Job, JobKind
from bot.errors import ChorusError, InputInvalid
from bot.generation.orchestrator import Orchestrator
from bot.storage.conversations import ConversationRepository
from bot.storage.deliveries import DeliveryRepository
from bot.storage.guild_settings import GuildSettings
from bot.storage.jobs import JobRepository
from bot.voice.auto_voice import AutoVoice
from bot.voice.options import VoiceOptions
from bot.voice.samples import VoiceSamples
from bot.voice.speech_requests import SpeechJobBuilder, SpeechRequest
from bot.voice.speech_text import NO_NAMES, MentionNames
from bot.voice.turn_speech import TurnSpeech
from bot.workflows.library import WorkflowLibrary


class VoiceService:
    """Speech of the whole bot. It keeps no state: which text was spoken is in the repositories.

    Attributes:
        samples: The voice samples of characters.
        auto: Where turns are spoken without being asked for.
        turns: Speech of turns.

    """

    def __init__(
        self,
        options: VoiceOptions,
        *,
        samples: VoiceSamples,
        characters: CharacterLibrary,
        workflows: WorkflowLibrary,
        orchestrator: Orchestrator,
        jobs: JobRepository,
        deliveries: DeliveryRepository,
        conversations: ConversationRepository,
        settings: GuildSettings,
    ) -> None:
        self.samples = samples
        self.auto = AutoVoice(settings)
        self._characters = characters
        self._orchestrator = orchestrator
        self._jobs = jobs
        self._builder = SpeechJobBuilder(options, samples, characters, workflows)
        self.turns = TurnSpeech(
            builder=self._builder,
            auto=self.auto,
            characters=characters,
            orchestrator=orchestrator,
            jobs=jobs,
            deliveries=deliveries,
            conversations=conversations,
        )

    async def prepare_host_samples(self) -> None:
        """Convert the host's voice samples, so that the first speech does not wait for it."""
        for character in self._characters.all():
            if character.voice.enabled:
                await self.samples.sync_host_samples(character)

    async def unavailable_reason(self, character: Character, guild_id: int | None) -> ChorusError | None:
        """Return the error that a speech of the character would end with there; None: it can speak."""
        try:
            await self._builder.sample_for(character, guild_id)
        except ChorusError as error:
            return error
        return None

    async def build_job_request(self, speech: SpeechRequest) -> GenerationRequest | None:
        """Build the generation request of a speech; None: the text has nothing that can be spoken.

        Raises:
            ChorusError: CHARACTER_NOT_FOUND, VOICE_UNAVAILABLE, WORKFLOW_INVALID.

        """
        return await self._builder.build(speech)

    async def submit(self, speech: SpeechRequest) -> Job:
        """Submit a speech.

        Raises:
            InputInvalid: The text has nothing that can be spoken.
            ChorusError: An error of `build_job_request`, or the orchestrator refused the job.

        """
        request = await self._builder.build(speech)
        if request is None:
            raise InputInvalid("There is nothing to say in that.", advice="Choose a message with words.")
        return await self._orchestrator.submit(request)

    async def replace(self, job: Job, text: str, names: MentionNames = NO_NAMES) -> Job | None:
        """Cancel a speech whose source message was edited, and submit the new text.

        Returns:
            None: the new text has nothing that can be spoken.

        Raises:
            ChorusError: An error of `build_job_request`, or the orchestrator refused the job.

        """
        await self._orchestrator.cancel(job.id)
        old = job.request
        request = await self._builder.build(
            SpeechRequest(
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
        return None if request is None else await self._orchestrator.submit(request)

    async def jobs_for_message(self, discord_message_id: int) -> Sequence[Job]:
        """Return all jobs that speak the text of a Discord message, oldest first.

        Speech of a turn is found by the turn's first Discord message.
        """
        return [job for job in await self._jobs.about_message(discord_message_id) if job.request.kind is JobKind.AUDIO]
