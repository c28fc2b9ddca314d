"""Errors of the conversion: each names the node that it is about."""

from __future__ import annotations

from bot.errors import MissingNode, WorkflowInvalid


class UiWorkflowInvalid(WorkflowInvalid):
    """The file in the UI format is damaged, too large, or says something that cannot be expressed in the API format."""

    default = "The workflow cannot be converted."
    default_advice = "Open it in ComfyUI, correct it there and save it again."


class ClassesNotInstalled(MissingNode):
    """Nodes of the workflow have classes that the server's `/object_info` does not list."""

    default_advice = (
        "Install the node packs that they belong to and restart ComfyUI, or remove or mute these nodes and save again."
    )
