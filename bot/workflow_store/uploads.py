"""From the bytes of an uploaded file to a graph that may be run here. Pure, and blocking: run it in a thread."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from bot.domain.jobs import JobKind
from bot.errors import ComfyUnavailable, InputInvalid, WorkflowInvalid
from bot.workflows.conversion import convert_ui_workflow
from bot.workflows.embedded import GenerationParameters, SharedWorkflow, WorkflowSource, read_workflow_source
from bot.workflows.graph import class_type
from bot.workflows.input_roles import InputRole, InputValues
from bot.workflows.name_patterns import AUDIO_OUTPUT_CLASS
from bot.workflows.object_info import ObjectInfo
from bot.workflows.parameters import ParameterValue, check_overrides, parameters_of
from bot.workflows.upload_screening import ScreeningRules, require_allowed, with_forced_paths
from bot.workflows.value_injection import inject
from bot.workflows.workflow import DEFAULT_WORKFLOW, Workflow, parse_workflow

MAX_NAME_LENGTH = 50
_VIDEO_OUTPUT_CLASS = re.compile(r"video|webm|animated|gif|film", re.IGNORECASE)
_NAME = re.compile(rf"[a-z0-9][a-z0-9_-]{{0,{MAX_NAME_LENGTH - 1}}}")
_RESERVED_NAMES = frozenset({"con", "prn", "aux", "nul"} | {f"{name}{n}" for name in ("com", "lpt") for n in range(10)})


@dataclass(frozen=True)
class UploadedWorkflow:
    """A workflow that may be run here, as it was brought."""

    workflow: Workflow
    ui_workflow: Mapping[str, Any] | None
    """In the UI format, if it was brought in that."""
    notes: tuple[str, ...]
    """What was changed or could not be taken over."""
    shared: SharedWorkflow | None = None
    """Its name, kind and presets, if it was shared by another server."""


@dataclass(frozen=True)
class UploadContext:
    """What reading an upload depends on.

    Attributes:
        rules: What the host refuses; None: the host brings it.
        object_info: The body of `GET /object_info`; None: ComfyUI was not reached yet.
        base: The workflow that a text of settings (A1111's WebUI) is written into; None: there is none.

    """

    rules: ScreeningRules | None
    object_info: ObjectInfo | None = None
    base: Workflow | None = None


def read_upload(data: bytes, context: UploadContext) -> UploadedWorkflow:
    """Read a workflow in any form that ComfyUI or a program around it writes.

    Raises:
        WorkflowInvalid: The file holds no workflow, cannot be converted, or has nodes that are refused.
        MissingNode: The workflow is in the UI format, and ComfyUI lacks classes of it.
        ComfyUnavailable: The workflow is in the UI format, and ComfyUI was never reached.

    """
    source = read_workflow_source(data)
    if source.graph is None and source.ui_workflow is None and source.parameters is not None:
        return _with_settings(source.parameters, context)
    notes: tuple[str, ...] = ()
    graph = source.graph
    if graph is None:
        graph, notes = _converted(source, context.object_info)
    if context.rules is not None:
        forced = with_forced_paths(graph)
        graph, notes = forced.graph, (*notes, *forced.notes)
        require_allowed(graph, context.rules, context.object_info)
    bindings = json.dumps(dict(source.bindings)) if source.bindings and source.graph is not None else None
    workflow = parse_workflow(json.dumps(graph), bindings=bindings)
    return UploadedWorkflow(workflow, source.ui_workflow, notes, source.shared)


def kind_of(workflow: Workflow) -> JobKind:
    """Return what a workflow makes, by its output nodes."""
    outputs = [class_type(workflow.graph, node_id) for node_id in workflow.analysis.output_nodes]
    if any(_VIDEO_OUTPUT_CLASS.search(name) for name in outputs):
        return JobKind.VIDEO
    only_sound = bool(outputs) and all(AUDIO_OUTPUT_CLASS.search(name) for name in outputs)
    return JobKind.AUDIO if only_sound or workflow.analysis.inputs_for(InputRole.TEXT) else JobKind.IMAGE


def name_of_file(file_name: str) -> str:
    """Return a name for the workflow in a file: `My Portrait (v2).json` -> `my-portrait-v2`."""
    stem = PurePosixPath(file_name.replace("\\", "/")).name.rsplit(".", 1)[0]
    name = re.sub(r"[^a-z0-9_]+", "-", stem.casefold()).strip("-_")[:MAX_NAME_LENGTH].strip("-_")
    return name if name and name not in _RESERVED_NAMES else "workflow"


def checked_name(name: str) -> str:
    """Return a name that a person gave, in lower case.

    Raises:
        InputInvalid: It cannot be the name of a file.

    """
    wanted = name.strip().casefold()
    if not _NAME.fullmatch(wanted) or wanted in _RESERVED_NAMES:
        raise InputInvalid(
            "That cannot be the name of a workflow.",
            advice=f"Use 1 to {MAX_NAME_LENGTH} letters a to z, digits, - and _; such as {name_of_file(name)}.",
        )
    return wanted


def _converted(source: WorkflowSource, object_info: ObjectInfo | None) -> tuple[dict[str, Any], tuple[str, ...]]:
    if source.ui_workflow is None:
        raise WorkflowInvalid("The file holds no workflow.")
    if object_info is None:
        raise ComfyUnavailable(
            "The workflow was saved with Save; converting it takes ComfyUI, which was not reached yet.",
            advice='Try again when ComfyUI runs, or export the workflow with "Export (API)".',
        )
    converted = convert_ui_workflow(source.ui_workflow, object_info)
    return converted.graph, converted.notes


def _with_settings(found: GenerationParameters, context: UploadContext) -> UploadedWorkflow:
    """The character's default workflow with the prompt and the settings that a picture was made with."""
    base = context.base
    if base is None:
        raise WorkflowInvalid(
            "The file says what it was made with, but holds no workflow.",
            advice="It was made by another program than ComfyUI. Its settings can be taken over when the character has"
            f" a workflow called {DEFAULT_WORKFLOW}.",
        )
    notes = ["The file holds no workflow, so its prompt and settings were written into the default one."]
    overrides: dict[str, ParameterValue] = {}
    sampler = parameters_of(base, context.object_info).find("sampler")
    if found.sampler is not None:
        if sampler is not None and sampler.choices is not None and found.sampler in sampler.choices:
            overrides["sampler"] = found.sampler
        else:
            notes.append(f"Its sampler {found.sampler[:60]} was left out.")
    checked = check_overrides(base, overrides, context.object_info, drop_unknown=True)
    values = InputValues(
        positive=found.prompt,
        negative=found.negative,
        seed=found.seed,
        width=found.width,
        height=found.height,
        steps=found.steps,
        cfg=found.cfg,
        overrides=checked.values,
    )
    graph = inject(base, values, context.object_info)
    return UploadedWorkflow(parse_workflow(json.dumps(graph)), None, tuple(notes))
