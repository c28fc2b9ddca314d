"""The model files of people who have one family of models, and `/object_info` with them."""

import copy
import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

RECORDED = Path(__file__).parents[4] / "shared" / "comfyui" / "object_info.json"
"""`/object_info` of a real ComfyUI 0.33, where it lies beside the repository."""
CHECKPOINTS, DIFFUSION, ENCODERS, VAE = "checkpoints", "diffusion_models", "text_encoders", "vae"
_FLUX1 = {ENCODERS: ["clip_l.safetensors", "t5xxl_fp16.safetensors"], VAE: ["ae.safetensors"]}
INSTALLED: Mapping[str, Mapping[str, list[str]]] = {
    "sd15": {CHECKPOINTS: ["v1-5-pruned-emaonly-fp16.safetensors"]},
    "sdxl": {CHECKPOINTS: ["sd_xl_base_1.0.safetensors", "sd_xl_refiner_1.0.safetensors"]},
    "sd35": {
        CHECKPOINTS: ["sd3.5_medium.safetensors"],
        ENCODERS: ["clip_g.safetensors", "clip_l.safetensors", "t5xxl_fp8_e4m3fn.safetensors"],
    },
    "flux1": {DIFFUSION: ["flux1-dev.safetensors"], **_FLUX1},
    "flux1_schnell": {DIFFUSION: ["flux1-schnell.safetensors"], **_FLUX1},
    "flux2": {
        DIFFUSION: ["flux2_dev_fp8mixed.safetensors"],
        ENCODERS: ["mistral_3_small_flux2_fp8.safetensors"],
        VAE: ["flux2-vae.safetensors"],
    },
    "flux2_klein": {
        DIFFUSION: ["flux-2-klein-4b-fp8.safetensors"],
        ENCODERS: ["qwen_3_4b.safetensors"],
        VAE: ["flux2-vae.safetensors"],
    },
    "qwen_image": {
        DIFFUSION: ["qwen_image_edit_2509_fp8_e4m3fn.safetensors", "qwen_image_2512_fp8_e4m3fn.safetensors"],
        ENCODERS: ["qwen_2.5_vl_7b_fp8_scaled.safetensors"],
        VAE: ["qwen_image_vae.safetensors"],
    },
    "z_image_turbo": {
        DIFFUSION: ["z\\z_image_turbo_bf16.safetensors"],
        ENCODERS: ["qwen_3_4b.safetensors"],
        VAE: ["z\\ae.safetensors"],
    },
    "z_image": {
        DIFFUSION: ["z_image_bf16.safetensors"],
        ENCODERS: ["qwen_3_4b.safetensors"],
        VAE: ["ae.safetensors"],
    },
    "chroma": {
        DIFFUSION: ["Chroma1-HD-fp8mixed.safetensors"],
        ENCODERS: ["t5xxl_fp8_e4m3fn_scaled.safetensors"],
        VAE: ["ae.safetensors"],
    },
}
"""Name of a family -> folder of ComfyUI -> files in it."""
_INPUTS = {
    "CheckpointLoaderSimple": CHECKPOINTS,
    "UNETLoader": DIFFUSION,
    "CLIPLoader": ENCODERS,
    "DualCLIPLoader": ENCODERS,
    "TripleCLIPLoader": ENCODERS,
    "VAELoader": VAE,
}


@cache
def descriptions() -> dict[str, Any]:
    """The node classes of the real server where it was recorded, else those of the stand-in."""
    if RECORDED.exists():
        return json.loads(RECORDED.read_text("utf-8"))
    return json.loads(resources.files("sandbox.comfyui").joinpath("core_nodes.json").read_text("utf-8"))


def object_info(files: Mapping[str, list[str]]) -> dict[str, Any]:
    """`/object_info` of a server with these model files and no others."""
    info = dict(descriptions())
    for node_class, folder in _INPUTS.items():
        info[node_class] = copy.deepcopy(info[node_class])
        for name, spec in info[node_class]["input"]["required"].items():
            if name.endswith("_name") or name.startswith("clip_name"):
                if spec[0] == "COMBO":
                    spec[1]["options"] = list(files.get(folder, []))
                else:
                    spec[0] = list(files.get(folder, []))
    return info
