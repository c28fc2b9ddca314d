"""The parameters of a workflow: every value that can be changed for a run, with its type, its limits and its places.

`parameters_of` extracts them from a workflow and `/object_info`; `check_overrides` checks what a person wants changed.
"""

from bot.workflows.parameters.collection import WorkflowParameters
from bot.workflows.parameters.effective import effective_values
from bot.workflows.parameters.loras import installed_loras, lora_changes, parse_lora
from bot.workflows.parameters.of_workflow import parameters_of
from bot.workflows.parameters.overrides import (
    CheckedOverrides,
    check_overrides,
    chosen_loras,
    unknown_parameter,
    with_loras,
)
from bot.workflows.parameters.parameter import (
    OpenTo,
    Parameter,
    ParameterGroup,
    ParameterType,
    ParameterValue,
)
from bot.workflows.parameters.step_boundaries import scaled_boundaries
from bot.workflows.parameters.value_check import checked_value, nearest_choices

__all__ = [
    "CheckedOverrides",
    "OpenTo",
    "Parameter",
    "ParameterGroup",
    "ParameterType",
    "ParameterValue",
    "WorkflowParameters",
    "check_overrides",
    "checked_value",
    "chosen_loras",
    "effective_values",
    "installed_loras",
    "lora_changes",
    "nearest_choices",
    "parameters_of",
    "parse_lora",
    "scaled_boundaries",
    "unknown_parameter",
    "with_loras",
]
