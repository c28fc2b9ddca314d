"""Two results side by side, and what differs between them."""

from __future__ import annotations

import asyncio
import io
from typing import TYPE_CHECKING, Final

import discord

from bot.errors import InputInvalid
from bot.media.images import SheetCell, labelled_sheet
from cogs.ui.embeds import RESULT_COLOUR
from cogs.ui.text import EMBED_FIELD_VALUE, clip

if TYPE_CHECKING:
    from bot.domain.jobs import Job
    from bot.settings import Settings

SHEET: Final = "comparison.jpg"
_CELL: Final = 512
_MOST_DIFFERENCES: Final = 12


def comparison_embed(first: Job, second: Job) -> discord.Embed:
    """The settings that differ, each with both values."""
    lines = [
        f"**{discord.utils.escape_markdown(name)}**: {_shown(one)} → {_shown(other)}"
        for name, one, other in _differences(first, second)
    ]
    more = len(lines) - _MOST_DIFFERENCES
    shown = [*lines[:_MOST_DIFFERENCES], *([f"… and {more} more"] if more > 0 else [])]
    text = "\n".join(shown) or "Both were made with the same workflow and settings."
    embed = discord.Embed(title="Side by side", description=text, colour=RESULT_COLOUR)
    embed.set_image(url=f"attachment://{SHEET}")
    return embed.set_footer(text=f"job {first.digest} and job {second.digest}")


async def comparison_file(first: Job, second: Job, settings: Settings) -> discord.File:
    """The first picture of each, side by side.

    Raises:
        InputInvalid: One of them has no picture.

    """
    paths = [_picture(job) for job in (first, second)]
    if None in paths:
        raise InputInvalid("Only pictures and videos can be compared.", advice="Choose two results with a picture.")
    cells = [
        SheetCell(str(number), settings.storage.data_dir / path, "no longer there")
        for number, path in enumerate(paths, start=1)
        if path is not None
    ]
    data = await asyncio.to_thread(
        labelled_sheet,
        cells,
        columns=(f"job {first.digest}", f"job {second.digest}"),
        cell=_CELL,
        max_pixels=settings.media.max_pixels,
    )
    return discord.File(io.BytesIO(data), filename=SHEET)


def _picture(job: Job) -> str | None:
    for artifact in job.artifacts:
        if artifact.media_type.startswith("image/"):
            return artifact.path
        if artifact.thumbnail:
            return artifact.thumbnail
    return None


def _differences(first: Job, second: Job) -> list[tuple[str, object, object]]:
    one, other = (
        {"workflow": job.workflow_name, **job.effective_settings, "seed": job.seed} for job in (first, second)
    )
    names = dict.fromkeys((*one, *other))
    return [(name, one.get(name), other.get(name)) for name in names if one.get(name) != other.get(name)]


def _shown(value: object) -> str:
    text = "none" if value is None else " ".join(str(value).split())
    return discord.utils.escape_mentions(discord.utils.escape_markdown(clip(text, EMBED_FIELD_VALUE // 8)))
