"""Prompts that a language model writes: meanwhile other jobs run, and the job keeps its place and its rights."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from bot.domain.jobs import GenerationRequest, Job, JobState
from bot.errors import CharacterNotFound
from bot.generation.prompt_rewriting import RewrittenPrompt
from bot.generation.queue import JobQueue
from sandbox.comfyui import StandInComfyUI
from tests.generation.harness import Harness, open_harness
from tests.generation.test_queue import make_job

DEADLINE = 60


@dataclass
class Rewriter:
    """Rewrites "x" to "x, rewritten" as soon as `gate` is set; `error` is raised instead."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[str] = field(default_factory=list[str])
    cancelled: list[str] = field(default_factory=list[str])
    error: Exception | None = None

    async def rewrite(self, request: GenerationRequest) -> RewrittenPrompt:
        self.asked.append(request.positive)
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled.append(request.positive)
            raise
        if self.error is not None:
            raise self.error
        return RewrittenPrompt(f"{request.positive}, rewritten", "A note.")


async def ended(harness: Harness, job: Job) -> Job:
    async with asyncio.timeout(DEADLINE):
        return await harness.ended(job)


async def test_other_jobs_run_while_prompts_are_written(tmp_path: Path, comfy: StandInComfyUI) -> None:
    rewriter = Rewriter()
    async with open_harness(tmp_path, comfy.url, rewriter=rewriter) as harness:
        slow = [await harness.draw(f"scene {n}", rewrite=True) for n in range(3)]
        quick = await harness.draw("a lighthouse")
        assert (await ended(harness, quick)).state is JobState.GENERATED
        assert [entry.job_id for entry in (await harness.orchestrator.queue_view()).waiting] == [job.id for job in slow]
        rewriter.gate.set()
        done = [await ended(harness, job) for job in slow]
    assert [job.parameters["positive"] for job in done] == [f"scene {n}, rewritten" for n in range(3)]
    assert [job.note for job in done] == ["A note."] * 3
    assert rewriter.asked == ["scene 0", "scene 1", "scene 2"]


def test_a_job_whose_prompt_is_there_has_its_old_place() -> None:
    first, second, third = (make_job() for _ in range(3))
    queue = JobQueue()
    queue.push(first, ready=False)
    queue.push(second)
    queue.push(third)
    assert queue.take("s") == second
    assert list(queue.order()) == [first, third]
    queue.mark_ready(first.id)
    assert [queue.take("s"), queue.take("s")] == [first, third]


async def test_a_cancelled_job_is_not_rewritten_any_more(tmp_path: Path, comfy: StandInComfyUI) -> None:
    rewriter = Rewriter()
    async with open_harness(tmp_path, comfy.url, rewriter=rewriter) as harness:
        job = await harness.draw("a scene", rewrite=True)
        assert await harness.orchestrator.cancel(job.id)
        assert (await ended(harness, job)).state is JobState.CANCELLED
        assert (await ended(harness, await harness.draw("next"))).state is JobState.GENERATED
    assert rewriter.cancelled == rewriter.asked
    assert len(comfy.log.find("submitted")) == 1


async def test_a_rewriting_that_fails_ends_its_job_alone(tmp_path: Path, comfy: StandInComfyUI) -> None:
    for error, code in ((CharacterNotFound(), "CHARACTER_NOT_FOUND"), (KeyError("x"), "GENERATION_FAILED")):
        rewriter = Rewriter(error=error)
        rewriter.gate.set()
        async with open_harness(tmp_path, comfy.url, rewriter=rewriter) as harness:
            failed = await ended(harness, await harness.draw("a scene", rewrite=True))
            assert failed.state is JobState.FAILED
            assert failed.error is not None
            assert failed.error.code == code
            async with asyncio.timeout(DEADLINE):
                while harness.orchestrator.active_count:  # noqa: ASYNC110 - there is no event for it
                    await asyncio.sleep(0.01)
            assert (await ended(harness, await harness.draw("next"))).state is JobState.GENERATED


async def test_after_a_restart_the_prompt_is_written_again(tmp_path: Path, comfy: StandInComfyUI) -> None:
    before, after = Rewriter(), Rewriter()
    async with open_harness(tmp_path, comfy.url, rewriter=before) as harness:
        job = await harness.draw("a scene", rewrite=True)
    async with open_harness(tmp_path, comfy.url, rewriter=after) as harness:
        await harness.orchestrator.recover()
        quick = await harness.draw("a lighthouse")
        await ended(harness, quick)
        after.gate.set()
        done = await ended(harness, job)
    assert done.parameters["positive"] == "a scene, rewritten"
    assert before.cancelled == ["a scene"] * len(before.asked)
