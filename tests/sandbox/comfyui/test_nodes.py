"""The results of the nodes: images, video, audio and text."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageStat

from sandbox.comfyui.fake_images import ImageParameters, draw_image
from sandbox.comfyui.ffmpeg_files import read_audio
from sandbox.comfyui.registry import all_nodes
from tests.sandbox.comfyui.graphs import node, text_to_image
from tests.sandbox.comfyui.raw_client import RawClient, first_file


async def image(raw: RawClient, graph: dict[str, Any]) -> Image.Image:
    with Image.open(io.BytesIO(await raw.download(await first_file(raw, graph)))) as opened:
        return opened.convert("RGB")


def difference(first: Image.Image, second: Image.Image) -> float:
    return sum(ImageStat.Stat(ImageChops.difference(first, second)).mean) / 3


# -- pictures


def test_an_image_depends_on_prompt_and_seed_alone() -> None:
    motif = ImageParameters("a lighthouse at dusk", seed=7)
    assert draw_image(motif, (96, 64)).tobytes() == draw_image(motif, (96, 64)).tobytes()
    for other in (ImageParameters("a lighthouse at dusk", seed=8), ImageParameters("a lighthouse at dawn", seed=7)):
        assert difference(draw_image(motif, (96, 64)), draw_image(other, (96, 64))) > 3


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
def test_any_words_and_sizes_can_be_drawn(text: str, size: tuple[int, int]) -> None:
    picture = draw_image(ImageParameters(text, "people", seed=2**64 - 1, steps=1), size)
    assert picture.size == size
    assert max(ImageStat.Stat(picture).stddev) > 5, "there is something to see"


def test_words_choose_what_is_seen() -> None:
    night = ImageStat.Stat(draw_image(ImageParameters("mountains at night"), (64, 64)).convert("L")).mean[0]
    day = ImageStat.Stat(draw_image(ImageParameters("mountains at noon"), (64, 64)).convert("L")).mean[0]
    assert day > night + 40
    grey = draw_image(ImageParameters("a harbour, noir"), (64, 64)).convert("HSV").getchannel("S")
    assert ImageStat.Stat(grey).mean[0] < 3


def test_images_have_the_text_sandbox_in_a_corner() -> None:
    with_mark = draw_image(ImageParameters("sea at night"), (512, 512)).crop((400, 470, 512, 512)).convert("L")
    assert with_mark.histogram()[200:] != [0] * 56


async def test_text_to_image_and_image_to_image(raw: RawClient) -> None:
    plain = await image(raw, text_to_image("a meadow", size=128))
    assert plain.size == (128, 128)
    source = {
        "10": node("EmptyImage", width=200, height=128, batch_size=1, color=0x00FF00),
        "5": node("VAEEncode", pixels=["10", 0], vae=["4", 2]),
    }
    seen = {
        denoise: await image(raw, {**text_to_image("a meadow", denoise=denoise), **source}) for denoise in (0.2, 0.8)
    }
    green = Image.new("RGB", (200, 128), (0, 255, 0))
    assert difference(seen[0.2], green) < difference(seen[0.8], green)


async def test_a_batch_has_different_pictures(raw: RawClient) -> None:
    graph = text_to_image(size=32)
    graph["5"]["inputs"]["batch_size"] = 3
    files = (await raw.run(graph))["outputs"]["9"]["images"]
    assert [each["filename"] for each in files] == ["cat_00001_.png", "cat_00002_.png", "cat_00003_.png"]
    assert len({await raw.download(each) for each in files}) == 3


async def test_the_custom_sampler_nodes(raw: RawClient) -> None:
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
    assert (await image(raw, graph)).size == (256, 256)
    assert [each["max"] for each in raw.kinds("progress")] == [3, 3, 3, 1]


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
async def test_pictures_are_changed_for_real(raw: RawClient, change: dict[str, Any], size: tuple[int, int]) -> None:
    change["inputs"]["image"] = ["1", 0]
    graph = {
        "1": node("EmptyImage", width=40, height=20, batch_size=1, color=0xFF0000),
        "2": change,
        "3": node("SaveImage", images=["2", 0], filename_prefix="x"),
    }
    changed = await image(raw, graph)
    assert changed.size == size
    if change["class_type"] == "ImageInvert":
        assert changed.getpixel((0, 0)) == (0, 255, 255)


async def test_a_workflow_of_chorus_engine_runs_unchanged(raw: RawClient) -> None:
    path = Path(__file__).parents[4] / "shared" / "comfyui" / "workflows" / "nova_default_workflow.json"
    if not path.is_file():
        pytest.skip("the shared workflows are not here")
    graph = json.loads(path.read_text(encoding="utf-8"))
    graph["58"]["inputs"] |= {"width": 64, "height": 96}
    assert (await image(raw, graph)).size == (64, 96)


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


async def test_a_video_is_a_video(raw: RawClient, tmp_path: Path) -> None:
    graph = {
        "1": node("EmptyImage", width=33, height=32, batch_size=8, color=255),
        "2": node("EmptyAudio", duration=1.0, sample_rate=22050, channels=1),
        "3": node("CreateVideo", images=["1", 0], fps=8, audio=["2", 0]),
        "4": node("SaveVideo", video=["3", 0], filename_prefix="video/v", format="mp4", **{"format.codec": "h264"}),
    }
    file = await first_file(raw, graph)
    assert file == {"filename": "v_00001_.mp4", "subfolder": "video", "type": "output"}
    target = tmp_path / "v.mp4"
    target.write_bytes(await raw.download(file))
    assert b"ftyp" in target.read_bytes()[:16]
    assert read_audio(target).seconds == pytest.approx(1.0, abs=0.1)


async def test_an_animated_webp_moves(raw: RawClient) -> None:
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
    entry = await raw.run(batch)
    assert entry["outputs"]["4"]["animated"] == [True]
    with Image.open(io.BytesIO(await raw.download(entry["outputs"]["4"]["images"][0]))) as opened:
        assert getattr(opened, "n_frames", 1) == 2
        assert opened.getexif()[0x0110].startswith("prompt:{")


async def test_a_video_node_in_the_old_nested_form_fails_when_it_runs(raw: RawClient) -> None:
    graph = {
        "1": node("EmptyImage", width=32, height=32, batch_size=1, color=255),
        "3": node("CreateVideo", images=["1", 0], fps=8),
        "4": node("SaveVideo", video=["3", 0], filename_prefix="v", format={"format": "mp4"}),
    }
    _, error = (await raw.run(graph))["status"]["messages"][-1]
    assert error["exception_type"] == "TypeError"
    assert error["exception_message"] == "SaveVideo.execute() missing 1 required positional argument: 'format'\n"


async def test_text_and_numbers_travel(raw: RawClient) -> None:
    graph = {
        "1": node("PrimitiveString", value="a cat"),
        "2": node("StringConcatenate", string_a=["1", 0], string_b="at dusk", delimiter=" "),
        "3": node("PreviewAny", source=["2", 0]),
        "4": node("PrimitiveInt", value=24),
        "5": node("EmptyImage", width=["4", 0], height=8, batch_size=1, color=0),
        "6": node("PreviewImage", images=["5", 0]),
    }
    entry = await raw.run(graph)
    assert entry["outputs"]["3"] == {"text": ["a cat at dusk"]}
    with Image.open(io.BytesIO(await raw.download(entry["outputs"]["6"]["images"][0]))) as opened:
        assert opened.size == (24, 8)
