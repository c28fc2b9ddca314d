"""Steps, time left and time per node, from the updates of a prompt with made-up times."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from bot.comfyui.execution_updates import CachedNodes, ExecutionUpdate, NodeProgress, NodeStarted, Started
from bot.comfyui.system_stats import parse_system_stats
from bot.domain.job_updates import Progress
from bot.domain.jobs import Job, JobKind, NodeTime
from bot.generation.active_job import new_active_job
from bot.generation.node_times import slowest_first
from bot.generation.part_progress import KnownTimes, PartProgress
from bot.generation.previews import preview_request
from tests.generation.harness import picture_graph, speech
from tests.generation.test_queue import make_job

LOADED = {"1": 4.0, "2": 0.5, "5": 10.0, "6": 2.0, "7": 0.5}


def part_progress(known: KnownTimes | None = None, job: Job | None = None) -> PartProgress:
    return PartProgress(new_active_job(job or make_job()), picture_graph(steps=20), known or KnownTimes())


def shown(progress: PartProgress, *updates: tuple[float, ExecutionUpdate]) -> Progress:
    """What is seen after the last of (time, update)."""
    return [progress.after(update, at) for at, update in updates][-1]


def sampling(steps: Sequence[tuple[float, float]], of: float = 20) -> list[tuple[float, ExecutionUpdate]]:
    started: list[tuple[float, ExecutionUpdate]] = [(0.0, Started()), (0.0, NodeStarted("5"))]
    return [*started, *((at, NodeProgress("5", value, of)) for at, value in steps)]


def test_the_step_and_the_title_of_the_running_node() -> None:
    seen = shown(part_progress(), *sampling([(9, 12)], of=30))
    assert (seen.node_title, seen.step, seen.steps) == ("Paint", 12, 30)
    progress = part_progress()
    assert shown(progress, *sampling([(9, 20)]), (10, NodeStarted("6"))).step is None


@pytest.mark.parametrize(("value", "of"), [(0.5, 1.0), (1, 1), (0, 20), (3.5, 20), (5e6, 1e7)])
def test_what_is_no_step_is_not_called_one(value: float, of: float) -> None:
    seen = shown(part_progress(), *sampling([(1, value)], of=of))
    assert (seen.step, seen.steps) == (None, None)


def test_the_speed_tells_the_time_left_where_there_is_no_history() -> None:
    seen = shown(part_progress(), *sampling([(30, 1), (31, 2), (32, 3)]))
    assert seen.remaining_seconds == pytest.approx(19, abs=2), (
        "the first step, which loads the model, counts for nothing"
    )


def test_history_tells_it_before_the_first_steps_and_of_the_other_nodes() -> None:
    known = KnownTimes(17, LOADED)
    assert shown(part_progress(known), (0, Started())).remaining_seconds == 17
    assert (
        shown(part_progress(known), *sampling([])[1:], (3, CachedNodes(frozenset({"1", "2"})))).remaining_seconds == 9.5
    )
    fast = shown(part_progress(known), (0, CachedNodes(frozenset({"1", "2"}))), *sampling([(1, 1), (1.5, 2)]))
    assert fast.remaining_seconds == pytest.approx(18 * 0.5 + 2.5), "the present speed counts, not that of the history"


def test_a_node_that_takes_longer_than_it_ever_did_tells_no_time() -> None:
    known = KnownTimes(17, LOADED)
    assert shown(part_progress(known), (0, NodeStarted("5")), (60, CachedNodes(frozenset()))).remaining_seconds is None
    only_total = KnownTimes(10)
    assert shown(part_progress(only_total), (0, Started()), (4, NodeStarted("5"))).remaining_seconds == 6
    assert shown(part_progress(only_total), (0, Started()), (60, NodeStarted("5"))).remaining_seconds is None


def test_one_part_of_several_tells_no_time_left() -> None:
    job = make_job().model_copy(update={"request": speech("One.", "Two.")})
    assert job.request.kind is JobKind.AUDIO
    assert shown(part_progress(KnownTimes(9), job), *sampling([(1, 1), (2, 2), (3, 3)])).remaining_seconds is None


def test_the_time_of_each_node_is_added_up() -> None:
    progress = part_progress()
    shown(
        progress, (0, NodeStarted("1")), (4, NodeStarted("5")), (4.5, NodeProgress("5", 1, 20)), (14, NodeStarted("6"))
    )
    progress.clock.stop(16)
    times = progress.clock.times(picture_graph())
    assert [(time.title, time.seconds) for time in slowest_first(times)] == [
        ("Paint", 10),
        ("CheckpointLoaderSimple", 4),
        ("VAEDecode", 2),
    ]
    twice = slowest_first([*times, *times])
    assert [time.seconds for time in twice] == [20, 8, 4]
    assert len(slowest_first(NodeTime(node=str(n), title="x", seconds=n) for n in range(500))) == 30


@pytest.mark.parametrize(
    ("argv", "asked"),
    [
        (["main.py", "--cpu"], {"preview_method": "auto"}),
        (["main.py", "--preview-method", "none"], {}),
        (["main.py", "--preview-method=taesd"], {}),
        ([], {"preview_method": "auto"}),
    ],
)
def test_previews_are_asked_for_unless_the_servers_owner_has_decided(argv: list[str], asked: dict[str, str]) -> None:
    assert preview_request(parse_system_stats({"system": {"argv": argv}})) == asked
