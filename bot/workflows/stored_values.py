"""Values that were kept for a workflow, for the workflow as it is now: what it no longer takes is left out and told."""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain.seeds import parse_seed
from bot.errors import ChorusError
from bot.workflows.object_info import ObjectInfo
from bot.workflows.parameter_names import LORA_NAME
from bot.workflows.parameters import OpenTo, ParameterValue, check_overrides, parameters_of
from bot.workflows.workflow import Workflow

REQUEST_FIELDS = frozenset({"prompt", "negative", "seed"})
"""Parameters whose values are fields of a request instead of overrides."""
_SHOWN_NOTES = 5


def usable_values(
    workflow: Workflow,
    values: Mapping[str, ParameterValue],
    object_info: ObjectInfo | None = None,
    *,
    may_change_reserved: bool,
) -> tuple[dict[str, ParameterValue], tuple[str, ...]]:
    """Return the values that the workflow takes from this person, and a sentence for each that is left out.

    Args:
        workflow: As it is now.
        values: Parameter name -> value, as they were kept.
        object_info: The body of `GET /object_info`, if known.
        may_change_reserved: Whether the person may change what is open to people with Manage Server only.

    """
    parameters = parameters_of(workflow, object_info)
    kept: dict[str, ParameterValue] = {}
    notes: list[str] = []
    for name, value in values.items():
        parameter = parameters.find(name)
        shown = name.replace("`", "'")[:60]
        if name in REQUEST_FIELDS:
            kept[name] = value
        elif parameter is None and not LORA_NAME.fullmatch(name):
            notes.append(f"This workflow no longer has `{shown}`, so it was left out.")
        elif parameter is not None and parameter.open_to is OpenTo.MANAGERS and not may_change_reserved:
            notes.append(f"`{shown}` may be changed by people with Manage Server only, so it was left out.")
        elif problem := value_problem(workflow, name, value, object_info):
            notes.append(f"`{shown}` was left out. {problem.message}")
        else:
            kept[name] = value
    if len(notes) > _SHOWN_NOTES:
        notes[_SHOWN_NOTES:] = [f"{len(notes) - _SHOWN_NOTES} further settings were left out."]
    return kept, tuple(notes)


def value_problem(
    workflow: Workflow, name: str, value: ParameterValue, object_info: ObjectInfo | None = None
) -> ChorusError | None:
    """Return why the workflow does not take a value; None: it takes it.

    Args:
        workflow: The workflow.
        name: Of the parameter, or one of `REQUEST_FIELDS`.
        value: The value, or the text that a person typed for it.
        object_info: The body of `GET /object_info`, if known.

    """
    try:
        if name == "seed":
            parse_seed(str(value))
        elif name not in REQUEST_FIELDS:
            check_overrides(workflow, {name: value}, object_info)
    except ChorusError as error:
        return error
    return None


def checked_values(
    workflow: Workflow, values: Mapping[str, ParameterValue], object_info: ObjectInfo | None = None
) -> dict[str, ParameterValue]:
    """Return values as they are kept: numbers as numbers, choices as the server lists them, `size` as width and height.

    Raises:
        InputInvalid: The workflow does not take one of them.

    """
    overrides = {name: value for name, value in values.items() if name not in REQUEST_FIELDS}
    checked = check_overrides(workflow, overrides, object_info)
    return {**checked.roles, **checked.values, **({"negative": values["negative"]} if "negative" in values else {})}
