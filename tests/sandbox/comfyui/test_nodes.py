"""What the nodes make: pictures that are drawn, speech that is heard, video that plays."""

from __future__ import annotations

import io
import json
import struct
import sys
import wave
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageStat

from bot.sandbox.comfyui import StandInComfyUI, speech
from bot.sandbox.comfyui.ffmpeg_files import read_audio
from bot.sandbox.comfyui.painting import Motif, paint
from bot.sandbox.comfyui.registry import all_nodes
from bot.sandbox.comfyui.speech import fundamental, speak, voice_of
from bot.sandbox.comfyui.values import Audio
from tests.sandbox.comfyui.talk import Talk, drawing, node


async def first_file(talk: Talk, graph: dict[str, Any]) -> dict[str, str]:
    entry = await talk.run(graph)
    assert entry["status"]["status_str"] == "success", entry["status"]["messages"][-1]
    [output] = entry["outputs"].values()
    file: dict[str, str] = next(iter(output.values()))[0]
    return file


async def image(talk: Talk, graph: dict[str, Any]) -> Image.Image:
    with Image.open(io.BytesIO(await talk.download(await first_file(talk, graph)))) as opened:
        return opened.convert("RGB")


def difference(first: Image.Image, second: Image.Image) -> float:
    return sum(ImageStat.Stat(ImageChops.difference(first, second)).mean) / 3


# -- pictures


def test_a_painting_depends_on_prompt_and_seed_alone() -> None:
    motif = Motif("a lighthouse at dusk", seed=7)
    assert paint(motif, (96, 64)).tobytes() == paint(motif, (96, 64)).tobytes()
    for other in (Motif("a lighthouse at dusk", seed=8), Motif("a lighthouse at dawn", seed=7)):
        assert difference(paint(motif, (96, 64)), paint(other, (96, 64))) > 3


@pytest.mark.parametrize(
    "text",
    [
        "portrait of a woman, noir",
        "a cat, watercolor",
        "robot city rain, pixel art",
        "castle, fog, sketch",
        "",
        "ж猫🐈",
    ],
)
@pytest.mark.parametrize("size", [(64, 64), (16, 512), (500, 40)])
def test_any_words_and_formats_can_be_painted(text: str, size: tuple[int, int]) -> None:
    picture = paint(Motif(text, "people", seed=2**64 - 1, steps=1), size)
    assert picture.size == size
    assert max(ImageStat.Stat(picture).stddev) > 5, "there is something to see"


def test_words_choose_what_is_seen() -> None:
    night = ImageStat.Stat(paint(Motif("mountains at night"), (64, 64)).convert("L")).mean[0]
    day = ImageStat.Stat(paint(Motif("mountains at noon"), (64, 64)).convert("L")).mean[0]
    assert day > night + 40
    grey = paint(Motif("a harbour, noir"), (64, 64)).convert("HSV").getchannel("S")
    assert ImageStat.Stat(grey).mean[0] < 3


def test_paintings_say_sandbox_in_a_corner() -> None:
    with_mark = paint(Motif("sea at night"), (512, 512)).crop((400, 470, 512, 512)).convert("L")
    assert with_mark.histogram()[200:] != [0] * 56


async def test_text_to_image_and_image_to_image(talk: Talk) -> None:
    plain = await image(talk, drawing("a meadow", size=128))
    assert plain.size == (128, 128)
    source = {
        "10": node("EmptyImage", width=200, height=128, batch_size=1, color=0x00FF00),
        "5": node("VAEEncode", pixels=["10", 0], vae=["4", 2]),
    }
    seen = {denoise: await image(talk, {**drawing("a meadow", denoise=denoise), **source}) for denoise in (0.2, 0.8)}
    green = Image.new("RGB", (200, 128), (0, 255, 0))
    assert difference(seen[0.2], green) < difference(seen[0.8], green)


async def test_a_batch_has_different_pictures(talk: Talk) -> None:
    graph = drawing(size=32)
    graph["5"]["inputs"]["batch_size"] = 3
    files = (await talk.run(graph))["outputs"]["9"]["images"]
    assert [each["filename"] for each in files] == ["cat_00001_.png", "cat_00002_.png", "cat_00003_.png"]
    assert len({await talk.download(each) for each in files}) == 3


