"""How a stand-in ComfyUI is set up."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

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
    """Model files that the stand-in pretends to have: names that shipped and recorded workflows use."""
    return {folder: list(names) for folder, names in _DEFAULT_MODELS.items()}


@dataclass(frozen=True)
class StandInOptions:
    """Settings of one stand-in; what goes wrong is set in its `faults`."""

    version: str = "0.33.0"
    """What `/system_stats` says, and what the server can do: see `has`."""
    step_seconds: float = 0.02
    """Time of one sampler step beyond the painting itself."""
    load_seconds: float = 0.0
    """Silent time of each model loader."""
    speech_seconds: float = 0.0
    """Silent time of each TTS node."""
    previews: bool = True
    """As with `--preview-method latent2rgb`; ComfyUI's own default is none."""
    metadata: bool = True
    """False as with `--disable-metadata`."""
    max_upload_bytes: int = 104857600
    vram_total: int = 25769803776
    models: Mapping[str, list[str]] = field(default_factory=default_models)

    @property
    def version_numbers(self) -> tuple[int, ...]:
        """For comparison."""
        return tuple(int(part) for part in re.findall(r"\d+", self.version)[:3])

    @property
    def takes_prompt_id(self) -> bool:
        """POST /prompt uses the client's id (0.3.45)."""
        return self.version_numbers >= (0, 3, 45)

    @property
    def demands_uuid(self) -> bool:
        """The id must be a canonical UUID (0.24)."""
        return self.version_numbers >= (0, 24)

    @property
    def interrupts_by_id(self) -> bool:
        """POST /interrupt looks at the id (0.3.57); before it interrupts whatever runs."""
        return self.version_numbers >= (0, 3, 57)

    @property
    def has_jobs(self) -> bool:
        """`/api/jobs` exists (0.5.1)."""
        return self.version_numbers >= (0, 5, 1)

    @property
    def cancels_jobs(self) -> bool:
        """`/api/jobs/{id}/cancel` exists (0.25)."""
        return self.version_numbers >= (0, 25)
