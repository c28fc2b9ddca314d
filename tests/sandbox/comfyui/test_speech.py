"""Speech of the TTS nodes, and audio files in every format."""

from __future__ import annotations

import io
import struct
import sys
import wave
from typing import Any

import pytest

from sandbox.comfyui import StandInComfyUI, speech
from sandbox.comfyui.ffmpeg_files import read_audio
from sandbox.comfyui.speech import choose_voice, fundamental_frequency, speak
from sandbox.comfyui.values import Audio
from tests.sandbox.comfyui.graphs import node
from tests.sandbox.comfyui.raw_client import RawClient, first_file


def loudness(audio: Audio) -> float:
    samples = struct.unpack(f"<{len(audio.pcm) // 2}h", audio.pcm)
    return (sum(each * each for each in samples) / max(1, len(samples))) ** 0.5


def wav(audio: Audio) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(audio.channels)
        file.setsampwidth(2)
        file.setframerate(audio.sample_rate)
        file.writeframes(audio.pcm)
    return buffer.getvalue()


def sample(comfy: StandInComfyUI, name: str) -> str:
    spoken = speak("This is how I sound, and nobody else does.", choose_voice(name))
    comfy.folders.root.joinpath("input", f"{name}.wav").write_bytes(wav(spoken))
    return f"{name}.wav"


def speaking(class_type: str, text: str, reference: str) -> dict[str, Any]:
    """A graph of each pack that speaks with the voice of a file."""
    nodes = {
        "ChatterboxTTS": {
            "text": text,
            "audio_prompt": ["1", 0],
            "seed": 1,
            "model_pack_name": "resembleai_default_voice",
        }
        | {"exaggeration": 0.5, "temperature": 0.8, "cfg_weight": 0.5},
        "F5TTSAudioInputs": {"speech": text, "sample_audio": ["1", 0], "sample_text": "x", "seed": -1, "model": "F5v1"},
        "IndexTTS2Simple": {"text": text, "audio": ["1", 0], "emotion_control_weight": 1.0},
        "VibeVoiceSingleSpeakerNode": {"text": f"[1]: {text}", "voice_to_clone": ["1", 0], "seed": 42}
        | {"model": "VibeVoice-1.5B", "attention_type": "auto", "free_memory_after_generate": True}
        | {"diffusion_steps": 20, "cfg_scale": 1.3, "use_sampling": False},
        "UnifiedTTSTextNode": {"text": text, "TTS_engine": ["5", 0], "opt_narrator": ["6", 0], "seed": 1}
        | {"narrator_voice": "none"},
    }
    return {
        "1": node("LoadAudio", audio=reference),
        "2": node(class_type, **nodes[class_type]),
        "3": node("SaveAudio", audio=["2", 0], filename_prefix="audio/s"),
        "5": node(
            "ChatterBoxEngineNode", language="English", device="auto", exaggeration=0.5, temperature=0.8, cfg_weight=0.5
        ),
        "6": node("CharacterVoicesNode", voice_name="none", reference_text="x", opt_audio_input=["1", 0]),
    }


PACKS = ["ChatterboxTTS", "F5TTSAudioInputs", "IndexTTS2Simple", "VibeVoiceSingleSpeakerNode", "UnifiedTTSTextNode"]


@pytest.mark.parametrize("class_type", PACKS)
async def test_every_pack_speaks_with_the_voice_it_is_given(
    comfy: StandInComfyUI, raw: RawClient, class_type: str
) -> None:
    heights: list[float] = []
    for name in ("nova", "alex"):
        file = await first_file(raw, speaking(class_type, "The tide comes in at six.", sample(comfy, name)))
        assert file["filename"].endswith(".flac")
        target = comfy.folders.root / "output" / "audio" / file["filename"]
        spoken = read_audio(target, sample_rate=22050)
        assert 0.8 < spoken.seconds < 6
        assert loudness(spoken) > 500
        height = fundamental_frequency(spoken)
        assert height is not None
        heights.append(height)
    assert abs(heights[0] - heights[1]) > 5, "two characters do not sound alike"


async def test_longer_text_takes_longer_and_another_seed_is_another_take(comfy: StandInComfyUI, raw: RawClient) -> None:
    reference = sample(comfy, "nova")
    short, long = "Hello.", "Hello, and welcome to the old depot above the river, where the light is good."
    spoken = [
        read_audio(comfy.folders.root / "output" / "audio" / (await first_file(raw, graph))["filename"])
        for graph in (speaking("ChatterboxTTS", short, reference), speaking("ChatterboxTTS", long, reference))
    ]
    assert spoken[1].seconds > 2 * spoken[0].seconds
    takes = [speak(long, choose_voice("nova", seed)).seconds for seed in (0, 0, 6)]
    assert abs(takes[0] - takes[1]) < 0.05 < abs(takes[0] - takes[2])