async def test_the_custom_sampler_nodes(talk: Talk) -> None:
    graph = {
        "1": node("UNETLoader", unet_name="flux1-dev.safetensors", weight_dtype="default"),
        "2": node("DualCLIPLoader", clip_name1="clip_l.safetensors", clip_name2="t5xxl_fp16.safetensors", type="flux"),
        "3": node("CLIPTextEncodeFlux", clip=["2", 0], clip_l="a cat", t5xxl="a cat on a wall", guidance=3.5),
        "4": node("FluxGuidance", conditioning=["3", 0], guidance=3.5),
        "5": node("BasicGuider", model=["1", 0], conditioning=["4", 0]),
        "6": node("RandomNoise", noise_seed=5),
        "7": node("KSamplerSelect", sampler_name="euler"),
        "8": node("BasicScheduler", model=["1", 0], scheduler="simple", steps=3, denoise=1.0),
        "9": node("EmptySD3LatentImage", width=64, height=64, batch_size=1),
        "10": node(
            "SamplerCustomAdvanced",
            noise=["6", 0],
            guider=["5", 0],
            sampler=["7", 0],
            sigmas=["8", 0],
            latent_image=["9", 0],
        ),
        "11": node("VAELoader", vae_name="ae.safetensors"),
        "12": node("VAEDecode", samples=["10", 0], vae=["11", 0]),
        "13": node("UpscaleModelLoader", model_name="4x-UltraSharp.pth"),
        "14": node("ImageUpscaleWithModel", upscale_model=["13", 0], image=["12", 0]),
        "15": node("SaveImage", images=["14", 0], filename_prefix="flux"),
    }
    assert (await image(talk, graph)).size == (256, 256)
    assert [each["max"] for each in talk.kinds("progress")] == [3, 3, 3, 1]


@pytest.mark.parametrize(
    ("change", "size"),
    [
        (node("ImageScale", upscale_method="lanczos", width=30, height=0, crop="disabled"), (30, 15)),
        (node("ImageScale", upscale_method="nearest-exact", width=10, height=10, crop="center"), (10, 10)),
        (node("ImageScaleBy", upscale_method="bicubic", scale_by=1.5), (60, 30)),
        (node("ImageCrop", width=8, height=9, x=35, y=2), (5, 9)),
        (node("ImageBlur", blur_radius=3, sigma=1.0), (40, 20)),
        (node("ImageInvert"), (40, 20)),
    ],
)
async def test_pictures_are_changed_for_real(talk: Talk, change: dict[str, Any], size: tuple[int, int]) -> None:
    change["inputs"]["image"] = ["1", 0]
    graph = {
        "1": node("EmptyImage", width=40, height=20, batch_size=1, color=0xFF0000),
        "2": change,
        "3": node("SaveImage", images=["2", 0], filename_prefix="x"),
    }
    changed = await image(talk, graph)
    assert changed.size == size
    if change["class_type"] == "ImageInvert":
        assert changed.getpixel((0, 0)) == (0, 255, 255)


async def test_the_wild_workflow_of_chorus_engine_runs_unchanged(talk: Talk) -> None:
    path = Path(__file__).parents[4] / "shared" / "comfyui" / "workflows" / "nova_default_workflow.json"
    if not path.is_file():
        pytest.skip("the shared workflows are not here")
    graph = json.loads(path.read_text(encoding="utf-8"))
    graph["58"]["inputs"] |= {"width": 64, "height": 96}
    assert (await image(talk, graph)).size == (64, 96)


def test_every_described_node_is_installed_under_its_name() -> None:
    nodes = all_nodes()
    assert all(name == each.class_type for name, each in nodes.items())
    assert {"KSampler", "SaveVideo", "LoadAudio", "ChatterboxTTS", "SandboxFail", "easy cleanGpuUsed"} <= nodes.keys()
    assert all(len(each.info["output_is_list"]) == len(each.output_types) for each in nodes.values())


def test_descriptions_are_those_of_a_real_server() -> None:
    path = Path(__file__).parents[4] / "shared" / "comfyui" / "object_info.json"
    if not path.is_file():
        pytest.skip("the recorded object_info is not here")
    real = json.loads(path.read_text(encoding="utf-8"))
    for name, each in all_nodes().items():
        if name in real:
            assert each.info["output"] == real[name]["output"]
            for part in ("required", "optional"):
                assert each.info["input"].get(part, {}).keys() == real[name]["input"].get(part, {}).keys(), name


