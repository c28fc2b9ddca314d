"""Conversion of ComfyUI's UI format (what its editor saves) to the API format (what `POST /prompt` takes).

It does what the editor itself does when the user presses Run, with the inputs that the server describes in
`/object_info`. Nothing is read from a disk or a network.
"""

from bot.workflows.conversion.converter import ConvertedWorkflow, convert_ui_workflow
from bot.workflows.conversion.errors import ClassesNotInstalled, UiWorkflowInvalid
from bot.workflows.conversion.ui_reading import is_ui_format

__all__ = ["ClassesNotInstalled", "ConvertedWorkflow", "UiWorkflowInvalid", "convert_ui_workflow", "is_ui_format"]
