"""Rewriting a graph that takes any model for the model that a server has.

What is rewritten: the loader with the placeholder (for a model in several files, further loaders are added), empty
latents, `KSampler` nodes, and the negative prompt of a model that has none. All other nodes stay as they are.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from bot.workflows.families.choice import InstalledModel, choose_model
from bot.workflows.families.family import ModelFamily
from bot.workflows.families.installed import ModelFacts
from bot.workflows.graph import Graph, class_type, inputs, is_link
from bot.workflows.object_info import ObjectInfo
from bot.workflows.placeholders import MODEL_PLACEHOLDER
from bot.workflows.workflow import Workflow, content_hash_of

_WRITTEN_FOR_PIXELS = 1024 * 1024
_SIZE_STEP = 64
_NO_FACTS = ModelFacts()


def takes_any_model(workflow: Workflow) -> bool:
    """Whether the workflow is to be adapted to a server before it can be queued."""
    return _placeholder_loader(workflow.graph) is not None


def adapted(
    workflow: Workflow, object_info: ObjectInfo, facts: ModelFacts = _NO_FACTS, wanted: str | None = None
) -> Workflow:
    """Return the workflow for a model that the server has; the workflow itself if it names its model.

    The result has a content hash of its own: it is what is stored with a job.

    Args:
        workflow: The workflow.
        object_info: The body of `GET /object_info`.
        facts: What is known of files whose names tell no family.
        wanted: As for `choose_model`.

    Raises:
        MissingModel: The server has no model that could be used; the advice names one to download.

    """
    loader = _placeholder_loader(workflow.graph)
    if loader is None:
        return workflow
    model = choose_model(object_info, facts, wanted)
    graph = _Rewriter(workflow.graph, model).rewritten(loader)
    return dataclasses.replace(workflow, graph=graph, content_hash=content_hash_of(graph, workflow.bindings))


def _placeholder_loader(graph: Graph) -> str | None:
    return next(
        (
            node_id
            for node_id in graph
            if class_type(graph, node_id) == "CheckpointLoaderSimple"
            and inputs(graph, node_id).get("ckpt_name") == MODEL_PLACEHOLDER
        ),
        None,
    )


class _Rewriter:
    def __init__(self, graph: Graph, model: InstalledModel) -> None:
        self._graph: dict[str, Any] = {key: {**node, "inputs": dict(node["inputs"])} for key, node in graph.items()}
        self._model = model
        self._family: ModelFamily = model.family

    def rewritten(self, loader: str) -> dict[str, Any]:
        samplers = [node_id for node_id in self._graph if class_type(self._graph, node_id) == "KSampler"]
        self._write_loaders(loader)
        if not self._family.written_for:
            self._write_latents()
            for sampler in samplers:
                self._write_sampler(sampler)
        return self._graph

    def _write_loaders(self, loader: str) -> None:
        model, family = self._model, self._family
        if model.checkpoint:
            self._graph[loader]["inputs"]["ckpt_name"] = model.file
        else:
            given = {"unet_name": model.file, "weight_dtype": "default"}
            self._graph[loader] = _node("UNETLoader", "Load Model", given)
        if model.encoders and family.encoders is not None:
            clip = self._add(
                "text_encoder", _encoder_node(model.encoders, family.encoders.loader, family.encoders.type)
            )
            self._relink([loader, 1], [clip, 0])
        if model.vae is not None:
            vae = self._add("vae", _node("VAELoader", "Load VAE", {"vae_name": model.vae}))
            self._relink([loader, 2], [vae, 0])
        if family.shift is not None:
            given = {"model": [loader, 0], "shift": family.shift}
            patch = self._add("shift", _node("ModelSamplingAuraFlow", "Shift", given))
            self._relink([loader, 0], [patch, 0], but=patch)

    def _write_latents(self) -> None:
        for node in self._graph.values():
            if node["class_type"] == "EmptyLatentImage":
                node["class_type"] = self._family.latent
                given = node["inputs"]
                if isinstance(given.get("width"), int) and isinstance(given.get("height"), int):
                    given["width"], given["height"] = _fitted(given["width"], given["height"], self._family.pixels)

    def _write_sampler(self, sampler: str) -> None:
        family = self._family
        given = self._graph[sampler]["inputs"]
        given |= {"steps": family.steps, "cfg": family.cfg}
        given |= {"sampler_name": family.sampler, "scheduler": family.scheduler}
        if family.guidance is not None:
            node = _node("FluxGuidance", "Guidance", {"conditioning": given["positive"], "guidance": family.guidance})
            given["positive"] = [self._add("guidance", node), 0]
        if family.cfg == 1:
            self._zero_negative(sampler)
        if family.scheduler == "flux2":
            self._write_custom_sampler(sampler)

    def _zero_negative(self, sampler: str) -> None:
        """Without classifier-free guidance the negative prompt is never looked at."""
        given = self._graph[sampler]["inputs"]
        negative = given["negative"][0]
        if class_type(self._graph, negative) == "CLIPTextEncode" and len(self._users(negative)) == 1:
            positive = given["positive"]
            self._graph[negative] = _node("ConditioningZeroOut", "No Negative Prompt", {"conditioning": positive})

    def _write_custom_sampler(self, sampler: str) -> None:
        """FLUX.2 has a scheduler of its own, which `KSampler` does not know."""
        given = self._graph[sampler]["inputs"]
        title = self._graph[sampler].get("_meta", {}).get("title", "Draw")
        side = math.isqrt(self._family.pixels)
        width, height = next(
            (
                (node["inputs"]["width"], node["inputs"]["height"])
                for node in self._graph.values()
                if node["class_type"] == self._family.latent
            ),
            (side, side),
        )
        sizes = {"steps": given["steps"], "width": width, "height": height}
        sigmas: list[Any] = [self._add("schedule", _node("Flux2Scheduler", "Schedule", sizes)), 0]
        if given.get("denoise", 1) != 1:
            split = {"sigmas": sigmas, "denoise": given["denoise"]}
            sigmas = [self._add("denoise", _node("SplitSigmasDenoise", "Denoise", split)), 1]
        names = {key: given[key] for key in ("model", "positive", "negative", "cfg")}
        seed = self._add("noise", _node("RandomNoise", "Seed", {"noise_seed": given["seed"]}))
        guider = self._add("guider", _node("CFGGuider", "Guidance Scale", names))
        chosen = self._add("sampler", _node("KSamplerSelect", "Sampler", {"sampler_name": given["sampler_name"]}))
        links = {"noise": [seed, 0], "guider": [guider, 0], "sampler": [chosen, 0], "sigmas": sigmas}
        self._graph[sampler] = _node("SamplerCustomAdvanced", title, {**links, "latent_image": given["latent_image"]})

    def _add(self, name: str, node: dict[str, Any]) -> str:
        node_id, number = name, 2
        while node_id in self._graph:
            node_id, number = f"{name}_{number}", number + 1
        self._graph[node_id] = node
        return node_id

    def _relink(self, old: list[Any], new: list[Any], *, but: str | None = None) -> None:
        for node_id, node in self._graph.items():
            for name, value in node["inputs"].items():
                if node_id != but and is_link(value) and value == old:
                    node["inputs"][name] = new

    def _users(self, node_id: str) -> list[tuple[str, str]]:
        return [
            (user, name)
            for user, node in self._graph.items()
            for name, value in node["inputs"].items()
            if is_link(value) and value[0] == node_id
        ]


def _node(node_class: str, title: str, given: dict[str, Any]) -> dict[str, Any]:
    return {"class_type": node_class, "inputs": given, "_meta": {"title": title}}


def _encoder_node(files: tuple[str, ...], loader: str, kind: str) -> dict[str, Any]:
    names = ["clip_name"] if len(files) == 1 else [f"clip_name{n}" for n in range(1, len(files) + 1)]
    given: dict[str, Any] = dict(zip(names, files, strict=True))
    return _node(loader, "Load Text Encoder", given | ({"type": kind} if kind else {}))


def _fitted(width: int, height: int, pixels: int) -> tuple[int, int]:
    """A size written for SDXL, with about as many pixels as a model wants; multiples of 64."""
    if pixels == _WRITTEN_FOR_PIXELS:
        return width, height
    factor = math.sqrt(pixels / (width * height))
    fitted = [max(_SIZE_STEP, round(side * factor / _SIZE_STEP) * _SIZE_STEP) for side in (width, height)]
    return fitted[0], fitted[1]
