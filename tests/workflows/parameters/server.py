"""`/object_info` of the stand-in, which describes ComfyUI's own nodes, for tests of parameters."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from bot.workflows import InputValues, Workflow, inject
from bot.workflows.parameters import Parameter, ParameterValue, check_overrides, parameters_of
from tests.workflows.graphs import SHARED

NUMBER: dict[str, Any] = {"min": 0.0, "max": 10.0, "step": 0.01}
SAMPLERS = ["euler", "euler_ancestral", "dpmpp_2m", "dpmpp_2m_sde", "uni_pc"]
SCHEDULERS = ["normal", "karras", "simple", "sgm_uniform"]
SAMPLER_INPUTS: dict[str, Any] = {
    "steps": ["INT", {"default": 20, "min": 1, "max": 10000}],
    "cfg": ["FLOAT", {"default": 8.0, "min": 0.0, "max": 100.0, "step": 0.1, "round": 0.01}],
    "sampler_name": [SAMPLERS, {}],
    "scheduler": ["COMBO", {"options": SCHEDULERS}],
    "denoise": ["FLOAT", {"default": 1.0, "min": 0.0, "max": 1.0, "step": 0.01}],
}
SEED: list[Any] = ["INT", {"default": 0, "min": 0, "max": 2**64 - 1}]
SIZE: list[Any] = ["INT", {"default": 512, "min": 16, "max": 16384, "step": 8}]
OBJECT_INFO: dict[str, Any] = {
    "KSampler": {"input": {"required": {"seed": SEED, **SAMPLER_INPUTS}}, "display_name": "KSampler"},
    "KSamplerAdvanced": {
        "input": {
            "required": {
                "add_noise": [["enable", "disable"], {}],
                "noise_seed": SEED,
                **{name: SAMPLER_INPUTS[name] for name in ("steps", "cfg", "sampler_name", "scheduler")},
                "start_at_step": ["INT", {"default": 0, "min": 0, "max": 10000}],
                "end_at_step": ["INT", {"default": 10000, "min": 0, "max": 10000}],
            }
        }
    },
    "EmptyLatentImage": {
        "input": {
            "required": {"width": SIZE, "height": SIZE, "batch_size": ["INT", {"default": 1, "min": 1, "max": 64}]}
        }
    },
    "CheckpointLoaderSimple": {
        "input": {"required": {"ckpt_name": [["tiny_random_sd15.safetensors", "sdxl/base.safetensors"], {}]}},
        "output": ["MODEL", "CLIP", "VAE"],
    },
    "LoraLoader": {
        "input": {
            "required": {
                "lora_name": [["ink.safetensors", "styles/water color.safetensors", "detail.safetensors"], {}],
                "strength_model": ["FLOAT", {"default": 1.0, "min": -100.0, "max": 100.0, "step": 0.01}],
                "strength_clip": ["FLOAT", {"default": 1.0, "min": -100.0, "max": 100.0, "step": 0.01}],
            }
        },
        "output": ["MODEL", "CLIP"],
    },
    "CLIPTextEncode": {"input": {"required": {"text": ["STRING", {"multiline": True}]}}, "output": ["CONDITIONING"]},
    "PrimitiveInt": {"input": {"required": {"value": ["INT", {"min": -(2**63), "max": 2**63 - 1}]}}},
    "VAEDecode": {"input": {"required": {}}, "output": ["IMAGE"]},
    "SaveImage": {"input": {"required": {"filename_prefix": ["STRING", {"default": "ComfyUI"}]}}, "output_node": True},
    "LoadImage": {"input": {"required": {"image": [["a.png", "b.png"], {"image_upload": True}]}}},
    "Sharpen": {
        "input": {
            "required": {
                "sharpness": ["FLOAT", {"default": 0.5, **NUMBER, "tooltip": "How  crisp\nit gets."}],
                "fast": ["BOOLEAN", {"default": False}],
                "note_text": ["STRING", {"default": ""}],
                "path": ["STRING", {"default": "/tmp/x"}],
                "mask_model": [["sam.safetensors"], {}],
            }
        },
        "output": ["IMAGE"],
    },
    "SaveVideo": {
        "input": {
            "required": {
                "format": [
                    "COMFY_DYNAMICCOMBO_V3",
                    {
                        "options": [
                            {"key": "auto", "inputs": {"required": {}}},
                            {
                                "key": "mp4",
                                "inputs": {"required": {"codec": ["COMBO", {"options": ["h264", "av1"]}]}},
                            },
                            {
                                "key": "webm",
                                "inputs": {"required": {"quality": ["INT", {"default": 30, "min": 1, "max": 63}]}},
                            },
                        ]
                    },
                ]
            }
        },
        "output_node": True,
    },
}


@cache
def recorded_object_info() -> dict[str, Any]:
    """`/object_info` as a real ComfyUI answered."""
    return json.loads((SHARED / "object_info.json").read_text(encoding="utf-8"))


def found(workflow: Workflow, name: str, object_info: Any = OBJECT_INFO) -> Parameter:
    """The parameter of that name."""
    parameter = parameters_of(workflow, object_info).find(name)
    assert parameter is not None, [each.name for each in parameters_of(workflow, object_info)]
    return parameter


def injected(
    workflow: Workflow, overrides: dict[str, ParameterValue], object_info: Any = OBJECT_INFO
) -> dict[str, Any]:
    """The graph with checked overrides and nothing else written into it."""
    checked = check_overrides(workflow, overrides, object_info)
    return inject(workflow, InputValues(**checked.roles, overrides=checked.values), object_info)  # pyright: ignore[reportArgumentType]


def changes(before: Any, after: dict[str, Any]) -> dict[str, Any]:
    """`node.input` -> new value, of every input that differs."""
    return {
        f"{node_id}.{name}": value
        for node_id, node in after.items()
        for name, value in node["inputs"].items()
        if node_id not in before or before[node_id]["inputs"].get(name, ...) != value
    }
