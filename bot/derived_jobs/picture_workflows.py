"""Which workflow makes something from a picture or other files, where nobody has named one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from bot.domain.jobs import GenerationRequest, JobKind
from bot.errors import ChorusError
from bot.workflows.media_assignment import FIRST_PICTURE, MASK, takes_files
from bot.workflows.workflow import INPAINT_WORKFLOW, VARY_WORKFLOW

if TYPE_CHECKING:
    from bot.characters.character import Character
    from bot.workflows.library import WorkflowLibrary
    from bot.workflows.workflow import Workflow

_WORDS: Final[dict[tuple[str, ...], str]] = {
    (FIRST_PICTURE,): "a picture",
    (FIRST_PICTURE, MASK): "a picture and a mask",
}


def picture_workflow(
    workflows: WorkflowLibrary,
    character: Character,
    kind: JobKind,
    guild_id: int | None,
    roles: Sequence[str] = (FIRST_PICTURE,),
) -> Workflow | None:
    """Return the first workflow that takes a person's files and needs no other one; None: there is none.

    The default goes first; then, for pictures, the one of the button Vary, and with a mask before it the one of the
    button Region; for films, all others in their order.

    Args:
        workflows: The workflow library.
        character: Whose workflows.
        kind: What is made.
        guild_id: The server in which it is asked for.
        roles: What the files are given as (`InputFile.role`).

    """
    for_pictures = [INPAINT_WORKFLOW, VARY_WORKFLOW] if MASK in roles else [VARY_WORKFLOW]
    others = for_pictures if kind is JobKind.IMAGE else workflows.names(character.id, kind, guild_id)
    for name in (None, *others):
        try:
            workflow = _get(workflows, character, kind, name, guild_id)
        except ChorusError:  # there is none of that name, or it is broken
            continue
        if takes_files(workflow, roles, references=len(character.reference_paths)):
            return workflow
    return None


def with_picture_workflow(
    workflows: WorkflowLibrary,
    character: Character,
    request: GenerationRequest,
    roles: Sequence[str] = (FIRST_PICTURE,),
) -> GenerationRequest:
    """The request with a workflow that takes a person's files and a sentence about it, where its default does not.

    Unchanged where there is no such workflow: acceptance says that the default takes no picture.

    Args:
        workflows: The workflow library.
        character: Who draws.
        request: Without a workflow's name.
        roles: What the files are given as (`InputFile.role`).

    """
    guild_id = request.origin.guild_id
    found = picture_workflow(workflows, character, request.kind, guild_id, roles)
    if found is None:
        return request
    try:
        default = _get(workflows, character, request.kind, None, guild_id)
    except ChorusError:
        default = None
    if default is not None and found.name == default.name:
        return request
    taken = _WORDS.get(tuple(roles), "these files")
    note = f"Made with the workflow {found.name}, which takes {taken}."
    if request.note:
        note = f"{request.note} {note}"
    return request.model_copy(update={"workflow_name": found.name, "note": note})


def _get(
    workflows: WorkflowLibrary, character: Character, kind: JobKind, name: str | None, guild_id: int | None
) -> Workflow:
    return workflows.get(character.id, kind, name, guild_id=guild_id, default=character.default_workflow(kind))
