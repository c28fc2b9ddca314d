"""Which of a request's files goes into which input of a workflow, and which files it still needs. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from bot.domain.jobs import CHARACTER_REFERENCES, JobKind
from bot.errors import InputInvalid
from bot.workflows.graph import NodeInput, class_type, inputs, is_link
from bot.workflows.input_roles import InputRole
from bot.workflows.media_inputs import MediaInput
from bot.workflows.media_roles import MediaRole
from bot.workflows.object_info import ObjectInfo, input_spec
from bot.workflows.validation import ambiguity_error
from bot.workflows.workflow import Workflow

FIRST_PICTURE: Final = "reference_image"
"""The role of the file of a person's one picture, which is what the workflow starts from."""
FURTHER_PICTURES: Final = ("image2", "image3", "image4")
LAST_PICTURE: Final = "last_image"
"""The role of the picture that a film ends with."""
MASK: Final = "mask"
"""The role of the mask of the first picture: white where it is to be changed."""
_MASK_OUTPUT: Final = 1
"""Of `LoadImage`."""
_NAMED_ROLES: Final = {
    LAST_PICTURE: MediaRole.LAST_FRAME,
    MASK: MediaRole.MASK,
    "film": MediaRole.FILM,
    "sound": MediaRole.SOUND,
}
_WORDS: Final = {
    MediaRole.START: "a picture to start from",
    MediaRole.FIRST_FRAME: "a picture as the first frame",
    MediaRole.CONTROL: "a picture that steers it",
    MediaRole.REFERENCE: "a reference picture",
    MediaRole.LAST_FRAME: "a picture as the last frame",
    MediaRole.MASK: "a mask",
    MediaRole.FILM: "a film",
    MediaRole.SOUND: "a sound",
}


def assign_files(workflow: Workflow, file_roles: Sequence[str]) -> dict[str, MediaInput]:
    """Return the input of each file, by the file's role in the request.

    The first picture goes to what the workflow starts from, further ones to the other inputs in their order. The
    character's reference pictures go to the inputs for references, unless a person's picture goes to one.

    Args:
        workflow: The workflow.
        file_roles: Roles of `GenerationRequest.inputs`; the voice sample is left out.

    Raises:
        AmbiguousInput: The graph does not tell which of several pictures the first one is.
        InputInvalid: There is no place for a file.

    """
    free = list(workflow.analysis.media)
    assigned: dict[str, MediaInput] = {}
    for role, wanted in _NAMED_ROLES.items():
        if role in file_roles:
            found = next((each for each in free if each.role is wanted), None)
            if found is None:
                raise InputInvalid(
                    f"The workflow {workflow.name} has no place for {_WORDS[wanted]}.",
                    advice="Leave it out, or choose another workflow.",
                )
            assigned[role] = found
            free.remove(found)
    pictures = [role for role in (FIRST_PICTURE, *FURTHER_PICTURES) if role in file_roles]
    places = _ordered_pictures(workflow, free, len(pictures))
    if len(pictures) > len(places) and not _has_other_place(workflow, pictures, places):
        raise InputInvalid(_too_many(workflow, len(pictures)), advice="Leave some out, or choose another workflow.")
    assigned |= dict(zip(pictures, places, strict=False))
    own = [role for role in CHARACTER_REFERENCES if role in file_roles]
    return assigned | dict(zip(own, free_references(workflow, assigned), strict=False))


def free_references(workflow: Workflow, assigned: Mapping[str, MediaInput]) -> list[MediaInput]:
    """Return the inputs for the character's reference pictures: those for references that no person's file goes to.

    There are none where a person has given a reference.
    """
    given = list(assigned.values())
    if any(each.role is MediaRole.REFERENCE for each in given):
        return []
    first = (
        set(workflow.analysis.inputs_for(InputRole.REFERENCE_IMAGE)) if FIRST_PICTURE in assigned else set[NodeInput]()
    )
    return [
        each
        for each in workflow.analysis.media
        if each.role is MediaRole.REFERENCE and not first.intersection(each.places)
    ]


def takes_picture(workflow: Workflow, references: int = 0) -> bool:
    """As `takes_files`, of a person's one picture."""
    return takes_files(workflow, references=references)


def takes_files(workflow: Workflow, roles: Sequence[str] = (FIRST_PICTURE,), *, references: int = 0) -> bool:
    """Whether a person's files can be put into the workflow, and it needs no other file that only a person has.

    Args:
        workflow: The workflow.
        roles: What the files are given as; a mask that the workflow takes as transparency is no file of its own.
        references: How many reference pictures its character has.

    """
    if MASK in roles and mask_is_transparency(workflow):
        roles = [role for role in roles if role != MASK]
    try:
        assigned = assign_files(workflow, [*roles, *CHARACTER_REFERENCES[:references]])
    except InputInvalid:
        return False
    needed = [each for each in workflow.analysis.media if each not in assigned.values()]
    return not any(_is_needed(workflow, each, None) for each in needed)


def mask_is_transparency(workflow: Workflow) -> bool:
    """Whether the mask is the transparency of the picture itself, as ComfyUI's mask editor saves it.

    Then the mask output of the loader of the first picture is used, and no file is loaded as a mask.
    """
    if any(media.role is MediaRole.MASK for media in workflow.analysis.media):
        return False
    loaders = {place.node_id for place in workflow.analysis.inputs_for(InputRole.REFERENCE_IMAGE)}
    used = (value for node in workflow.analysis.reachable_nodes for value in inputs(workflow.graph, node).values())
    return any(is_link(value) and value[0] in loaders and value[1] == _MASK_OUTPUT for value in used)


