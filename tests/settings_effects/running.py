"""The bot's services without Discord, opened from a configuration as the command line opens them."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bot.domain.job_updates import Ended
from bot.domain.jobs import GenerationRequest, Job, JobKind
from bot.services import Services, open_services
from bot.settings import default_settings
from tests.migrated_database import migrated_database
from tests.workflows.graphs import GraphDict, txt2img

REPOSITORY = Path(__file__).parents[2]
NOVA = "id: nova\nname: Nova\nsystem_prompt: You paint.\n"


def image_graph(**inputs: Any) -> GraphDict:
    """Text to a small picture in one step; `inputs` are set wherever a node has such an input."""
    graph = txt2img()
    changes = {"ckpt_name": "sd_xl_base_1.0.safetensors", "width": 64, "height": 64, "steps": 1} | inputs
    for one in graph.values():
        one["inputs"].update({name: value for name, value in changes.items() if name in one["inputs"]})
    return graph


def speech_graph() -> GraphDict:
    """The shipped workflow of text to speech, without a voice sample."""
    graph: GraphDict = json.loads((REPOSITORY / "workflows" / "nova" / "audio" / "default.json").read_text("utf-8"))
    del graph["1"], graph["2"]["inputs"]["audio_prompt"]
    return graph


def write_workflow(folder: Path, path: str, graph: Mapping[str, Any]) -> None:
    """Write `workflows/<path>.json`."""
    file = folder / "workflows" / f"{path}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(graph), encoding="utf-8")


def write_character(folder: Path, text: str = NOVA) -> None:
    """Write `characters/nova.yaml`."""
    file = folder / "characters" / "nova.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


@asynccontextmanager
async def running(
    folder: Path, url: str | None = None, *, character: str = NOVA, **sections: Any
) -> AsyncGenerator[Services]:
    """The services with one character that draws and speaks.

    Args:
        folder: Of characters, workflows and data.
        url: Base URL of the ComfyUI; None where `sections` say it.
        character: The content of its file.
        sections: The configuration.

    """
    write_character(folder, character)
    write_workflow(folder, "nova/image/default", image_graph())
    write_workflow(folder, "nova/audio/default", speech_graph())
    if url is not None:
        sections["comfyui"] = {"url": url} | sections.get("comfyui", {})
    settings = default_settings(folder, sections)
    if "storage" not in sections:
        migrated_database(settings.storage.data_dir / "chorus.db")
    async with open_services(settings) as services:
        yield services


def picture(**more: Any) -> GenerationRequest:
    """A request for a picture."""
    request: dict[str, Any] = {"kind": JobKind.IMAGE, "character_id": "nova", "requester_id": 1, "positive": "a boat"}
    return GenerationRequest.model_validate(request | more)


def speech(*parts: str) -> GenerationRequest:
    """A request for speech in so many ComfyUI prompts."""
    return GenerationRequest(kind=JobKind.AUDIO, character_id="nova", requester_id=1, text_parts=parts)


async def ended(services: Services, job: Job) -> Job:
    """Wait for the end of a job."""
    async for update in services.orchestrator.watch(job.id):
        if isinstance(update, Ended):
            return update.job
    raise AssertionError("the watch ended before the job")


async def made(services: Services, request: GenerationRequest) -> Job:
    """Submit a request and wait for the end of its job."""
    return await ended(services, await services.orchestrator.submit(request))
