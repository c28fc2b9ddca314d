"""Small workflow graphs as people export them, and helpers to compare what the analysis found in them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

from bot.workflows import InputRole, Workflow, parse_workflow
from bot.workflows.graph_analysis import GraphAnalysis

SHARED = Path(__file__).resolve().parents[3] / "shared" / "comfyui"
GraphDict = dict[str, dict[str, Any]]


def node(class_type: str, /, title: Any = None, **inputs: Any) -> dict[str, Any]:
    """One node in API format."""
    made: dict[str, Any] = {"class_type": class_type, "inputs": inputs}
    return made if title is None else {**made, "_meta": {"title": title}}


def class_of(value: Any) -> str:
    """A pytest id: the class of a node, or the value itself."""
    return str(cast("dict[str, Any]", value)["class_type"] if isinstance(value, dict) else value)


def txt2img(positive: Any = "a cat", negative: Any = "blurry", **more: dict[str, Any]) -> GraphDict:
    """ComfyUI's default graph; `positive` and `negative` are texts or links to text."""
    graph: GraphDict = {
        "3": node(
            "KSampler",
            seed=5,
            steps=20,
            cfg=8.0,
            sampler_name="euler",
            scheduler="normal",
            denoise=1.0,
            model=["4", 0],
            positive=["6", 0],
            negative=["7", 0],
            latent_image=["5", 0],
        ),
        "4": node("CheckpointLoaderSimple", ckpt_name="tiny_random_sd15.safetensors"),
        "5": node("EmptyLatentImage", width=512, height=768, batch_size=1),
        "6": node("CLIPTextEncode", text=positive, clip=["4", 1]),
        "7": node("CLIPTextEncode", text=negative, clip=["4", 1]),
        "8": node("VAEDecode", samples=["3", 0], vae=["4", 2]),
        "9": node("SaveImage", filename_prefix="ComfyUI", images=["8", 0]),
    }
    return {**graph, **more}


def parsed(graph: GraphDict, bindings: str | None = None) -> Workflow:
    """A workflow value from a graph and a bindings file's text."""
    return parse_workflow(json.dumps(graph), bindings=bindings)


def inputs_of(analysis: GraphAnalysis, role: InputRole) -> list[str]:
    """The inputs that were found for a role, as `["6.text"]`, sorted."""
    return sorted(str(node_input) for node_input in analysis.inputs_for(role))


def candidates_of(analysis: GraphAnalysis, role: InputRole) -> list[str]:
    """The inputs of an ambiguity, as `["6.text"]`, sorted; empty where there is none."""
    ambiguity = analysis.ambiguity(role)
    return [] if ambiguity is None else sorted(str(node_input) for node_input in ambiguity.candidates)
