"""Workflows inside other files: pictures, sounds and films made by ComfyUI, sidecars, and JSON that programs wrap.

Everything is read from bytes, without decoding pictures or sound and without another program; damaged files are read as
far as they can be.
"""

from bot.workflows.embedded.generation_parameters import GenerationParameters, parse_generation_parameters
from bot.workflows.embedded.media_metadata import read_media_metadata
from bot.workflows.embedded.shared_workflow import SharedWorkflow
from bot.workflows.embedded.workflow_sources import WorkflowSource, read_workflow_source

__all__ = [
    "GenerationParameters",
    "SharedWorkflow",
    "WorkflowSource",
    "parse_generation_parameters",
    "read_media_metadata",
    "read_workflow_source",
]