# -- video


async def test_a_video_is_a_video(talk: Talk, tmp_path: Path) -> None:
    graph = {
        "1": node("EmptyImage", width=33, height=32, batch_size=8, color=255),
        "2": node("EmptyAudio", duration=1.0, sample_rate=22050, channels=1),
        "3": node("CreateVideo", images=["1", 0], fps=8, audio=["2", 0]),
        "4": node("SaveVideo", video=["3", 0], filename_prefix="video/v", format="mp4", **{"format.codec": "h264"}),
    }
    file = await first_file(talk, graph)
    assert file == {"filename": "v_00001_.mp4", "subfolder": "video", "type": "output"}
    target = tmp_path / "v.mp4"
    target.write_bytes(await talk.download(file))
    assert b"ftyp" in target.read_bytes()[:16]
    assert read_audio(target).seconds == pytest.approx(1.0, abs=0.1)


async def test_an_animated_webp_moves(talk: Talk) -> None:
    batch = {
        "1": node("EmptyImage", width=32, height=32, batch_size=1, color=255),
        "2": node("EmptyImage", width=32, height=32, batch_size=1, color=0xFF0000),
        "3": node("ImageBatch", image1=["1", 0], image2=["2", 0]),
        "4": node(
            "SaveAnimatedWEBP",
            images=["3", 0],
            filename_prefix="w",
            fps=5.0,
            lossless=True,
            quality=80,
            method="default",
        ),
    }
    entry = await talk.run(batch)
    assert entry["outputs"]["4"]["animated"] == [True]
    with Image.open(io.BytesIO(await talk.download(entry["outputs"]["4"]["images"][0]))) as opened:
        assert getattr(opened, "n_frames", 1) == 2
        assert opened.getexif()[0x0110].startswith("prompt:{")


async def test_a_video_node_in_the_old_nested_form_fails_when_it_runs(talk: Talk) -> None:
    graph = {
        "1": node("EmptyImage", width=32, height=32, batch_size=1, color=255),
        "3": node("CreateVideo", images=["1", 0], fps=8),
        "4": node("SaveVideo", video=["3", 0], filename_prefix="v", format={"format": "mp4"}),
    }
    _, error = (await talk.run(graph))["status"]["messages"][-1]
    assert error["exception_type"] == "TypeError"
    assert error["exception_message"] == "SaveVideo.execute() missing 1 required positional argument: 'format'\n"


# -- sound


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
    spoken = speak("This is how I sound, and nobody else does.", voice_of(name))
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
async def test_every_pack_speaks_with_the_voice_it_is_given(comfy: StandInComfyUI, talk: Talk, class_type: str) -> None:
    heights: list[float] = []
    for name in ("nova", "alex"):
        file = await first_file(talk, speaking(class_type, "The tide comes in at six.", sample(comfy, name)))
        assert file["filename"].endswith(".flac")
        target = comfy.folders.root / "output" / "audio" / file["filename"]
        spoken = read_audio(target, sample_rate=22050)
        assert 0.8 < spoken.seconds < 6
        assert loudness(spoken) > 500
        height = fundamental(spoken)
        assert height is not None
        heights.append(height)
    assert abs(heights[0] - heights[1]) > 5, "two characters do not sound alike"


async def test_longer_text_takes_longer_and_another_seed_is_another_take(comfy: StandInComfyUI, talk: Talk) -> None:
    reference = sample(comfy, "nova")
    short, long = "Hello.", "Hello, and welcome to the old depot above the river, where the light is good."
    spoken = [
        read_audio(comfy.folders.root / "output" / "audio" / (await first_file(talk, graph))["filename"])
        for graph in (speaking("ChatterboxTTS", short, reference), speaking("ChatterboxTTS", long, reference))
    ]
    assert spoken[1].seconds > 2 * spoken[0].seconds
    takes = [speak(long, voice_of("nova", seed)).seconds for seed in (0, 0, 6)]
    assert abs(takes[0] - takes[1]) < 0.05 < abs(takes[0] - takes[2])


