"""Graphs in which a prompt, a size or steps were once looked for in the wrong place."""

from __future__ import annotations

from typing import Any

import pytest

from bot.workflows import InputRole, InputValues, describe, inject
from bot.workflows.errors import UnknownPlaceholder
from bot.workflows.foreign_placeholders import require_filled
from bot.workflows.parameters import parameters_of
from tests.workflows.graphs import candidates_of, inputs_of, node, parsed, txt2img
from tests.workflows.parameters.server import OBJECT_INFO


def test_the_negative_of_a_sound_node_is_not_the_pictures() -> None:
    graph = txt2img(
        **{
            "30": node("MMAudioSampler", prompt="waves", negative_prompt="music", steps=25, images=["8", 0]),
            "31": node("VHS_VideoCombine", images=["8", 0], audio=["30", 0], frame_rate=8, filename_prefix="x"),
        }
    )
    analysis = parsed(graph).analysis
    assert inputs_of(analysis, InputRole.POSITIVE) == ["6.text"]
    assert inputs_of(analysis, InputRole.NEGATIVE) == ["7.text"]


def test_a_negative_that_the_editor_has_not_saved_is_a_place() -> None:
    graph = txt2img(negative=None)
    workflow = parsed(graph)
    assert inputs_of(workflow.analysis, InputRole.NEGATIVE) == ["7.text"]
    assert inject(workflow, InputValues(negative="blue"))["7"]["inputs"]["text"] == "blue"
    assert parameters_of(workflow).find("negative") is not None


def test_the_negative_before_a_stable_cascade_stage_is_found() -> None:
    graph = txt2img(
        **{
            "40": node("StableCascade_StageB_Conditioning", conditioning=["6", 0], stage_c=["3", 0]),
            "41": node("ConditioningZeroOut", conditioning=["6", 0]),
            "42": node(
                "KSampler", seed=2, steps=10, cfg=1.1, sampler_name="euler", scheduler="simple", denoise=1.0,
                model=["43", 0], positive=["40", 0], negative=["41", 0], latent_image=["5", 1],
            ),
            "43": node("UNETLoader", unet_name="stage_b.safetensors"),
        }
    )  # fmt: skip
    graph["8"]["inputs"]["samples"] = ["42", 0]
    analysis = parsed(graph).analysis
    assert inputs_of(analysis, InputRole.POSITIVE) == ["6.text"]
    assert inputs_of(analysis, InputRole.NEGATIVE) == ["7.text"]


def controlled(second_prompt: str) -> dict[str, Any]:
    """A second pass that a ControlNet joins to the picture of the first."""
    graph = txt2img(
        **{
            "50": node("CLIPTextEncode", text=second_prompt, clip=["4", 1]),
            "51": node(
                "ControlNetApplyAdvanced", strength=0.8, start_percent=0.0, end_percent=1.0, positive=["50", 0],
                negative=["7", 0], control_net=["52", 0], image=["53", 0],
            ),
            "52": node("ControlNetLoader", control_net_name="canny.safetensors"),
            "53": node("Canny", low_threshold=0.4, high_threshold=0.8, image=["8", 0]),
            "54": node(
                "KSampler", seed=2, steps=12, cfg=5.0, sampler_name="euler", scheduler="simple", denoise=1.0,
                model=["4", 0], positive=["51", 0], negative=["51", 1], latent_image=["5", 0],
            ),
            "55": node("VAEDecode", samples=["54", 0], vae=["4", 2]),
        }
    )  # fmt: skip
    graph["9"]["inputs"]["images"] = ["55", 0]
    return graph


def test_the_prompt_of_a_second_pass_is_not_taken_silently() -> None:
    assert candidates_of(parsed(controlled("a dog in oil")).analysis, InputRole.POSITIVE) == ["50.text", "6.text"]
    assert inputs_of(parsed(controlled("a cat")).analysis, InputRole.POSITIVE) == ["50.text", "6.text"]
    joined_by_picture = controlled("a dog in oil")
    joined_by_picture["51"] = node("IPAdapter", model=["4", 0], ipadapter=["52", 0], image=["8", 0], weight=1.0)
    joined_by_picture["54"]["inputs"] |= {"model": ["51", 0], "positive": ["50", 0], "negative": ["7", 0]}
    assert candidates_of(parsed(joined_by_picture).analysis, InputRole.POSITIVE) == ["50.text", "6.text"]


