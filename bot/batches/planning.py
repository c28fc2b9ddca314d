"""From the options of a command to a plan. Everything that can be wrong without asking a workflow is found here."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bot.batches.prompts import expand_alternatives, split_prompts
from bot.batches.sweeps import parse_sweep
from bot.domain.batches import BatchPlan, SeedMode
from bot.domain.seeds import LARGEST_SEED
from bot.errors import InputInvalid

DEFAULT_COUNT: Final = 4
"""Pictures of a batch in which nothing varies but the seed, where no number is given."""
LARGEST_RANDOM_SEED: Final = 2**31 - 1
"""Every known node takes it, and one batch has one seed for several workflows."""


@dataclass(frozen=True, kw_only=True)
class BatchOptions:
    """What a person asked for, as typed.

    Attributes:
        prompt: The first prompt.
        prompts: Further ones, one per line; None: there are none.
        seeds: How seeds are chosen.
        seed: The first seed; None: a random one.
        sweeps: As `parse_sweep` takes them.
        workflow: The one workflow of all pictures; None: the character's default.
        workflows: Names of several, separated by commas; None: nothing is compared.
        with_alternatives: Whether `{a|b}` in a prompt stands for two prompts.
        count: Pictures of each combination; None: one, or `DEFAULT_COUNT` if nothing else varies.

    """

    prompt: str
    prompts: str | None = None
    seeds: SeedMode = SeedMode.RANDOM
    seed: int | None = None
    sweeps: Sequence[str] = ()
    workflow: str | None = None
    workflows: str | None = None
    count: int | None = None
    with_alternatives: bool = True


def make_plan(options: BatchOptions, *, max_count: int) -> BatchPlan:
    """The plan of at most `max_count` pictures.

    Raises:
        InputInvalid: The prompt is empty, a sweep cannot be read, a comparison has one workflow only, or there are too
            many pictures.

    """
    wishes = [line for line in (options.prompt.strip(), *split_prompts(options.prompts or "")) if line]
    prompts = expand_alternatives(wishes, max_count=max_count) if options.with_alternatives else tuple(wishes)
    if not prompts:
        raise InputInvalid("The prompt is empty.", advice="Say what to draw.")
    sweeps = tuple(parse_sweep(text, max_count=max_count) for text in options.sweeps)
    if len({sweep.name for sweep in sweeps}) < len(sweeps):
        raise InputInvalid("Both sweeps are of the same parameter.", advice="Sweep two different ones for a grid.")
    workflows = _workflows(options)
    combinations = math.prod((len(prompts), len(workflows), *(len(sweep.values) for sweep in sweeps)))
    count = options.count
    if count is None:
        count = 1 if combinations > 1 or options.seeds is SeedMode.FIXED else DEFAULT_COUNT
    _require_count(combinations, count, max_count)
    if options.seeds is SeedMode.FIXED and count > 1:
        raise InputInvalid(
            f"With one fixed seed all {count} would be the same picture.",
            advice="Choose `seeds: increment` or `random`, or leave `count` out.",
        )
    return BatchPlan(
        prompts=prompts,
        workflows=workflows,
        sweeps=sweeps,
        count=count,
        seeds=options.seeds,
        first_seed=_first_seed(options, len(prompts) * count),
    )


def _workflows(options: BatchOptions) -> tuple[str | None, ...]:
    if options.workflows is None:
        return (options.workflow,)
    if options.workflow is not None:
        raise InputInvalid("Both `workflow` and `workflows` are given.", advice="Use `workflows` to compare several.")
    names = tuple(dict.fromkeys(name.strip() for name in options.workflows.split(",") if name.strip()))
    if len(names) < 2:
        raise InputInvalid(
            "A comparison needs two different workflows or more.",
            advice="Name them with commas between, `portrait, landscape`; for a single one use `workflow`.",
        )
    return names


def _require_count(combinations: int, count: int, max_count: int) -> None:
    if count < 1:
        raise InputInvalid("The count must be 1 or more.")
    total = combinations * count
    if total > max_count:
        raise InputInvalid(
            f"Those are {total:,} pictures; at most {max_count} are made at once.",
            advice="Leave out some values, prompts or workflows, or make `count` smaller.",
        )


def _first_seed(options: BatchOptions, seeds: int) -> int:
    """The last seed of an incrementing batch is within what ComfyUI takes, too."""
    if options.seed is None:
        return random.randint(0, LARGEST_RANDOM_SEED - seeds)
    if options.seeds is SeedMode.INCREMENT and options.seed + seeds - 1 > LARGEST_SEED:
        raise InputInvalid("The seeds of that batch would be too large.", advice="Give a smaller first seed.")
    return options.seed
