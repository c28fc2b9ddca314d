"""How a job looks: waiting, running, done, failed; within Discord's limits also with the longest inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import discord

from bot.domain.jobs import JobKind, JobState
from cogs.ui.errors import error_embed
from cogs.ui.text import (
    EMBED_DESCRIPTION,
    EMBED_FIELD_VALUE,
    EMBED_FOOTER,
    EMBED_TITLE,
    clip,
    escaped,
    quote_prompt,
    seconds,
    without_masked_links,
)

if TYPE_CHECKING:
    from bot.domain.jobs import Job, JobError

RESULT_COLOUR = discord.Colour(0x5B8DEF)
PROGRESS_COLOUR = discord.Colour(0xF0AD4E)

_NOUNS = {JobKind.IMAGE: "picture", JobKind.AUDIO: "speech", JobKind.VIDEO: "video"}


def noun(kind: JobKind) -> str:
    """What a job makes, for a sentence."""
    return _NOUNS[kind]


def footer(job: Job) -> str:
    """The words under every embed of a job.

    People quote it, the log is searched for it, and delivery knows a message without files by it after a crash.
    """
    return f"job {job.digest}"


def requested_text(job: Job) -> str:
    """What was asked for, shortened: a picture's prompt, or the text to speak."""
    request = job.request
    return quote_prompt(request.written_prompt or request.positive or " ".join(request.text_parts))


def progress_embed(job: Job, character: str, status: str, *, preview: str | None = None) -> discord.Embed:
    """The living message before the result; `preview` is the name of an attached picture."""
    title = f"{character} · {noun(job.request.kind)}"
    embed = discord.Embed(
        title=clip(title, EMBED_TITLE),
        description=clip(f"> {requested_text(job)}\n\n{status}", EMBED_DESCRIPTION),
        colour=PROGRESS_COLOUR,
    )
    if preview:
        embed.set_image(url=f"attachment://{preview}")
    return embed.set_footer(text=footer(job))


def result_embed(job: Job, character: str, *, notes: Sequence[str] = (), image: str | None = None) -> discord.Embed:
    """The compact summary beside the files: character, prompt, workflow, seed, size, time.

    Args:
        job: With its artifacts.
        character: The name to show.
        notes: Sentences about the files ("posted smaller"), shown under the prompt beside `job.note`.
        image: An attachment to show inside the embed; None where the files stand for themselves.

    """
    words = [f"> {requested_text(job)}"] if requested_text(job) else []
    words += [f"-# {note}" for note in (*([job.note] if job.note else []), *notes)]
    embed = discord.Embed(
        title=clip(character, EMBED_TITLE),
        description=clip("\n".join(words), 2000),
        colour=RESULT_COLOUR,
    )
    embed.add_field(name="Workflow", value=_value(job.workflow_name))
    embed.add_field(name="Seed", value=str(job.seed))
    size = _size(job)
    if size:
        embed.add_field(name="Size", value=size)
    if job.execution_seconds is not None:
        embed.add_field(name="Time", value=seconds_precise(job.execution_seconds))
    if image:
        embed.set_image(url=f"attachment://{image}")
    return embed.set_footer(text=clip(footer(job), EMBED_FOOTER))


def spoken_embed(job: Job, character: str) -> discord.Embed:
    """What `/speak` answered once it was spoken: the words, quoted, and what was left out of them."""
    words = clip(job.request.written_prompt or " ".join(job.request.text_parts), 3000)
    lines = [f"> {line}" for line in discord.utils.escape_mentions(without_masked_links(words)).splitlines()]
    lines += [f"-# {job.note}"] if job.note else []
    embed = discord.Embed(
        title=clip(character, EMBED_TITLE), description=clip("\n".join(lines), EMBED_DESCRIPTION), colour=RESULT_COLOUR
    )
    return embed.set_footer(text=clip(footer(job), EMBED_FOOTER))


def failed_embed(job: Job, error: JobError) -> discord.Embed:
    """The public end of a job without a result: code and one sentence."""
    return error_embed(error, advice=False, footer=footer(job))


def ended_without_result(job: Job) -> bool:
    """FAILED or CANCELLED."""
    return job.state in {JobState.FAILED, JobState.CANCELLED}


def seconds_precise(value: float) -> str:
    """`0.8 s` below ten seconds, else whole units."""
    return f"{value:.1f} s" if value < 10 else seconds(value)


def _size(job: Job) -> str:
    found: list[str] = []
    for artifact in job.artifacts:
        if artifact.width and artifact.height:
            text = f"{artifact.width} x {artifact.height}"
        elif artifact.duration_seconds is not None:
            text = seconds_precise(artifact.duration_seconds)
        else:
            continue
        if text not in found:
            found.append(text)
    count = len(job.artifacts)
    shown = ", ".join(found[:3]) + (", …" if len(found) > 3 else "")
    return f"{count} of {shown}" if count > 1 and shown else shown


def _value(text: str) -> str:
    return clip(escaped(text), EMBED_FIELD_VALUE) or "-"
