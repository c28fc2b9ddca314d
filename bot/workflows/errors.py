"""Errors of workflow files: why one cannot be used, each with what its owner can do about it.

::

    WorkflowInvalid                 WORKFLOW_INVALID (bot.errors)
    |-- NotAGraph                   no JSON, or JSON that is no graph
    |-- NotApiFormat                saved with "Save" instead of "Export (API)"
    |-- NoPromptInput               no input for the prompt or the spoken text
    |-- AmbiguousInput              several different inputs could be meant
    |-- NoOutputNode                nothing would be saved
    |-- UnknownPlaceholder          a placeholder of another program, which nobody fills
    |-- NodeRefused                 an uploaded workflow has nodes that only the host may bring
    `-- BindingsInvalid             the `<name>.bindings.yaml` beside it is wrong
"""

from __future__ import annotations

from bot.errors import WorkflowInvalid


class NotAGraph(WorkflowInvalid):
    """The file holds no graph: it is empty, no JSON, a list, too large, nested too deeply, or without nodes."""

    default = "The workflow file holds no ComfyUI graph."
    default_advice = "Open the workflow in ComfyUI and export it again: File > Export (API)."


class NotApiFormat(WorkflowInvalid):
    """The file is in the editor's own format (`nodes`, `links`), which only ComfyUI's editor can turn into a prompt."""

    default = 'The workflow was saved with "Save", not with "Export (API)".'
    default_advice = (
        "Open it in ComfyUI, choose File > Export (API) (older versions: Workflow > Export (API), or turn on the dev"
        ' mode options, then "Save (API Format)"), and put that file in its place.'
    )


class NoPromptInput(WorkflowInvalid):
    """The graph has neither a placeholder for the prompt nor a text that an output node depends on."""

    default = "The workflow has no place for the prompt."
    default_advice = (
        "Write __CHORUS_PROMPT__ (speech: __CHORUS_TEXT__) into the text of the right node and export again, or name"
        " the node in <name>.bindings.yaml beside the file."
    )


class AmbiguousInput(WorkflowInvalid):
    """A value could go to several different inputs; a guess might draw the wrong thing, so the owner has to choose."""

    default = "The workflow has several different texts that could be the prompt."


class NoOutputNode(WorkflowInvalid):
    """No node saves or shows a file; ComfyUI would refuse the prompt (`prompt_no_outputs`)."""

    default = "The workflow saves nothing: it has no output node."
    default_advice = "Add a Save Image, Save Audio or Save Video node at its end and export it again."


class UnknownPlaceholder(WorkflowInvalid):
    """A placeholder of another program stands in the graph, and nothing says what it should become."""

    default = "The workflow has a placeholder that nobody fills."


class BindingsInvalid(WorkflowInvalid):
    """The bindings file is no YAML mapping, or names a key, node or input that does not exist."""

    default = "The bindings file beside the workflow cannot be used."
    default_advice = "Correct the bindings file; `chorus workflow inspect FILE` lists the nodes and their inputs."


class NodeRefused(WorkflowInvalid):
    """An uploaded workflow has nodes that run code, use paths or addresses of their own, or cost money."""

    default = "The workflow has nodes that are not taken from uploads."
    default_advice = (
        "Replace these nodes, or ask the person who runs this bot, who can allow a class in `workflows.allow` or put"
        " the workflow into the host's own folder."
    )
