"""Quotas hold for everything: at the same time, for batches as a whole, with refunds, after crashes."""

from __future__ import annotations

import ast
import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import bot
from bot.domain.jobs import GenerationRequest, JobKind, JobQuery
from bot.errors import ChorusError, InputInvalid, QuotaReached, TooManyRequests
from bot.policy import Policy, Quotas, Rules, RuleSet, SizeLimits
from sandbox.comfyui import StandInComfyUI
from tests.generation.harness import Files, Harness, open_harness, picture, speech

EXPECTED = "<t:"
REPOSITORY = Path(__file__).parents[2]


def rules(*, host: Quotas | None = None, limits: SizeLimits | None = None, **server: Any) -> Policy:
    """The quotas of every server."""
    of_server = Rules(quotas=Quotas(**server), limits=limits or SizeLimits())
    return Policy(rules_of=lambda _: RuleSet(Rules(quotas=host or Quotas()), of_server))


async def tried(harness: Harness, *requests: GenerationRequest) -> Counter[str]:
    """All at the same time: how many were accepted, and how many refused with which code."""

    async def one(request: GenerationRequest) -> str:
        try:
            await harness.orchestrator.submit(request)
        except ChorusError as error:
            return error.code
        return "accepted"

    return Counter(await asyncio.gather(*(one(request) for request in requests)))


async def test_twenty_wishes_at_once_fill_a_quota_exactly(tmp_path: Path, comfy: StandInComfyUI) -> None:
    async with open_harness(tmp_path, comfy.url, policy=rules(pieces_per_person=5)) as harness:
        done = await tried(harness, *(picture(f"boat {n}", requester=n % 2 + 1) for n in range(20)))
        assert done == {"accepted": 10, "QUOTA_REACHED": 10}
        stored = await harness.store.recent(JobQuery(limit=50))
        assert Counter(job.request.requester_id for job in stored) == {1: 5, 2: 5}


async def test_what_is_cancelled_or_fails_is_given_back(tmp_path: Path, comfy: StandInComfyUI) -> None:
    async with open_harness(tmp_path, comfy.url, policy=rules(pieces_per_person=2)) as harness:
        first = await harness.orchestrator.submit(picture("one"))
        await harness.orchestrator.submit(picture("two"))
        with pytest.raises(QuotaReached, match=EXPECTED):
            await harness.orchestrator.submit(picture("three"))
        if not await harness.orchestrator.cancel(first.id):
            pytest.fail("it was over before")
        await harness.orchestrator.submit(picture("three"))
        with pytest.raises(QuotaReached):
            await harness.orchestrator.submit(picture("four"))


async def test_a_batch_is_taken_as_a_whole_or_not_at_all(tmp_path: Path, comfy: StandInComfyUI) -> None:
    async with open_harness(tmp_path, comfy.url, policy=rules(pieces_per_person=3)) as harness:

        async def store(ready: Any, demand: Any) -> bool:
            for number, (job, fingerprint) in enumerate(ready):
                first = demand if number == 0 else None
                await harness.store.add(job, owner="run", fingerprint=fingerprint, demand=first)
            return True

        await harness.orchestrator.submit(picture("one"))
        with pytest.raises(QuotaReached):
            await harness.orchestrator.submit_batch([picture(f"{n}") for n in range(3)], store)
        assert len(await harness.store.unfinished("run")) <= 1
        assert await harness.orchestrator.submit_batch([picture(f"{n}") for n in range(2)], store)


async def test_pictures_of_one_job_count_each(tmp_path: Path, comfy: StandInComfyUI) -> None:
    async with open_harness(tmp_path, comfy.url, policy=rules(pieces_per_person=6)) as harness:
        await harness.orchestrator.submit(picture("four", overrides={"batch": 4}))
        with pytest.raises(QuotaReached):
            await harness.orchestrator.submit(picture("three", overrides={"batch": 3}))
        await harness.orchestrator.submit(picture("two", overrides={"batch": 2}))


async def test_a_server_s_quota_counts_everybody_there(tmp_path: Path, comfy: StandInComfyUI) -> None:
    async with open_harness(tmp_path, comfy.url, policy=rules(pieces_per_server=3)) as harness:
        done = await tried(harness, *(picture(f"{n}", requester=n + 1) for n in range(6)))
        assert done == {"accepted": 3, "QUOTA_REACHED": 3}


async def test_seconds_are_learned_and_count_as_they_were(tmp_path: Path, comfy: StandInComfyUI) -> None:
    async with open_harness(tmp_path, comfy.url, policy=rules(gpu_seconds_per_person=0.000_001)) as harness:
        job = await harness.orchestrator.submit(picture("one"))  # nothing is known of its time
        done = await harness.ended(job)
        assert done.execution_seconds is not None
        assert done.execution_seconds > 0
        with pytest.raises(QuotaReached, match="GPU seconds"):
            await harness.orchestrator.submit(picture("two"))
        # Of others the workflow's time is known now, and is too much at once.
        with pytest.raises(QuotaReached, match="at once"):
            await harness.orchestrator.submit(picture("three", requester=2))