async def test_empty_text_is_silence_for_one_pack_and_an_error_for_another(
    comfy: StandInComfyUI, raw: RawClient
) -> None:
    reference = sample(comfy, "nova")
    file = await first_file(raw, speaking("ChatterboxTTS", " ", reference))
    assert loudness(read_audio(comfy.folders.root / "output" / "audio" / file["filename"])) == 0
    _, error = (await raw.run(speaking("IndexTTS2Simple", " ", reference)))["status"]["messages"][-1]
    assert error["exception_type"] == "ValueError"


async def test_seeds_of_speech_are_32_bit_where_they_are(comfy: StandInComfyUI, raw: RawClient) -> None:
    graph = speaking("VibeVoiceSingleSpeakerNode", "Hello", sample(comfy, "nova"))
    graph["2"]["inputs"]["seed"] = 2**40
    status, body = await raw.post("/prompt", {"prompt": graph})
    assert status == 400
    assert body["node_errors"]["2"]["errors"][0]["type"] == "value_bigger_than_max"


async def test_without_the_wheel_a_speaking_node_says_what_is_missing(
    comfy: StandInComfyUI, raw: RawClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = sample(comfy, "nova")
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    monkeypatch.setattr(speech, "_LIBRARY", [])
    _, error = (await raw.run(speaking("ChatterboxTTS", "Hello", reference)))["status"]["messages"][-1]
    assert error["node_type"] == "ChatterboxTTS"
    assert "espeakng-loader" in error["exception_message"]


@pytest.mark.parametrize("text", ["Привет, мир", "你好世界", "مرحبا", "ok \0 done", "🎉"])
def test_any_script_can_be_said(text: str) -> None:
    assert speak(text, choose_voice("nova")).sample_rate == 22050


async def test_character_tags_switch_voices(comfy: StandInComfyUI, raw: RawClient) -> None:
    reference = sample(comfy, "nova")
    plain = speaking("UnifiedTTSTextNode", "Good morning to you all.", reference)
    tagged = speaking("UnifiedTTSTextNode", "[Alice] Good morning to you all.", reference)
    first, second = await first_file(raw, plain), await first_file(raw, tagged)
    assert await raw.download(first) != await raw.download(second)


@pytest.mark.parametrize(
    ("class_type", "more", "suffix", "magic"),
    [
        ("SaveAudio", {}, ".flac", b"fLaC"),
        ("SaveAudioMP3", {"quality": "128k"}, ".mp3", b"ID3"),
        ("SaveAudioMP3", {"quality": "V0"}, ".mp3", b"ID3"),
        ("SaveAudioOpus", {"quality": "64k"}, ".opus", b"OggS"),
        ("PreviewAudio", {}, ".flac", b"fLaC"),
    ],
)
async def test_sound_is_saved_in_every_format(  # noqa: PLR0917 - two fixtures and a table of four
    comfy: StandInComfyUI, raw: RawClient, class_type: str, more: dict[str, str], suffix: str, magic: bytes
) -> None:
    prefix = {} if class_type == "PreviewAudio" else {"filename_prefix": "audio/x"}
    graph = {
        "1": node("LoadAudio", audio=sample(comfy, "nova")),
        "2": node(class_type, audio=["1", 0], **prefix, **more),
    }
    file = await first_file(raw, graph)
    assert file["filename"].endswith(suffix)
    assert file["type"] == ("temp" if class_type == "PreviewAudio" else "output")
    data = await raw.download(file)
    assert data.startswith(magic)
    assert b"LoadAudio" in data, "the graph is in the file"


async def test_sound_that_is_none(comfy: StandInComfyUI, raw: RawClient) -> None:
    comfy.folders.root.joinpath("input", "x.wav").write_bytes(b"RIFF this is no sound")
    graph = {"1": node("LoadAudio", audio="x.wav"), "2": node("SaveAudio", audio=["1", 0], filename_prefix="x")}
    kind, error = (await raw.run(graph))["status"]["messages"][-1]
    assert (kind, error["node_type"]) == ("execution_error", "LoadAudio")
    assert "No audio stream" in error["exception_message"]
