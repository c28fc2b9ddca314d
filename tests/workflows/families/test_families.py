"""The shipped workflows draw with whichever family of models ComfyUI has."""

import random
from pathlib import Path
from typing import Any

import pytest

from bot.domain.jobs import JobKind
from bot.errors import MissingModel
from bot.workflows import (
    InputRole,
    InputValues,
    Workflow,
    inject,
    read_workflow,
    validate_installed,
    validate_structure,
)
from bot.workflows.families import FAMILIES, ModelFacts, adapted, choose_model, takes_any_model, unrecognized_models
from bot.workflows.families.installed import family_by_name
from bot.workflows.parameters import check_overrides, effective_values, parameters_of
from tests.workflows.families.servers import CHECKPOINTS, DIFFUSION, ENCODERS, INSTALLED, VAE, object_info

WORKFLOWS = Path(__file__).parents[3] / "workflows"
FROM_PICTURE = {"vary", "inpaint", "outpaint"}
SHIPPED = [path for path in sorted(WORKFLOWS.glob("*/image/*.json")) if path.stem != "upscale"]
SAMPLING = {
    "sd15": {"steps": 25, "cfg": 7.0, "sampler": "dpmpp_2m", "scheduler": "karras"},
    "sdxl": {"steps": 28, "cfg": 6.5, "sampler": "dpmpp_2m", "scheduler": "karras"},
    "sd35": {"steps": 20, "cfg": 4.0, "sampler": "euler", "scheduler": "sgm_uniform"},
    "flux1": {"steps": 20, "cfg": 1.0, "guidance": 3.5, "sampler": "euler", "scheduler": "simple"},
    "flux1_schnell": {"steps": 4, "cfg": 1.0, "sampler": "euler", "scheduler": "simple"},
    "flux2": {"steps": 20, "cfg": 1.0, "guidance": 4.0, "sampler": "euler"},
    "flux2_klein": {"steps": 4, "cfg": 1.0, "sampler": "euler"},
    "qwen_image": {"steps": 20, "cfg": 4.0, "sampler": "euler", "scheduler": "simple", "shift": 3.1},
    "z_image_turbo": {"steps": 8, "cfg": 1.0, "sampler": "res_multistep", "scheduler": "simple", "shift": 3.0},
    "z_image": {"steps": 25, "cfg": 4.0, "sampler": "res_multistep", "scheduler": "simple", "shift": 3.0},
    "chroma": {"steps": 26, "cfg": 3.5, "sampler": "euler", "scheduler": "beta", "shift": 1.0},
}
SIZES = {"sd15": (448, 640), "qwen_image": (1088, 1600)}


def shipped(character: str, name: str = "default") -> Workflow:
    return read_workflow(WORKFLOWS / character / "image" / f"{name}.json", character_id=character)


def drawn(workflow: Workflow, info: dict[str, Any], **values: Any) -> dict[str, Any]:
    return inject(workflow, InputValues(positive="a boat", seed=7, **values), info)


def effective(workflow: Workflow, info: dict[str, Any], **values: Any) -> dict[str, Any]:
    return effective_values(workflow, drawn(workflow, info, **values), info)


@pytest.mark.parametrize("family", INSTALLED)
@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: f"{path.parent.parent.name}-{path.stem}")
def test_every_shipped_workflow_fits_every_family(path: Path, family: str) -> None:
    info = object_info(INSTALLED[family])
    workflow = adapted(read_workflow(path), info)
    validate_structure(workflow, JobKind.IMAGE, object_info=info, has_reference=path.stem in FROM_PICTURE)
    graph = drawn(workflow, info, reference_image="x.png" if path.stem in FROM_PICTURE else None)
    validate_installed(graph, info)
    for node in graph.values():
        given = info[node["class_type"]]["input"]
        assert set(given["required"]) <= set(node["inputs"]) <= {*given["required"], *given.get("optional", ())}
        for value in node["inputs"].values():
            assert not isinstance(value, list) or value[0] in graph
    saved = [node_id for node_id, node in graph.items() if node["class_type"] == "SaveImage"]
    assert set(graph) == set(workflow.analysis.reachable_nodes) | set(saved)


@pytest.mark.parametrize("family", INSTALLED)
def test_each_family_has_its_own_model_size_and_sampling(family: str) -> None:
    info = object_info(INSTALLED[family])
    workflow = adapted(shipped("nova"), info)
    found = effective(workflow, info)
    assert found["model"] in {name for names in INSTALLED[family].values() for name in names}
    assert {name: found.get(name) for name in SAMPLING[family]} == SAMPLING[family]
    assert (found["width"], found["height"]) == SIZES.get(family, (832, 1216))
    assert found["seed"] == 7
    assert workflow.analysis.takes(InputRole.NEGATIVE) is (SAMPLING[family]["cfg"] != 1)


