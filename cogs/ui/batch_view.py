"""How a batch looks: what is asked before it starts, its progress, its end, and the buttons under them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import discord

from bot.batches.expansion import expand
from bot.batches.layout import item_label, workflow_label
from bot.domain.job_updates import Progress
from bot.domain.jobs import UNFINISHED, JobState
from cogs.ui.components import button, stateless_view
from cogs.ui.embeds import PROGRESS_COLOUR, RESULT_COLOUR
from cogs.ui.progress import bar, step_text, time_left_text
from cogs.ui.text import CHOICE, CHOICES, EMBED_DESCRIPTION, EMBED_TITLE, clip, quote_prompt, seconds

if TYPE_CHECKING:
    from bot.domain.batches import Batch
    from bot.domain.job_updates import JobUpdate
    from bot.domain.jobs import Job

BATCH_ID: Final = r"(?P<batch>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
START: Final = rf"chorus:batch_start:{BATCH_ID}"
DISMISS: Final = "chorus:batch_dismiss"
STOP: Final = rf"chorus:batch_stop:{BATCH_ID}"
PICK: Final = rf"chorus:batch_pick:{BATCH_ID}:\d"
VOTE: Final = rf"chorus:batch_vote:{BATCH_ID}:(?P<workflow>\d{{1,2}})"

ROWS: Final = 5
"""Of components in a message."""
BUTTONS_IN_A_ROW: Final = 5
MOST_MENUS: Final = ROWS - 1
"""One row is left for the votes."""
_SHOWN_PROMPTS: Final = 8
_SHOWN_FAILURES: Final = 5


@dataclass(frozen=True)
class BatchProgress:
    """How far a batch is.

    Attributes:
        batch: The batch.
        jobs: In reading order.
        updates: The newest update of each unfinished job.
        seconds_left: Until the last one is done; None: not known.
        votes: Of a comparison, by the workflow's place in the plan.

    """

    batch: Batch
    jobs: Sequence[Job]
    updates: Mapping[UUID, JobUpdate] = field(default_factory=dict[UUID, "JobUpdate"])
    seconds_left: float | None = None
    votes: Mapping[int, int] = field(default_factory=dict[int, int])

    @property
    def done(self) -> list[Job]:
        """Those with pictures."""
        done = {JobState.GENERATED, JobState.DELIVERED}
        return [job for job in self.jobs if job.state in done and job.artifacts]

    @property
    def failed(self) -> list[Job]:
        """Those without pictures, because something went wrong."""
        return [job for job in self.jobs if job.state is JobState.FAILED]

    @property
    def cancelled(self) -> list[Job]:
        """Those that were stopped."""
        return [job for job in self.jobs if job.state is JobState.CANCELLED]

    @property
    def running(self) -> list[tuple[Job, Progress]]:
        """Those that ComfyUI works on."""
        found = ((job, self.updates.get(job.id)) for job in self.jobs if job.state in UNFINISHED)
        return [(job, update) for job, update in found if isinstance(update, Progress)]


def batch_footer(batch: Batch) -> str:
    """The words under every embed of a batch, by which its messages are recognised after a crash."""
    return f"batch {batch.digest}"


def proposal_text(batch: Batch, expected: float | None) -> str:
    """What is asked before a large batch starts."""
    return f"That makes {_pictures(batch.total)}, {expected_time(expected)}. Start?"


def expected_time(expected: float | None) -> str:
    """`about 3 min`."""
    return "in a time that is not known yet" if expected is None else f"in about {seconds(expected)}"


def proposal_view(batch: Batch) -> discord.ui.View:
    """Under `proposal_text`."""
    return stateless_view(
        button(f"chorus:batch_start:{batch.id}", "Start", style=discord.ButtonStyle.primary),
        button(DISMISS, "Not now"),
    )


def progress_view(batch: Batch) -> discord.ui.View:
    """While pictures are being made."""
    return stateless_view(button(f"chorus:batch_stop:{batch.id}", "Stop the rest", style=discord.ButtonStyle.danger))


def finished_view(progress: BatchProgress) -> discord.ui.View | None:
    """Menus to pick one of the pictures, and a button to vote for each workflow of a comparison."""
    batch = progress.batch
    picks = _menus(progress)
    votes: list[discord.ui.Item[Any]] = []
    if batch.plan.is_comparison and picks:
        for n in range(min(len(batch.plan.workflows), (ROWS - len(picks)) * BUTTONS_IN_A_ROW)):
            count = progress.votes.get(n, 0)
            label = clip(workflow_label(batch.plan, n), 60) + (f" · {count}" if count else "")
            votes.append(button(f"chorus:batch_vote:{batch.id}:{n}", label, row=len(picks) + n // BUTTONS_IN_A_ROW))
    return stateless_view(*picks, *votes) if picks else None


def progress_embed(progress: BatchProgress, character: str, *, sheet: str | None) -> discord.Embed:
    """The living message; `sheet` is the name of the attached contact sheet."""
    batch = progress.batch
    ended = len(progress.jobs) - sum(job.state in UNFINISHED for job in progress.jobs)
    left = f" · about {seconds(progress.seconds_left)} left" if progress.seconds_left is not None else ""
    status = [f"{bar(ended / max(1, batch.total))} · {_counts(progress)}{left}"]
    for job, update in progress.running[:3]:
        status.append(f"Now no. {number_of(job)}: {_running(update)}")
    return _embed(progress, character, status, sheet=sheet, colour=PROGRESS_COLOUR)


def finished_embed(
    progress: BatchProgress, character: str, *, sheet: str | None, notes: Sequence[str] = ()
) -> discord.Embed:
    """The end; `notes` are sentences about the files."""
    status = [_counts(progress), *(f"-# {note}" for note in notes[:5])]
    copied = [number_of(job) for job in progress.done if job.execution_seconds == 0.0]
    if copied:
        numbers = ", ".join(map(str, copied[:25]))
        status.append(f"-# Made before, with the same words, settings and seed: no. {numbers}.")
    return _embed(progress, character, status, sheet=sheet, colour=RESULT_COLOUR)


def number_of(job: Job) -> int:
    """Its number on the contact sheet, from 1."""
    return (job.request.batch_index or 0) + 1


def _embed(
    progress: BatchProgress, character: str, status: Sequence[str], *, sheet: str | None, colour: discord.Colour
) -> discord.Embed:
    batch = progress.batch
    lines = [f"> {quote_prompt(batch.plan.prompts[0])}"] if len(batch.plan.prompts) == 1 else []
    lines += _prompt_lines(batch)
    lines += ["", *status, *_failure_lines(progress)]
    embed = discord.Embed(
        title=clip(f"{character} · {_pictures(batch.total)}", EMBED_TITLE),
        description=clip("\n".join(lines).strip(), EMBED_DESCRIPTION),
        colour=colour,
    )
    if sheet:
        embed.set_image(url=f"attachment://{sheet}")
    return embed.set_footer(text=batch_footer(batch))


def _prompt_lines(batch: Batch) -> list[str]:
    prompts = batch.plan.prompts
    if len(prompts) == 1:
        return []
    shown = [f"`prompt {n}` {quote_prompt(prompt, 120)}" for n, prompt in enumerate(prompts[:_SHOWN_PROMPTS], start=1)]
    more = len(prompts) - _SHOWN_PROMPTS
    return [*shown, f"… and {more} more"] if more > 0 else shown


def _failure_lines(progress: BatchProgress) -> list[str]:
    failed = progress.failed
    lines = [
        f"-# no. {number_of(job)}: **{job.error.code}** {quote_prompt(job.error.message, 150)}"
        for job in failed[:_SHOWN_FAILURES]
        if job.error is not None
    ]
    more = len(failed) - _SHOWN_FAILURES
    return [*lines, f"-# … and {more} more"] if more > 0 else lines


def _counts(progress: BatchProgress) -> str:
    parts = [f"{len(progress.done)} of {progress.batch.total}"]
    parts += [f"{len(progress.failed)} failed"] if progress.failed else []
    parts += [f"{len(progress.cancelled)} stopped"] if progress.cancelled else []
    return ", ".join(parts)


def _running(update: Progress) -> str:
    title = quote_prompt(update.node_title, 60) if update.node_title else None
    share = f"{int(update.fraction * 100)} %" if update.fraction is not None else "working"
    return " · ".join(part for part in (share, title, step_text(update), time_left_text(update)) if part)


def _menus(progress: BatchProgress) -> list[discord.ui.Item[Any]]:
    plan = progress.batch.plan
    items = {item.index: item for item in expand(plan)}
    options = [
        discord.SelectOption(
            label=f"No. {number_of(job)}",
            value=str(job.request.batch_index),
            description=clip(item_label(plan, items[job.request.batch_index or 0]), CHOICE),
        )
        for job in progress.done
    ]
    chunks = [options[start : start + CHOICES] for start in range(0, len(options), CHOICES)][:MOST_MENUS]
    return [
        discord.ui.Select[Any](
            custom_id=f"chorus:batch_pick:{progress.batch.id}:{n}",
            placeholder="Pick one: open it, again, vary, upscale" if len(chunks) == 1 else f"Pick {_span(chunk)}",
            options=chunk,
            row=n,
        )
        for n, chunk in enumerate(chunks)
    ]


def _span(chunk: Sequence[discord.SelectOption]) -> str:
    return f"no. {int(chunk[0].value) + 1} to {int(chunk[-1].value) + 1}"


def _pictures(count: int) -> str:
    return f"{count} picture{'s' if count != 1 else ''}"