def takes_masked_picture(workflow: Workflow, references: int = 0) -> bool:
    """As `takes_files`, of a picture with a mask."""
    return takes_files(workflow, (FIRST_PICTURE, MASK), references=references)


def require_files(workflow: Workflow, assigned: Mapping[str, MediaInput], object_info: ObjectInfo | None) -> None:
    """Check that every file that the workflow loads was given or lies on the server.

    Args:
        workflow: The workflow.
        assigned: As `assign_files` returned it.
        object_info: The body of `GET /object_info`; None: files of the workflow's own are taken to be there.

    Raises:
        InputInvalid: It says what to attach.

    """
    if workflow.kind is JobKind.AUDIO:  # its one file is the character's voice sample
        return
    first = set(workflow.analysis.inputs_for(InputRole.REFERENCE_IMAGE))  # all of them take the first picture
    missing = [
        each
        for each in workflow.analysis.media
        if each not in assigned.values()
        and not (FIRST_PICTURE in assigned and first.intersection(each.places))
        and _is_needed(workflow, each, object_info)
    ]
    if not missing:
        return
    words = ", and ".join(describe_media(each) for each in missing)
    if len(missing) == 1 and missing[0].role is MediaRole.START:
        raise InputInvalid("This workflow starts from a picture.", advice="Attach one as `image`.")
    raise InputInvalid(
        f"The workflow {workflow.name} needs {words}.",
        advice=(
            "Attach what it needs; pictures are taken in the order `image`, `image2`, `image3`, `image4`,"
            " a mask is taken as `mask`."
        ),
    )


def describe_media(media: MediaInput) -> str:
    """Words for what an input takes: `a picture that steers it (pose, "My Pose")`."""
    more = ", ".join(filter(None, (media.kind, f'"{media.label}"' if media.label else "")))
    return f"{_WORDS[media.role]} ({more})" if more else _WORDS[media.role]


def note_of_assignment(assigned: Mapping[str, MediaInput]) -> str | None:
    """A sentence about where several files went; None: there is at most one."""
    given = {role: to for role, to in assigned.items() if role not in CHARACTER_REFERENCES}
    if len(given) < 2:
        return None
    names = {FIRST_PICTURE: "image"}
    return "Used " + ", ".join(f"{names.get(role, role)} as {describe_media(to)}" for role, to in given.items()) + "."


def file_values(
    workflow: Workflow, uploaded: Mapping[str, str], contents: Mapping[str, str] | None = None
) -> dict[NodeInput, str]:
    """Return what is written into the loaders.

    Args:
        workflow: The workflow.
        uploaded: Role of a file -> the name that ComfyUI gave it, without the voice sample.
        contents: Role of a file -> its content as base64, for those that `base64_roles` names.

    Raises:
        AmbiguousInput, InputInvalid: As from `assign_files`.

    """
    given = contents or {}
    return {
        place: given.get(role, name) if media.base64 else name
        for role, media in assign_files(workflow, list(uploaded)).items()
        for name in (uploaded[role],)
        for place in media.places
    }


def base64_roles(workflow: Workflow, file_roles: Sequence[str]) -> frozenset[str]:
    """Return the roles of the files that the workflow takes as base64 text."""
    return frozenset(role for role, media in assign_files(workflow, file_roles).items() if media.base64)


def _ordered_pictures(workflow: Workflow, free: Sequence[MediaInput], wanted: int) -> list[MediaInput]:
    pictures = [each for each in free if each.is_picture]
    first = set(workflow.analysis.inputs_for(InputRole.REFERENCE_IMAGE))
    ambiguity = workflow.analysis.ambiguity(InputRole.REFERENCE_IMAGE)
    if ambiguity is not None and 0 < wanted < len(ambiguity.candidates):
        raise ambiguity_error(workflow.graph, ambiguity, workflow.name)
    takers = [each for each in pictures if first.intersection(each.places)]
    return takers[:1] + [each for each in pictures if each not in takers]


def _has_other_place(workflow: Workflow, pictures: Sequence[str], places: Sequence[MediaInput]) -> bool:
    """The one picture goes into a placeholder at a node that is no known loader."""
    return len(pictures) == 1 and not places and workflow.analysis.takes(InputRole.REFERENCE_IMAGE)


def _too_many(workflow: Workflow, given: int) -> str:
    pictures = [each for each in workflow.analysis.media if each.is_picture]
    if not pictures:
        return f"The workflow {workflow.name} takes no picture."
    words = ", ".join(describe_media(each) for each in pictures)
    return f"The workflow {workflow.name} takes {len(pictures)} of {given} pictures: {words}."


def _is_needed(workflow: Workflow, media: MediaInput, object_info: ObjectInfo | None) -> bool:
    """Nothing usable stands there: a placeholder, nothing, or a file that the server does not list."""
    place = media.places[0]
    with_placeholder = {use.node_input for use in workflow.analysis.placeholders}
    if not media.own.strip() or place in with_placeholder:
        return True
    if media.base64 or place in workflow.analysis.inputs_for(InputRole.VOICE_SAMPLE):
        return False
    spec = input_spec(object_info, class_type(workflow.graph, place.node_id), place.input_name)
    return spec is not None and spec.choices is not None and not _is_listed(media.own, spec.choices)


def _is_listed(own: str, choices: Sequence[object]) -> bool:
    """ComfyUI lists the files at the top of its input folder; names with a folder or ` [output]` are not listed."""
    return own in choices or "/" in own or own.endswith(("[input]", "[output]", "[temp]"))
