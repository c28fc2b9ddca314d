"""The rules by which a graph without placeholders is read, one graph each."""

from __future__ import annotations

from typing import Any

import pytest

from bot.workflows import InputRole
from tests.workflows.graphs import GraphDict, class_of, inputs_of, node, parsed, txt2img


def found(graph: GraphDict, role: InputRole = InputRole.POSITIVE) -> list[str]:
    return inputs_of(parsed(graph).analysis, role)


def test_the_default_graph() -> None:
    analysis = parsed(txt2img()).analysis
    assert inputs_of(analysis, InputRole.POSITIVE) == ["6.text"]
    assert inputs_of(analysis, InputRole.NEGATIVE) == ["7.text"]
    assert inputs_of(analysis, InputRole.SEED) == ["3.seed"]
    assert (inputs_of(analysis, InputRole.WIDTH), inputs_of(analysis, InputRole.HEIGHT)) == (
        ["5.width"],
        ["5.height"],
    )
    assert (inputs_of(analysis, InputRole.STEPS), inputs_of(analysis, InputRole.CFG)) == (
        ["3.steps"],
        ["3.cfg"],
    )
    assert analysis.output_nodes == ("9",)
    assert analysis.ambiguities == ()


def test_an_empty_text_is_a_prompt_slot_too() -> None:
    assert found(txt2img("", "")) == ["6.text"]


def test_leftovers_that_no_output_reaches_are_ignored() -> None:
    extra = {
        "50": node("CLIPTextEncode", text="old idea", clip=["4", 1]),
        "51": node("KSampler", seed=9, positive=["50", 0], latent_image=["5", 0]),
    }
    analysis = parsed(txt2img(**extra)).analysis
    assert inputs_of(analysis, InputRole.POSITIVE) == ["6.text"]
    assert inputs_of(analysis, InputRole.SEED) == ["3.seed"]


def test_polarity_goes_by_input_name_not_by_slot() -> None:
    control = node(
        "ControlNetApplyAdvanced", positive=["7", 0], negative=["6", 0], control_net=["31", 0], image=["32", 0]
    )
    graph = txt2img(**{"30": control, "32": node("LoadImage", image="a.png")})
    graph["3"]["inputs"] |= {"positive": ["30", 1], "negative": ["30", 0]}
    assert found(graph) == ["7.text"]
    assert found(graph, InputRole.NEGATIVE) == ["6.text"]


@pytest.mark.parametrize(
    "between",
    [
        node("ConditioningSetTimestepRange", conditioning=["6", 0], start=0.0, end=1.0),
        node("ControlNetApply", conditioning=["6", 0], control_net=["90", 0], image=["91", 0], strength=1.0),
        node("FluxGuidance", conditioning=["6", 0], guidance=3.5),
        node("unCLIPConditioning", conditioning=["6", 0], clip_vision_output=["92", 0], strength=1.0),
        node(
            "GLIGENTextBoxApply", conditioning_to=["6", 0], clip=["4", 1], text="a box", width=64, height=64, x=0, y=0
        ),
        node("ReferenceLatent", conditioning=["6", 0], latent=["5", 0]),
        node("Reroute", **{"": ["6", 0]}),
    ],
    ids=class_of,
)
def test_the_walk_passes_conditioning_nodes(between: dict[str, Any]) -> None:
    graph = txt2img(**{"30": between})
    graph["3"]["inputs"]["positive"] = ["30", 0]
    assert found(graph) == ["6.text"]


def test_both_inputs_of_a_dual_encoder_are_written() -> None:
    sdxl = node(
        "CLIPTextEncodeSDXL", text_g="a cat", text_l="cat, best quality", width=4096, height=4096, clip=["4", 1]
    )
    assert found(txt2img(**{"6": sdxl})) == ["6.text_g", "6.text_l"]
    assert found(txt2img(**{"6": sdxl}), InputRole.WIDTH) == ["5.width"]
    flux = node("CLIPTextEncodeFlux", clip_l="", t5xxl="a cat in a hat", guidance=3.5, clip=["4", 1])
    assert found(txt2img(**{"6": flux})) == ["6.clip_l", "6.t5xxl"]


def test_linked_dual_encoder_meets_in_one_text() -> None:
    flux = node("CLIPTextEncodeFlux", clip_l=["20", 0], t5xxl=["20", 0], guidance=3.5, clip=["4", 1])
    graph = txt2img(**{"6": flux, "20": node("PrimitiveStringMultiline", value="a cat")})
    assert found(graph) == ["20.value"]
    assert found(graph, InputRole.CFG) == ["6.guidance"]


