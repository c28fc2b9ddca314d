"""TTS packs: inputs as their repositories have them, voices by espeak-ng.

Each is told apart from the others as people meet them: some report progress and some are silent for minutes, some take
empty text and some raise, their seeds have different limits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.comfyui.node_types import Inputs, NodeContext, NodeResult, NodeType, described
from sandbox.comfyui.nodes_sampling import out_of_memory_error
from sandbox.comfyui.speech import choose_voice, speak
from sandbox.comfyui.values import Audio, NarratorVoice

_SEED_32 = ("INT", {"default": 1, "min": 0, "max": 2**32 - 1})
_SEED_64 = ("INT", {"default": 0, "min": 0, "max": 2**64 - 1, "control_after_generate": True})
_SEED_F5 = ("INT", {"default": 1, "min": -1, "step": 1, "display": "number"})
_TEXT = ("STRING", {"multiline": True, "default": ""})
_LINE = ("STRING", {"default": ""})
_VOICES = ["none", "voices_examples/Clint_Eastwood CC3.wav", "voices_examples/David_Attenborough CC3.wav"]


def _number(default: float, low: float, high: float) -> tuple[str, dict[str, float]]:
    return ("FLOAT", {"default": default, "min": low, "max": high, "step": 0.05})


def nodes() -> list[NodeType]:
    """The seven class_types that stand for six packs."""
    return [_chatterbox(), _f5(), _index(), _vibe(), _suite_text(), _suite_engine(), _suite_voices()]


def _say(context: NodeContext, text: str, reference: Audio | str | None, seed: int, *, steps: int = 0) -> Audio:
    """Speak, with a silent wait and `steps` reports on the way."""
    if context.faults.take_out_of_memory():
        raise out_of_memory_error()
    context.wait(context.options.speech_seconds)
    spoken = speak(text, choose_voice(reference, seed))
    for number in range(1, steps + 1):
        context.wait(context.options.step_seconds)
        context.progress(number, steps)
    return spoken


# -- wildminder/ComfyUI-Chatterbox


def _chatterbox() -> NodeType:
    info = described(
        "ChatterboxTTS",
        required={
            "model_pack_name": (["resembleai_default_voice"], {"default": "resembleai_default_voice"}),
            "text": _TEXT,
            "exaggeration": _number(0.5, 0.25, 2.0),
            "temperature": _number(0.8, 0.05, 5.0),
            "cfg_weight": _number(0.5, 0.2, 1.0),
            "seed": _SEED_64,
        },
        optional={  # which of these are required differs between its versions
            "device": (["cuda", "cpu"], {"default": "cuda"}),
            "max_new_tokens": ("INT", {"default": 1000, "min": 25, "max": 4096}),
            "flow_cfg_scale": _number(0.7, 0.0, 2.0),
            "repetition_penalty": _number(1.2, 1.0, 2.0),
            "min_p": _number(0.05, 0.0, 1.0),
            "top_p": _number(1.0, 0.0, 1.0),
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
    return NodeResult((_say(context, text, inputs.get("audio_prompt"), inputs["seed"], steps=8),))


# -- niknah/ComfyUI-F5-TTS


def _f5() -> NodeType:
    info = described(
        "F5TTSAudioInputs",
        required={
            "sample_audio": ("AUDIO",),
            "sample_text": ("STRING", {"default": "Text of sample_audio"}),
            "speech": _TEXT,
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
    return NodeResult((_say(context, inputs["speech"], inputs["sample_audio"], inputs["seed"], steps=1),))


# -- snicolast/ComfyUI-IndexTTS2


def _index() -> NodeType:
    info = described(
        "IndexTTS2Simple",
        required={
            "audio": ("AUDIO",),
            "text": ("STRING", {"multiline": True}),
            "emotion_control_weight": _number(1, 0, 1),
        },
        optional={
            "emotion_audio": ("AUDIO",),
            "emotion_vector": ("EMOTION_VECTOR",),
            "use_fp16": ("BOOLEAN", {"default": False}),
            "output_gain": _number(1, 0, 4),
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
    return NodeResult((_say(context, inputs["text"], inputs["audio"], 0), ""))


# -- Enemyx-net/VibeVoice-ComfyUI


def _vibe() -> NodeType:
    info = described(
        "VibeVoiceSingleSpeakerNode",
        required={
            "text": _TEXT,
            "model": (
                ["VibeVoice-1.5B", "VibeVoice-Large", "VibeVoice-Large-Quant-4Bit"],
                {"default": "VibeVoice-1.5B"},
            ),
            "attention_type": (["auto", "eager", "sdpa", "flash_attention_2", "sage"], {"default": "auto"}),
            "free_memory_after_generate": ("BOOLEAN", {"default": True}),
            "diffusion_steps": ("INT", {"default": 20, "min": 1, "max": 100}),
            "seed": ("INT", {"default": 42, "min": 0, "max": 2**32 - 1}),
            "cfg_scale": _number(1.3, 1, 2),
            "use_sampling": ("BOOLEAN", {"default": False}),
        },
        optional={"voice_to_clone": ("AUDIO",), "temperature": _number(0.95, 0.1, 2), "top_p": _number(0.95, 0.1, 1)},
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
    return NodeResult((_say(context, text, inputs.get("voice_to_clone"), inputs["seed"]),))


# -- diodiogod/TTS-Audio-Suite


def _suite_engine() -> NodeType:
    info = described(
        "ChatterBoxEngineNode",
        required={
            "language": (["English", "German", "Norwegian"], {"default": "English"}),
            "device": (["auto", "cuda", "cpu"], {"default": "auto"}),
            "exaggeration": _number(0.5, 0.25, 2.0),
            "temperature": _number(0.8, 0.05, 5.0),
            "cfg_weight": _number(0.5, 0.0, 1.0),
        },
        outputs=["TTS_ENGINE"],
        title="⚙️ ChatterBox TTS Engine",
        category="TTS Audio Suite/⚙️ Engines",
        module="custom_nodes.TTS-Audio-Suite",
    )
    return NodeType(info, lambda _context, inputs: NodeResult((dict(inputs),)))


def _suite_voices() -> NodeType:
    info = described(
        "CharacterVoicesNode",
        required={"voice_name": (_VOICES, {"default": "none"}), "reference_text": _LINE},
        optional={"opt_audio_input": ("AUDIO",)},
        outputs=["NARRATOR_VOICE", "STRING"],
        title="🎭 Character Voices",
        category="TTS Audio Suite",
        module="custom_nodes.TTS-Audio-Suite",
    )
    return NodeType(info, _run_suite_voices)


def _run_suite_voices(context: NodeContext, inputs: Inputs) -> NodeResult:
    del context
    narrator = NarratorVoice(inputs["voice_name"], inputs["reference_text"], inputs.get("opt_audio_input"))
    return NodeResult((narrator, narrator.name))


def _suite_text() -> NodeType:
    info = described(
        "UnifiedTTSTextNode",
        required={
            "TTS_engine": ("TTS_ENGINE",),
            "text": _TEXT,
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
    return NodeType(info, _run_suite_text)


def _run_suite_text(context: NodeContext, inputs: Inputs) -> NodeResult:
    """`[Name]` tags switch voices; the narrator speaks until the first one."""
    heard: list[Audio] = []
    for name, text in _by_speaker(str(inputs["text"])):
        reference = name or _narrator(inputs)
        heard.append(_say(context, text, reference, inputs["seed"], steps=2))
    if not heard:
        msg = "No text to speak"
        raise ValueError(msg)
    joined = Audio(b"".join(each.pcm for each in heard), heard[0].sample_rate)
    return NodeResult((joined, f"{len(heard)} segments, {joined.seconds:.1f} s (sandbox)"))


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
    for name, said in zip(["", *parts[1::2]], parts[0::2], strict=True):
        if said.strip():
            yield name, said.strip()
