"""ComfyUI workflows: files that their owner has exported from ComfyUI with "Export (API)".

`WorkflowLibrary` keeps all of them in memory. `analyze_graph` finds which node inputs take the prompt, the seed and the
other values of a run, `inject` writes the values into a copy of the graph, and `validate_structure` and
`validate_installed` find out beforehand what would fail.

`bot.workflows.conversion` makes such graphs of what ComfyUI's "Save" writes, and `bot.workflows.embedded` finds both in
other files.
"""

from bot.workflows.api_format import decode_graph
from bot.workflows.bindings import parse_bindings
from bot.workflows.description import WorkflowDescription, describe
from bot.workflows.errors import (
    AmbiguousInput,
    BindingsInvalid,
    NoOutputNode,
    NoPromptInput,
    NotAGraph,
    NotApiFormat,
)
from bot.workflows.graph import node_title
from bot.workflows.graph_analysis import InputSource
from bot.workflows.input_roles import InputRole, InputValues
from bot.workflows.library import LoadReport, WorkflowLibrary
from bot.workflows.validation import validate_installed, validate_structure
from bot.workflows.value_injection import inject, seed_limit
from bot.workflows.workflow import DEFAULT_WORKFLOW, SHARED, Workflow, parse_workflow
from bot.workflows.workflow_files import read_workflow

__all__ = [
    "DEFAULT_WORKFLOW",
    "SHARED",
    "AmbiguousInput",
    "BindingsInvalid",
    "InputRole",
    "InputSource",
    "InputValues",
    "LoadReport",
    "NoOutputNode",
    "NoPromptInput",
    "NotAGraph",
    "NotApiFormat",
    "Workflow",
    "WorkflowDescription",
    "WorkflowLibrary",
    "decode_graph",
    "describe",
    "inject",
    "node_title",
    "parse_bindings",
    "parse_workflow",
    "read_workflow",
    "seed_limit",
    "validate_installed",
    "validate_structure",
]
