"""Which nodes of an uploaded workflow are refused, and that ordinary ones are not."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.services.composition import screening_rules
from bot.settings import Settings
from bot.workflows.errors import NodeRefused
from bot.workflows.upload_screening import (
    RefusalReason,
    ScreeningRules,
    class_refusal,
    require_allowed,
    with_forced_paths,
)

SHIPPED = Path(__file__).parents[2] / "workflows"
NO_RULES = ScreeningRules()


def one(name: str, **inputs: Any) -> dict[str, Any]:
    return {"1": {"class_type": name, "inputs": inputs}}


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("PythonScript", RefusalReason.CODE),
        ("Run Python Code", RefusalReason.CODE),
        ("ExecuteShellCommand", RefusalReason.CODE),
        ("EvalNode", RefusalReason.CODE),
        ("JavascriptNode", RefusalReason.CODE),
        ("LoadImageFromURL", RefusalReason.FETCHES),
        ("HTTPRequest", RefusalReason.FETCHES),
        ("SendWebhook", RefusalReason.FETCHES),
        ("DownloadFile", RefusalReason.FETCHES),
        ("VHS_LoadVideoPath", RefusalReason.PATHS),
        ("LoadImagesFromDirectory", RefusalReason.PATHS),
        ("Save Text File", RefusalReason.PATHS),
        ("WriteCSV", RefusalReason.PATHS),
        ("DeleteFile", RefusalReason.PATHS),
        ("LoadTrainingDataset", RefusalReason.PATHS),
    ],
)
def test_classes_that_reach_beyond_pictures(name: str, reason: RefusalReason) -> None:
    assert class_refusal(name, NO_RULES, None) is reason


@pytest.mark.parametrize(
    "name",
    [
        "KSampler",
        "SaveImage",
        "LoadImage",
        "CLIPTextEncode",
        "VAEEncodeForInpaint",
        "Evaluate Integers",
        "MathExpression|pysssss",
        "VHS_VideoCombine",
        "VHS_LoadVideo",
        "DownloadAndLoadFlorence2Model",
        "Noise Control Script",
        "HighRes-Fix Script",
        "easy cleanGpuUsed",
        "ImpactWildcardEncode",
        "SaveImageWebsocket",
        "StringConcatenate",
        "QRCodeGenerator",
        "Power Lora Loader (rgthree)",
    ],
)
def test_ordinary_classes(name: str) -> None:
    assert class_refusal(name, NO_RULES, None) is None


def test_the_hosts_lists_name_classes_and_packs() -> None:
    info = {"Blur": {"python_module": "custom_nodes.comfyui-blur"}, "Run": {"python_module": "custom_nodes.PythonBox"}}
    assert class_refusal("Blur", NO_RULES, info) is None
    assert class_refusal("Blur", ScreeningRules(deny=("pack:comfyui-*",)), info) is RefusalReason.HOST
    assert class_refusal("Blur", ScreeningRules(deny=("bl?r",)), info) is RefusalReason.HOST
    assert class_refusal("Run", NO_RULES, info) is RefusalReason.CODE
    assert class_refusal("Run", ScreeningRules(allow=("pack:pythonbox",)), info) is None
    assert class_refusal("PythonScript", ScreeningRules(deny=("*",), allow=("PythonScript",)), info) is None


@pytest.mark.setting("workflows.partner_nodes")
def test_nodes_that_cost_money_are_refused_unless_the_host_allows_them() -> None:
    info = {
        "VeoVideo": {"python_module": "comfy_api_nodes.nodes_veo", "api_node": True},
        "PackVideo": {"python_module": "custom_nodes.films", "api_node": True},
    }
    refused = screening_rules(Settings())
    allowed = screening_rules(Settings.model_validate({"workflows": {"partner_nodes": True}}))
    for name in info:
        with pytest.raises(NodeRefused, match="costs money"):
            require_allowed(one(name), refused, info)
        require_allowed(one(name), allowed, info)


def test_values_from_a_list_are_no_paths() -> None:
    info: dict[str, Any] = {"Loader": {"input": {"required": {"file": [["/models/a.safetensors"], {}]}}}}
    require_allowed(one("Loader", file="/models/a.safetensors"), NO_RULES, info)
    with pytest.raises(NodeRefused, match="path of its own in file"):
        require_allowed(one("Loader", file="/models/a.safetensors"), NO_RULES, None)


def test_an_error_names_at_most_five_nodes() -> None:
    graph: dict[str, Any] = {str(n): {"class_type": "RunPython", "inputs": {}} for n in range(9)}
    with pytest.raises(NodeRefused) as refused:
        require_allowed(graph, NO_RULES, None)
    assert refused.value.message.count("runs code") == 5
    assert "and 4 more" in refused.value.message


@pytest.mark.parametrize("file", sorted(SHIPPED.rglob("*.json")), ids=lambda file: file.stem)
def test_the_workflows_that_come_with_it_are_taken(file: Path) -> None:
    require_allowed(json.loads(file.read_text("utf-8")), NO_RULES, None)


@given(st.text(max_size=60))
def test_a_saved_name_stays_below_the_output_folder(name: str) -> None:
    graph = with_forced_paths(one("SaveImage", filename_prefix=name)).graph
    forced = graph["1"]["inputs"]["filename_prefix"]
    parts = forced.replace("\\", "/").split("/")
    assert not forced.lstrip().startswith(("/", "\\", "~"))
    assert ".." not in parts
    assert re.match(r"\s*[A-Za-z]:", forced) is None
    assert with_forced_paths(graph).graph == graph
