"""The parameters of a workflow in pages of a form, by group and by the title of their node."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from bot.workflows.input_roles import InputRole
from bot.workflows.parameter_names import LORA_NAME, canonical_name
from bot.workflows.parameters import (
    OpenTo,
    Parameter,
    ParameterGroup,
    ParameterType,
    ParameterValue,
    WorkflowParameters,
)
from bot.workflows.workflow import Workflow

MAX_FIELDS = 5
"""Of a form; Discord takes no more."""
MENU_CHOICES = 25
"""Of a menu; Discord takes no more."""
LORA_SLOTS = 3
"""How many LoRAs can be chosen in the form."""
AS_IN_WORKFLOW = "(as in the workflow)"
"""The option that takes a parameter back to the workflow's own value."""
_GROUP_TITLES = {
    ParameterGroup.PROMPT: "Prompt",
    ParameterGroup.SIZE: "Size",
    ParameterGroup.SAMPLER: "Sampler",
    ParameterGroup.MODEL: "Model",
    ParameterGroup.LORAS: "LoRAs",
    ParameterGroup.CONTROL: "Control",
    ParameterGroup.FILM: "Film",
}
_SET_BY_COMMAND = frozenset({"text", "voice_sample", "voice_transcript", "reference_image", "character_name"})
_LONGEST_CHOICE = 100
"""Characters of an option's value in Discord."""


@dataclass(frozen=True, slots=True)
class ParameterPage:
    """What one form changes.

    Attributes:
        key: 8 hexadecimal digits, the same as long as the page has the same parameters.
        title: The group, or the title of the node.
        parameters: At least one; their fields are `MAX_FIELDS` at most.

    """

    key: str
    title: str
    parameters: tuple[Parameter, ...]


def parameter_pages(
    workflow: Workflow, parameters: WorkflowParameters, *, loras: Sequence[str] = (), may_change_reserved: bool
) -> list[ParameterPage]:
    """Return every parameter that a person may change, in pages: the well-known groups first, then other nodes.

    Args:
        workflow: The workflow.
        parameters: Its parameters.
        loras: The LoRAs that the server has.
        may_change_reserved: Whether the person may change what is open to people with Manage Server only.

    """
    groups: dict[str, list[Parameter]] = {title: [] for title in _GROUP_TITLES.values()}
    groups["Prompt"] = _prompts(workflow, parameters)
    allowed = {OpenTo.EVERYONE, OpenTo.MANAGERS} if may_change_reserved else {OpenTo.EVERYONE}
    for parameter in parameters:
        if parameter.name in _SET_BY_COMMAND | {"prompt", "negative", "lora"} or parameter.open_to not in allowed:
            continue
        title = _GROUP_TITLES.get(parameter.group) or parameter.label.rsplit(" · ", 1)[0]
        groups.setdefault(title, []).append(parameter)
    groups["LoRAs"] = [*_loras(workflow, parameters, loras), *groups["LoRAs"]]
    return [page for title, members in groups.items() for page in _pages(title, members)]


def menu_choices(parameter: Parameter) -> list[str] | None:
    """Return the choices as texts that a menu can offer; None: there is no list, or Discord would not take it."""
    if parameter.type is ParameterType.SWITCH:
        return ["true", "false"]
    if parameter.choices is None:
        return None
    texts = list(dict.fromkeys(str(choice) for choice in parameter.choices))
    fits = all(text.strip() and len(text) <= _LONGEST_CHOICE for text in texts)
    return texts if texts and fits else None


def menu_options(parameter: Parameter) -> list[str] | None:
    """Return what a menu of the parameter offers: its choices, after `AS_IN_WORKFLOW` if its own value is none."""
    choices = menu_choices(parameter)
    if choices is None or shown_value(parameter.default) in choices:
        return choices
    return [AS_IN_WORKFLOW, *choices]


def is_searched(parameter: Parameter) -> bool:
    """Whether the parameter has more choices than a menu can offer, so that a name is typed."""
    options = menu_options(parameter)
    return options is not None and len(options) > MENU_CHOICES


def shown_value(value: ParameterValue | None) -> str:
    """Return a value as people read and type it; empty for None."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case float():
            return f"{value:g}"
        case _:
            return str(value)


def field_count(parameter: Parameter) -> int:
    """Return how many fields of a form the parameter takes: long lists have a search field, LoRAs a strength."""
    return 1 + is_searched(parameter) + is_lora(parameter)


def is_lora(parameter: Parameter) -> bool:
    """Whether it is one of the LoRAs that are put into the workflow."""
    return bool(LORA_NAME.fullmatch(parameter.name))


def _prompts(workflow: Workflow, parameters: WorkflowParameters) -> list[Parameter]:
    """The prompts: every workflow for pictures takes them, wherever they are written. A placeholder is no value."""
    found: list[Parameter] = []
    for name, role in (("prompt", InputRole.POSITIVE), ("negative", InputRole.NEGATIVE)):
        known = parameters.find(name) or _made(name, ParameterType.LONG_TEXT, ParameterGroup.PROMPT)
        if known.open_to is not OpenTo.EVERYONE:
            continue
        has_placeholder = workflow.analysis.has_placeholder(role)
        found.append(dataclasses.replace(known, default=None) if has_placeholder else known)
    return found


def _loras(workflow: Workflow, parameters: WorkflowParameters, installed: Sequence[str]) -> list[Parameter]:
    closed = {canonical_name(name) for name in (*workflow.bindings.hide, *workflow.bindings.lock)}
    own = parameters.find("lora")
    if "lora" in closed or (own is not None and own.open_to is OpenTo.NOBODY):
        return []
    names = installed or [str(choice) for choice in (own.choices if own is not None else None) or ()]
    slots = ["lora", *(f"lora{n}" for n in range(2, LORA_SLOTS + 1))]
    return [_made(name, ParameterType.LORA, ParameterGroup.LORAS, choices=list(names) or None) for name in slots]


def _made(name: str, kind: ParameterType, group: ParameterGroup, *, choices: list[str] | None = None) -> Parameter:
    return Parameter(
        name=name, label=name, type=kind, default=None, places=(), group=group, open_to=OpenTo.EVERYONE,
        choices=choices,
    )  # fmt: skip


def _pages(title: str, members: Sequence[Parameter]) -> list[ParameterPage]:
    pages: list[list[Parameter]] = []
    free = 0
    for parameter in members:
        needed = field_count(parameter)
        if needed > free:
            pages.append([])
            free = MAX_FIELDS
        pages[-1].append(parameter)
        free -= needed
    titles = [title if len(pages) == 1 else f"{title} {n} of {len(pages)}" for n in range(1, len(pages) + 1)]
    return [ParameterPage(_key(page), title, tuple(page)) for title, page in zip(titles, pages, strict=True)]


def _key(page: Sequence[Parameter]) -> str:
    return hashlib.sha256("\n".join(parameter.name for parameter in page).encode()).hexdigest()[:8]
