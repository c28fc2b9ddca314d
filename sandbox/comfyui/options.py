"""The settings of a stand-in ComfyUI."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

_DEFAULT_MODELS: Mapping[str, tuple[str, ...]] = {
    "checkpoints": (
        "sd_xl_base_1.0.safetensors",
        "tiny_random_sd15.safetensors",
        "v1-5-pruned-emaonly-fp16.safetensors",
    ),
    "diffusion_models": (
        "flux1-dev.safetensors",
        "z\\z_image_turbo_bf16.safetensors",
        "z_image_turbo_bf16.safetensors",
    ),
    "text_encoders": ("clip_l.safetensors", "qwen_3_4b.safetensors", "t5xxl_fp16.safetensors"),
    "vae": ("ae.safetensors", "pixel_space", "z\\ae.safetensors"),
    "loras": ("zit\\mine\\characters\\chorus\\chorus_nova_zit_v1_000001750.safetensors",),
    "upscale_models": ("2x-sandbox.pth", "4x-UltraSharp.pth"),
    "embeddings": (),
    "controlnet": (),
    "clip_vision": (),
    "style_models": (),
    "configs": (),
}


def default_models() -> dict[str, list[str]]:
    """The model files that the stand-in has by default: those that the shipped and the recorded workflows use."""
    return {folder: list(names) for folder, names in _DEFAULT_MODELS.items()}


@dataclass(frozen=True)
class StandInOptions:
    """The settings of a stand-in. What goes wrong is set in its `faults`."""

    version: str = "0.33.0"
    """The version in `/system_stats`; it also decides which endpoints exist."""
    step_seconds: float = 0.02
    """Duration of a sampler step, beside the time for drawing."""
    load_seconds: float = 0.0
    """Duration of each model loader, during which nothing is reported."""
    speech_seconds: float = 0.0
    """Duration of each TTS node, during which nothing is reported."""
    previews: bool = True
    """Whether it was started with `--preview-method latent2rgb`.

    ComfyUI's default is that samplers send previews only for prompts that ask for them.
    """
    metadata: bool = True
    """Whether files get metadata; False is as `--disable-metadata`."""
    max_upload_bytes: int = 104857600
    vram_total: int = 25769803776
    models: Mapping[str, list[str]] = field(default_factory=default_models)
    templates: Path | None = None
    """The folder of the workflow gallery, with its `index.json`; None: none is installed."""
    model_metadata: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    """File name -> the metadata in the file, for `/view_metadata`; other files have none."""
    model_sizes: Mapping[str, int] = field(default_factory=dict[str, int])
    """File name -> bytes, for `/experiment/models`; other files have none."""

    @property
    def version_numbers(self) -> tuple[int, ...]:
        """The version as numbers, to compare."""
        return tuple(int(part) for part in re.findall(r"\d+", self.version)[:3])

    @property
    def takes_prompt_id(self) -> bool:
        """Whether POST /prompt uses the `prompt_id` of the client (0.3.45)."""
        return self.version_numbers >= (0, 3, 45)

    @property
    def demands_uuid(self) -> bool:
        """Whether `prompt_id` must be a canonical UUID (0.24)."""
        return self.version_numbers >= (0, 24)

    @property
    def interrupts_by_id(self) -> bool:
        """Whether POST /interrupt regards `prompt_id` (0.3.57); before, it interrupts any prompt."""
        return self.version_numbers >= (0, 3, 57)

    @property
    def has_jobs(self) -> bool:
        """Whether `/api/jobs` exists (0.5.1)."""
        return self.version_numbers >= (0, 5, 1)

    @property
    def cancels_jobs(self) -> bool:
        """Whether `/api/jobs/{id}/cancel` exists (0.25)."""
        return self.version_numbers >= (0, 25)
