"""The request for a trial of a workflow, in Discord and from the terminal."""

from __future__ import annotations

import asyncio
from typing import Final

from bot.characters import Character
from bot.domain.jobs import GenerationRequest, InputFile, JobKind, Origin
from bot.domain.workflow_history import WorkflowPlace
from bot.media.images.trial_picture import write_trial_picture
from bot.services.composition import Services
from bot.workflows import InputRole, Workflow
from bot.workflows.parameters import parameters_of

_PROMPT: Final = "a lighthouse on a cliff at dusk, warm light in the windows"
_TEXT: Final = "This is how I sound. I hope you like it."
_PLACEHOLDER_MARKS: Final = ("CHORUS_", "PLACEHOLDER", "{{", "%prompt%", "%negative_prompt%")


async def trial_request(
    services: Services,
    place: WorkflowPlace,
    workflow: Workflow,
    character: Character,
    *,
    requester_id: int,
    requester_name: str,
    origin: Origin,
) -> GenerationRequest:
    """The request for a trial: the workflow's own prompt if it has one, one picture, a picture to start from.

    Args:
        services: Where voice samples and node descriptions come from.
        place: Where the workflow belongs or will belong.
        workflow: What is tried; its content was kept under its hash.
        character: In whose name.
        requester_id: Who tries it; 0: a terminal.
        requester_name: Their name.
        origin: Where; an empty one in a terminal.

    """
    known = parameters_of(workflow, services.orchestrator.object_info)
    is_speech = place.kind is JobKind.AUDIO
    return GenerationRequest(
        kind=place.kind,
        character_id=character.id,
        requester_id=requester_id,
        requester_name=requester_name,
        origin=origin,
        positive="" if is_speech else _own_text(workflow) or _PROMPT,
        text_parts=(_TEXT,) if is_speech else (),
        workflow_name=place.name,
        workflow_hash=workflow.content_hash,
        overrides={"batch": 1} if not is_speech and known.find("batch") is not None else {},
        inputs=await _inputs(services, character, workflow, origin.guild_id),
        fresh=True,
        trial=True,
    )


def _own_text(workflow: Workflow) -> str:
    """The prompt that the workflow was saved with; empty if a placeholder stands there."""
    for place in workflow.analysis.inputs_for(InputRole.POSITIVE):
        value = workflow.graph[place.node_id]["inputs"].get(place.input_name)
        if isinstance(value, str) and value.strip() and not any(mark in value for mark in _PLACEHOLDER_MARKS):
            return value.strip()[:4000]
    return ""


async def _inputs(
    services: Services, character: Character, workflow: Workflow, guild_id: int | None
) -> tuple[InputFile, ...]:
    found: list[InputFile] = []
    if workflow.analysis.takes(InputRole.VOICE_SAMPLE):
        samples = services.voice.samples
        sample = await samples.default_sample(character, guild_id)
        found += [samples.input_file(sample)] if sample is not None else []
    if workflow.analysis.takes(InputRole.REFERENCE_IMAGE):
        path = services.settings.storage.data_dir / "inputs" / "trial.png"
        digest = await asyncio.to_thread(write_trial_picture, path)
        found.append(InputFile(role="reference_image", path=str(path), sha256=digest))
    return tuple(found)
