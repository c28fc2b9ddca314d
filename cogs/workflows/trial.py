"""Trying a workflow: one run, counted like any job, shown to the person alone."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from bot.domain.jobs import UNFINISHED, GenerationRequest, InputFile, Job, JobKind
from bot.media.images.trial_picture import write_trial_picture
from bot.workflows import SHARED, InputRole
from bot.workflows.parameters import parameters_of
from cogs.actors import interaction_actor, interaction_origin
from cogs.channel_characters import channel_character_id

if TYPE_CHECKING:
    import discord

    from bot.characters import Character
    from bot.discord_client.bot import ChorusBot
    from bot.domain.workflow_history import WorkflowPlace
    from bot.workflows import Workflow

_PROMPT: Final = "a lighthouse on a cliff at dusk, warm light in the windows"
_TEXT: Final = "This is how I sound. I hope you like it."
_PLACEHOLDER_MARKS: Final = ("CHORUS_", "PLACEHOLDER", "{{", "%prompt%", "%negative_prompt%")


async def trial_request(
    interaction: discord.Interaction[ChorusBot], place: WorkflowPlace, workflow: Workflow
) -> GenerationRequest:
    """The request for a trial: the workflow's own prompt if it has one, one picture, a picture to start from.

    Raises:
        ChorusError: The character is gone.

    """
    bot = interaction.client
    actor = interaction_actor(interaction)
    character_id = place.character_id
    if character_id == SHARED:
        character_id = await channel_character_id(bot, actor.channel)
    character = bot.services.characters.get(character_id, interaction.guild_id)
    known = parameters_of(workflow, bot.services.orchestrator.object_info)
    is_speech = place.kind is JobKind.AUDIO
    return GenerationRequest(
        kind=place.kind,
        character_id=character.id,
        requester_id=actor.user_id,
        requester_name=actor.name,
        origin=interaction_origin(interaction),
        positive="" if is_speech else _own_text(workflow) or _PROMPT,
        text_parts=(_TEXT,) if is_speech else (),
        workflow_name=place.name,
        workflow_hash=workflow.content_hash,
        overrides={"batch": 1} if not is_speech and known.find("batch") is not None else {},
        inputs=await _inputs(bot, character, workflow, interaction.guild_id),
        fresh=True,
        trial=True,
    )


def is_waiting_to_be_shown(job: Job | None) -> bool:
    """The trial is under way, or ended when nobody could be told."""
    return job is not None and (job.state in UNFINISHED or job.delivered_at is None)


def _own_text(workflow: Workflow) -> str:
    """The prompt that the workflow was saved with; empty if a placeholder stands there."""
    for place in workflow.analysis.inputs_for(InputRole.POSITIVE):
        value = workflow.graph[place.node_id]["inputs"].get(place.input_name)
        if isinstance(value, str) and value.strip() and not any(mark in value for mark in _PLACEHOLDER_MARKS):
            return value.strip()[:4000]
    return ""


async def _inputs(
    bot: ChorusBot, character: Character, workflow: Workflow, guild_id: int | None
) -> tuple[InputFile, ...]:
    found: list[InputFile] = []
    if workflow.analysis.takes(InputRole.VOICE_SAMPLE):
        samples = bot.services.voice.samples
        sample = await samples.default_sample(character, guild_id)
        found += [samples.input_file(sample)] if sample is not None else []
    if workflow.analysis.takes(InputRole.REFERENCE_IMAGE):
        path = bot.services.settings.storage.data_dir / "inputs" / "trial.png"
        digest = await asyncio.to_thread(write_trial_picture, path)
        found.append(InputFile(role="reference_image", path=str(path), sha256=digest))
    return tuple(found)