async def test_empty_text_is_silence_for_one_pack_and_an_error_for_another(comfy: StandInComfyUI, talk: Talk) -> None:
    reference = sample(comfy, "nova")
    file = await first_file(talk, speaking("ChatterboxTTS", " ", reference))
    assert loudness(read_audio(comfy.folders.root / "output" / "audio" / file["filename"])) == 0
    _, error = (await talk.run(speaking("IndexTTS2Simple", " ", reference)))["status"]["messages"][-1]
    assert error["exception_type"] == "ValueError"


async def test_seeds_of_speech_are_32_bit_where_they_are(comfy: StandInComfyUI, talk: Talk) -> None:
    graph = speaking("VibeVoiceSingleSpeakerNode", "Hello", sample(comfy, "nova"))
    graph["2"]["inputs"]["seed"] = 2**40
    status, body = await talk.post("/prompt", {"prompt": graph})
    assert status == 400
    assert body["node_errors"]["2"]["errors"][0]["type"] == "value_bigger_than_max"


async def test_without_the_wheel_a_speaking_node_says_what_is_missing(
    comfy: StandInComfyUI, talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = sample(comfy, "nova")
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    monkeypatch.setattr(speech, "_LOADED", [])
    _, error = (await talk.run(speaking("ChatterboxTTS", "Hello", reference)))["status"]["messages"][-1]
    assert error["node_type"] == "ChatterboxTTS"
    assert "espeakng-loader" in error["exception_message"]


@pytest.mark.parametrize("text", ["Привет, мир", "你好世界", "مرحبا", "ok \0 done", "🎉"])
def test_any_script_can_be_said(text: str) -> None:
    assert speak(text, voice_of("nova")).sample_rate == 22050


async def test_character_tags_switch_voices(comfy: StandInComfyUI, talk: Talk) -> None:
    reference = sample(comfy, "nova")
    plain = speaking("UnifiedTTSTextNode", "Good morning to you all.", reference)
    tagged = speaking("UnifiedTTSTextNode", "[Alice] Good morning to you all.", reference)
    first, second = await first_file(talk, plain), await first_file(talk, tagged)
    assert await talk.download(first) != await talk.download(second)


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
    comfy: StandInComfyUI, talk: Talk, class_type: str, more: dict[str, str], suffix: str, magic: bytes
) -> None:
    prefix = {} if class_type == "PreviewAudio" else {"filename_prefix": "audio/x"}
    graph = {
        "1": node("LoadAudio", audio=sample(comfy, "nova")),
        "2": node(class_type, audio=["1", 0], **prefix, **more),
    }
    file = await first_file(talk, graph)
    assert file["filename"].endswith(suffix)
    assert file["type"] == ("temp" if class_type == "PreviewAudio" else "output")
    data = await talk.download(file)
    assert data.startswith(magic)
    assert b"LoadAudio" in data, "the graph is in the file"


async def test_sound_that_is_none(comfy: StandInComfyUI, talk: Talk) -> None:
    comfy.folders.root.joinpath("input", "x.wav").write_bytes(b"RIFF this is no sound")
    graph = {"1": node("LoadAudio", audio="x.wav"), "2": node("SaveAudio", audio=["1", 0], filename_prefix="x")}
    kind, error = (await talk.run(graph))["status"]["messages"][-1]
    assert (kind, error["node_type"]) == ("execution_error", "LoadAudio")
    assert "No audio stream" in error["exception_message"]


async def test_text_and_numbers_travel(talk: Talk) -> None:
    graph = {
        "1": node("PrimitiveString", value="a cat"),
        "2": node("StringConcatenate", string_a=["1", 0], string_b="at dusk", delimiter=" "),
        "3": node("PreviewAny", source=["2", 0]),
        "4": node("PrimitiveInt", value=24),
        "5": node("EmptyImage", width=["4", 0], height=8, batch_size=1, color=0),
        "6": node("PreviewImage", images=["5", 0]),
    }
    entry = await talk.run(graph)
    assert entry["outputs"]["3"] == {"text": ["a cat at dusk"]}
    with Image.open(io.BytesIO(await talk.download(entry["outputs"]["6"]["images"][0]))) as opened:
        assert opened.size == (24, 8)
