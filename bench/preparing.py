"""What happens in memory before anything is sent: workflows, prompts of many turns, a big `/object_info`."""

from __future__ import annotations

import asyncio
import gc
import json
import random
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from bench._house import Graph, node, picture
from bench.report import Report
from bench.stalls import watched
from bench.timing import Sample, repeated
from bot.characters import Character
from bot.comfyui.client import ComfyClient
from bot.comfyui.json_decoding import decode_json_object
from bot.conversation.chat_prompt import build_chat_prompt
from bot.conversation.token_budget import TokenBudget
from bot.domain.conversations import Alternative, ChatRole, Message
from bot.domain.jobs import JobKind, JobState
from bot.workflows import InputValues, Workflow, WorkflowLibrary, inject, validate_installed, validate_structure
from bot.workflows.parameters import parameters_of
from bot.workflows.parameters.extraction import extract_parameters
from bot.workflows.settings_completion import complete_settings
from bot.workflows.workflow_files import read_workflow
from sandbox.comfyui import StandInComfyUI

TITLE = "Preparing"
VALUES = InputValues(positive='a "lighthouse" at dusk', negative="blurry", seed=1, width=640, height=448)
PREPARE_TARGETS = {10: 1.0, 100: 2.0, 1000: 10.0}
EXTRACT_TARGETS = {10: 2.0, 100: 10.0, 1000: 60.0}
NODES_OF_A_BIG_SERVER = 4000


async def run(report: Report) -> None:
    """All of it on this machine's one core."""
    async with StandInComfyUI() as comfy, ComfyClient(comfy.url) as client:
        object_info = await client.object_info()
        with tempfile.TemporaryDirectory(prefix="chorus-bench-") as folder:
            for nodes, target in PREPARE_TARGETS.items():
                prepared, read = _prepared(Path(folder), nodes, object_info)
                name = f"load, inject and validate {nodes} nodes, median"
                report.measured(name, prepared.median, "ms", at_most=target, note=prepared.note)
                name = f"reading a changed file of {nodes} nodes (in a thread), median"
                report.measured(name, read.median, "ms", note=read.note)
                workflow = read_workflow(Path(folder) / "nova" / "image" / f"n{nodes}.json")
                _ = workflow.analysis
                extracted = repeated(partial(_extract, workflow, object_info), times=20)
                name = f"extracting the parameters of {nodes} nodes, median"
                report.measured(name, extracted.median, "ms", at_most=EXTRACT_TARGETS[nodes], note=extracted.note)
                completed = repeated(partial(_complete, workflow, object_info), times=100)
                name = f"completing a settings text, {nodes} nodes, median"
                report.measured(name, completed.median, "ms", at_most=5, note=completed.note)
    await _object_info(object_info, report)
    _prompt(report)


def _extract(workflow: Workflow, object_info: Mapping[str, Any]) -> None:
    extract_parameters(workflow.graph, workflow.analysis, object_info)


def _complete(workflow: Workflow, object_info: Mapping[str, Any]) -> None:
    parameters = parameters_of(workflow, object_info)
    for text in ("st", "steps=30 sampler=dpm", "steps=30 lora="):
        complete_settings(text, parameters)


def _prepared(folder: Path, nodes: int, object_info: Mapping[str, Any]) -> tuple[Sample, Sample]:
    """As a job does it, from the library's memory; and reading the file anew, which happens once per change."""
    path = folder / "nova" / "image" / f"n{nodes}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(_long(nodes)), encoding="utf-8")
    library = WorkflowLibrary(folder)
    library.load()

    def prepare() -> None:
        workflow = library.get("nova", JobKind.IMAGE, path.stem)
        validate_structure(workflow)
        validate_installed(inject(workflow, VALUES, object_info), object_info)

    def read() -> None:
        _ = read_workflow(path).analysis

    return repeated(prepare, times=100), repeated(read, times=20)


def _long(nodes: int) -> Graph:
    """Text to a picture, then as many chains of sampling, decoding and encoding as make so many nodes."""
    graph = picture()
    kinds = ("VAEEncode", "KSampler", "VAEDecode")
    last, latent = "6", "5"
    for number in range(len(graph) + 1, nodes + 1):
        key, kind = str(number), kinds[number % 3]
        if kind == "VAEDecode":
            graph[key] = node(kind, samples=[latent, 0], vae=["1", 2])
            last = key
        elif kind == "VAEEncode":
            graph[key] = node(kind, pixels=[last, 0], vae=["1", 2])
            latent = key
        else:
            graph[key] = node(kind, **graph["5"]["inputs"] | {"latent_image": [latent, 0], "denoise": 0.5})
            latent = key
    graph["7"]["inputs"]["images"] = [last, 0]
    return graph


async def _object_info(object_info: Mapping[str, Any], report: Report) -> None:
    known = list(object_info.values())
    body = json.dumps({f"Custom{n}": known[n % len(known)] for n in range(NODES_OF_A_BIG_SERVER)})
    size = len(body) / 1e6
    whole = repeated(lambda: json.loads(body), times=5)
    report.measured("decoding /object_info in one go, for comparison", whole.median, "ms", note=f"{size:.1f} MB")
    data = body.encode()
    gc.collect()
    gc.freeze()  # as the bot does when it has started
    async with watched() as stalls:
        for _ in range(10):
            await decode_json_object(data)
            await asyncio.sleep(0.05)
    # The worst tick, not a quantile: it is one stall each time.
    worst = max(0.0, max(stalls.ours) - max(stalls.control))
    report.measured("event-loop stall while it is decoded as the client does, worst", worst, "ms", note=stalls.note)


def _prompt(report: Report) -> None:
    character = Character.model_validate({"id": "nova", "name": "Nova", "system_prompt": "You paint. " * 100})
    dice = random.Random(1)
    words = ["the", "light", "on", "a", "harbour", "wall", "was", "grey", "and", "suddenly", "colour", "nobody"]
    history = [_turn(n, " ".join(dice.choices(words, k=dice.randint(5, 80)))) for n in range(1000)]
    for window in (8192, 131_072):
        sample = repeated(
            lambda window=window: build_chat_prompt(character, history, TokenBudget(window, 1024)), times=50
        )
        name = f"prompt of 1,000 turns, window {window:,}, median"
        report.measured(name, sample.median, "ms", at_most=5, note=sample.note)


def _turn(position: int, text: str) -> Message:
    human = position % 2 == 0
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    return Message(
        id=str(position),
        conversation_id="c",
        thread_id="t",
        position=position,
        role=ChatRole.USER if human else ChatRole.ASSISTANT,
        state=JobState.DELIVERED,
        character_id="nova",
        author_name="Ada" if human else None,
        content=text if human else "",
        alternatives=() if human else (Alternative(n=0, content=text, created_at=moment),),
        created_at=moment,
    )