@pytest.mark.parametrize("guider", ["BasicGuider", "CFGGuider"])
def test_flux_with_a_guider(guider: str) -> None:
    conditioning = (
        {"conditioning": ["26", 0]} if guider == "BasicGuider" else {"positive": ["26", 0], "negative": ["7", 0]}
    )
    graph = {
        "6": node("CLIPTextEncode", text="a cat", clip=["11", 0]),
        "7": node("CLIPTextEncode", text="", clip=["11", 0]),
        "13": node(
            "SamplerCustomAdvanced",
            noise=["25", 0],
            guider=["22", 0],
            sampler=["16", 0],
            sigmas=["17", 0],
            latent_image=["27", 0],
        ),
        "16": node("KSamplerSelect", sampler_name="euler"),
        "17": node("BasicScheduler", scheduler="simple", steps=20, denoise=1.0, model=["30", 0]),
        "22": node(guider, model=["30", 0], **conditioning),
        "25": node("RandomNoise", noise_seed=8),
        "26": node("FluxGuidance", guidance=3.5, conditioning=["6", 0]),
        "27": node("EmptySD3LatentImage", width=1024, height=768, batch_size=1),
        "30": node("ModelSamplingFlux", max_shift=1.15, base_shift=0.5, width=1024, height=768, model=["12", 0]),
        "12": node("UNETLoader", unet_name="flux1-dev.safetensors"),
        "11": node("DualCLIPLoader", clip_name1="a.safetensors", clip_name2="b.safetensors"),
        "8": node("VAEDecode", samples=["13", 0], vae=["10", 0]),
        "10": node("VAELoader", vae_name="ae.safetensors"),
        "9": node("SaveImage", filename_prefix="x", images=["8", 0]),
    }
    assert found(graph) == ["6.text"]
    assert found(graph, InputRole.NEGATIVE) == (["7.text"] if guider == "CFGGuider" else [])
    assert found(graph, InputRole.SEED) == ["25.noise_seed"]
    assert found(graph, InputRole.STEPS) == ["17.steps"]
    assert found(graph, InputRole.CFG) == ["26.guidance"]
    assert found(graph, InputRole.WIDTH) == ["27.width", "30.width"]


def test_base_and_refiner_with_the_same_text_are_both_written() -> None:
    refiner = {
        "16": node("CLIPTextEncode", text="a cat", clip=["12", 1]),
        "17": node("CLIPTextEncode", text="blurry", clip=["12", 1]),
        "11": node(
            "KSamplerAdvanced", noise_seed=0, steps=25, positive=["16", 0], negative=["17", 0], latent_image=["3", 0]
        ),
    }
    graph = txt2img(**refiner)
    graph["8"]["inputs"]["samples"] = ["11", 0]
    assert found(graph) == ["16.text", "6.text"]
    assert found(graph, InputRole.NEGATIVE) == ["17.text", "7.text"]
    assert found(graph, InputRole.SEED) == ["11.noise_seed", "3.seed"]
    assert found(graph, InputRole.STEPS) == ["3.steps"]


def test_a_negative_made_of_the_positive_is_not_written() -> None:
    zero = txt2img(**{"7": node("ConditioningZeroOut", conditioning=["6", 0])})
    assert found(zero, InputRole.NEGATIVE) == []
    same = txt2img()
    same["3"]["inputs"]["negative"] = ["6", 0]
    assert found(same) == ["6.text"]
    assert found(same, InputRole.NEGATIVE) == []


@pytest.mark.parametrize(
    ("source", "name"),
    [
        (node("PrimitiveStringMultiline", value="a cat"), "value"),
        (node("PrimitiveString", value=""), "value"),
        (node("CR Prompt Text", prompt="a cat"), "prompt"),
        (node("Text Multiline", text="a cat"), "text"),
        (node("Simple String", string="a cat"), "string"),
        (node("String Literal (Image Saver)", string="a cat"), "string"),
        (node("DF_Text_Box", Text="a cat"), "Text"),
        (node("easy positive", positive="a cat"), "positive"),
        (
            node("SDXLPromptStyler", text_positive="a cat", text_negative="bad", style="base", log_prompt="No"),
            "text_positive",
        ),
        (node("MZ_ChatGLM3", text="a cat", chatglm3_model=["90", 0], seed=3), "text"),
        (node("CogVideoTextEncode", prompt="a cat", strength=1.0, clip=["90", 0]), "prompt"),
    ],
    ids=class_of,
)
def test_text_behind_a_link(source: dict[str, Any], name: str) -> None:
    assert found(txt2img(["20", 0], **{"20": source})) == [f"20.{name}"]


def test_a_styler_feeds_both_polarities_by_name() -> None:
    styler = node("SDXLPromptStyler", text_positive="a cat", text_negative="bad", style="base", log_prompt="No")
    graph = txt2img(["20", 1], ["20", 0], **{"20": styler})
    assert found(graph) == ["20.text_positive"]
    assert found(graph, InputRole.NEGATIVE) == ["20.text_negative"]


def test_a_wildcard_node_is_written_in_both_places() -> None:
    wild = node("ImpactWildcardProcessor", wildcard_text="{a|b} cat", populated_text="a cat", mode=True, seed=4)
    graph = txt2img(["20", 0], **{"20": wild})
    assert found(graph) == ["20.populated_text", "20.wildcard_text"]
    assert found(graph, InputRole.SEED) == ["20.seed", "3.seed"]


