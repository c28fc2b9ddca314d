"""The words and the bar of a job on its way, and what counts as a change worth an edit."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

import discord

from bot.domain.job_updates import Ended, JobUpdate, Progress, Waiting
from cogs.ui.embeds import progress_embed
from cogs.ui.text import clip, escaped, seconds

if TYPE_CHECKING:
    from bot.domain.jobs import Job

BAR_CELLS = 14


@dataclass(frozen=True)
class ProgressCard:
    """One state of the progress message.

    `key` holds everything but the clock: an edit is worth its rate limit only when the key changed.
    """

    embed: discord.Embed
    preview: tuple[str, bytes] | None
    key: tuple[object, ...]


def bar(fraction: float) -> str:
    """A bar of `BAR_CELLS` cells with per cent; `fraction` is held in [0, 1]."""
    held = min(1.0, max(0.0, fraction))
    full = round(held * BAR_CELLS)
    return f"`{'█' * full}{'░' * (BAR_CELLS - full)}` {int(held * 100)} %"


def progress_card(job: Job, character: str, update: JobUpdate | None) -> ProgressCard:
    """Render an update; None: accepted, and nothing is known yet."""
    match update:
        case Waiting():
            text = waiting_text(update)
            return ProgressCard(progress_embed(job, character, text), None, ("waiting", text))
        case Progress():
            return _running(job, character, update)
        case Ended():
            text = "Done on the graphics card; fetching the files."
            return ProgressCard(progress_embed(job, character, text), None, ("ended",))
        case None:
            return ProgressCard(progress_embed(job, character, "Accepted."), None, ("accepted",))
        case _:
            assert_never(update)


def waiting_text(update: Waiting) -> str:
    """Place in the queue, expected time, and why it does not move."""
    words = "Next in the queue" if update.position <= 1 else f"Place {update.position} in the queue"
    if update.expected_seconds is not None:
        words += f" · about {seconds(update.expected_seconds)}"
    if update.reason:
        words += f"\n-# {update.reason}"
    return words


def step_text(update: Progress) -> str:
    """`step 12/30`; empty where the running node does not tell it."""
    return f"step {update.step}/{update.steps}" if update.step is not None else ""


def time_left_text(update: Progress) -> str:
    """`about 12 s left`; empty where it is not known or nearly over."""
    left = update.remaining_seconds
    return f"about {seconds(left)} left" if left is not None and left >= 1 else ""


def _running(job: Job, character: str, update: Progress) -> ProgressCard:
    title = clip(escaped(update.node_title), 100) if update.node_title else None
    line = bar(update.fraction) if update.fraction is not None else "Working"
    step = step_text(update)
    words = (title, step, seconds(update.elapsed_seconds), time_left_text(update))
    detail = " · ".join(part for part in words if part)
    if update.reason:
        detail += f"\n-# {update.reason}"
    preview = _preview(update.preview)
    name = preview[0] if preview else None
    embed = progress_embed(job, character, f"{line}\n{detail}", preview=name)
    picture = hashlib.blake2b(update.preview, digest_size=8).digest() if update.preview else None
    return ProgressCard(embed, preview, ("running", line, title, step, picture, update.reason))


def _preview(data: bytes | None) -> tuple[str, bytes] | None:
    """A name by the bytes; it never holds the job's digest, by which results are recognised after a crash."""
    if not data:
        return None
    if data.startswith(b"\x89PNG"):
        return "preview.png", data
    if data.startswith(b"RIFF"):
        return "preview.webp", data
    return "preview.jpg", data
