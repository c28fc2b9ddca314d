"""Whether the connected ComfyUI has what a workflow needs, by which its button is offered or not."""

from pathlib import Path
from typing import Any

import pytest

from bot.generation.installed_models import InstalledModels
from bot.workflows import Workflow, read_workflow
from tests.workflows.families.servers import INSTALLED, object_info

SHARED = Path(__file__).parents[2] / "workflows" / "_shared" / "image"
NAMES = ["vary", "inpaint", "outpaint"]


def shipped(name: str) -> Workflow:
    return read_workflow(SHARED / f"{name}.json")


@pytest.mark.parametrize("name", [*NAMES, "upscale"])
@pytest.mark.parametrize("family", INSTALLED)
def test_with_the_files_of_any_family_they_run(name: str, family: str) -> None:
    assert InstalledModels().can_run(shipped(name), object_info(INSTALLED[family]))


@pytest.mark.parametrize("name", NAMES)
def test_without_a_model_they_do_not(name: str) -> None:
    assert not InstalledModels().can_run(shipped(name), object_info({}))


def test_enlarging_needs_no_model() -> None:
    assert InstalledModels().can_run(shipped("upscale"), object_info({}))


@pytest.mark.parametrize(
    ("name", "missing"),
    [("inpaint", "SetLatentNoiseMask"), ("outpaint", "ImageCompositeMasked"), ("upscale", "ImageScaleBy")],
)
def test_without_a_node_they_do_not(name: str, missing: str) -> None:
    info: dict[str, Any] = dict(object_info(INSTALLED["sdxl"]))
    models = InstalledModels()
    assert models.can_run(shipped(name), info)
    without = {node: entry for node, entry in info.items() if node != missing}
    assert not models.can_run(shipped(name), without)


def test_while_no_server_is_known_they_are_offered() -> None:
    assert InstalledModels().can_run(shipped("inpaint"), None)