@pytest.mark.parametrize("family", INSTALLED)
def test_nova_and_alex_keep_different_looks(family: str) -> None:
    info = object_info(INSTALLED[family])
    nova, alex = (effective(adapted(shipped(name), info), info) for name in ("nova", "alex"))
    assert nova["prompt"].startswith("a boat, ")
    assert alex["prompt"].startswith("a boat, ")
    assert nova["prompt"] != alex["prompt"]
    assert nova["height"] > nova["width"]
    assert alex["width"] > alex["height"]


@pytest.mark.parametrize("family", INSTALLED)
def test_what_people_change_reaches_each_family(family: str) -> None:
    info = object_info(INSTALLED[family])
    workflow = adapted(shipped("_shared"), info)
    checked = check_overrides(workflow, {"steps": 11, "size": "768x640", "sampler": "heun"}, info)
    found = effective(workflow, info, **checked.roles, overrides=checked.values)
    assert (found["steps"], found["width"], found["height"], found["sampler"]) == (11, 768, 640, "heun")


@pytest.mark.parametrize(("name", "denoise"), [("vary", 0.6), ("inpaint", 0.9), ("outpaint", 0.92)])
def test_what_starts_from_a_picture_has_its_own_strength_with_each_family(name: str, denoise: float) -> None:
    for family, files in INSTALLED.items():
        info = object_info(files)
        workflow = adapted(shipped("_shared", name), info)
        found = effective(workflow, info, reference_image="boat.png")
        assert found["denoise"] == denoise, family
        changed = check_overrides(workflow, {"denoise": 0.3}, info)
        again = effective(workflow, info, reference_image="boat.png", overrides=changed.values, **changed.roles)
        assert again["denoise"] == 0.3, family


def test_a_workflow_that_names_its_model_stays_as_it_is() -> None:
    workflow = shipped("_shared", "upscale")
    assert not takes_any_model(workflow)
    assert adapted(workflow, object_info({})) is workflow


def test_without_a_model_one_small_download_is_named_and_where_it_goes() -> None:
    with pytest.raises(MissingModel) as caught:
        adapted(shipped("nova"), object_info({}))
    assert "no model" in caught.value.message
    assert "v1-5-pruned-emaonly-fp16.safetensors" in caught.value.advice
    assert "models/checkpoints" in caught.value.advice


@pytest.mark.parametrize(
    ("family", "folder", "named"),
    [
        ("flux1", ENCODERS, "clip_l.safetensors (models/text_encoders), t5xxl_fp8_e4m3fn_scaled.safetensors"),
        ("z_image_turbo", VAE, "ae.safetensors (models/vae)"),
        ("sd35", ENCODERS, "clip_g.safetensors"),
    ],
)
def test_a_model_without_its_encoder_or_vae_says_what_is_missing(family: str, folder: str, named: str) -> None:
    files = {name: names for name, names in INSTALLED[family].items() if name != folder}
    with pytest.raises(MissingModel) as caught:
        adapted(shipped("nova"), object_info(files))
    assert named in caught.value.message


def test_an_incomplete_model_does_not_hide_a_complete_one() -> None:
    files = {DIFFUSION: ["flux1-dev.safetensors"], CHECKPOINTS: ["v1-5-pruned-emaonly-fp16.safetensors"]}
    assert choose_model(object_info(files)).family.name == "sd15"


@pytest.mark.parametrize(
    ("wanted", "file"),
    [
        (None, "sd_xl_base_1.0.safetensors"),
        ("flux1-schnell.safetensors", "flux1-schnell.safetensors"),
        ("v1-5-pruned-emaonly-fp16", "v1-5-pruned-emaonly-fp16.safetensors"),
        ("chroma", "Chroma1-HD-fp8mixed.safetensors"),
        ("something else", "sd_xl_base_1.0.safetensors"),
    ],
)
def test_the_owner_or_the_person_may_choose_the_model(wanted: str | None, file: str) -> None:
    everything = {
        folder: [name for files in INSTALLED.values() for name in files.get(folder, [])]
        for folder in (CHECKPOINTS, DIFFUSION, ENCODERS, VAE)
    }
    assert choose_model(object_info(everything), wanted=wanted).file == file


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("juggernautXL_v9Rdphoto2Lightning.safetensors", "sdxl_fast"),
        ("dreamshaperXL_turboDpmppSDE.safetensors", "sdxl_fast"),
        ("ponyDiffusionV6XL.safetensors", "sdxl"),
        ("Illustrious-XL-v2.0.safetensors", "sdxl"),
        ("sd_xl_turbo_1.0_fp16.safetensors", "sdxl_turbo"),
        ("dreamshaper_8.safetensors", "sd15"),
        ("realisticVisionV60B1_v51VAE.safetensors", "sd15"),
        ("anything-v5.safetensors", "sd15"),
        ("flux1-dev-fp8.safetensors", "flux1"),
        ("flux1-krea-dev_fp8_scaled.safetensors", "flux1"),
        ("flux-2-klein-base-9b-fp8.safetensors", "flux2_klein_base_9b"),
        ("flux-2-klein-9b.safetensors", "flux2_klein_9b"),
        ("sd3.5_large_turbo.safetensors", "sd35_turbo"),
        ("sd3_medium_incl_clips_t5xxlfp8.safetensors", "sd35"),
        ("z_image_turbo_int8.safetensors", "z_image_turbo"),
        ("flux1-fill-dev.safetensors", None),
        ("flux1-dev-kontext_fp8_scaled.safetensors", None),
        ("sd_xl_refiner_1.0.safetensors", None),
        ("qwen_image_edit_2511.safetensors", None),
        ("chroma-radiance-x0.safetensors", None),
        ("wan2.2_t2v_high_noise_14B_fp8_scaled.safetensors", None),
        ("ltx-2.3-22b-dev.safetensors", None),
        ("mymerge.safetensors", None),
    ],
)
def test_names_of_files_tell_the_family(name: str, family: str | None) -> None:
    found = family_by_name(name)
    assert (found.name if found else None) == family


