"""Choosing a workflow that a real ComfyUI can run, by what it has installed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.comfyui.client import ComfyClient
from bot.comfyui.exceptions import ComfyError
from bot.comfyui.options import ClientOptions
from bot.domain.jobs import JobKind
from bot.errors import ChorusError, ComfyUnavailable, ConfigError
from bot.workflows import parse_workflow, validate_installed, validate_structure
from bot.workflows.object_info import input_spec
from sandbox.demo.folder import Graph, shipped_graph

PLAIN_COLOR_BINDINGS = 'positive: ["3.source"]\n'
"""Names the input for the prompt, which cannot be found by reading that graph."""


@dataclass(frozen=True)
class DemoWorkflow:
    """What the demo generates pictures with on a real ComfyUI."""

    graph: Graph
    description: str
    """For the transcript, such as "its checkpoint x.safetensors, 768 x 512, 20 steps"."""
    can_speak: bool
    """Whether the server has the nodes of the voice workflow."""
    bindings: str = ""
    """The content of the workflow's bindings file; empty if it needs none."""


async def choose_workflow(url: str, file: Path | None, audio: str) -> DemoWorkflow:
    """Ask the server what it has installed and choose a workflow.

    The first of these that is possible: the file that was given; the shipped workflow with an installed checkpoint
    (small and with few steps if the server has no GPU); a picture of one colour, which needs no model.

    Args:
        url: The server.
        file: The workflow file that the user named, or None.
        audio: The content of the voice workflow, to tell whether it can run.

    Raises:
        ComfyUnavailable: The server does not answer.
        ConfigError: The file cannot be used on that server.

    """
    options = ClientOptions(connect_timeout=3.0, retry_attempts=1, request_timeout=20.0)
    try:
        async with ComfyClient(url, options) as client:
            stats = await client.system_stats()
            object_info = await client.object_info()
    except ComfyError as error:
        message = f"No ComfyUI answers at {url}."
        raise ComfyUnavailable(message, advice="Start it, or leave --comfyui out for the stand-in.") from error
    can_speak = _workflow_problem(audio, JobKind.AUDIO, object_info) is None
    if file is not None:
        return DemoWorkflow(_read_workflow(file, object_info), f"your workflow {file.name}", can_speak)
    checkpoints = _installed_checkpoints(object_info)
    if not checkpoints:
        description = "a plain coloured picture: it has no checkpoint installed"
        return DemoWorkflow(plain_color_graph(), description, can_speak, bindings=PLAIN_COLOR_BINDINGS)
    no_gpu = all(device.type == "cpu" for device in stats.devices)
    graph = shipped_graph("landscape")
    graph["1"]["inputs"]["ckpt_name"] = checkpoints[0]
    graph["4"]["inputs"] |= {"width": 128, "height": 128} if no_gpu else {"width": 768, "height": 512}
    graph["5"]["inputs"]["steps"] = 4 if no_gpu else 20
    size = "128 x 128, 4 steps: it has no GPU" if no_gpu else "768 x 512, 20 steps"
    return DemoWorkflow(graph, f"its checkpoint {checkpoints[0]}, {size}", can_speak)


def plain_color_graph() -> Graph:
    """A picture of one colour, for a server without models. The prompt goes to a node that shows text."""
    return {
        "1": {
            "class_type": "EmptyImage",
            "inputs": {"width": 512, "height": 384, "batch_size": 1, "color": 0x2F6F7A},
        },
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "chorus/demo"}},
        "3": {"class_type": "PreviewAny", "inputs": {"source": ""}},
    }


def _read_workflow(file: Path, object_info: Mapping[str, Any]) -> Graph:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"The workflow {file} cannot be read.") from error
    problem = _workflow_problem(text, JobKind.IMAGE, object_info)
    if problem is not None:
        raise ConfigError(f"{file}: {problem.message}", advice=problem.advice) from problem
    graph: Graph = json.loads(text)
    return graph


def _workflow_problem(text: str, kind: JobKind, object_info: Mapping[str, Any]) -> ChorusError | None:
    try:
        workflow = parse_workflow(text, character_id="nova", kind=kind, name="default")
        validate_structure(workflow)
        validate_installed(workflow.graph, object_info)
    except ChorusError as error:
        return error
    return None


def _installed_checkpoints(object_info: Mapping[str, Any]) -> list[str]:
    spec = input_spec(object_info, "CheckpointLoaderSimple", "ckpt_name")
    return [str(name) for name in (spec.choices if spec is not None else None) or ()]
