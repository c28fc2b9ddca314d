"""All class_types of a stand-in: core nodes, described in `core_nodes.json`, TTS packs and test nodes.

The descriptions are the `/object_info` entries of ComfyUI 0.33, in its old and its new format, without the tooltips.
"""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

from sandbox.comfyui import (
    nodes_audio,
    nodes_image,
    nodes_loading,
    nodes_mask,
    nodes_sampling,
    nodes_sandbox,
    nodes_speech,
    nodes_text,
    nodes_tts_suite,
    nodes_video,
)
from sandbox.comfyui.node_types import NodeType, file_fingerprint

_RUNNER_MODULES = (nodes_loading, nodes_text, nodes_image, nodes_mask, nodes_sampling, nodes_audio, nodes_video)


def all_nodes() -> dict[str, NodeType]:
    """class_type -> node. Reads the descriptions from the package. Blocking."""
    text = resources.files("sandbox.comfyui").joinpath("core_nodes.json").read_text(encoding="utf-8")
    descriptions: dict[str, dict[str, Any]] = json.loads(text)
    nodes: dict[str, NodeType] = {}
    for module in _RUNNER_MODULES:
        for name, run in module.RUNNERS.items():
            nodes[name] = NodeType(descriptions[name], run)
    for name, media in (
        ("LoadImage", "image"), ("LoadImageMask", "image"), ("LoadAudio", "audio"), ("LoadVideo", "file"),
    ):  # fmt: skip
        nodes[name] = NodeType(
            descriptions[name],
            nodes[name].run,
            check=lambda folders, given, media=media: nodes_image.check_file(folders, given.get(media), media),
            checked=(media,),
            fingerprint=lambda folders, given, media=media: file_fingerprint(folders, given.get(media)),
        )
    for node in [*nodes_speech.nodes(), *nodes_tts_suite.nodes(), *nodes_sandbox.nodes()]:
        nodes[node.class_type] = node
    return nodes
