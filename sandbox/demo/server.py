"""A real ComfyUI in the demo: which workflow it can run, decided by what it has installed and said aloud."""

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

COLOURED_BINDINGS = 'positive: ["3.source"]\n'
"""The prompt has no part in that picture, so reading the graph does not find it."""


@dataclass(frozen=True)
class Drawing:
    """How the demo draws on somebody's own ComfyUI."""

    graph: Graph
    description: str
    can_speak: bool
    bindings: str = ""
    """The workflow's bindings file, where it needs one."""


async def choose_drawing(url: str, file: Path | None, audio: str) -> Drawing:
    """Look at the server and choose.

    In this order: the file that was given; the shipped workflow with an installed checkpoint (small and few steps where
    the server has no GPU); a plain coloured picture, which needs no model.

    Args:
        url: The server.
        file: What the person named, or None.
        audio: The content of the workflow that a voice would need.

    Raises:
        ComfyUnavailable: The server does not answer.
        ConfigError: The file cannot be used there.

    """
    options = ClientOptions(connect_timeout=3.0, retry_attempts=1, request_timeout=20.0)
    try:
        async with ComfyClient(url, options) as client:
            stats = await client.system_stats()
            object_info = await client.object_info()
    except ComfyError as error:
        message = f"No ComfyUI answers at {url}."
        raise ComfyUnavailable(message, advice="Start it, or leave --comfyui out for the stand-in.") from error
    can_speak = _runs(audio, JobKind.AUDIO, object_info) is None
    if file is not None:
        return Drawing(_given(file, object_info), f"your workflow {file.name}", can_speak)
    checkpoints = _checkpoints(object_info)
    if not checkpoints:
        why = "a plain coloured picture: it has no checkpoint installed"
        return Drawing(coloured(), why, can_speak, bindings=COLOURED_BINDINGS)
    slow = all(device.type == "cpu" for device in stats.devices)
    graph = shipped_graph("landscape")
    graph["1"]["inputs"]["ckpt_name"] = checkpoints[0]
    graph["4"]["inputs"] |= {"width": 128, "height": 128} if slow else {"width": 768, "height": 512}
    graph["5"]["inputs"]["steps"] = 4 if slow else 20
    how = "128 x 128, 4 steps: it has no GPU" if slow else "768 x 512, 20 steps"
    return Drawing(graph, f"its checkpoint {checkpoints[0]}, {how}", can_speak)


def coloured() -> Graph:
    """No model: one colour. The prompt goes to a node that shows text."""
    return {
        "1": {
            "class_type": "EmptyImage",
            "inputs": {"width": 512, "height": 384, "batch_size": 1, "color": 0x2F6F7A},
        },
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "chorus/demo"}},
        "3": {"class_type": "PreviewAny", "inputs": {"source": ""}},
    }


def _given(file: Path, object_info: Mapping[str, Any]) -> Graph:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"The workflow {file} cannot be read.") from error
    problem = _runs(text, JobKind.IMAGE, object_info)
    if problem is not None:
        raise ConfigError(f"{file}: {problem.message}", advice=problem.advice) from problem
    graph: Graph = json.loads(text)
    return graph


def _runs(text: str, kind: JobKind, object_info: Mapping[str, Any]) -> ChorusError | None:
    try:
        workflow = parse_workflow(text, character_id="nova", kind=kind, name="default")
        validate_structure(workflow)
        validate_installed(workflow.graph, object_info)
    except ChorusError as error:
        return error
    return None


def _checkpoints(object_info: Mapping[str, Any]) -> list[str]:
    spec = input_spec(object_info, "CheckpointLoaderSimple", "ckpt_name")
    return [str(name) for name in (spec.choices if spec is not None else None) or ()]
