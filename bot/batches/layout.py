"""Where each picture of a plan is on the contact sheet, and what is written beside the rows and columns."""

from __future__ import annotations

from dataclasses import dataclass

from bot.batches.expansion import BatchItem, expand
from bot.domain.batches import BatchPlan, SweepValue


@dataclass(frozen=True)
class SheetLayout:
    """A grid in reading order.

    Attributes:
        column_count: Pictures in a row; 0: as many as fit, because no columns are compared.
        columns: What the columns differ by; empty where they are not compared.
        rows: What the rows differ by; empty if there is nothing to tell.

    """

    column_count: int = 0
    columns: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()


def layout_of(plan: BatchPlan) -> SheetLayout:
    """The grid of a sweep or of a comparison; pictures that differ by prompt or seed only are simply numbered."""
    if plan.sweeps:
        sweep = plan.sweeps[0]
        columns = tuple(f"{sweep.name} {shown_value(value)}" for value in sweep.values)
    elif plan.is_comparison:
        columns = tuple(workflow_label(plan, n) for n in range(len(plan.workflows)))
    else:
        return SheetLayout()
    firsts = [item for item in expand(plan) if item.index % len(columns) == 0]
    rows = tuple(_row_label(plan, item) for item in firsts)
    return SheetLayout(len(columns), columns, rows if any(rows) else ())


def workflow_label(plan: BatchPlan, n: int) -> str:
    """`A: portrait`, in a comparison."""
    return f"{chr(ord('A') + n % 26)}: {plan.workflows[n] or 'default'}"


def item_label(plan: BatchPlan, item: BatchItem) -> str:
    """What distinguishes one picture: `cfg 4, sampler euler, seed 12`."""
    values = [f"{name} {shown_value(value)}" for name, value in item.values.items()]
    return ", ".join((*_varied(plan, item, with_workflow=True), *values, f"seed {item.seed}"))


def shown_value(value: SweepValue) -> str:
    """`4`, `4.5`, `euler`, `on`."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _row_label(plan: BatchPlan, item: BatchItem) -> str:
    further = [f"{sweep.name} {shown_value(item.values[sweep.name])}" for sweep in plan.sweeps[1:]]
    seed = [f"seed {item.seed}"] if plan.count > 1 else []
    return ", ".join((*_varied(plan, item, with_workflow=bool(plan.sweeps)), *further, *seed))


def _varied(plan: BatchPlan, item: BatchItem, *, with_workflow: bool) -> list[str]:
    varied: list[str] = []
    if with_workflow and plan.is_comparison:
        varied.append(workflow_label(plan, item.workflow))
    if len(plan.prompts) > 1:
        varied.append(f"prompt {item.prompt + 1}")
    return varied
