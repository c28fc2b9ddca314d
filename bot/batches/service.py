"""Batches as one service: proposed, started, stopped, and what became of them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

from bot.batches.expansion import execution_order, requests_of, total_of
from bot.domain.batches import Batch, BatchPlan, BatchState, Vote
from bot.domain.jobs import UNFINISHED, GenerationRequest, Job, Origin
from bot.errors import InputInvalid
from bot.generation.orchestrator import Orchestrator
from bot.storage.batches import BatchRepository


class Batches:
    """Keeps no state of its own: everything is in the database.

    Args:
        repository: Stored batches.
        orchestrator: Runs their jobs.
        owner: Whose batches this process shows.
        max_count: The most jobs of a batch (`batch.max_count`).

    """

    def __init__(self, repository: BatchRepository, orchestrator: Orchestrator, *, owner: str, max_count: int) -> None:
        self.max_count = max_count
        self._repository = repository
        self._orchestrator = orchestrator
        self._owner = owner

    # -- before it starts

    def new(self, request: GenerationRequest, plan: BatchPlan) -> Batch:
        """A batch that is neither stored nor started."""
        shared = request.model_copy(update={"positive": plan.prompts[0], "workflow_name": plan.workflows[0]})
        return Batch(
            id=uuid.uuid4(),
            request=shared,
            plan=plan,
            total=total_of(plan),
            state=BatchState.PROPOSED,
            created_at=datetime.now(UTC),
        )

    async def estimate(self, batch: Batch) -> float | None:
        """Check all of its jobs; their execution in seconds, None if that is not known.

        Raises:
            ChorusError: One of them could not be accepted.

        """
        return await self._orchestrator.estimate(requests_of(batch.id, batch.request, batch.plan))

    async def propose(self, batch: Batch) -> None:
        """Keep it until the person confirms it."""
        await self._repository.propose(batch, owner=self._owner)

    async def start(self, batch: Batch, origin: Origin | None = None) -> Batch:
        """Accept all of its jobs in one transaction.

        Args:
            batch: New, or proposed earlier.
            origin: Where its result goes; None: where it was asked for.

        Raises:
            ChorusError: Nothing was accepted: a job is refused, the queue is full, or the batch was started before.

        """
        request = batch.request if origin is None else batch.request.model_copy(update={"origin": origin})
        started = batch.model_copy(
            update={"request": request, "state": BatchState.RUNNING, "created_at": datetime.now(UTC)}
        )
        requests = execution_order(requests_of(batch.id, request, batch.plan))
        store = partial(self._repository.start, started, owner=self._owner)
        if not await self._orchestrator.submit_batch(requests, store):
            raise InputInvalid("Those pictures are being made already.", advice="Look at their own message.")
        return started

    # -- while it runs

    async def get(self, batch_id: uuid.UUID) -> Batch:
        """The batch as stored.

        Raises:
            InputInvalid: Its row is gone.

        """
        batch = await self._repository.get(batch_id)
        if batch is None:
            raise unknown_batch()
        return batch

    async def jobs(self, batch: Batch) -> list[Job]:
        """Its jobs in reading order of the contact sheet."""
        return await self._repository.jobs(batch.id)

    async def undelivered(self) -> list[Batch]:
        """Started, and their end was not shown yet."""
        return await self._repository.undelivered(self._owner)

    async def stop(self, batch: Batch) -> int:
        """Cancel what is not done yet; how many jobs that were. What was made stays.

        The batch is stored as STOPPED first, so that the rest is cancelled after a crash too.
        """
        await self._repository.stop(batch.id)
        return await self.cancel_unfinished(await self.jobs(batch))

    async def cancel_unfinished(self, jobs: Sequence[Job]) -> int:
        """Cancel those of the jobs that have not ended; the last ones first, so that none of them is begun."""
        cancelled = 0
        for job in reversed(jobs):
            if job.state in UNFINISHED:
                cancelled += await self._orchestrator.cancel(job.id)
        return cancelled

    async def mark_delivered(self, batch: Batch) -> None:
        """Its end was shown."""
        await self._repository.mark_delivered(batch.id, datetime.now(UTC))

    # -- finding and comparing

    async def by_digest(self, digest: str) -> Batch | None:
        """The batch that its message names with these 12 hex characters."""
        return await self._repository.by_digest(digest)

    async def recent(self, channel_id: int, limit: int) -> list[Batch]:
        """The newest ones of a channel."""
        return await self._repository.recent(channel_id, limit)

    async def vote(self, batch: Batch, user_id: int, workflow: int) -> dict[int, int]:
        """Count a person's vote for a workflow of the comparison, by its place in the plan; all votes after it.

        Raises:
            InputInvalid: The batch compares nothing, or has no such workflow.

        """
        if not batch.plan.is_comparison or not 0 <= workflow < len(batch.plan.workflows):
            raise InputInvalid("There is nothing to vote on here.", advice="Compare with `/batch workflows:`.")
        await self._repository.vote(batch.id, user_id, workflow)
        return await self._repository.votes(batch.id)

    async def votes(self, batch: Batch) -> dict[int, int]:
        """How many people voted for each workflow of the comparison, by its place in the plan."""
        return await self._repository.votes(batch.id) if batch.plan.is_comparison else {}

    async def vote_totals(self, *, guild_id: int | None, channel_id: int | None) -> list[Vote]:
        """Votes by workflow, most first, of a whole server; without a server, of a channel."""
        return await self._repository.vote_totals(guild_id=guild_id, channel_id=channel_id)


def unknown_batch() -> InputInvalid:
    """The error for a batch whose row is gone, or that the person does not reach."""
    return InputInvalid("I no longer have that batch.", advice="Start a new one with `/batch`.")
