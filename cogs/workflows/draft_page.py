"""The private page of an upload: what was found, and the buttons to try, save, bind and discard it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import discord

from bot.domain.jobs import JobKind
from bot.workflows import InputRole
from bot.workflows.parameters import Parameter, ParameterType
from cogs.ui.components import button, stateless_view
from cogs.ui.text import CHOICE, CHOICES, clip
from cogs.workflows.description_embed import description_embed

if TYPE_CHECKING:
    from bot.domain.workflow_history import WorkflowDraft
    from bot.workflow_store import DraftPage

DRAFT_ID: Final = r"(?P<draft>[0-9a-f]{16})"
AS_FOUND: Final = "auto"
"""The choice that takes the inputs which reading the graph finds."""
NONE: Final = "none"
_TEXTS: Final = frozenset({ParameterType.LONG_TEXT, ParameterType.TEXT})
_ROLES: Final[dict[InputRole, tuple[str, frozenset[ParameterType]]]] = {
    InputRole.POSITIVE: ("prompt", _TEXTS),
    InputRole.TEXT: ("spoken text", _TEXTS),
    InputRole.NEGATIVE: ("negative prompt", _TEXTS),
    InputRole.SEED: ("seed", frozenset({ParameterType.SEED, ParameterType.INTEGER})),
    InputRole.REFERENCE_IMAGE: ("start picture", frozenset({ParameterType.PICTURE})),
    InputRole.VOICE_SAMPLE: ("voice sample", frozenset({ParameterType.SOUND})),
    InputRole.VOICE_TRANSCRIPT: ("transcript", _TEXTS),
}
_BY_KIND: Final = {
    JobKind.IMAGE: (InputRole.POSITIVE, InputRole.NEGATIVE, InputRole.SEED, InputRole.REFERENCE_IMAGE),
    JobKind.VIDEO: (InputRole.POSITIVE, InputRole.NEGATIVE, InputRole.SEED, InputRole.REFERENCE_IMAGE),
    JobKind.AUDIO: (InputRole.TEXT, InputRole.VOICE_SAMPLE, InputRole.VOICE_TRANSCRIPT, InputRole.SEED),
}
BINDABLE: Final = "|".join(role.value for role in _ROLES)
_MAX_INPUTS: Final = 5
"""Of one role."""


def draft_embed(page: DraftPage) -> discord.Embed:
    """What was found in an upload."""
    draft = page.draft
    embed = description_embed(draft.place, page.description, draft.notes, memory=page.memory, downloads=page.downloads)
    becomes = "saved, it becomes the newest version of that workflow" if page.replaces else "not saved yet"
    embed.set_footer(text=clip(f"{draft.source} · {becomes}", 2048))
    return embed


def draft_view(draft: WorkflowDraft) -> discord.ui.View:
    """The buttons of the page."""
    return stateless_view(
        button(f"chorus:wf:try:{draft.id}", "Try"),
        button(f"chorus:wf:save:{draft.id}", "Save", style=discord.ButtonStyle.primary),
        button(f"chorus:wf:bind:{draft.id}", "Bind"),
        button(f"chorus:wf:discard:{draft.id}", "Discard", style=discord.ButtonStyle.danger),
    )


def binding_view(page: DraftPage) -> discord.ui.View:
    """A menu for each role that a wrong or ambiguous guess can be corrected in, and the way back."""
    menus = [
        _menu(page, role, row)
        for row, role in enumerate(_BY_KIND[page.draft.place.kind])
        if _candidates(page, role) or page.workflow.bindings.input_names(role) is not None
    ]
    return stateless_view(*menus, button(f"chorus:wf:page:{page.draft.id}", "Back", row=4))


def _menu(page: DraftPage, role: InputRole, row: int) -> discord.ui.Select[Any]:
    label, _ = _ROLES[role]
    bound = page.workflow.bindings.input_names(role)
    options = [
        discord.SelectOption(
            label=f"{label}: as it was found", value=AS_FOUND, default=bound is None, description="by reading the graph"
        ),
        discord.SelectOption(label=f"{label}: nothing takes it", value=NONE, default=bound == ()),
    ]
    for name, parameter in list(_candidates(page, role).items())[: CHOICES - len(options)]:
        value = "" if parameter.default is None else " ".join(str(parameter.default).split())
        options.append(
            discord.SelectOption(
                label=clip(f"{label}: {parameter.label}", CHOICE),
                value=name,
                description=clip(f"{name} {value}", CHOICE),
                default=name in (bound or ()),
            )
        )
    return discord.ui.Select[Any](
        custom_id=f"chorus:wfb:{role.value}:{page.draft.id}",
        placeholder=f"What takes the {label}",
        options=options,
        max_values=min(_MAX_INPUTS, len(options)),
        row=row,
    )


def _candidates(page: DraftPage, role: InputRole) -> dict[str, Parameter]:
    """Inputs that could take the role's value, by their names; the ones found come first."""
    _, types = _ROLES[role]
    found = {str(each) for each in page.workflow.analysis.inputs_for(role)}
    named = {
        str(place): parameter
        for parameter in page.description.parameters
        if parameter.type in types and parameter.choices is None
        for place in parameter.places
        if len(str(place)) <= CHOICE
    }
    order = sorted(named, key=lambda name: (name not in found, named[name].type is ParameterType.TEXT))
    return {name: named[name] for name in order}