@pytest.mark.parametrize("provider", ["KSamplerProvider", "KSamplerAdvancedProvider", "SamplerProvider"])
def test_steps_of_an_auxiliary_sampler_are_not_the_pictures(provider: str) -> None:
    graph = txt2img(
        **{
            "60": node(provider, steps=5, cfg=1.0, sampler_name="euler", scheduler="simple", denoise=0.3),
            "61": node("LatentPolisher", sampler=["60", 0], samples=["3", 0], model=["4", 0]),
        }
    )
    graph["8"]["inputs"]["samples"] = ["61", 0]
    analysis = parsed(graph).analysis
    assert inputs_of(analysis, InputRole.STEPS) == ["3.steps"]
    assert inputs_of(analysis, InputRole.CFG) == ["3.cfg"]


def test_of_several_branches_with_different_steps_none_is_taken() -> None:
    other = txt2img()["3"]["inputs"] | {"steps": 30}
    guided = txt2img()["3"]["inputs"] | {"cfg": 3.0}
    graph = txt2img(
        **{
            "70": node("KSampler", **other),
            "71": node("VAEDecode", samples=["70", 0], vae=["4", 2]),
            "72": node("SaveImage", images=["71", 0], filename_prefix="b"),
        }
    )
    analysis = parsed(graph).analysis
    assert inputs_of(analysis, InputRole.STEPS) == []
    assert inputs_of(analysis, InputRole.CFG) == ["3.cfg", "70.cfg"]
    guidance = parsed(graph | {"70": node("KSampler", **guided)}).analysis
    assert inputs_of(guidance, InputRole.CFG) == []
    assert inputs_of(guidance, InputRole.STEPS) == ["3.steps", "70.steps"]
    names = [parameter.name for parameter in parameters_of(parsed(graph))]
    assert {"3.steps", "70.steps"} <= set(names)
    graph["72"] = node("PreviewImage", images=["71", 0])
    assert inputs_of(parsed(graph).analysis, InputRole.STEPS) == ["3.steps"]


@pytest.mark.parametrize("detailer", ["FaceDetailer", "FaceDetailerPipe", "DetailerForEach", "UltimateSDUpscale"])
def test_a_detailer_alone_is_the_sampler(detailer: str) -> None:
    graph = {
        "1": node("LoadImage", image="a.png"),
        "2": node("CheckpointLoaderSimple", ckpt_name="m.safetensors"),
        "3": node("CLIPTextEncode", text="a face", clip=["2", 1]),
        "4": node("CLIPTextEncode", text="ugly", clip=["2", 1]),
        "5": node(
            detailer, image=["1", 0], model=["2", 0], clip=["2", 1], positive=["3", 0], negative=["4", 0],
            steps=15, cfg=6.0, seed=1, sampler_name="euler", scheduler="simple", denoise=0.4,
        ),
        "6": node("SaveImage", images=["5", 0], filename_prefix="x"),
    }  # fmt: skip
    analysis = parsed(graph).analysis
    assert inputs_of(analysis, InputRole.POSITIVE) == ["3.text"]
    assert inputs_of(analysis, InputRole.NEGATIVE) == ["4.text"]
    assert inputs_of(analysis, InputRole.SEED) == ["5.seed"]
    assert inputs_of(analysis, InputRole.STEPS) == ["5.steps"]
    assert inputs_of(analysis, InputRole.CFG) == ["5.cfg"]


@pytest.mark.parametrize("encoder", ["T5TextEncode", "PixArtT5TextEncode", "T5TextEncode #ELLA"])
def test_pixart_text_is_found_beside_its_model(encoder: str) -> None:
    graph = txt2img()
    graph["6"] = node(encoder, text="a cat", T5=["80", 0])
    graph["7"] = node(encoder, text="blurry", T5=["80", 0])
    graph["80"] = node("T5v11Loader", t5v11_name="t5.safetensors", path_type="folder")
    analysis = parsed(graph).analysis
    assert inputs_of(analysis, InputRole.POSITIVE) == ["6.text"]
    assert inputs_of(analysis, InputRole.NEGATIVE) == ["7.text"]


