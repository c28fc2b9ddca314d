"""Workflows that ComfyUI's editor has saved, made into the API format."""

from __future__ import annotations

import asyncio
import copy
from typing import Any

from bench.report import Report
from bench.timing import repeated
from bot.comfyui.client import ComfyClient
from bot.workflows.conversion import convert_ui_workflow
from sandbox.comfyui import StandInComfyUI

TITLE = "Converting"
NODES = 200
TARGET_MS = 30.0


async def run(report: Report) -> None:
    """All of it on this machine's one core."""
    async with StandInComfyUI() as comfy, ComfyClient(comfy.url) as client:
        object_info = await client.object_info()
    for name, workflow in (("in one graph", _flat(NODES)), ("in 20 instances of a subgraph", _nested(NODES))):
        await asyncio.sleep(0)
        converted = convert_ui_workflow(workflow, object_info)
        sample = repeated(lambda found=workflow: convert_ui_workflow(found, object_info), times=50)
        title = f"a UI file of {NODES} nodes, {name}, median"
        report.measured(
            title, sample.median, "ms", at_most=TARGET_MS, note=f"{len(converted.graph)} run; {sample.note}"
        )


def _node(node_id: int, node_type: str, values: list[Any], **links: int | None) -> dict[str, Any]:
    inputs = [{"name": name, "type": "*", "link": link} for name, link in links.items()]
    return {"id": node_id, "type": node_type, "inputs": inputs, "outputs": [], "widgets_values": values}


def _flat(count: int) -> dict[str, Any]:
    """A checkpoint and texts, then a chain of samplers, reroutes and decoders."""
    nodes = [_node(1, "CheckpointLoaderSimple", ["a.safetensors"]), _node(2, "CLIPTextEncode", ["a // b"], clip=1)]
    links = [[1, 1, 1, 2, 0, "CLIP"]]
    sampler = [5, "fixed", 20, 7.0, "euler", "normal", 0.5]
    while len(nodes) < count:
        number = len(nodes) + 1
        wanted: dict[str, tuple[int, int]]
        if number % 3 == 0:
            wanted = {"model": (1, 0), "positive": (2, 0), "negative": (2, 0), "latent_image": (max(number - 1, 5), 0)}
            kind, values = "KSampler", sampler
        elif number % 3 == 1:
            kind, values, wanted = "VAEDecode", [], {"samples": (number - 1, 0), "vae": (1, 2)}
        else:
            kind, values, wanted = "Reroute", [], {"": (number - 2, 0)}
        given: dict[str, int] = {}
        for name, (origin, slot) in wanted.items():
            links.append([len(links) + 1, origin, slot, number, 0, "*"])
            given[name] = len(links)
        nodes.append(_node(number, kind, values, **given))
    return {"last_node_id": count, "nodes": nodes, "links": links, "version": 0.4}


def _nested(count: int) -> dict[str, Any]:
    """Twenty instances of a subgraph, with a value of their own for the text and the steps inside."""
    inner = _flat(count // 20)
    links = [
        dict(zip(("id", "origin_id", "origin_slot", "target_id", "target_slot"), link, strict=False))
        for link in inner["links"]
    ]
    promoted = [("text", 2, 900), ("steps", 3, 901)]
    for slot, (name, target, link) in enumerate(promoted):
        links.append({"id": link, "origin_id": -10, "origin_slot": slot, "target_id": target, "target_slot": 0})
        inner["nodes"][target - 1]["inputs"].append({"name": name, "type": "*", "link": link})
    definition = {
        "id": "part",
        "name": "Part",
        "nodes": inner["nodes"],
        "links": links,
        "inputs": [{"name": name, "type": "*", "linkIds": [link]} for name, _, link in promoted],
        "outputs": [],
    }
    instance = _node(0, "part", ["a boat", 12])
    nodes = [copy.deepcopy(instance) | {"id": 1000 + number} for number in range(20)]
    return {
        "last_node_id": 2000,
        "nodes": nodes,
        "links": [],
        "version": 0.4,
        "definitions": {"subgraphs": [definition]},
    }