def test_efficiency_loader_and_sampler() -> None:
    graph = {
        "1": node(
            "Efficient Loader",
            ckpt_name="a.safetensors",
            positive="a cat",
            negative="bad",
            empty_latent_width=512,
            empty_latent_height=768,
        ),
        "2": node(
            "KSampler (Efficient)",
            seed=-1,
            steps=20,
            cfg=7.0,
            model=["1", 0],
            positive=["1", 1],
            negative=["1", 2],
            latent_image=["1", 3],
        ),
        "3": node("SaveImage", images=["2", 5], filename_prefix="x"),
    }
    assert found(graph) == ["1.positive"]
    assert found(graph, InputRole.NEGATIVE) == ["1.negative"]
    assert found(graph, InputRole.SEED) == ["2.seed"]
    assert found(graph, InputRole.WIDTH) == ["1.empty_latent_width"]


def test_a_pipe_carries_both_polarities() -> None:
    pipe = {
        "20": node("ToBasicPipe", model=["4", 0], clip=["4", 1], vae=["4", 2], positive=["6", 0], negative=["7", 0]),
        "21": node("ImpactKSamplerBasicPipe", basic_pipe=["20", 0], seed=3, steps=20, cfg=7.0, latent_image=["5", 0]),
    }
    graph = txt2img(**pipe)
    del graph["3"]
    graph["8"]["inputs"]["samples"] = ["21", 1]
    assert found(graph) == ["6.text"]
    assert found(graph, InputRole.NEGATIVE) == ["7.text"]


def test_wan_video() -> None:
    graph = {
        "16": node("WanVideoTextEncode", positive_prompt="a cat runs", negative_prompt="static", t5=["11", 0]),
        "27": node(
            "WanVideoSampler", seed=1, steps=30, cfg=6.0, model=["22", 0], text_embeds=["16", 0], image_embeds=["37", 0]
        ),
        "37": node("WanVideoEmptyEmbeds", width=832, height=480, num_frames=81),
        "28": node("WanVideoDecode", samples=["27", 0], vae=["38", 0]),
        "30": node("VHS_VideoCombine", images=["28", 0], frame_rate=16, filename_prefix="w"),
    }
    assert found(graph) == ["16.positive_prompt"]
    assert found(graph, InputRole.NEGATIVE) == ["16.negative_prompt"]
    assert found(graph, InputRole.WIDTH) == ["37.width"]
    assert found(graph, InputRole.SEED) == ["27.seed"]


def test_qwen_image_edit_takes_prompt_and_picture() -> None:
    edit = node("TextEncodeQwenImageEdit", prompt="make it blue", clip=["4", 1], vae=["4", 2], image=["78", 0])
    graph = txt2img(
        **{"6": edit, "78": node("LoadImage", image="in.png"), "88": node("VAEEncode", pixels=["78", 0], vae=["4", 2])}
    )
    graph["3"]["inputs"]["latent_image"] = ["88", 0]
    assert found(graph) == ["6.prompt"]
    assert found(graph, InputRole.REFERENCE_IMAGE) == ["78.image"]
    assert found(graph, InputRole.WIDTH) == []


def test_ace_step_takes_tags_and_leaves_lyrics() -> None:
    ace = node("TextEncodeAceStepAudio", tags="lofi", lyrics="[verse] la la", lyrics_strength=1.0, clip=["4", 1])
    graph = txt2img(**{"6": ace, "9": node("SaveAudioMP3", audio=["8", 0], filename_prefix="a", quality="V0")})
    graph["5"] = node("EmptyAceStepLatentAudio", seconds=30.0, batch_size=1)
    assert found(graph) == ["6.tags"]


def test_captioners_and_taggers_end_the_walk() -> None:
    tagged = txt2img(["20", 0], **{"20": node("WD14Tagger|pysssss", image=["21", 0], exclude_tags="x", threshold=0.3)})
    assert found(tagged) == []
    joined = {
        "20": node("StringConcatenate", string_a=["22", 0], string_b=["21", 0], delimiter=", "),
        "21": node("Florence2Run", image=["23", 0], text_input="", task="caption", seed=1),
        "22": node("PrimitiveString", value="in watercolour"),
        "23": node("LoadImage", image="a.png"),
    }
    assert found(txt2img(["20", 0], **joined)) == ["22.value"]
    seeing = node("OllamaVision", query="Describe this picture", images=["23", 0])
    assert found(txt2img(["20", 0], **{"20": seeing, "23": joined["23"]})) == []


def test_shown_text_is_followed_not_read() -> None:
    shown = node("ShowText|pysssss", text=["20", 0], text_0="an old result")
    assert found(txt2img(["19", 0], **{"19": shown, "20": node("PrimitiveString", value="a cat")})) == ["20.value"]
