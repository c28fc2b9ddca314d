"""Batches as values: several pictures of one wish, and how they differ."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum

from bot.domain.jobs import GenerationRequest
from bot.domain.value import Value

SweepValue = int | float | str | bool


class SeedMode(StrEnum):
    """How the seeds of a batch's pictures are chosen. Pictures that are compared with each other share a seed."""

    RANDOM = "random"
    INCREMENT = "increment"
    FIXED = "fixed"


class Sweep(Value):
    """One parameter of the workflow with the values that it takes."""

    name: str
    values: tuple[SweepValue, ...]


class BatchPlan(Value):
    """What varies. The jobs of a plan are always the same, because `first_seed` is chosen with the plan."""

    prompts: tuple[str, ...]
    workflows: tuple[str | None, ...] = (None,)
    """Names; None: the character's default. Two or more are an A/B comparison."""
    sweeps: tuple[Sweep, ...] = ()
    """At most two; two make a grid."""
    count: int = 1
    """How many pictures of each combination."""
    seeds: SeedMode = SeedMode.RANDOM
    first_seed: int

    @property
    def is_comparison(self) -> bool:
        """The same prompt and seed are drawn by several workflows."""
        return len(self.workflows) > 1


class BatchState(StrEnum):
    """How far a batch is. Each state is stored before anything is done that depends on it."""

    PROPOSED = "proposed"
    """It waits for the person to confirm it; it has no jobs."""
    RUNNING = "running"
    """Its jobs were accepted."""
    STOPPED = "stopped"
    """Somebody stopped it; its unfinished jobs are to be cancelled."""
    DELIVERED = "delivered"
    """Its last picture was posted, or its end was explained."""


class Batch(Value):
    """A row of the table `batches`."""

    id: uuid.UUID
    request: GenerationRequest
    """What all of its jobs share; its prompt, workflow and seed are those of the first."""
    plan: BatchPlan
    total: int
    """How many jobs."""
    state: BatchState
    created_at: datetime
    delivered_at: datetime | None = None

    @property
    def digest(self) -> str:
        """12 hex characters that name the batch in messages, by which they are recognised after a crash."""
        return self.id.hex[-12:]


class Vote(Value):
    """How often people liked one workflow of a comparison best."""

    workflow_name: str
    votes: int
    comparisons: int
    """In how many batches with at least one vote it was compared."""
