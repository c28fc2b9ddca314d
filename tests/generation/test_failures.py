"""Everything that goes wrong ends in one error with a code and a sentence, and leaves nothing half-made."""

from pathlib import Path
from typing import Any

import pytest

from bot.circuit_breaker import BreakerOptions
from bot.domain.attempts import AttemptState
from bot.domain.jobs import JobKind, JobState
from bot.errors import ErrorCategory, InputInvalid
from bot.generation.retry_rules import MAX_REPEATS
from sandbox.comfyui import PostFault, StandInComfyUI, ViewFault
from tests.comfyui.guarded_server import guarded_server
from tests.generation.harness import Harness, failed, node, open_harness, picture_graph

FOUR_REPEATS = {**MAX_REPEATS, ErrorCategory.SERVICE: 4}


async def test_a_failing_node_fails_the_job(harness: Harness, comfy: StandInComfyUI) -> None:
    comfy.faults.failing_nodes["KSampler"] = "boom at /home/someone/secret"
    done = await failed(harness, await harness.draw(), "GENERATION_FAILED")
    assert done.error is not None
    assert '"Paint"' in done.error.message
    assert "secret" not in done.error.message
    comfy.faults.failing_nodes.clear()
    assert (await harness.ended(await harness.draw("the next one runs"))).state is JobState.GENERATED


async def test_out_of_memory_is_tried_once_more_with_memory_freed(harness: Harness, comfy: StandInComfyUI) -> None:
    comfy.faults.out_of_memory = 1
    done = await harness.ended(await harness.draw())
    assert done.state is JobState.GENERATED
    assert len(comfy.log.requests("POST", "/free")) == 1
    states = [attempt.state for attempt in await harness.store.attempts(done.id)]
    assert states == [AttemptState.FAILED, AttemptState.SUCCEEDED]


async def test_out_of_memory_twice_fails_the_job(harness: Harness, comfy: StandInComfyUI) -> None:
    comfy.faults.out_of_memory = 2
    await failed(harness, await harness.draw(), "OUT_OF_MEMORY")
    assert len(comfy.log.find("execution_start")) == 2


async def test_a_node_refused_at_validation_is_named(harness: Harness) -> None:
    harness.files.graphs[JobKind.IMAGE, "default"] = picture_graph(steps=0)
    done = await failed(harness, await harness.draw(), "WORKFLOW_NODE_ERROR")
    assert done.error is not None
    assert '"Paint"' in done.error.message
    assert '"steps" is too small' in done.error.message


async def test_interrupted_in_comfyui_counts_as_cancelled(harness: Harness, comfy: StandInComfyUI) -> None:
    async with comfy.set_breakpoint("KSampler") as hold:
        job = await harness.draw()
        await hold.reached.wait()
        comfy.instance.interrupt()
        done = await harness.ended(job)
    assert done.state is JobState.CANCELLED
    assert done.error is not None
    assert "in ComfyUI" in done.error.message


async def test_a_run_without_files_has_no_output(harness: Harness) -> None:
    graph = picture_graph()
    graph["8"] = node("SandboxBlocked", anything=["6", 0], message="no")
    graph["7"]["inputs"]["images"] = ["8", 0]
    harness.files.graphs[JobKind.IMAGE, "default"] = graph
    await failed(harness, await harness.draw(), "NO_OUTPUT")


async def test_time_limits_count_execution_and_free_the_gpu_only_when_it_is_free(
    tmp_path: Path, comfy: StandInComfyUI
) -> None:
    limits = dict.fromkeys(JobKind, 3.0)
    async with (
        open_harness(tmp_path, comfy.url, timeout_seconds=limits) as harness,
        comfy.set_breakpoint("KSampler", interruptible=False, times=1) as hold,
    ):
        job = await harness.draw()
        waiting = await harness.draw("waits longer than that and is not timed out")
        await hold.reached.wait()
        done = await harness.ended(job)
        assert done.error is not None
        assert done.error.code == "GENERATION_TIMEOUT"
        await comfy.log.wait_for("interrupt")
        prompt_id = str((await harness.store.attempts(job.id))[0].prompt_id)
        assert comfy.running == prompt_id, "the node never looks, so the GPU is still busy ..."
        assert harness.gpu.generating, "... and the lock is still held"
        assert len(comfy.log.find("submitted")) == 1
        hold.release()
        assert (await harness.ended(waiting)).state is JobState.GENERATED
    assert harness.paths() != []


# -- cancel


async def test_cancelling_a_waiting_job_is_immediate(harness: Harness, comfy: StandInComfyUI) -> None:
    async with comfy.set_breakpoint("KSampler") as hold:
        running = await harness.draw()
        await hold.reached.wait()
        waiting = [await harness.draw() for _ in range(3)]
        for job in waiting:
            assert await harness.orchestrator.cancel(job.id)
            assert not await harness.orchestrator.cancel(job.id), "only once"
            assert (await harness.ended(job)).state is JobState.CANCELLED
        assert (await harness.orchestrator.queue_view()).waiting == ()
    assert (await harness.ended(running)).state is JobState.GENERATED
    assert len(comfy.log.find("submitted")) == 1, "a cancelled job never reached ComfyUI"
    assert await harness.store.open_attempts("run") == []


