"""One job from the wish to verified files, and what people see on the way."""

import asyncio
import json

from PIL import Image

from bot.domain.gallery import GalleryQuery
from bot.domain.job_updates import Ended, Progress, Waiting
from bot.domain.jobs import JobKind, JobState
from bot.generation.durations import Durations
from sandbox.comfyui import StandInComfyUI
from tests.generation.harness import Harness, picture, picture_graph


async def test_a_picture_arrives(harness: Harness) -> None:
    job = await harness.draw("a lighthouse at dusk")
    assert job.state is JobState.QUEUED
    done = await harness.ended(job)
    assert done.state is JobState.GENERATED
    assert done.error is None
    (artifact,) = done.artifacts
    assert artifact.path == f"images/channel-5/{job.digest}_0.png"
    assert (artifact.width, artifact.height, artifact.media_type) == (64, 64, "image/png")
    assert artifact.kind is JobKind.IMAGE
    with Image.open(harness.data / artifact.path) as image:
        assert image.size == (64, 64)
        assert "prompt" in image.info, "ComfyUI's metadata is kept"
    assert artifact.thumbnail is not None
    with Image.open(harness.data / artifact.thumbnail) as thumbnail:
        assert max(thumbnail.size) <= 200
    assert harness.paths() == [
        f"images/channel-5/{job.digest}_0.json",
        f"images/channel-5/{job.digest}_0.png",
        f"images/channel-5/{job.digest}_0.thumb.webp",
    ]
    stored = await harness.orchestrator.job(job.id)
    assert stored == done
    assert stored is not None
    assert stored.execution_seconds is not None
    assert stored.started_at is not None


async def test_the_sidecar_has_everything_to_do_it_again(harness: Harness) -> None:
    done = await harness.ended(await harness.draw("a lighthouse", overrides={"width": 96, "steps": 3, "cfg": 5}))
    path = harness.data / done.artifacts[0].path
    sidecar = json.loads(path.with_suffix(".json").read_text())
    assert sidecar["workflow"]["graph"] == picture_graph()
    assert sidecar["workflow"]["hash"] == done.workflow_hash
    assert sidecar["seed"] == done.seed
    assert sidecar["parameters"]["positive"] == "a lighthouse"
    assert sidecar["parameters"]["negative"] == "blurry"
    assert sidecar["parameters"]["width"] == 96
    assert sidecar["parameters"]["comfyui_version"] == "0.33.0"
    assert sidecar["file"]["sha256"] == done.artifacts[0].sha256
    assert sidecar["character"] == {"id": "nova", "version": done.character_version}
    assert "requester_id" not in json.dumps(sidecar)


async def test_the_same_request_again_makes_the_same_picture(harness: Harness) -> None:
    first = await harness.ended(await harness.draw())
    pinned = picture(workflow_hash=first.workflow_hash, seed=first.seed, parent_job_id=first.id)
    harness.files.graphs[JobKind.IMAGE, "default"] = picture_graph(steps=5)
    second = await harness.ended(await harness.orchestrator.submit(pinned))
    assert second.workflow_hash == first.workflow_hash
    with (
        Image.open(harness.data / first.artifacts[0].path) as one,
        Image.open(harness.data / second.artifacts[0].path) as two,
    ):
        assert one.tobytes() == two.tobytes()
    assert [job.id for job in await harness.store.children(first.id)] == [second.id]


async def test_all_pictures_of_a_batch_and_saved_before_temporary(harness: Harness) -> None:
    graph = picture_graph(batch_size=4)
    graph["8"] = {"class_type": "PreviewImage", "inputs": {"images": ["6", 0]}}
    harness.files.graphs[JobKind.IMAGE, "default"] = graph
    done = await harness.ended(await harness.draw())
    assert len(done.artifacts) == 4
    assert not any(artifact.temporary for artifact in done.artifacts)
    page = await harness.gallery.page(GalleryQuery(channel_id=5))
    assert [item.n for item in page.items] == [3, 2, 1, 0]


async def test_a_preview_is_a_result_where_nothing_is_saved(harness: Harness) -> None:
    graph = picture_graph()
    graph["7"] = {"class_type": "PreviewImage", "inputs": {"images": ["6", 0]}}
    harness.files.graphs[JobKind.IMAGE, "default"] = graph
    done = await harness.ended(await harness.draw())
    assert [artifact.temporary for artifact in done.artifacts] == [True]


