"""The button Region: a private grid over a picture; what is chosen on it is drawn anew, and the rest stays."""

from __future__ import annotations

import asyncio
import io
import re
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

import discord

from bot.derived_jobs.requests import RegionChanges, inpaint
from bot.domain.jobs import UNFINISHED, RegionStart
from bot.domain.regions import RegionSelection
from bot.errors import InputInvalid
from bot.media.errors import BadMedia
from bot.media.images.region_view import region_view as picture_with_grid
from bot.workflows.graph import inputs
from bot.workflows.parameters import OpenTo
from bot.workflows.workflow import INPAINT_WORKFLOW
from cogs.actors import interaction_actor, may_view_job
from cogs.results.derived_job_starter import DerivedJobStarter, message_link
from cogs.settings_option import known_parameters
from cogs.ui.modals import submitted_values
from cogs.ui.region import PICTURE, read_region_form, region_form, region_view

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot
    from bot.domain.jobs import Job

Interaction = discord.Interaction["ChorusBot"]

_TEXT = "**Region**: choose what shall be drawn anew, then **Draw**. The rest of the picture stays as it is."


class RegionPanels:
    """Opens panels and handles their presses. What was chosen is in the store, so panels survive a restart."""

    def __init__(self, starter: DerivedJobStarter) -> None:
        self._starter = starter
        self._locks = WeakValueDictionary[uuid.UUID, asyncio.Lock]()

    async def open(self, interaction: Interaction, job: Job, n: int) -> None:
        """Answer with a new panel for picture `n`, for the person alone.

        Raises:
            ChorusError: The person may not, or there is no workflow for it.

        """
        _require_allowed(interaction, job)
        now = datetime.now(UTC)
        selection = RegionSelection(
            id=uuid.uuid4(), user_id=interaction.user.id, job_id=job.id, picture=n, created_at=now, updated_at=now
        )
        picture = await _picture(interaction, job, selection)
        await interaction.client.services.regions.add(selection)
        await interaction.response.send_message(_TEXT, file=picture, view=region_view(selection), ephemeral=True)

    async def choose(self, interaction: Interaction, match: re.Match[str]) -> None:
        """A cell was chosen, or taken back."""
        grid = int(match["grid"])
        cells = range(grid * grid) if match["cell"] == "all" else [int(match["cell"])]
        if max(cells) >= grid * grid:
            raise _too_old()
        async with self._lock(match):
            selection, job = await _opened(interaction, match)
            regions = interaction.client.services.regions
            changed = await regions.choose(selection.id, grid, cells, chosen=match["chosen"] == "1")
            await _show(interaction, job, changed)

    async def change_grid(self, interaction: Interaction, match: re.Match[str]) -> None:
        """Larger or smaller cells were wanted."""
        async with self._lock(match):
            selection, job = await _opened(interaction, match)
            changed = await interaction.client.services.regions.set_grid(selection.id, int(match["grid"]))
            await _show(interaction, job, changed)

    async def open_form(self, interaction: Interaction, match: re.Match[str]) -> None:
        """Ask what should be there, unless a job of this panel is under way."""
        selection, job = await _opened(interaction, match)
        _require_allowed(interaction, job)
        _require_cells(selection)
        running = await _started(interaction.client, selection)
        if running is not None and running.state in UNFINISHED:
            await _say_started(interaction, running)
            return
        await interaction.response.send_modal(region_form(selection, _own_strength(interaction.client, job)))

    async def submit(self, interaction: Interaction, match: re.Match[str]) -> None:
        """Start the job, once for each form that was opened.

        The job is stored in one transaction with the fact that it was started from this panel. If the bot ends at any
        moment, the panel either knows the job, which is shown after the restart, or can be sent again.
        """
        async with self._lock(match):
            selection, job = await _opened(interaction, match)
            number = int(match["starts"])
            if selection.starts != number:
                await _say_started(interaction, await _started(interaction.client, selection))
                return
            _require_allowed(interaction, job)
            _require_cells(selection)
            words, strength = read_region_form(submitted_values(interaction))
            if _own_strength(interaction.client, job) is None:
                strength = None
            services = interaction.client.services
            await services.regions.set_words(selection.id, words, strength)
            # Discord waits 3 s for an answer, and the mask of a large picture takes a while.
            await interaction.response.defer(ephemeral=True, thinking=True)
            files = await services.picture_edits.region(job, selection.picture, selection.grid, selection.cells)
            start = RegionStart(selection_id=selection.id, number=number)
            changes = RegionChanges(files, words, strength, start)
            request = await self._starter.checked_request(
                interaction, job, lambda requester: inpaint(job, requester, changes)
            )
            await self._starter.start_with_link(interaction, request)

    def _lock(self, match: re.Match[str]) -> asyncio.Lock:
        """One press of a panel after the other, so that the last answer shows the last state."""
        return self._locks.setdefault(_uuid(match), asyncio.Lock())


