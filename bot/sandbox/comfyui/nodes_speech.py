"""TTS packs: their inputs as their repositories have them, their voices by espeak-ng."""

from __future__ import annotations

from bot.sandbox.comfyui.node_types import NodeType


def nodes() -> list[NodeType]:
    return []