async def test_a_watcher_sees_waiting_then_progress_then_the_end(harness: Harness, comfy: StandInComfyUI) -> None:
    harness.files.graphs[JobKind.IMAGE, "default"] = picture_graph(steps=8)
    async with comfy.set_breakpoint("KSampler") as hold:
        first = await harness.draw()
        await hold.reached.wait()
        second = await harness.draw("another")
        seen = asyncio.create_task(harness.updates(second))
        third = await harness.draw("a third")
        waiting = await anext(harness.orchestrator.watch(third.id))
        assert isinstance(waiting, Waiting)
        assert waiting.position == 2
        view = await harness.orchestrator.queue_view()
        assert [entry.job_id for entry in view.running] == [first.id]
        assert [(entry.job_id, entry.position) for entry in view.waiting] == [(second.id, 1), (third.id, 2)]
    updates = await seen
    assert isinstance(updates[0], Waiting)
    assert updates[0].position == 1
    progress = [update for update in updates if isinstance(update, Progress)]
    fractions = [update.fraction for update in progress if update.fraction is not None]
    assert fractions == sorted(fractions)
    assert all(0 <= fraction <= 1 for fraction in fractions)
    assert any(update.node_title == "Paint" for update in progress)
    assert isinstance(updates[-1], Ended)
    await harness.ended(third)
    assert (await harness.orchestrator.queue_view()).running == ()


async def test_expected_seconds_come_from_the_workflows_own_history(harness: Harness, comfy: StandInComfyUI) -> None:
    await harness.ended(await harness.draw("teach it"))
    async with comfy.set_breakpoint("KSampler") as hold:
        first = await harness.draw()
        await hold.reached.wait()
        second = await harness.draw()
        (entry,) = (await harness.orchestrator.queue_view()).waiting
        assert entry.job_id == second.id
        assert entry.expected_seconds is not None
        assert entry.expected_seconds > 0
    await harness.ended(first)
    await harness.ended(second)


async def test_steps_and_previews_are_seen_on_a_server_that_was_started_without_them(harness: Harness) -> None:
    harness.files.graphs[JobKind.IMAGE, "default"] = picture_graph(steps=4)
    seen = [update for update in await harness.updates(await harness.draw()) if isinstance(update, Progress)]
    # Of steps that come faster than they are read, the newest is seen: not each of them, not always the last.
    steps = {(update.step, update.steps) for update in seen if update.step}
    assert steps
    assert steps <= {(n, 4) for n in range(1, 5)}
    assert all(update.node_title == "Paint" for update in seen if update.step)
    assert any(update.preview for update in seen)


async def test_the_time_of_each_node_is_stored_and_known_after_a_restart(
    harness: Harness,
) -> None:
    job = await harness.draw("teach it")
    await harness.ended(job)
    stored = await harness.store.get(job.id)
    assert stored is not None
    assert {time.title for time in stored.node_times} >= {"Paint", "VAEDecode", "SaveImage"}
    seconds = [time.seconds for time in stored.node_times]
    assert seconds == sorted(seconds, reverse=True)
    assert sum(seconds) <= (stored.execution_seconds or 0) + 0.5
    sidecar = json.loads((harness.data / stored.artifacts[0].path).with_suffix(".json").read_bytes())
    assert [time["node"] for time in sidecar["parameters"]["node_times"]] == [time.node for time in stored.node_times]
    durations = Durations(harness.store)
    await durations.load(job)
    assert durations.node_seconds(job) == {time.node: time.seconds for time in stored.node_times}
    assert durations.expected(job) == stored.execution_seconds


async def test_a_slow_watcher_never_slows_the_job(harness: Harness) -> None:
    job = await harness.draw()
    watcher = harness.orchestrator.watch(job.id)
    await anext(watcher)
    done = await harness.ended(job)  # another one, while the first sleeps
    rest = [update async for update in watcher]
    assert rest == [Ended(job=done)]


async def test_watching_an_ended_job_ends_at_once(harness: Harness) -> None:
    done = await harness.ended(await harness.draw())
    await harness.orchestrator.mark_delivered(done.id)
    (update,) = [update async for update in harness.orchestrator.watch(done.id)]
    assert isinstance(update, Ended)
    assert update.job.state is JobState.DELIVERED


async def test_jobs_are_served_in_the_order_of_acceptance(harness: Harness, comfy: StandInComfyUI) -> None:
    jobs = [await harness.draw(f"number {n}") for n in range(6)]
    await asyncio.gather(*(harness.ended(job) for job in jobs))
    started = [entry.prompt_id for entry in comfy.log.find("execution_start")]
    expected = [str((await harness.store.attempts(job.id))[0].prompt_id) for job in jobs]
    assert started == expected


async def test_only_one_prompt_at_a_time_is_with_comfyui(harness: Harness, comfy: StandInComfyUI) -> None:
    async with comfy.set_breakpoint("KSampler") as hold:
        jobs = [await harness.draw(str(n)) for n in range(3)]
        await hold.reached.wait()
        assert comfy.pending == []
    for job in jobs:
        await harness.ended(job)