@pytest.mark.parametrize("branch", ["ImpactConditionalBranch", "ImpactConditionalBranchSelMode"])
def test_a_conditional_branch_does_not_lose_the_prompt(branch: str) -> None:
    graph = txt2img(
        **{
            "90": node(branch, cond=["91", 0], tt_value=["6", 0], ff_value=["92", 0]),
            "91": node("ImpactValueReceiver", value=True),
            "92": node("CLIPTextEncode", text="a cat", clip=["4", 1]),
        }
    )
    graph["3"]["inputs"]["positive"] = ["90", 0]
    assert inputs_of(parsed(graph).analysis, InputRole.POSITIVE) == ["6.text", "92.text"]


@pytest.mark.parametrize("resize", ["ImageScale", "ImageResize+", "ImageResizeKJv2", "Image Resize"])
def test_the_size_of_a_resized_start_picture_is_offered(resize: str) -> None:
    graph = txt2img(
        **{
            "20": node("LoadImage", image="a.png"),
            "21": node(resize, image=["20", 0], width=640, height=480, upscale_method="lanczos", crop="center"),
            "22": node("VAEEncode", pixels=["21", 0], vae=["4", 2]),
        }
    )
    graph["3"]["inputs"]["latent_image"] = ["22", 0]
    analysis = parsed(graph).analysis
    assert inputs_of(analysis, InputRole.WIDTH) == ["21.width"]
    assert inputs_of(analysis, InputRole.HEIGHT) == ["21.height"]


def test_foreign_placeholders_are_filled_or_refused() -> None:
    graph = txt2img()
    graph["3"]["inputs"] |= {"sampler_name": "%sampler%", "denoise": "%denoise%"}
    workflow = parsed(graph)
    made = inject(workflow, InputValues(positive="100 %model% PARAM_X"), OBJECT_INFO)
    assert (made["3"]["inputs"]["sampler_name"], made["3"]["inputs"]["denoise"]) == ("euler", 1.0)
    require_filled(workflow.graph, made, workflow.analysis.reachable_nodes, "default")
    assert describe(workflow, object_info=OBJECT_INFO).problems == ()


@pytest.mark.parametrize(
    ("place", "text", "token"),
    [
        ("4.ckpt_name", "%model%", "%model%"),
        ("7.text", "sing PARAM_LYRICS now", "PARAM_LYRICS"),
        ("7.text", "__CHORUS_MOOD__", "__CHORUS_MOOD__"),
        ("7.text", "{{lyrics}}", "{{lyrics}}"),
    ],
)
def test_foreign_placeholders_that_nobody_fills_are_named(place: str, text: str, token: str) -> None:
    node_id, name = place.split(".")
    graph = txt2img()
    graph[node_id]["inputs"][name] = text
    workflow = parsed(graph)
    reachable = workflow.analysis.reachable_nodes
    made = inject(workflow, InputValues(positive="x"), OBJECT_INFO)
    with pytest.raises(UnknownPlaceholder) as caught:
        require_filled(workflow.graph, made, reachable, "default")
    assert token in caught.value.message
    assert place in caught.value.advice
    assert any(token in problem.message for problem in describe(workflow, object_info=OBJECT_INFO).problems)
    filled = parsed(graph, f'defaults: {{"{place}": sdxl/base.safetensors}}')
    require_filled(graph, inject(filled, InputValues(positive="x"), OBJECT_INFO), reachable, "default")


@pytest.mark.parametrize("text", ["100 % cotton", "%date%", "a {red|green} door", "MASTERPIECE", "50%50%"])
def test_other_texts_are_no_placeholders(text: str) -> None:
    workflow = parsed(txt2img(negative=text))
    require_filled(workflow.graph, workflow.graph, workflow.analysis.reachable_nodes, "default")
