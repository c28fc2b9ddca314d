"""Which workflow makes something from a picture, where nobody has named one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.domain.jobs import GenerationRequest, JobKind
from bot.errors import ChorusError
from bot.workflows.media_assignment import takes_picture
from bot.workflows.workflow import VARY_WORKFLOW

if TYPE_CHECKING:
    from bot.characters.character import Character
    from bot.workflows.library import WorkflowLibrary
    from bot.workflows.workflow import Workflow


def picture_workflow(
    workflows: WorkflowLibrary, character: Character, kind: JobKind, guild_id: int | None
) -> Workflow | None:
    """Return the first workflow that takes a person's picture and needs no other file; None: there is none.

    The default goes first; then, for pictures, the one of the button Vary; for films, all others in their order.
    """
    others = [VARY_WORKFLOW] if kind is JobKind.IMAGE else workflows.names(character.id, kind, guild_id)
    for name in (None, *others):
        try:
            workflow = _get(workflows, character, kind, name, guild_id)
        except ChorusError:  # there is none of that name, or it is broken
            continue
        if takes_picture(workflow):
            return workflow
    return None


def with_picture_workflow(
    workflows: WorkflowLibrary, character: Character, request: GenerationRequest
) -> GenerationRequest:
    """The request with a workflow that takes a picture and a sentence about it, where its default takes none.

    Unchanged where there is no such workflow: acceptance says that the default takes no picture.
    """
    guild_id = request.origin.guild_id
    found = picture_workflow(workflows, character, request.kind, guild_id)
    if found is None:
        return request
    try:
        default = _get(workflows, character, request.kind, None, guild_id)
    except ChorusError:
        default = None
    if default is not None and found.name == default.name:
        return request
    note = f"Made with the workflow {found.name}, which takes a picture."
    return request.model_copy(update={"workflow_name": found.name, "note": note})


def _get(
    workflows: WorkflowLibrary, character: Character, kind: JobKind, name: str | None, guild_id: int | None
) -> Workflow:
    return workflows.get(character.id, kind, name, guild_id=guild_id, default=character.default_workflow(kind))
