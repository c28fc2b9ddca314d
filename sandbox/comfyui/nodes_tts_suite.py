"""The nodes of diodiogod/TTS-Audio-Suite."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.comfyui.node_context import NodeContext
from sandbox.comfyui.node_results import Inputs, NodeResult
from sandbox.comfyui.node_types import NodeType, node_info
from sandbox.comfyui.nodes_speech import TEXT_INPUT, float_input, synthesize
from sandbox.comfyui.values import Audio, NarratorVoice

_VOICES = ["none", "voices_examples/Clint_Eastwood CC3.wav", "voices_examples/David_Attenborough CC3.wav"]
_SEED_32 = ("INT", {"default": 1, "min": 0, "max": 2**32 - 1})
_LINE = ("STRING", {"default": ""})


def nodes() -> list[NodeType]:
    """The engine, voices and text nodes of the pack."""
    return [_text_node(), _engine_node(), _voices_node()]


def _engine_node() -> NodeType:
    info = node_info(
        "ChatterBoxEngineNode",
        required={
            "language": (["English", "German", "Norwegian"], {"default": "English"}),
            "device": (["auto", "cuda", "cpu"], {"default": "auto"}),
            "exaggeration": float_input(0.5, 0.25, 2.0),
            "temperature": float_input(0.8, 0.05, 5.0),
            "cfg_weight": float_input(0.5, 0.0, 1.0),
        },
        outputs=["TTS_ENGINE"],
        title="⚙️ ChatterBox TTS Engine",
        category="TTS Audio Suite/⚙️ Engines",
        module="custom_nodes.TTS-Audio-Suite",
    )
    return NodeType(info, lambda _context, inputs: NodeResult((dict(inputs),)))


def _voices_node() -> NodeType:
    info = node_info(
        "CharacterVoicesNode",
        required={"voice_name": (_VOICES, {"default": "none"}), "reference_text": _LINE},
        optional={"opt_audio_input": ("AUDIO",)},
        outputs=["NARRATOR_VOICE", "STRING"],
        title="🎭 Character Voices",
        category="TTS Audio Suite",
        module="custom_nodes.TTS-Audio-Suite",
    )
    return NodeType(info, _run_voices)


def _run_voices(context: NodeContext, inputs: Inputs) -> NodeResult:
    del context
    narrator = NarratorVoice(inputs["voice_name"], inputs["reference_text"], inputs.get("opt_audio_input"))
    return NodeResult((narrator, narrator.name))


def _text_node() -> NodeType:
    info = node_info(
        "UnifiedTTSTextNode",
        required={
            "TTS_engine": ("TTS_ENGINE",),
            "text": TEXT_INPUT,
            "narrator_voice": (_VOICES, {"default": "none"}),
            "seed": _SEED_32,
        },
        optional={
            "opt_narrator": ("*",),
            "enable_chunking": ("BOOLEAN", {"default": True}),
            "max_chars_per_chunk": ("INT", {"default": 400, "min": 100, "max": 1000, "step": 50}),
            "chunk_combination_method": (["auto", "concatenate", "silence_padding", "crossfade"], {"default": "auto"}),
            "silence_between_chunks_ms": ("INT", {"default": 100, "min": 0, "max": 500, "step": 25}),
            "enable_audio_cache": ("BOOLEAN", {"default": True}),
        },
        outputs=["AUDIO", "STRING"],
        title="🎤 TTS Text",
        category="TTS Audio Suite/🎤 Text to Speech",
        module="custom_nodes.TTS-Audio-Suite",
    )
    return NodeType(info, _run_text)


def _run_text(context: NodeContext, inputs: Inputs) -> NodeResult:
    """Speak a text in which `[Name]` tags switch voices; the narrator speaks up to the first tag."""
    segments: list[Audio] = []
    for name, text in _by_speaker(str(inputs["text"])):
        reference = name or _narrator(inputs)
        segments.append(synthesize(context, text, reference, inputs["seed"], steps=2))
    if not segments:
        msg = "No text to speak"
        raise ValueError(msg)
    joined = Audio(b"".join(each.pcm for each in segments), segments[0].sample_rate)
    return NodeResult((joined, f"{len(segments)} segments, {joined.seconds:.1f} s (sandbox)"))


def _narrator(inputs: Mapping[str, Any]) -> Audio | str | None:
    narrator: Any = inputs.get("opt_narrator")
    if isinstance(narrator, Audio):
        return narrator
    if isinstance(narrator, NarratorVoice):
        return narrator.audio or narrator.name
    voice: str = inputs["narrator_voice"]
    return voice


def _by_speaker(text: str) -> Iterator[tuple[str, str]]:
    parts = re.split(r"\[([A-Za-z][\w ]{0,40})\]", text)
    for name, spoken_text in zip(["", *parts[1::2]], parts[0::2], strict=True):
        if spoken_text.strip():
            yield name, spoken_text.strip()
