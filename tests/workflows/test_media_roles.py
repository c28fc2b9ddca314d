"""What each file that a workflow loads is for, read from the graph."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bot.errors import ChorusError, InputInvalid
from bot.workflows.input_roles import InputValues
from bot.workflows.media_assignment import assign_files, file_values, require_files, takes_files
from bot.workflows.value_injection import inject
from bot.workflows.workflow import Workflow, parse_workflow
from tests.workflows.graphs import node, txt2img


def workflow(graph: dict[str, Any], bindings: str | None = None) -> Workflow:
    return parse_workflow(json.dumps(graph), bindings=bindings)


def roles(graph: dict[str, Any], bindings: str | None = None) -> dict[str, str]:
    """Place -> role, with the kind of a control picture."""
    return {
        str(place): f"{media.role} {media.kind}".strip()
        for media in workflow(graph, bindings).analysis.media
        for place in media.places
    }


def load(name: str = "a.png", **more: Any) -> dict[str, Any]:
    return node("LoadImage", image=name, **more)


def img2img(**more: Any) -> dict[str, Any]:
    graph = txt2img(**{"20": load(), "21": node("VAEEncode", pixels=["20", 0], vae=["4", 2])})
    graph["3"]["inputs"]["latent_image"] = ["21", 0]
    return graph | more


def test_a_picture_that_a_vae_encodes_is_the_start() -> None:
    assert roles(img2img()) == {"20.image": "start"}


def test_sizes_read_from_a_picture_do_not_make_it_a_start() -> None:
    graph = txt2img(**{"20": load(), "21": node("GetImageSize", image=["20", 0])})
    graph["5"]["inputs"]["width"] = ["21", 0]
    assert roles(graph) == {}


def test_a_mask_of_its_own_and_one_in_the_alpha_channel() -> None:
    inpaint = node("VAEEncodeForInpaint", pixels=["20", 0], mask=["22", 0], vae=["4", 2], grow_mask_by=6)
    graph = img2img(**{"21": inpaint, "22": node("LoadImageMask", image="m.png", channel="alpha")})
    assert roles(graph) == {"20.image": "start", "22.image": "mask"}
    graph["21"]["inputs"]["mask"] = ["20", 1]
    assert roles(graph) == {"20.image": "start"}


def test_a_picture_from_which_a_mask_is_computed_is_none() -> None:
    graph = img2img(
        **{
            "30": load("dress.png"),
            "31": node("GroundingDinoSAMSegment (segment anything)", image=["30", 0], prompt="dress", threshold=0.3),
            "32": node("SetLatentNoiseMask", samples=["21", 0], mask=["31", 1]),
        }
    )
    graph["3"]["inputs"]["latent_image"] = ["32", 0]
    assert roles(graph) == {"20.image": "start", "30.image": "start"}
    only = {
        "1": load(),
        "2": node("GroundingDinoSAMSegment (segment anything)", image=["1", 0], prompt="dress", threshold=0.3),
        "3": node("MaskToImage", mask=["2", 1]),
        "4": node("SaveImage", images=["3", 0], filename_prefix="x"),
    }
    assert roles(only) == {"1.image": "start"}


def test_numbered_guides_of_a_film_come_in_their_order() -> None:
    guides = {"num_guides": "2", "num_guides.image_1": ["9", 0], "num_guides.image_2": ["2", 0]}
    graph = {
        "2": load("last.png"),
        "9": load("first.png"),
        "3": node("LTXVAddGuideMulti", positive=["7", 0], negative=["7", 0], vae=["8", 0], latent=["6", 0], **guides),
        "4": node("VAEDecode", samples=["3", 2], vae=["8", 0]),
        "5": node("SaveAnimatedWEBP", images=["4", 0], filename_prefix="x"),
        "6": node("EmptyLTXVLatentVideo", width=768, height=512, length=97, batch_size=1),
        "7": node("CLIPTextEncode", text="waves", clip=["8", 1]),
        "8": node("CheckpointLoaderSimple", ckpt_name="ltx.safetensors"),
    }
    assert roles(graph) == {"9.image": "first_frame", "2.image": "first_frame"}
    assert [
        str(found.places[0]) for found in assign_files(workflow(graph), ["reference_image", "image2"]).values()
    ] == [
        "9.image",
        "2.image",
    ]


@pytest.mark.parametrize(
    "node_class", ["WanReferenceToVideoNode", "WanPhantomSubjectToVideo", "KlingMotionControlNode"]
)
def test_what_a_film_shall_show_is_a_reference_not_its_first_frame(node_class: str) -> None:
    graph = {
        "1": load(),
        "2": node(node_class, image=["1", 0], prompt="she dances"),
        "3": node("VHS_VideoCombine", images=["2", 0], frame_rate=16, format="video/h264-mp4", filename_prefix="x"),
    }
    assert roles(graph) == {"1.image": "reference"}


def test_a_loader_of_which_only_the_mask_is_used_is_a_mask() -> None:
    masked = node("SetLatentNoiseMask", samples=["21", 0], mask=["30", 0])
    graph = img2img(**{"22": masked, "23": load("m.png"), "30": node("GrowMask", mask=["23", 1], expand=4)})
    graph["3"]["inputs"]["latent_image"] = ["22", 0]
    assert roles(graph) == {"20.image": "start", "23.image": "mask"}


def test_a_picture_that_becomes_a_mask_is_a_mask() -> None:
    masked = node("SetLatentNoiseMask", samples=["21", 0], mask=["30", 0])
    graph = img2img(**{"22": masked, "23": load("m.png"), "30": node("ImageToMask", image=["23", 0], channel="red")})
    graph["3"]["inputs"]["latent_image"] = ["22", 0]
    assert roles(graph)["23.image"] == "mask"


@pytest.mark.parametrize(
    ("preprocessor", "kind"),
    [
        ("CannyEdgePreprocessor", "canny"), ("Canny", "canny"), ("DWPreprocessor", "pose"),
        ("OpenposePreprocessor", "pose"), ("DepthAnythingV2Preprocessor", "depth"), ("LineArtPreprocessor", "line art"),
        ("HEDPreprocessor", "soft edge"), ("MiDaS-DepthMapPreprocessor", "depth"), ("ScribblePreprocessor", "scribble"),
    ],
)  # fmt: skip
def test_a_control_picture_has_the_kind_of_its_preprocessor(preprocessor: str, kind: str) -> None:
    graph = txt2img(
        **{
            "20": load(),
            "21": node(preprocessor, image=["20", 0]),
            "22": node("ControlNetLoader", control_net_name="union.safetensors"),
            "23": node("ControlNetApplyAdvanced", positive=["6", 0], negative=["7", 0], control_net=["22", 0],
                       image=["21", 0], strength=0.8, start_percent=0.0, end_percent=1.0),
        }
    )  # fmt: skip
    graph["3"]["inputs"] |= {"positive": ["23", 0], "negative": ["23", 1]}
    assert roles(graph) == {"20.image": f"control {kind}"}


def test_a_control_picture_without_preprocessor_has_the_kind_of_its_model() -> None:
    graph = txt2img(
        **{
            "20": load(),
            "22": node("ControlNetLoader", control_net_name="control_v11p_sd15_openpose.pth"),
            "23": node("ControlNetApply", conditioning=["6", 0], control_net=["22", 0], image=["20", 0], strength=1.0),
        }
    )
    graph["3"]["inputs"]["positive"] = ["23", 0]
    assert roles(graph) == {"20.image": "control pose"}


def test_a_reference_is_not_the_picture_to_work_on() -> None:
    adapter = node("IPAdapterAdvanced", model=["4", 0], ipadapter=["31", 0], image=["30", 0], weight=0.7)
    graph = img2img(
        **{
            "30": load("dress.png") | {"_meta": {"title": "Clothing Reference"}},
            "31": node("IPAdapterModelLoader", ipadapter_file="ip.safetensors"),
            "32": adapter,
        }
    )
    graph["3"]["inputs"]["model"] = ["32", 0]
    assert roles(graph) == {"20.image": "start", "30.image": "reference"}
    assert assign_files(workflow(graph), ["reference_image"])["reference_image"].places[0].node_id == "20"


@pytest.mark.parametrize(
    "taker",
    [
        node("CLIPVisionEncode", clip_vision=["9x", 0], image=["20", 0]),
        node("ApplyPulidFlux", model=["4", 0], image=["20", 0], weight=1.0),
        node("ApplyInstantID", model=["4", 0], image=["20", 0], positive=["6", 0]),
        node("PhotoMakerEncode", image=["20", 0], text="x"),
    ],
)
def test_references_by_class(taker: dict[str, Any]) -> None:
    graph = txt2img(**{"20": load(), "21": taker})
    graph["3"]["inputs"]["model"] = ["21", 0]
    assert roles(graph) == {"20.image": "reference"}


def test_a_face_is_swapped_into_the_picture() -> None:
    graph = {
        "1": load("body.png"),
        "2": load("face.png"),
        "3": node("ReActorFaceSwap", input_image=["1", 0], source_image=["2", 0], enabled=True),
        "4": node("SaveImage", images=["3", 0], filename_prefix="x"),
    }
    assert roles(graph) == {"1.image": "start", "2.image": "reference"}


def test_frames_of_a_film() -> None:
    graph = txt2img(
        **{
            "20": load("first.png"),
            "21": load("last.png"),
            "22": node("CLIPVisionEncode", clip_vision=["9x", 0], image=["20", 0], crop="none"),
            "23": node("WanFirstLastFrameToVideo", positive=["6", 0], negative=["7", 0], vae=["4", 2], width=832,
                       height=480, length=81, batch_size=1, start_image=["20", 0], end_image=["21", 0],
                       clip_vision_start_image=["22", 0]),
        }
    )  # fmt: skip
    graph["3"]["inputs"] |= {"positive": ["23", 0], "latent_image": ["23", 2]}
    assert roles(graph) == {"20.image": "first_frame", "21.image": "last_frame"}


@pytest.mark.parametrize(
    ("loader", "place"),
    [
        (node("LoadVideo", file="f.mp4"), "1.file"),
        (node("VHS_LoadVideo", video="f.mp4", force_rate=0), "1.video"),
        (node("VHS_LoadVideoPath", video="input/f.mp4", force_rate=0), "1.video"),
        (node("VHS_LoadVideoFFmpeg", video="f.mp4"), "1.video"),
        (node("VHS_LoadVideoFFmpegPath", video="input/f.mp4"), "1.video"),
        (node("LoadVideoUpload", video="f.mp4"), "1.video"),
        (node("Load Video (Upload)", video="f.mp4"), "1.video"),
    ],
)
def test_films_are_seen(loader: dict[str, Any], place: str) -> None:
    graph = {"1": loader, "2": node("VHS_VideoCombine", images=["1", 0], frame_rate=16, filename_prefix="x")}
    assert roles(graph) == {place: "film"}


@pytest.mark.parametrize(
    ("loader", "place"),
    [
        (node("LoadAudio", audio="a.wav"), "30.audio"),
        (node("VHS_LoadAudio", audio_file="input/a.wav"), "30.audio_file"),
        (node("VHS_LoadAudioUpload", audio="a.wav"), "30.audio"),
    ],
)  # fmt: skip
def test_sounds_are_seen(loader: dict[str, Any], place: str) -> None:
    graph = {
        "20": load(),
        "30": loader,
        "2": node("CreateVideo", images=["20", 0], fps=24.0, audio=["30", 0]),
        "3": node("SaveVideo", video=["2", 0], filename_prefix="x", format="mp4"),
    }
    assert roles(graph)[place] == "sound"


def test_pictures_and_masks_in_base64() -> None:
    graph = img2img(
        **{
            "20": node("ETN_LoadImageBase64", image=""),
            "22": node("ETN_LoadMaskBase64", mask=""),
            "23": node("SetLatentNoiseMask", samples=["21", 0], mask=["22", 0]),
        }
    )
    graph["3"]["inputs"]["latent_image"] = ["23", 0]
    assert roles(graph) == {"20.image": "start", "22.mask": "mask"}
    made = workflow(graph)
    uploaded = {"reference_image": "a.png", "image2": "b.png"}
    files = file_values(made, uploaded, {"reference_image": "QUJD", "image2": "REVG"})
    injected = inject(made, InputValues(positive="x", reference_image="a.png", files=files))
    assert injected["20"]["inputs"]["image"] == "QUJD"
    assert injected["22"]["inputs"]["mask"] == "REVG"


def test_numbered_pictures_of_an_edit_model_keep_their_order() -> None:
    edit = node(
        "TextEncodeQwenImageEditPlus", prompt="swap", clip=["4", 1], vae=["4", 2], image1=["31", 0], image2=["30", 0]
    )
    graph = txt2img(**{"6": edit, "30": load("second.png"), "31": load("first.png")})
    assert [str(each.places[0]) for each in workflow(graph).analysis.media] == ["31.image", "30.image"]
    assigned = assign_files(workflow(graph), ["reference_image", "image2"])
    assert {role: str(media.places[0]) for role, media in assigned.items()} == {
        "reference_image": "31.image", "image2": "30.image",
    }  # fmt: skip


def test_pictures_whose_order_the_graph_does_not_tell_are_asked_for() -> None:
    graph = {
        "1": load("a.png"),
        "2": load("b.png"),
        "3": node("SomeBlend", upper=["1", 0], lower=["2", 0]),
        "4": node("SaveImage", images=["3", 0], filename_prefix="x"),
    }
    with pytest.raises(ChorusError, match="several different pictures"):
        assign_files(workflow(graph), ["reference_image"])
    assert len(assign_files(workflow(graph), ["reference_image", "image2"])) == 2
    bound = workflow(graph, "media: {start: [2.image], reference: [1.image]}")
    assert str(assign_files(bound, ["reference_image"])["reference_image"].places[0]) == "2.image"


def test_the_bindings_file_corrects() -> None:
    assert roles(img2img(), "media: {control: [20.image]}") == {"20.image": "control"}
    assert roles(img2img(), "media: {start: []}") == {}
    with pytest.raises(ChorusError, match="no such node"):
        workflow(img2img(), "media: {start: [99.image]}")
    with pytest.raises(ChorusError, match="media"):
        workflow(img2img(), "media: {begin: [20.image]}")


def test_what_a_workflow_needs_and_did_not_get_is_said() -> None:
    listed = {"LoadImage": {"input": {"required": {"image": [["there.png"], {"image_upload": True}]}}}}
    made = workflow(img2img())
    with pytest.raises(InputInvalid, match="starts from a picture"):
        require_files(made, {}, listed)
    require_files(made, assign_files(made, ["reference_image"]), listed)
    require_files(workflow(img2img(**{"20": load("there.png")})), {}, listed)
    placeholder = workflow(img2img(**{"20": load("__CHORUS_REFERENCE_IMAGE__")}))
    with pytest.raises(InputInvalid, match="starts from a picture"):
        require_files(placeholder, {}, None)
    with pytest.raises(InputInvalid, match="takes no picture"):
        assign_files(workflow(txt2img()), ["reference_image"])
    with pytest.raises(InputInvalid, match="no place for a picture as the last frame"):
        assign_files(made, ["reference_image", "last_image"])


def test_one_placeholder_in_two_loaders_is_one_picture() -> None:
    control = node("ControlNetApply", conditioning=["6", 0], control_net=["22", 0], image=["23", 0], strength=1.0)
    graph = img2img(
        **{
            "20": load("__CHORUS_REFERENCE_IMAGE__"),
            "22": node("ControlNetLoader", control_net_name="depth.safetensors"),
            "23": load("__CHORUS_REFERENCE_IMAGE__"),
            "24": control,
        }
    )
    graph["3"]["inputs"]["positive"] = ["24", 0]
    made = workflow(graph)
    assigned = assign_files(made, ["reference_image"])
    require_files(made, assigned, None)
    values = InputValues(positive="x", reference_image="up.png", files=file_values(made, {"reference_image": "up.png"}))
    injected = inject(made, values)
    assert injected["20"]["inputs"]["image"] == injected["23"]["inputs"]["image"] == "up.png"


def test_which_workflows_take_a_persons_picture() -> None:
    assert takes_files(workflow(img2img()))
    assert not takes_files(workflow(txt2img()))
    mask = node("LoadImageMask", image="__CHORUS_REFERENCE_IMAGE__", channel="alpha")
    assert takes_files(workflow(img2img(**{"22": mask})))
