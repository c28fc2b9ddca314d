"""Why a workflow file cannot be used, each with what its owner does about it.

::

    WorkflowInvalid                 WORKFLOW_INVALID (bot.errors)
    |-- NotAGraph                   no JSON, or JSON that is no graph
    |-- NotApiFormat                saved with "Save" instead of "Export (API)"
    |-- NoPromptTarget              nowhere to put the person's words
    |-- AmbiguousTarget             several different places, and nothing says which
    |-- NoOutputNode                nothing would be saved
    `-- BindingsInvalid             the `<name>.bindings.yaml` beside it is wrong
"""

from __future__ import annotations

from bot.errors import WorkflowInvalid


class NotAGraph(WorkflowInvalid):
    """Empty, no JSON, a list, too large, too deep, or an object without nodes."""

    default = "The workflow file holds no ComfyUI graph."
    default_advice = "Open the workflow in ComfyUI and export it again: File > Export (API)."


class NotApiFormat(WorkflowInvalid):
    """The editor's own format (`nodes`, `links`): only the browser can turn it into something that runs."""

    default = 'The workflow was saved with "Save", not with "Export (API)".'
    default_advice = (
        "Open it in ComfyUI, choose File > Export (API) (older versions: Workflow > Export (API), or turn on the dev"
        ' mode options, then "Save (API Format)"), and put that file in its place.'
    )


class NoPromptTarget(WorkflowInvalid):
    """Neither a placeholder nor a text that reaches an output."""

    default = "The workflow has no place for the prompt."
    default_advice = (
        "Write __CHORUS_PROMPT__ (speech: __CHORUS_TEXT__) into the text of the right node and export again, or name"
        " the node in <name>.bindings.yaml beside the file."
    )


class AmbiguousTarget(WorkflowInvalid):
    """Several different literal texts reach the outputs; a guess would draw the wrong thing."""

    default = "The workflow has several different texts that could be the prompt."


class NoOutputNode(WorkflowInvalid):
    """No node saves or shows a file: ComfyUI would answer `prompt_no_outputs`."""

    default = "The workflow saves nothing: it has no output node."
    default_advice = "Add a Save Image, Save Audio or Save Video node at its end and export it again."


class BindingsInvalid(WorkflowInvalid):
    """The owner's `<name>.bindings.yaml` names a key, node or input that does not exist."""

    default = "The bindings file beside the workflow cannot be used."
    default_advice = "Correct the bindings file; `chorus workflow inspect FILE` lists the nodes and their inputs."
