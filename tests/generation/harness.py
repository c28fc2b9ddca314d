"""The orchestrator with everything real around it: database, client, files; ComfyUI is the stand-in or a real one."""

import json
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.characters.character import Character
from bot.comfyui.client import ComfyClient
from bot.comfyui.options import ClientOptions
from bot.domain.job_updates import Ended, JobUpdate
from bot.domain.jobs import GenerationRequest, Job, JobKind, JobState, Origin
from bot.errors import CharacterNotFound, WorkflowNotFound
from bot.generation.options import GenerationOptions
from bot.generation.orchestrator import ComfyServer, Orchestrator
from bot.generation.prompt_rewriting import PromptRewriter
from bot.generation.queue import QueueLimits
from bot.gpu_lock import GpuLock, VramHandover
from bot.media.ffmpeg import Ffmpeg
from bot.policy import Policy
from bot.storage.database import Database
from bot.storage.gallery import GalleryRepository
from bot.storage.jobs import JobRepository
from bot.storage.workflow_failures import WorkflowFailureRepository
from bot.storage.workflows import WorkflowRepository
from bot.workflows.workflow import Workflow, parse_workflow
from tests.migrated_database import migrated_database

OPTIONS = ClientOptions(
    retry_backoff=0.02, reconnect_max=0.1, poll_initial=0.1, poll_max=0.3, confirmation_delay=0.05, watchdog_silence=2.0
)
Graph = dict[str, dict[str, Any]]


def picture_graph(**changes: Any) -> Graph:
    """A text to a small picture; `changes`: input values by name, set wherever a node has that input."""
    graph: Graph = {
        "1": node("CheckpointLoaderSimple", ckpt_name="tiny_random_sd15.safetensors"),
        "2": node("CLIPTextEncode", text="__CHORUS_PROMPT__", clip=["1", 1]),
        "3": node("CLIPTextEncode", text="__CHORUS_NEGATIVE__", clip=["1", 1]),
        "4": node("EmptyLatentImage", width=64, height=64, batch_size=1),
        "5": node(
            "KSampler",
            seed="__CHORUS_SEED__", steps=2, cfg=7.0, sampler_name="euler", scheduler="normal", denoise=1.0,
            model=["1", 0], positive=["2", 0], negative=["3", 0], latent_image=["4", 0],
        ),
        "6": node("VAEDecode", samples=["5", 0], vae=["1", 2]),
        "7": node("SaveImage", images=["6", 0], filename_prefix="t"),
    }  # fmt: skip
    for one in graph.values():
        one["inputs"].update({name: value for name, value in changes.items() if name in one["inputs"]})
    graph["5"]["_meta"] = {"title": "Paint"}
    return graph


def speech_graph(*, voice: bool = False) -> Graph:
    """A text to a tone, saved as FLAC; with `voice`, in the voice of a sample."""
    graph: Graph = {
        "1": node("ToneTTS", text="__CHORUS_TEXT__", seed="__CHORUS_SEED__"),
        "2": node("SaveAudio", audio=["1", 0], filename_prefix="audio/t"),
    }
    if voice:
        graph["1"]["inputs"]["voice"] = ["3", 0]
        graph["3"] = node("LoadAudio", audio="__CHORUS_VOICE_SAMPLE__")
    return graph


def node(class_type: str, **inputs: Any) -> dict[str, Any]:
    """A node of an API graph."""
    return {"class_type": class_type, "inputs": inputs}


@dataclass
class Files:
    """Characters and workflows from memory."""

    graphs: dict[tuple[JobKind, str], Mapping[str, Any]] = field(
        default_factory=lambda: {
            (JobKind.IMAGE, "default"): picture_graph(),
            (JobKind.AUDIO, "default"): speech_graph(),
        }
    )
    negative: str = "blurry"

    def character(self) -> Character:
        return Character.model_validate(
            {"id": "nova", "name": "Nova", "system_prompt": "x", "visual_identity": {"negative_prompt": self.negative}}
        )


class Characters:
    def __init__(self, files: Files) -> None:
        self._files = files

    def get(self, character_id: str, guild_id: int | None = None) -> Character:
        if character_id != "nova":
            raise CharacterNotFound
        return self._files.character()