@pytest.mark.parametrize(
    ("facts", "family"),
    [
        (ModelFacts({"mymerge.safetensors": {"modelspec.architecture": "stable-diffusion-v1"}}), "sd15"),
        (ModelFacts({"mymerge.safetensors": {"modelspec.architecture": "stable-diffusion-xl-v1-base"}}), "sdxl"),
        (ModelFacts({"mymerge.safetensors": {"modelspec.architecture": "Flux.1-schnell"}}), "flux1_schnell"),
        (ModelFacts(sizes={"mymerge.safetensors": 2_132_625_894}), "sd15"),
        (ModelFacts(sizes={"mymerge.safetensors": 6_938_040_682}), "sdxl"),
    ],
)
def test_a_name_that_tells_nothing_is_looked_up_in_the_file(facts: ModelFacts, family: str) -> None:
    info = object_info({CHECKPOINTS: ["mymerge.safetensors"]})
    assert unrecognized_models(info) == [(CHECKPOINTS, "mymerge.safetensors")]
    found = choose_model(info, facts)
    assert (found.family.name, found.guessed) == (family, False)


def test_a_model_of_which_nothing_is_known_is_taken_for_sdxl_after_all_others() -> None:
    unknown = object_info({CHECKPOINTS: ["mymerge.safetensors"]})
    assert choose_model(unknown).guessed
    known = object_info({CHECKPOINTS: ["mymerge.safetensors", "v1-5-pruned-emaonly-fp16.safetensors"]})
    assert choose_model(known).family.name == "sd15"


@pytest.mark.parametrize("name", ["wan2.1_t2v_1.3B_fp16.safetensors", "ltx-video-2b-v0.9.5.safetensors"])
def test_a_film_model_is_never_guessed_to_draw(name: str) -> None:
    with pytest.raises(MissingModel):
        choose_model(object_info({CHECKPOINTS: [name], DIFFUSION: [name]}))


def test_the_adapted_graph_has_a_hash_of_its_own_and_the_file_stays_as_it_was() -> None:
    workflow = shipped("nova")
    before = dict(workflow.graph)
    hashes = {adapted(workflow, object_info(files)).content_hash for files in INSTALLED.values()}
    assert len(hashes | {workflow.content_hash}) == len(INSTALLED) + 1
    assert workflow.graph == before


def test_any_selection_of_files_gives_a_usable_graph_or_says_what_is_missing() -> None:
    chance = random.Random(11)
    every = [(folder, name) for files in INSTALLED.values() for folder, names in files.items() for name in names]
    drawn_count, told = 0, list[MissingModel]()
    for _ in range(150):
        files: dict[str, list[str]] = {}
        for folder, name in chance.sample(every, chance.randint(0, 9)):
            files.setdefault(folder, []).append(name)
        info = object_info(files)
        try:
            workflow = adapted(shipped("nova"), info)
        except MissingModel as error:
            told.append(error)
        else:
            validate_installed(drawn(workflow, info), info)
            drawn_count += 1
    assert drawn_count > 20
    assert len(told) > 20
    assert all("models/" in error.advice for error in told)


def test_names_of_families_are_unique_and_one_is_what_the_files_are_written_for() -> None:
    assert len({family.name for family in FAMILIES}) == len(FAMILIES)
    assert [family.name for family in FAMILIES if family.written_for] == ["sdxl"]
    assert parameters_of(shipped("nova")).find("steps") is not None
