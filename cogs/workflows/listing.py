"""The list of workflows: where each comes from, how it runs, and whether this ComfyUI can run it now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import discord

from bot.domain.jobs import JobKind
from bot.domain.workflow_history import HOST, WorkflowPlace, WorkflowUse, WorkflowVersion
from bot.errors import ChorusError
from bot.workflow_store.saved_workflows import place_of
from bot.workflows import DEFAULT_WORKFLOW, SHARED, validate_installed
from cogs.ui.components import page_buttons
from cogs.ui.embeds import RESULT_COLOUR, seconds_precise
from cogs.ui.text import EMBED_DESCRIPTION, clip, escaped
from cogs.workflows.finding import path_of

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot
    from bot.workflows.workflow_files import WorkflowKey

PAGE_SIZE: Final = 12
_MAX_UNUSABLE: Final = 5
LIST_PAGE: Final = r"chorus:wl:(?P<owner>[a-z0-9_-]{0,50}):(?P<kind>image|audio|video|):(?P<page>\d{1,5})"


@dataclass(frozen=True)
class ListFilter:
    """Which workflows are listed; None: all."""

    owner: str | None = None
    kind: JobKind | None = None

    def takes(self, key: WorkflowKey) -> bool:
        """Whether a workflow is listed: also those of every character for one character."""
        return (self.owner is None or key.character_id in {self.owner, SHARED}) and self.kind in {None, key.kind}


async def list_page(
    bot: ChorusBot, guild_id: int | None, filters: ListFilter, page: int
) -> tuple[discord.Embed, discord.ui.View]:
    """A page of the list, from 0, and the buttons to turn it, if there is more than one."""
    services = bot.services
    keys = [key for key in services.workflows.all_keys() if key.guild_id in {HOST, guild_id or HOST}]
    keys = [key for key in keys if filters.takes(key)]
    last = max(0, (len(keys) - 1) // PAGE_SIZE)
    page = min(page, last)
    shown = keys[page * PAGE_SIZE : (page + 1) * PAGE_SIZE]
    uses = {(use.character_id, use.kind, use.name): use for use in await _uses(bot, guild_id)}
    newest = await services.saved_workflows.history.newest(guild_id or HOST)
    lines = [_line(bot, key, newest.get(place_of(key)), uses.get(_ran_as(key)), guild_id) for key in shown]
    if page == last:
        lines += _unusable_lines(bot, guild_id, filters)
    embed = discord.Embed(
        title="Workflows",
        description=clip("\n".join(lines), EMBED_DESCRIPTION)
        or "None yet. Bring one with `/workflow upload`: a file saved by ComfyUI, or a picture made with it.",
        colour=RESULT_COLOUR,
    )
    embed.set_footer(text=f"{len(keys)} workflows · page {page + 1} of {last + 1}")
    return embed, _view(filters, page, last)


def _unusable_lines(bot: ChorusBot, guild_id: int | None, filters: ListFilter) -> list[str]:
    """The files that cannot be used; an earlier version of some may be in use."""
    problems = bot.services.workflows.unusable(guild_id)
    chosen = [(key, problem) for key, problem in sorted(problems.items(), key=lambda one: one[0]) if filters.takes(key)]
    lines = [
        f"✗ **{escaped(path_of(place_of(key)))}**\n-# its file cannot be used: {escaped(clip(problem.message, 120))}"
        for key, problem in chosen[:_MAX_UNUSABLE]
    ]
    more = len(chosen) - len(lines)
    return [*lines, f"and {more} more files that cannot be used; `/doctor` names them"] if more else lines


async def _uses(bot: ChorusBot, guild_id: int | None) -> list[WorkflowUse]:
    return [] if guild_id is None else await bot.services.saved_workflows.history.uses(guild_id)


def _ran_as(key: WorkflowKey) -> tuple[str, JobKind, str]:
    return key.character_id, key.kind, key.name


def _line(
    bot: ChorusBot, key: WorkflowKey, version: WorkflowVersion | None, use: WorkflowUse | None, guild_id: int | None
) -> str:
    place = place_of(key)
    words = ["from the host" if key.guild_id == HOST else "of this server"]
    if version is not None:
        words.append(f"version {version.number}")
    if is_default(bot, place, guild_id):
        words.append("**default**")
    if use is not None and use.runs:
        if use.median_seconds is not None:
            words.append(f"about {seconds_precise(use.median_seconds)}")
        words.append(f"{use.runs} runs, {round(100 * use.failures / use.runs)} % failed")
        if use.last_used is not None:
            words.append(f"last {discord.utils.format_dt(use.last_used, 'R')}")
    return f"{_state(bot, key)} **{escaped(path_of(place))}**\n-# {' · '.join(words)}"


def is_default(bot: ChorusBot, place: WorkflowPlace, guild_id: int | None) -> bool:
    """The workflow is the one that its character uses in this server where none is named."""
    chosen = bot.services.workflows.guild_default(place.character_id, place.kind, guild_id)
    return place.name == (chosen or DEFAULT_WORKFLOW)


def _state(bot: ChorusBot, key: WorkflowKey) -> str:
    """Whether ComfyUI can run it now."""
    info, workflow = bot.services.orchestrator.object_info, bot.services.workflows.at(key)
    if workflow is None:
        return "·"
    try:
        found = bot.services.orchestrator.adapted(workflow)
        if info is not None:
            validate_installed(found.graph, info)
    except ChorusError as error:
        return f"✗ ({escaped(clip(error.message, 80))})"
    if (failures := bot.services.orchestrator.failures(found)) is not None:
        return f"✗ (failed {failures.count} times in a row: {escaped(clip(failures.error.message, 80))})"
    return "✓" if info is not None else "·"


def _view(filters: ListFilter, page: int, last: int) -> discord.ui.View:
    kind = filters.kind.value if filters.kind else ""
    return page_buttons(lambda to: f"chorus:wl:{filters.owner or ''}:{kind}:{to}", page, last)
