"""A text that is to be spoken, and the generation request that is built from it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from bot.characters.character import Character
from bot.characters.library import CharacterLibrary
from bot.domain.jobs import GenerationRequest, InputFile, JobKind, Origin
from bot.domain.voice_samples import VoiceSample
from bot.errors import VoiceUnavailable, WorkflowNotFound
from bot.voice.options import VoiceOptions
from bot.voice.samples import VoiceSamples
from bot.voice.speech_text import NO_NAMES, MentionNames, speech_text
from bot.workflows.input_roles import InputRole
from bot.workflows.library import WorkflowLibrary
from bot.workflows.workflow import Workflow


@dataclass(frozen=True, kw_only=True)
class SpeechRequest:
    """A text that is to be spoken, for a person or for a conversation."""

    text: str
    """As Discord has it, with markup."""
    character_id: str
    origin: Origin
    requester_id: int
    requester_name: str = ""
    names: MentionNames = NO_NAMES
    source_message_id: int | None = None
    """The Discord message with the text; of a turn the first one. None: no message has it."""
    conversation_id: str | None = None
    thread_id: str | None = None
    message_id: str | None = None
    """The turn that is spoken; None: the text is no turn."""
    alternative: int | None = None
    """Which alternative of that turn."""
    live: bool = False
    """Speech that follows a turn unasked; the queue prefers it to waiting pictures."""
    parent_job_id: uuid.UUID | None = None
    workflow_name: str | None = None
    """One of the character's speech workflows; None: its default."""


class SpeechJobBuilder:
    """Builds generation requests for speech, with the character's workflow and voice sample."""

    def __init__(
        self, options: VoiceOptions, samples: VoiceSamples, characters: CharacterLibrary, workflows: WorkflowLibrary
    ) -> None:
        self._options = options
        self._samples = samples
        self._characters = characters
        self._workflows = workflows

    async def build(self, speech: SpeechRequest) -> GenerationRequest | None:
        """Build the generation request; None: the text has nothing that can be spoken.

        Raises:
            ChorusError: CHARACTER_NOT_FOUND, VOICE_UNAVAILABLE, WORKFLOW_INVALID.

        """
        guild_id = speech.origin.guild_id
        character = self._characters.get(speech.character_id, guild_id)
        spoken = speech_text(speech.text, character, self._options, speech.names)
        if not spoken.parts:
            return None
        sample = await self.sample_for(character, guild_id, speech.workflow_name)
        return GenerationRequest(
            kind=JobKind.AUDIO,
            character_id=character.id,
            requester_id=speech.requester_id,
            requester_name=speech.requester_name,
            origin=speech.origin,
            text_parts=spoken.parts,
            workflow_name=speech.workflow_name,
            written_prompt=speech.text,
            note=spoken.note,
            inputs=self._inputs(sample),
            voice_sample_id=sample.id if sample else None,
            voice_transcript=sample.transcript if sample else "",
            parent_job_id=speech.parent_job_id,
            conversation_id=speech.conversation_id,
            thread_id=speech.thread_id,
            message_id=speech.message_id,
            alternative=speech.alternative,
            source_message_id=speech.source_message_id,
            live=speech.live,
        )

    async def sample_for(
        self, character: Character, guild_id: int | None, workflow_name: str | None = None
    ) -> VoiceSample | None:
        """Return the sample that the character's workflow copies the voice from.

        Args:
            character: Who speaks.
            guild_id: The server, whose samples go before the host's; None: a direct message.
            workflow_name: One of the character's speech workflows; None: its default.

        Returns:
            None: the workflow takes no sample, or the character has none and the workflow names a file of its own.

        Raises:
            VoiceUnavailable: The character does not speak, has no workflow for speech, or has no sample although the
                workflow has a placeholder for one.
            WorkflowInvalid: Its workflow cannot be used.

        """
        analysis = self._workflow(character, workflow_name, guild_id).analysis
        if not analysis.takes(InputRole.VOICE_SAMPLE) and analysis.ambiguity(InputRole.VOICE_SAMPLE) is None:
            return None
        sample = await self._samples.default_sample(character, guild_id)
        if sample is None and analysis.has_placeholder(InputRole.VOICE_SAMPLE):
            raise VoiceUnavailable(
                f"{character.name} has no voice sample to speak with.", advice="Add one with `/voice sample add`."
            )
        return sample

    def _workflow(self, character: Character, name: str | None, guild_id: int | None) -> Workflow:
        if not character.voice.enabled:
            raise VoiceUnavailable(
                f"{character.name} does not speak.", advice="The owner can set `voice.enabled` in the character's file."
            )
        try:
            return self._workflows.get(
                character.id,
                JobKind.AUDIO,
                name or None,
                guild_id=guild_id,
                default=character.default_workflow(JobKind.AUDIO),
            )
        except WorkflowNotFound as error:
            if name is not None:
                raise
            raise VoiceUnavailable(f"{character.name} has no voice.") from error

    def _inputs(self, sample: VoiceSample | None) -> tuple[InputFile, ...]:
        return (self._samples.input_file(sample),) if sample is not None else ()
