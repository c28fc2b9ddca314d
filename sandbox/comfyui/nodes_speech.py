"""The nodes of four TTS packs, with the inputs of their repositories; they speak through espeak-ng.

They differ as the packs do: some report progress, others nothing for minutes; some accept empty text, others raise;
their seeds have different limits.
"""

from __future__ import annotations

import re

from sandbox.comfyui.node_context import NodeContext
from sandbox.comfyui.node_results import Inputs, NodeResult
from sandbox.comfyui.node_types import NodeType, node_info
from sandbox.comfyui.nodes_sampling import out_of_memory_error
from sandbox.comfyui.speech import choose_voice, speak
from sandbox.comfyui.values import Audio

_SEED_64 = ("INT", {"default": 0, "min": 0, "max": 2**64 - 1, "control_after_generate": True})
_SEED_F5 = ("INT", {"default": 1, "min": -1, "step": 1, "display": "number"})
TEXT_INPUT = ("STRING", {"multiline": True, "default": ""})


def float_input(default: float, low: float, high: float) -> tuple[str, dict[str, float]]:
    """A FLOAT input with its default and limits."""
    return ("FLOAT", {"default": default, "min": low, "max": high, "step": 0.05})


def nodes() -> list[NodeType]:
    """One node of each pack."""
    return [_chatterbox(), _f5(), _index(), _vibe()]


def synthesize(context: NodeContext, text: str, reference: Audio | str | None, seed: int, *, steps: int = 0) -> Audio:
    """Speak a text after the silent time of the options, and report `steps` steps."""
    if context.faults.take_out_of_memory():
        raise out_of_memory_error()
    context.wait(context.options.speech_seconds)
    audio = speak(text, choose_voice(reference, seed))
    for number in range(1, steps + 1):
        context.wait(context.options.step_seconds)
        context.progress(number, steps)
    return audio


# -- wildminder/ComfyUI-Chatterbox


def _chatterbox() -> NodeType:
    info = node_info(
        "ChatterboxTTS",
        required={
            "model_pack_name": (["resembleai_default_voice"], {"default": "resembleai_default_voice"}),
            "text": TEXT_INPUT,
            "exaggeration": float_input(0.5, 0.25, 2.0),
            "temperature": float_input(0.8, 0.05, 5.0),
            "cfg_weight": float_input(0.5, 0.2, 1.0),
            "seed": _SEED_64,
        },
        optional={  # which of these are required differs between its versions
            "device": (["cuda", "cpu"], {"default": "cuda"}),
            "max_new_tokens": ("INT", {"default": 1000, "min": 25, "max": 4096}),
            "flow_cfg_scale": float_input(0.7, 0.0, 2.0),
            "repetition_penalty": float_input(1.2, 1.0, 2.0),
            "min_p": float_input(0.05, 0.0, 1.0),
            "top_p": float_input(1.0, 0.0, 1.0),
            "use_watermark": ("BOOLEAN", {"default": False}),
            "audio_prompt": ("AUDIO",),
            "keep_model_loaded": ("BOOLEAN", {"default": False}),
        },
        outputs=["AUDIO"],
        output_node=True,
        category="audio/generation",
        module="custom_nodes.ComfyUI-Chatterbox",
    )
    return NodeType(info, _run_chatterbox)


def _run_chatterbox(context: NodeContext, inputs: Inputs) -> NodeResult:
    text: str = inputs["text"]
    if not text.strip():
        return NodeResult((Audio(bytes(2 * 24000), 24000),))
    return NodeResult((synthesize(context, text, inputs.get("audio_prompt"), inputs["seed"], steps=8),))


# -- niknah/ComfyUI-F5-TTS


def _f5() -> NodeType:
    info = node_info(
        "F5TTSAudioInputs",
        required={
            "sample_audio": ("AUDIO",),
            "sample_text": ("STRING", {"default": "Text of sample_audio"}),
            "speech": TEXT_INPUT,
            "seed": _SEED_F5,
            "model": (["F5v1", "F5", "E2"], {"default": "F5v1"}),
        },
        optional={
            "vocoder": (["auto", "vocos", "bigvgan"], {"default": "auto"}),
            "speed": ("FLOAT", {"default": 1.0}),
            "model_type": (["F5TTS_v1_Base", "F5TTS_Base", "E2TTS_Base"], {"default": "F5TTS_v1_Base"}),
        },
        outputs=["AUDIO"],
        category="audio",
        module="custom_nodes.ComfyUI-F5-TTS",
    )
    return NodeType(info, _run_f5)


def _run_f5(context: NodeContext, inputs: Inputs) -> NodeResult:
    if not str(inputs["sample_text"]).strip():
        msg = "Reference text is empty"
        raise ValueError(msg)
    return NodeResult((synthesize(context, inputs["speech"], inputs["sample_audio"], inputs["seed"], steps=1),))


# -- snicolast/ComfyUI-IndexTTS2


def _index() -> NodeType:
    info = node_info(
        "IndexTTS2Simple",
        required={
            "audio": ("AUDIO",),
            "text": ("STRING", {"multiline": True}),
            "emotion_control_weight": float_input(1, 0, 1),
        },
        optional={
            "emotion_audio": ("AUDIO",),
            "emotion_vector": ("EMOTION_VECTOR",),
            "use_fp16": ("BOOLEAN", {"default": False}),
            "output_gain": float_input(1, 0, 4),
        },
        outputs=["AUDIO", "STRING"],
        category="Audio/IndexTTS",
        module="custom_nodes.ComfyUI-IndexTTS2",
    )
    return NodeType(info, _run_index)


def _run_index(context: NodeContext, inputs: Inputs) -> NodeResult:
    if not str(inputs["text"]).strip():
        msg = "Text is empty"
        raise ValueError(msg)
    return NodeResult((synthesize(context, inputs["text"], inputs["audio"], 0), ""))


# -- Enemyx-net/VibeVoice-ComfyUI


def _vibe() -> NodeType:
    info = node_info(
        "VibeVoiceSingleSpeakerNode",
        required={
            "text": TEXT_INPUT,
            "model": (
                ["VibeVoice-1.5B", "VibeVoice-Large", "VibeVoice-Large-Quant-4Bit"],
                {"default": "VibeVoice-1.5B"},
            ),
            "attention_type": (["auto", "eager", "sdpa", "flash_attention_2", "sage"], {"default": "auto"}),
            "free_memory_after_generate": ("BOOLEAN", {"default": True}),
            "diffusion_steps": ("INT", {"default": 20, "min": 1, "max": 100}),
            "seed": ("INT", {"default": 42, "min": 0, "max": 2**32 - 1}),
            "cfg_scale": float_input(1.3, 1, 2),
            "use_sampling": ("BOOLEAN", {"default": False}),
        },
        optional={
            "voice_to_clone": ("AUDIO",),
            "temperature": float_input(0.95, 0.1, 2),
            "top_p": float_input(0.95, 0.1, 1),
        },
        outputs=["AUDIO"],
        category="VibeVoiceWrapper",
        module="custom_nodes.VibeVoice-ComfyUI",
    )
    return NodeType(info, _run_vibe)


def _run_vibe(context: NodeContext, inputs: Inputs) -> NodeResult:
    text = re.sub(r"^\s*\[\d\]:?\s*", "", str(inputs["text"]))
    if not text.strip():
        msg = "No text provided. Please enter text or connect from LoadTextFromFile node."
        raise ValueError(msg)
    return NodeResult((synthesize(context, text, inputs.get("voice_to_clone"), inputs["seed"]),))
