"""All nodes that a stand-in has: core ones as described in `core_nodes.json`, packs and test nodes in code.

The descriptions are ComfyUI 0.33's own `/object_info` entries, tooltips left out, in both of its dialects.
"""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

from sandbox.comfyui import (
    nodes_audio,
    nodes_image,
    nodes_loading,
    nodes_sampling,
    nodes_sandbox,
    nodes_speech,
    nodes_text,
    nodes_tts_suite,
    nodes_video,
)
from sandbox.comfyui.node_types import NodeType, file_fingerprint

_FIELDS = (nodes_loading, nodes_text, nodes_image, nodes_sampling, nodes_audio, nodes_video)


def all_nodes() -> dict[str, NodeType]:
    """class_type -> node. Reads the descriptions from the package."""
    text = resources.files("sandbox.comfyui").joinpath("core_nodes.json").read_text(encoding="utf-8")
    described: dict[str, dict[str, Any]] = json.loads(text)
    nodes: dict[str, NodeType] = {}
    for field in _FIELDS:
        for name, run in field.RUNNERS.items():
            nodes[name] = NodeType(described[name], run)
    for name, media in (("LoadImage", "image"), ("LoadImageMask", "image"), ("LoadAudio", "audio")):
        nodes[name] = NodeType(
            described[name],
            nodes[name].run,
            check=lambda folders, given, media=media: nodes_image.check_file(folders, given.get(media), media),
            checked=(media,),
            fingerprint=lambda folders, given, media=media: file_fingerprint(folders, given.get(media)),
        )
    for node in [*nodes_speech.nodes(), *nodes_tts_suite.nodes(), *nodes_sandbox.nodes()]:
        nodes[node.class_type] = node
    return nodes
