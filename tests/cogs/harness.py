"""The real bot, logged in to the local Discord; behind it a scripted orchestrator, so that tests say what happens."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from bot.characters.library import CharacterLibrary
from bot.discord_client.bot import ChorusBot
from bot.discord_client.connection import connected
from bot.discord_client.endpoint import point_discord_at
from bot.domain.batches import Batch
from bot.domain.conversations import ChannelBinding
from bot.domain.job_updates import Ended, JobUpdate, QueueEntry, QueueView, Waiting
from bot.domain.jobs import UNFINISHED, Artifact, GenerationRequest, Job, JobError, JobKind, JobState
from bot.errors import ChorusError, WorkflowNotFound
from bot.generation.update_broadcaster import UpdateBroadcaster
from bot.media.ffmpeg import Ffmpeg
from bot.service_clock import ServiceClock
from bot.services.composition import policy_of
from bot.settings import Settings, default_settings
from bot.storage.database import Database
from sandbox.discord import LocalDiscord, Message, SimulatedChannel, SimulatedUser
from tests.cogs.delivery.rows import Deliveries
from tests.cogs.factories import a_job
from tests.discord_openapi import check_requests
from tests.migrated_database import migrated_database

if TYPE_CHECKING:
    from bot.services import Services
    from bot.workflows.workflow import Workflow

CHARACTER = "id: {id}\nname: {name}\nrole: painter\nsystem_prompt: You paint.\n"


class NoBatches:
    """No batch was left by an earlier process."""

    async def undelivered(self) -> list[Batch]:
        return []


class Script:
    """An orchestrator whose jobs do what the test says."""

    def __init__(self) -> None:
        self.jobs: dict[uuid.UUID, Job] = {}
        self.board = UpdateBroadcaster()
        self.refusal: ChorusError | None = None
        self.shown: list[uuid.UUID] = []
        self.accepted = asyncio.Event()
        self.told = asyncio.Event()
        self.cancelled: list[uuid.UUID] = []
        self.before_acceptance: Callable[[], Any] | None = None

    # -- what the bot calls

    async def submit(self, request: GenerationRequest, job_id: uuid.UUID | None = None) -> Job:
        if self.refusal is not None:
            raise self.refusal
        if self.before_acceptance is not None:
            self.before_acceptance()
        job = a_job(request, seed=request.seed or 42, workflow_name=request.workflow_name or "default")
        if job_id is not None:
            job = job.model_copy(update={"id": job_id})
        self.jobs[job.id] = job
        self.board.publish(job.id, Waiting(position=len(self.waiting())))
        self.accepted.set()
        return job

    async def watch(self, job_id: uuid.UUID) -> AsyncIterator[JobUpdate]:
        job = self.jobs[job_id]
        if job.state in {JobState.GENERATED, JobState.FAILED, JobState.CANCELLED, JobState.DELIVERED}:
            yield Ended(job=job)
            return
        async for update in self.board.watch(job_id):
            yield update

    async def cancel(self, job_id: uuid.UUID) -> bool:
        self.cancelled.append(job_id)
        if self.jobs[job_id].state not in UNFINISHED:
            return False
        self.end(job_id, JobState.CANCELLED, JobError(code="CANCELLED", message="Cancelled."))
        return True

    async def mark_delivered(self, job_id: uuid.UUID) -> None:
        self.shown.append(job_id)
        self.told.set()
        if self.jobs[job_id].state is JobState.GENERATED:
            self.change(job_id, state=JobState.DELIVERED)

    async def job(self, job_id: uuid.UUID) -> Job | None:
        return self.jobs.get(job_id)

    async def place(self, job_id: uuid.UUID) -> QueueEntry | None:
        return next((entry for entry in (await self.queue_view()).waiting if entry.job_id == job_id), None)

    async def queue_view(self) -> QueueView:
        waiting = tuple(_entry(job, n) for n, job in enumerate(self.waiting(), start=1))
        running = tuple(_entry(job, 0) for job in self.jobs.values() if job.state is JobState.RUNNING)
        return QueueView(running=running, waiting=waiting)

    async def recover(self) -> list[Job]:
        return [job for job in self.jobs.values() if job.id not in self.shown and job.state not in UNFINISHED]

    # -- as the store of jobs

    async def mark_undeliverable(self, job_id: uuid.UUID, error: ChorusError) -> Job | None:
        if self.jobs[job_id].state is not JobState.GENERATED:
            return None
        stored = JobError(code=error.code, message=error.message, advice=error.advice)
        return self.change(job_id, state=JobState.FAILED, error=stored)

    async def unfinished(self, owner: str) -> list[Job]:
        return [job for job in self.jobs.values() if job.state in UNFINISHED]

    # -- what the test says

    @property
    def only(self) -> Job:
        (job,) = self.jobs.values()
        return job

    def waiting(self) -> list[Job]:
        return [job for job in self.jobs.values() if job.state is JobState.QUEUED]

    def say(self, job_id: uuid.UUID, update: JobUpdate) -> None:
        self.board.publish(job_id, update)

    def finish(self, job_id: uuid.UUID, *artifacts: Artifact, seconds: float = 1.5) -> None:
        job = self.change(job_id, state=JobState.GENERATED, artifacts=artifacts, execution_seconds=seconds)
        self.board.publish(job_id, Ended(job=job))

    def end(self, job_id: uuid.UUID, state: JobState, error: JobError) -> None:
        self.board.publish(job_id, Ended(job=self.change(job_id, state=state, error=error, ended_at=datetime.now(UTC))))

    def change(self, job_id: uuid.UUID, **changes: Any) -> Job:
        self.jobs[job_id] = self.jobs[job_id].model_copy(update=changes)
        return self.jobs[job_id]


def _entry(job: Job, position: int) -> QueueEntry:
    request = job.request
    return QueueEntry(
        job_id=job.id,
        kind=request.kind,
        character_id=request.character_id,
        workflow_name=job.workflow_name,
        requester_id=request.requester_id,
        requester_name=request.requester_name,
        guild_id=request.origin.guild_id,
        channel_id=request.origin.channel_id,
        position=position,
    )


class Workflows:
    """Names by character."""

    def names(self, character_id: str, kind: JobKind, guild_id: int | None = None) -> list[str]:
        return {"nova": ["default", "portrait"], "alex": ["default"]}[character_id] if kind is JobKind.IMAGE else []

    def get(
        self,
        character_id: str,
        kind: JobKind,
        name: str | None = None,
        *,
        guild_id: int | None = None,
        default: str | None = None,
    ) -> Workflow:
        raise WorkflowNotFound


class DerivedJobs:
    """Nobody here can enlarge pictures."""

    def can_vary(self, job: Job) -> bool:
        return True

    def can_upscale(self, job: Job) -> bool:
        return False

    def can_outpaint(self, job: Job) -> bool:
        return False

    def can_inpaint(self, job: Job) -> bool:
        return False


class Bindings:
    """Which character a channel belongs to."""

    def __init__(self) -> None:
        self.by_channel: dict[int, str] = {}

    async def binding(self, channel_id: int) -> ChannelBinding | None:
        found = self.by_channel.get(channel_id)
        if found is None:
            return None
        return ChannelBinding(channel_id=channel_id, guild_id=None, character_id=found, conversation_id=None)


STAGED = ("cogs.component_router", "cogs.delivery", "cogs.imagine", "cogs.queue", "cogs.results")


@dataclass
class Harness:
    """Everything a test has its hands on."""

    discord: LocalDiscord
    folder: Path
    settings: Settings
    deliveries: Deliveries
    script: Script = field(default_factory=Script)
    bindings: Bindings = field(default_factory=Bindings)
    bot: ChorusBot | None = None

    def __post_init__(self) -> None:
        self.guild = self.discord.add_guild("Harbour")
        self.room = self.guild.add_channel("studio")
        self.ada = self.guild.add_member("ada")
        self.bob = self.guild.add_member("bob")
        self.mod = self.guild.add_member("mod", permissions=["manage_messages"])

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[ChorusBot]:
        """One life of the bot."""
        async with CharacterLibrary(self.settings.paths.characters) as characters:
            services = SimpleNamespace(
                settings=self.settings,
                characters=characters,
                workflows=Workflows(),
                derived_jobs=DerivedJobs(),
                orchestrator=self.script,
                jobs=self.script,
                owner="run",
                policy=policy_of(self.settings),
                deliveries=self.deliveries,
                bindings=self.bindings,
                ffmpeg=Ffmpeg(),
                batches=NoBatches(),
                discord_clock=ServiceClock(),
            )
            point_discord_at(self.discord.url)
            async with connected(cast("Services", services), self.discord.token, extensions=STAGED) as (bot, _):
                self.bot = bot
                await bot.wait_until_ready()
                yield bot

    async def imagine(
        self, person: SimulatedUser | None = None, room: SimulatedChannel | None = None, **values: str
    ) -> Message:
        """`/imagine` accepted: its message."""
        given = {"prompt": "a lighthouse at dusk"} | values
        answer = await (person or self.ada).slash(room or self.room, "imagine", wait=True, **given)
        return answer.message

    async def shown(self, job_id: uuid.UUID) -> None:
        """Until delivery says that it is done with the job."""
        async with asyncio.timeout(60):
            while job_id not in self.script.shown:
                self.script.told.clear()
                await self.script.told.wait()

    def picture(self, name: str = "a.png", data: bytes = b"\x89PNG not really") -> Artifact:
        """A file in the data folder."""
        path = self.settings.storage.data_dir / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return Artifact(
            kind=JobKind.IMAGE,
            path=f"images/{name}",
            sha256="0" * 64,
            size=len(data),
            media_type="image/png",
            width=64,
            height=64,
        )


@asynccontextmanager
async def open_harness(folder: Path, **discord: Any) -> AsyncGenerator[Harness]:
    """A local Discord with a guild and three people; the bot starts with `harness.running()`."""
    characters = folder / "characters"
    characters.mkdir()
    for name in ("Nova", "Alex"):
        (characters / f"{name.lower()}.yaml").write_text(CHARACTER.format(id=name.lower(), name=name), encoding="utf-8")
    settings = default_settings(folder, {"discord": {"progress_interval_seconds": 0.05} | discord})
    async with Database.open(migrated_database(folder / "chorus.db")) as database, LocalDiscord() as local:
        harness = Harness(local, folder, settings, Deliveries(database))
        yield harness
        assert local.violations == []
        assert check_requests(local.requests) == []
