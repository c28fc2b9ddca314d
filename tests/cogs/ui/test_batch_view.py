"""Messages of batches whose words are as long and as hostile as they can be."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import discord
import pytest

from bot.batches.expansion import requests_of, total_of
from bot.domain.batches import Batch, BatchPlan, BatchState, Sweep
from bot.domain.job_updates import Progress
from bot.domain.jobs import GenerationRequest, Job, JobError, JobKind, JobState, Origin
from cogs.ui.batch_view import BatchProgress, finished_embed, finished_view, progress_embed, proposal_text
from cogs.ui.text import EMBED_DESCRIPTION, EMBED_TITLE
from tests.storage.factories import make_artifact

HOSTILE = "[free](https://evil.example) @everyone <@123456789012345678> **x** `\n# big\n> ```"


def long_plans() -> dict[str, BatchPlan]:
    return {
        "prompts": BatchPlan(prompts=tuple(HOSTILE * 60 + str(n) for n in range(20)), first_seed=2**64 - 90, count=5),
        "workflows": BatchPlan(
            prompts=(HOSTILE * 60,), workflows=tuple("w" * 200 + f" {n}{HOSTILE}" for n in range(30)), first_seed=1
        ),
        "sweeps": BatchPlan(
            prompts=("x" * 4000,),
            sweeps=(
                Sweep(name="n" * 100, values=tuple("v" * 100 + str(n) for n in range(20))),
                Sweep(name="m" * 100, values=(HOSTILE, "\U0001f6a2" * 100, "", True, 1.5)),
            ),
            first_seed=1,
        ),
    }


def make_progress(plan: BatchPlan, state: JobState) -> BatchProgress:
    request = GenerationRequest(
        kind=JobKind.IMAGE, character_id="nova", requester_id=1, origin=Origin(guild_id=9, channel_id=5)
    )
    batch = Batch(
        id=uuid.uuid4(), request=request, plan=plan, total=total_of(plan), state=BatchState.RUNNING,
        created_at=datetime.now(UTC),
    )  # fmt: skip
    error = JobError(code="GENERATION_FAILED", message=HOSTILE * 50)
    jobs = [
        Job(
            id=uuid.uuid4(), request=one, state=state, workflow_name="w", workflow_hash="f" * 64, character_version="1",
            seed=1, parameters={}, created_at=batch.created_at,
            artifacts=(make_artifact(),) if state is JobState.GENERATED else (),
            error=error if state is JobState.FAILED else None,
        )
        for one in requests_of(batch.id, request, plan)
    ]  # fmt: skip
    updates = {job.id: Progress(fraction=0.5, elapsed_seconds=1.0, node_title=HOSTILE * 20) for job in jobs}
    return BatchProgress(batch, jobs, updates, seconds_left=10.0**9, votes=dict.fromkeys(range(30), 10**9))


@pytest.mark.parametrize("state", [JobState.GENERATED, JobState.FAILED, JobState.RUNNING])
@pytest.mark.parametrize("name", long_plans())
async def test_every_message_is_within_discords_limits(name: str, state: JobState) -> None:
    progress = make_progress(long_plans()[name], state)
    for embed in (
        progress_embed(progress, "N" * 300, sheet="s.jpg"),
        finished_embed(progress, "N" * 300, sheet="s.jpg", notes=[HOSTILE * 100] * 20),
    ):
        assert len(embed.title or "") <= EMBED_TITLE
        assert len(embed.description or "") <= EMBED_DESCRIPTION
        assert len(embed) <= 6000
        assert (embed.footer.text or "").startswith("batch ")
    assert len(proposal_text(progress.batch, 10.0**9)) <= 2000
    view = finished_view(progress)
    assert (view is not None) is (state is JobState.GENERATED)
    for item in view.children if view is not None else ():
        if isinstance(item, discord.ui.Button):
            assert 1 <= len(item.label or "") <= 80
        else:
            assert isinstance(item, discord.ui.Select)
            assert 1 <= len(item.options) <= 25
            assert len(item.placeholder or "") <= 150
            assert len({option.value for option in item.options}) == len(item.options)
            assert all(1 <= len(option.label) <= 100 for option in item.options)
            assert all(1 <= len(option.description or "") <= 100 for option in item.options)


@pytest.mark.parametrize("state", [JobState.FAILED, JobState.RUNNING])
async def test_words_of_others_are_no_links_mentions_or_lines(state: JobState) -> None:
    plan = BatchPlan(prompts=(HOSTILE, HOSTILE + "2"), first_seed=1)
    progress = make_progress(plan, state)
    for embed in (progress_embed(progress, "Nova", sheet=None), finished_embed(progress, "Nova", sheet=None)):
        text = embed.description or ""
        assert "](" not in text
        assert "@everyone" not in text
        assert "<@1" not in text
        assert not any(line.startswith(("#", "```")) for line in text.splitlines())