async def _opened(interaction: Interaction, match: re.Match[str]) -> tuple[RegionSelection, Job]:
    """The selection that a press or a form is about, and the job of its picture.

    Raises:
        ChorusError: One of them is gone, the panel is another person's, or they may not see the picture here.

    """
    services, actor = interaction.client.services, interaction_actor(interaction)
    selection = await services.regions.get(_uuid(match))
    if selection is None:
        raise _too_old()
    services.policy.require_own_panel(actor, selection.user_id)
    services.policy.require_served(actor.channel)
    job = await services.orchestrator.job(selection.job_id)
    if job is None or not may_view_job(interaction, job):
        raise _too_old()
    return selection, job


async def _show(interaction: Interaction, job: Job, selection: RegionSelection | None) -> None:
    if selection is None:
        raise _too_old()
    picture = await _picture(interaction, job, selection)
    await interaction.response.edit_message(content=_TEXT, attachments=[picture], view=region_view(selection))


async def _picture(interaction: Interaction, job: Job, selection: RegionSelection) -> discord.File:
    services = interaction.client.services
    given = await services.derived_jobs.input_picture(job, selection.picture)
    limit = services.settings.media.max_pixels
    try:
        data = await asyncio.to_thread(
            picture_with_grid, Path(given.path), selection.grid, selection.cells, max_pixels=limit
        )
    except (BadMedia, OSError) as error:
        raise InputInvalid("That picture cannot be opened any more.", advice="Choose another one.") from error
    return discord.File(io.BytesIO(data), filename=PICTURE)


async def _started(bot: ChorusBot, selection: RegionSelection) -> Job | None:
    """The job that was started from the panel last."""
    if selection.started_job_id is None:
        return None
    return await bot.services.orchestrator.job(selection.started_job_id)


async def _say_started(interaction: Interaction, started: Job | None) -> None:
    link = await message_link(interaction.client, started) if started is not None else None
    text = "That change was started already"
    await interaction.response.send_message(f"{text}: {link}" if link else f"{text}.", ephemeral=True)


def _own_strength(bot: ChorusBot, job: Job) -> float | None:
    """The workflow's own strength, if this person may choose another."""
    file = bot.services.derived_jobs.image_workflow(job, INPAINT_WORKFLOW)
    workflow = bot.services.orchestrator.adapted(file)
    parameter = known_parameters(bot, workflow).find("denoise")
    if parameter is None or not parameter.places or parameter.open_to is not OpenTo.EVERYONE:
        return None
    place = parameter.places[0]
    value = inputs(workflow.graph, place.node_id).get(place.input_name)
    return float(value) if isinstance(value, int | float) else None


def _require_allowed(interaction: Interaction, job: Job) -> None:
    services, actor = interaction.client.services, interaction_actor(interaction)
    services.policy.require_may_ask(actor)
    services.policy.require_may_derive(actor, job.request.requester_id)
    if not services.derived_jobs.can_inpaint(job):
        raise InputInvalid(
            "This character has no `inpaint` workflow that ComfyUI can run.",
            advice="The owner can put one at workflows/<character>/image/inpaint.json.",
        )


def _require_cells(selection: RegionSelection) -> None:
    if not selection.cells:
        raise InputInvalid("Nothing is chosen.", advice="Press the numbers of what shall be drawn anew.")


def _too_old() -> InputInvalid:
    return InputInvalid("That panel is too old.", advice="Press Region under the picture again.")


def _uuid(match: re.Match[str]) -> uuid.UUID:
    try:
        return uuid.UUID(match["selection"])
    except ValueError:
        raise _too_old() from None
