"""The queue with ten thousand waiting jobs: single operations, and how long positions hold up the event loop."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import cast

from bench._house import open_system, picture
from bench.report import Report
from bench.timing import Sample
from bot.domain.jobs import GenerationRequest, Job, JobKind, JobState, Origin
from bot.generation.active_job import new_active_job
from bot.generation.job_registry import JobRegistry
from bot.generation.queue import JobQueue, QueueLimits
from bot.storage.jobs import JobRepository

TITLE = "The queue"
WAITING = 10_000
THROUGH_DISCORD = 1_000
SAMPLES = 200


async def run(report: Report) -> None:
    """The queue alone, then `/queue` while many wait."""
    queue, jobs = _filled()
    operations: dict[str, Callable[[int], object]] = {
        "push": lambda n: queue.push(_job(n)),
        "next": lambda _: queue.next_for("a"),
        "take": lambda _: queue.take("a"),
        "remove": lambda n: queue.remove(jobs[WAITING // 2 + n].id),
        "count of one person": queue.waiting,
    }
    for name, operation in operations.items():
        sample = Sample()
        for n in range(SAMPLES):
            with sample.timed():
                operation(n)
        report.measured(f"{name} with {WAITING} waiting, p99", sample.p99, "ms", at_most=1, note=sample.note)
    await _positions(report)
    await _looked_at(report)


async def _positions(report: Report) -> None:
    """Through the registry, as `/queue` asks for them."""
    registry = JobRegistry(cast("JobRepository", None), _filled()[0], 1)  # it is never asked
    for job in registry.queue.order():
        registry.active[job.id] = new_active_job(job)
    stalls: list[float] = []
    view = asyncio.create_task(registry.queue_view())
    while not view.done():
        began = time.thread_time()  # the work itself, however busy the machine is
        await asyncio.sleep(0)
        stalls.append((time.thread_time() - began) * 1000)
    shown = len((await view).waiting)
    note = f"{shown} positions in {sum(stalls):.0f} ms altogether"
    report.measured(f"longest hold of the loop by positions of {WAITING}", max(stalls), "ms", at_most=20, note=note)


async def _looked_at(report: Report) -> None:
    async with open_system({"default": picture()}) as system:
        guild = system.discord.add_guild()
        room = guild.add_channel("studio")
        people = [guild.add_member(f"person{n}") for n in range(50)]
        answered = Sample()
        async with system.bot() as bot, system.comfy.set_breakpoint("KSampler") as hold:
            for n in range(THROUGH_DISCORD):
                await people[n % len(people)].slash(room, "imagine", prompt=f"boat {n}")
            await hold.reached.wait()
            for n in range(20):
                looked = people[n].slash(room, "queue")
                with answered.timed():
                    await looked
        report.measured(f"/queue with {THROUGH_DISCORD} waiting, p99", answered.p99, "ms", note=answered.note)
        report.measured("the bot's event loop meanwhile", bot.stalls.p999_above_control, "ms", note=bot.stalls.note)


def _filled() -> tuple[JobQueue, list[Job]]:
    queue = JobQueue(limits=QueueLimits(total=2 * WAITING, per_user=WAITING))
    jobs = [_job(n) for n in range(WAITING)]
    for job in jobs:
        queue.push(job)
    return queue, jobs


def _job(number: int) -> Job:
    request = GenerationRequest(
        kind=JobKind.IMAGE,
        character_id="nova",
        requester_id=1 + number % 200,
        origin=Origin(guild_id=number % 20, channel_id=1),
    )
    return Job(
        id=uuid.uuid4(),
        request=request,
        state=JobState.QUEUED,
        workflow_name="default",
        workflow_hash=str(number % 3) * 64,
        character_version="1",
        seed=1,
        created_at=datetime.now(UTC),
    )