class Workflows:
    def __init__(self, files: Files) -> None:
        self._files = files

    def get(
        self,
        character_id: str,
        kind: JobKind,
        name: str | None = None,
        *,
        guild_id: int | None = None,
        default: str | None = None,
    ) -> Workflow:
        name = name or default
        graph = self._files.graphs.get((kind, name or "default"))
        if graph is None:
            raise WorkflowNotFound
        return parse_workflow(json.dumps(graph), kind=kind, name=name or "default", character_id=character_id)


@dataclass
class Harness:
    """What a test talks to."""

    orchestrator: Orchestrator
    client: ComfyClient
    gpu: GpuLock
    database: Database
    store: JobRepository
    gallery: GalleryRepository
    files: Files
    data: Path

    async def draw(self, positive: str = "a lighthouse", **more: Any) -> Job:
        """Submit a picture."""
        return await self.orchestrator.submit(picture(positive, **more))

    async def ended(self, job: Job) -> Job:
        """Watch a job to its end."""
        updates = await self.updates(job)
        last = updates[-1]
        assert isinstance(last, Ended)
        return last.job

    async def updates(self, job: Job) -> list[JobUpdate]:
        """Everything a quick watcher sees."""
        return [update async for update in self.orchestrator.watch(job.id)]

    def paths(self) -> list[str]:
        """Every file under the media folders, relative to the data folder."""
        return sorted(
            path.relative_to(self.data).as_posix()
            for folder in ("images", "audio", "video")
            for path in (self.data / folder).rglob("*")
            if path.is_file()
        )


def picture(positive: str = "a lighthouse", *, requester: int = 1, channel: int = 5, **more: Any) -> GenerationRequest:
    """A request for a picture."""
    return GenerationRequest(
        kind=more.pop("kind", JobKind.IMAGE),
        character_id=more.pop("character_id", "nova"),
        requester_id=requester,
        requester_name="Ada",
        origin=Origin(guild_id=9, channel_id=channel),
        positive=positive,
        **more,
    )


def speech(*parts: str, live: bool = False, **more: Any) -> GenerationRequest:
    """A request for speech."""
    return picture("", kind=JobKind.AUDIO, text_parts=parts, live=live, **more)


@asynccontextmanager
async def open_harness(
    tmp_path: Path,
    url: str,
    *,
    files: Files | None = None,
    handover: VramHandover | None = None,
    rewriter: PromptRewriter | None = None,
    wrap: Callable[[JobRepository], JobRepository] = lambda store: store,
    options: ClientOptions = OPTIONS,
    policy: Policy | None = None,
    **settings: Any,
) -> AsyncGenerator[Harness]:
    """Open it; a second one on the same folder is a restart."""
    files = files or Files()
    data = tmp_path / "data"
    data.mkdir(exist_ok=True)
    limits: dict[str, Any] = {"max_pixels": 150_000_000, "queue_limits": QueueLimits(1000, 1000), **settings}
    async with (
        Database.open(migrated_database(data / "chorus.db")) as database,
        ComfyClient(url, options) as client,
    ):
        store = wrap(JobRepository(database))
        gpu = GpuLock(handover=handover)
        async with Orchestrator(
            GenerationOptions(data_dir=data, **limits),
            jobs=store,
            versions=WorkflowRepository(database),
            characters=Characters(files),
            workflows=Workflows(files),
            failures=WorkflowFailureRepository(database),
            servers=[ComfyServer(client, gpu)],
            ffmpeg=Ffmpeg(),
            rewriter=rewriter,
            policy=policy,
        ) as orchestrator:
            yield Harness(orchestrator, client, gpu, database, store, GalleryRepository(database), files, data)


async def failed(harness: Harness, job: Job, code: str) -> Job:
    """The job when it has failed with that code, and nothing is left of it."""
    done = await harness.ended(job)
    assert done.state is JobState.FAILED
    assert done.error is not None
    assert done.error.code == code
    assert done.error.message
    assert done.error.advice
    assert done.artifacts == ()
    assert harness.paths() == [], "nothing half-made remains"
    assert str(harness.data) not in done.error.message
    return done