async def test_cancelling_a_running_job_interrupts_that_prompt_only(harness: Harness, comfy: StandInComfyUI) -> None:
    async with comfy.set_breakpoint("KSampler", times=1) as hold:
        job = await harness.draw()
        following = await harness.draw()
        await hold.reached.wait()
        assert await harness.orchestrator.cancel(job.id)
        done = await harness.ended(job)
        assert done.state is JobState.CANCELLED
        assert (await harness.ended(following)).state is JobState.GENERATED
    assert len(comfy.log.find("execution_interrupted")) == 1
    assert [path for path in harness.paths() if job.digest in path] == []


async def test_a_cancelled_job_keeps_the_gpu_until_comfyui_obeys(harness: Harness, comfy: StandInComfyUI) -> None:
    async with comfy.set_breakpoint("KSampler", interruptible=False, times=1) as hold:
        job = await harness.draw()
        following = await harness.draw()
        await hold.reached.wait()
        assert await harness.orchestrator.cancel(job.id)
        await harness.ended(job)
        await comfy.log.wait_for("interrupt")
        assert harness.gpu.generating
        assert len(comfy.log.find("submitted")) == 1
        hold.release()
        assert (await harness.ended(following)).state is JobState.GENERATED


async def test_an_ended_job_cannot_be_cancelled(harness: Harness) -> None:
    done = await harness.ended(await harness.draw())
    assert not await harness.orchestrator.cancel(done.id)
    stored = await harness.orchestrator.job(done.id)
    assert stored is not None
    assert stored.state is JobState.GENERATED


# -- the wire


@pytest.mark.parametrize("fault", list(PostFault))
async def test_a_post_that_goes_wrong_draws_once_or_says_why(
    harness: Harness, comfy: StandInComfyUI, fault: PostFault
) -> None:
    comfy.faults.posts.append(fault)
    job = await harness.draw()
    if fault is PostFault.SERVER_ERROR:
        await failed(harness, job, "WORKFLOW_INVALID")
    else:
        assert (await harness.ended(job)).state is JobState.GENERATED
        assert len(comfy.log.find("execution_success")) == 1


async def test_jobs_wait_while_comfyui_is_away(harness: Harness, comfy: StandInComfyUI) -> None:
    await comfy.kill()
    job = await harness.draw()
    seen = harness.orchestrator.watch(job.id)
    async for update in seen:
        if getattr(update, "reason", None) == "ComfyUI is away":
            break
    assert (await harness.orchestrator.queue_view()).reason == "ComfyUI is away"
    await seen.aclose()
    await comfy.start()
    assert (await harness.ended(job)).state is JobState.GENERATED


@pytest.mark.parametrize(("encrypted", "part"), [(False, "wants a login"), (True, "a certificate that is not trusted")])
async def test_why_jobs_wait_for_a_server_that_lets_nobody_in(tmp_path: Path, encrypted: bool, part: str) -> None:
    async with guarded_server(encrypted=encrypted) as url, open_harness(tmp_path, url) as harness:
        job = await harness.draw()
        seen = harness.orchestrator.watch(job.id)
        async for update in seen:
            if part in (getattr(update, "reason", None) or ""):
                break
        await seen.aclose()
        assert part in str((await harness.orchestrator.queue_view()).reason)
        await harness.orchestrator.cancel(job.id)


async def test_a_job_lost_in_a_restart_is_run_again(harness: Harness, comfy: StandInComfyUI) -> None:
    async with comfy.set_breakpoint("KSampler", times=1) as hold:
        job = await harness.draw()
        await hold.reached.wait()
        await comfy.restart()
        done = await harness.ended(job)
    assert done.state is JobState.GENERATED
    states = [attempt.state for attempt in await harness.store.attempts(job.id)]
    assert states == [AttemptState.LOST, AttemptState.SUCCEEDED]


async def test_a_job_that_is_lost_again_and_again_is_given_up(tmp_path: Path, comfy: StandInComfyUI) -> None:
    async with open_harness(tmp_path, comfy.url, max_repeats={**MAX_REPEATS, ErrorCategory.NETWORK: 1}) as harness:
        job = await harness.draw()
        for _ in range(2):
            async with comfy.set_breakpoint("KSampler", times=1) as hold:
                await hold.reached.wait()
                await comfy.restart()
        done = await failed(harness, job, "COMFY_UNAVAILABLE")
        assert done.error is not None
        assert "2 times" in done.error.message


async def test_a_cached_file_that_is_gone_is_made_again_once(harness: Harness, comfy: StandInComfyUI) -> None:
    first = await harness.ended(await harness.draw(seed=7))
    for path in (comfy.folders.root / "output").rglob("*.png"):
        path.unlink()
    second = await harness.ended(await harness.draw(seed=7, fresh=True))
    assert second.state is JobState.GENERATED
    assert second.artifacts[0].width == 64
    assert [attempt.n for attempt in await harness.store.attempts(second.id)] == [0, 1]
    assert first.artifacts[0].path != second.artifacts[0].path


