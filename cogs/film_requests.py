"""What the command, the button and the menu for films share: the workflow that takes a picture, and the length."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.derived_jobs.picture_workflows import with_picture_workflow
from bot.workflows.film_length import film_length
from cogs.settings_option import chosen_workflow

if TYPE_CHECKING:
    from bot.characters import Character
    from bot.discord_client.bot import ChorusBot
    from bot.domain.jobs import GenerationRequest


def with_picture_film(bot: ChorusBot, character: Character, request: GenerationRequest) -> GenerationRequest:
    """The request with a video workflow that takes a picture."""
    return with_picture_workflow(bot.services.workflows, character, request)


def with_length(
    bot: ChorusBot, character: Character, request: GenerationRequest, seconds: float | None
) -> GenerationRequest:
    """The request with a number of frames for the wanted seconds; None leaves the workflow's own.

    Raises:
        ChorusError: There is no such workflow, or its length cannot be chosen.

    """
    if seconds is None:
        return request
    workflow = chosen_workflow(bot, character, request.kind, request.workflow_name, request.origin.guild_id)
    found = film_length(workflow, seconds, bot.services.orchestrator.object_info)
    note = " ".join(filter(None, (request.note, found.note))) or None
    overrides = {**request.overrides, found.name: found.value}
    return request.model_copy(update={"overrides": overrides, "note": note})
