"""From a plan to its requests, in reading order of the contact sheet. Pure: the same plan gives the same requests."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from bot.batches.planning import LARGEST_RANDOM_SEED
from bot.domain.batches import BatchPlan, SeedMode, Sweep, SweepValue
from bot.domain.jobs import GenerationRequest

_LOADED: Final = frozenset({"model", "lora", "vae", "clip"})
"""Parameters whose other value makes ComfyUI load another file."""


@dataclass(frozen=True)
class BatchItem:
    """One picture of a batch.

    Attributes:
        index: From 0, in reading order.
        prompt: Which prompt of the plan, from 0.
        workflow: Which workflow of the plan, from 0.
        repetition: From 0.
        seed: Of this picture.
        values: Of the swept parameters.

    """

    index: int
    prompt: int
    workflow: int
    repetition: int
    seed: int
    values: dict[str, SweepValue] = field(default_factory=dict[str, SweepValue])


def total_of(plan: BatchPlan) -> int:
    """How many pictures the plan has."""
    total = len(plan.prompts) * len(plan.workflows) * plan.count
    for sweep in plan.sweeps:
        total *= len(sweep.values)
    return total


def expand(plan: BatchPlan) -> tuple[BatchItem, ...]:
    """Every picture of the plan.

    The columns of its sheet are the values of the first sweep, else the workflows; everything else makes rows. All
    pictures of a row have the same seed, and so have rows that differ by a sweep or a workflow only.
    """
    combinations = _by_sweep(plan) if plan.sweeps else _by_workflow(plan)
    return tuple(
        BatchItem(index, prompt, workflow, repetition, _seed(plan, prompt, repetition), values)
        for index, (prompt, workflow, repetition, values) in enumerate(combinations)
    )


_Combination = tuple[int, int, int, dict[str, SweepValue]]


def _by_sweep(plan: BatchPlan) -> Iterator[_Combination]:
    columns, *further = plan.sweeps
    for workflow in range(len(plan.workflows)):
        for prompt in range(len(plan.prompts)):
            for row in _row_values(further):
                for repetition in range(plan.count):
                    for value in columns.values:
                        yield prompt, workflow, repetition, {columns.name: value} | row


def _row_values(sweeps: Sequence[Sweep]) -> list[dict[str, SweepValue]]:
    return [{sweep.name: value} for sweep in sweeps for value in sweep.values] or [{}]


def _by_workflow(plan: BatchPlan) -> Iterator[_Combination]:
    for prompt in range(len(plan.prompts)):
        for repetition in range(plan.count):
            for workflow in range(len(plan.workflows)):
                yield prompt, workflow, repetition, {}


def _seed(plan: BatchPlan, prompt: int, repetition: int) -> int:
    number = prompt * plan.count + repetition
    if plan.seeds is SeedMode.FIXED or number == 0:
        return plan.first_seed
    if plan.seeds is SeedMode.INCREMENT:
        return plan.first_seed + number
    return random.Random(f"{plan.first_seed}/{number}").randint(0, LARGEST_RANDOM_SEED)


def requests_of(batch_id: UUID, request: GenerationRequest, plan: BatchPlan) -> list[GenerationRequest]:
    """The requests of the plan, in reading order.

    Args:
        batch_id: Of the batch that they belong to.
        request: What they share. Its own settings stay where no sweep names them.
        plan: How they differ.

    """
    return [
        request.model_copy(
            update={
                "batch_id": batch_id,
                "batch_index": item.index,
                "positive": plan.prompts[item.prompt],
                "written_prompt": plan.prompts[item.prompt] if request.rewrite else request.written_prompt,
                "workflow_name": plan.workflows[item.workflow],
                "seed": item.seed,
                "overrides": {**request.overrides, **item.values},
            }
        )
        for item in expand(plan)
    ]


def execution_order(requests: Sequence[GenerationRequest]) -> list[GenerationRequest]:
    """The requests in the order in which they are made: those that need the same files loaded follow each other."""
    first_of: dict[tuple[object, ...], int] = {}
    for place, request in enumerate(requests):
        first_of.setdefault(_files_of(request), place)
    return sorted(requests, key=lambda request: first_of[_files_of(request)])


def _files_of(request: GenerationRequest) -> tuple[object, ...]:
    loaded = ((name, str(value)) for name, value in sorted(request.overrides.items()) if name in _LOADED)
    return (request.workflow_name, *loaded)