async def test_a_file_that_stays_gone_is_an_error(harness: Harness, comfy: StandInComfyUI) -> None:
    comfy.faults.views += [ViewFault.GONE] * 2
    await failed(harness, await harness.draw(), "OUTPUT_FILE_NOT_FOUND")


# -- hostile files


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (ViewFault.HTML, "NO_OUTPUT"),
        (ViewFault.EMPTY, "NO_OUTPUT"),
        (ViewFault.BOMB, "OUTPUT_TOO_LARGE"),
    ],
)
async def test_a_file_that_is_not_what_it_says_is_refused(
    harness: Harness, comfy: StandInComfyUI, fault: ViewFault, code: str
) -> None:
    comfy.faults.views.append(fault)
    await failed(harness, await harness.draw(), code)


async def test_one_bad_file_of_a_batch_is_left_out_and_said(harness: Harness, comfy: StandInComfyUI) -> None:
    harness.files.graphs[JobKind.IMAGE, "default"] = picture_graph(batch_size=3)
    comfy.faults.views.append(ViewFault.HTML)
    done = await harness.ended(await harness.draw())
    assert len(done.artifacts) == 2
    assert done.note is not None
    assert "1 of 3" in done.note


async def test_a_truncated_download_is_repeated(harness: Harness, comfy: StandInComfyUI) -> None:
    comfy.faults.views.append(ViewFault.TRUNCATED)
    assert (await harness.ended(await harness.draw())).state is JobState.GENERATED


async def test_a_file_without_end_is_cut_off(tmp_path: Path, comfy: StandInComfyUI) -> None:
    comfy.faults.views.append(ViewFault.ENDLESS)
    async with open_harness(tmp_path, comfy.url, max_output_bytes=100_000) as harness:
        await failed(harness, await harness.draw(), "OUTPUT_TOO_LARGE")


@pytest.mark.parametrize("name", ["../../x.png", "/etc/passwd", "a\x00b.png", "..\\..\\x.png", "x" * 300 + ".png"])
async def test_names_from_the_server_are_never_paths(harness: Harness, comfy: StandInComfyUI, name: str) -> None:
    comfy.faults.hostile_filenames.append(name)
    done = await harness.ended(await harness.draw())
    assert done.state in {JobState.FAILED, JobState.GENERATED}
    assert not list(harness.data.parent.rglob("x.png"))
    assert all(path.startswith(f"images/channel-5/{done.digest}_") for path in harness.paths())


@pytest.mark.parametrize(
    "text",
    [
        'quotes " and \\ and {braces} {{PROMPT}} %prompt% __CHORUS_SEED__',
        "@everyone <@1> \u202eright to left\u202c שלום",
        "🗼" * 1000,
        "x" * 4000,
        "line\nbreak\ttab\x7f",
    ],
)
async def test_any_prompt_arrives_as_it_is(harness: Harness, comfy: StandInComfyUI, text: str) -> None:
    done = await harness.ended(await harness.draw(text))
    assert done.state is JobState.GENERATED
    entry = comfy.history(str((await harness.store.attempts(done.id))[0].prompt_id))
    assert entry is not None
    graph: Any = entry["prompt"][2]
    assert graph["2"]["inputs"]["text"] == text


async def test_undeliverable_results_fail_and_keep_their_files(harness: Harness) -> None:
    done = await harness.ended(await harness.draw())
    assert await harness.orchestrator.mark_undeliverable(done.id, InputInvalid("nowhere to post")) is not None
    stored = await harness.orchestrator.job(done.id)
    assert stored is not None
    assert stored.state is JobState.FAILED
    assert len(harness.paths()) == 3


async def test_a_comfyui_that_gives_wrong_answers_is_left_alone_and_jobs_wait(
    tmp_path: Path, comfy: StandInComfyUI
) -> None:
    comfy.faults.server_errors["/object_info"] = 3
    breaker = BreakerOptions(threshold=2, first_pause=0.3, longest_pause=0.3)
    async with open_harness(tmp_path, comfy.url, breaker=breaker, max_repeats=FOUR_REPEATS) as harness:
        jobs = [await harness.draw(f"number {number}") for number in range(2)]
        reasons = [getattr(update, "reason", None) for update in await harness.updates(jobs[0])]
        assert "ComfyUI answers with errors" in reasons
        for job in jobs:
            assert (await harness.ended(job)).state is JobState.GENERATED
    requests = [each.time for each in comfy.log.requests("GET", "/object_info")]
    assert len(requests) == 4
    assert requests[2] - requests[1] >= 0.3, "after two failures only a probe goes through"


async def test_a_comfyui_that_goes_on_giving_wrong_answers_fails_the_job(tmp_path: Path, comfy: StandInComfyUI) -> None:
    comfy.faults.server_errors["/object_info"] = 3
    async with open_harness(tmp_path, comfy.url, breaker=BreakerOptions(first_pause=0.05)) as harness:
        done = await failed(harness, await harness.draw(), "COMFY_UNAVAILABLE")
        assert done.error is not None
        assert "it failed" in done.error.message
        assert (await harness.ended(await harness.draw())).state is JobState.GENERATED