async def test_a_quota_outlives_the_process(tmp_path: Path, comfy: StandInComfyUI) -> None:
    async with open_harness(tmp_path, comfy.url, policy=rules(pieces_per_person=2)) as harness:
        await harness.orchestrator.submit(picture("one"))
    async with open_harness(tmp_path, comfy.url, policy=rules(pieces_per_person=2)) as harness:
        await harness.orchestrator.recover()
        await harness.orchestrator.submit(picture("two"))
        with pytest.raises(QuotaReached):
            await harness.orchestrator.submit(picture("three"))


async def test_what_was_made_before_counts_for_nothing(tmp_path: Path, comfy: StandInComfyUI) -> None:
    async with open_harness(tmp_path, comfy.url, policy=rules(pieces_per_person=1)) as harness:
        first = await harness.orchestrator.submit(picture("one", seed=5))
        await harness.ended(first)
        copy = await harness.orchestrator.submit(picture("one", seed=5))
        assert copy.quota_pieces == 0
        with pytest.raises(QuotaReached):
            await harness.orchestrator.submit(picture("one", seed=6))


async def test_a_cooldown_holds_between_wishes_and_not_in_talk(tmp_path: Path, comfy: StandInComfyUI) -> None:
    async with open_harness(tmp_path, comfy.url, policy=rules(cooldown_seconds=600)) as harness:
        await harness.orchestrator.submit(picture("one"))
        with pytest.raises(TooManyRequests, match=EXPECTED):
            await harness.orchestrator.submit(picture("two"))
        await harness.orchestrator.submit(picture("of a turn", message_id="turn"))
        await harness.orchestrator.submit(picture("of somebody else", requester=2))


@pytest.mark.parametrize(
    ("request_", "limits"),
    [
        (picture(overrides={"width": 1024, "height": 1024}), SizeLimits(max_pixels=512 * 512)),
        (picture(overrides={"steps": 40}), SizeLimits(max_steps=30)),
        (picture(overrides={"batch": 5}), SizeLimits(max_batch=4)),
        (picture("a long prompt"), SizeLimits(max_text_chars=10)),
        (speech("a long", "speech"), SizeLimits(max_text_chars=10)),
    ],
    ids=["size", "steps", "batch", "prompt", "speech"],
)
async def test_a_server_s_limits(
    tmp_path: Path, comfy: StandInComfyUI, request_: GenerationRequest, limits: SizeLimits
) -> None:
    async with open_harness(tmp_path, comfy.url, policy=rules(limits=limits)) as harness:
        with pytest.raises(InputInvalid):
            await harness.orchestrator.submit(request_)
        assert await harness.store.unfinished("run") == []
    async with open_harness(tmp_path, comfy.url, policy=rules()) as harness:
        await harness.orchestrator.submit(request_)


@pytest.mark.parametrize(
    ("overrides", "seconds"),
    [({"batch": 41}, "5.12"), ({"batch": 16, "fps": 3}, "5.33"), ({"batch": 40}, None), ({}, None)],
)
async def test_a_server_s_longest_film(
    tmp_path: Path, comfy: StandInComfyUI, overrides: dict[str, int], seconds: str | None
) -> None:
    film = json.loads((REPOSITORY / "workflows" / "_shared" / "video" / "default.json").read_text("utf-8"))
    wish = picture("waves", kind=JobKind.VIDEO, overrides=overrides)
    policy = rules(limits=SizeLimits(max_film_seconds=5))
    async with open_harness(
        tmp_path, comfy.url, files=Files({(JobKind.VIDEO, "default"): film}), policy=policy
    ) as here:
        if seconds is None:
            await here.orchestrator.submit(wish)
            return
        with pytest.raises(InputInvalid, match=f"A film of {seconds} s is longer than the 5 s that this server allows"):
            await here.orchestrator.submit(wish)
        assert await here.store.unfinished("run") == []


def test_jobs_are_added_in_one_place_and_never_without_asking() -> None:
    """Rows of jobs are inserted by two methods; both ask the quotas, and only `Submission` leads to them."""
    sources = {path: ast.parse(path.read_text("utf-8")) for path in Path(bot.__file__).parent.rglob("*.py")}
    inserting = {
        (path.name, function.name)
        for path, tree in sources.items()
        for function in ast.walk(tree)
        if isinstance(function, ast.AsyncFunctionDef) and "insert(jobs)" in ast.unparse(function)
    }
    assert inserting == {("jobs.py", "add"), ("batches.py", "start")}
    asking = {
        (path.name, function.name)
        for path, tree in sources.items()
        for function in ast.walk(tree)
        if isinstance(function, ast.AsyncFunctionDef) and "require_room(connection, demand)" in ast.unparse(function)
    }
    assert asking == inserting
    adding = {path.name for path, tree in sources.items() if "_jobs.add(" in ast.unparse(tree)}
    assert adding == {"submission.py"}
