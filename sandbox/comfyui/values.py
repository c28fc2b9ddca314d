"""What travels along the links of a graph: the stand-in's tensors, as plain values."""

from __future__ import annotations

from dataclasses import dataclass, field

from PIL import Image

Images = tuple[Image.Image, ...]
"""IMAGE and MASK: a batch. Pictures are shared between nodes and never changed in place."""


@dataclass(frozen=True, slots=True)
class Model:
    """MODEL, CLIP and VAE: which file, with which LoRAs."""

    name: str
    loras: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Conditioning:
    """CONDITIONING: the text itself. `zeroed` text counts for nothing."""

    text: str
    zeroed: bool = False


@dataclass(frozen=True, slots=True)
class Latent:
    """LATENT: a size in pixels, and pictures where something was encoded or sampled."""

    width: int
    height: int
    batch: int
    images: Images = ()


@dataclass(frozen=True, slots=True)
class Noise:
    """NOISE."""

    seed: int


@dataclass(frozen=True, slots=True)
class Guider:
    """GUIDER: what to draw and how insistently."""

    positive: Conditioning
    negative: Conditioning = field(default_factory=lambda: Conditioning(""))
    cfg: float = 1.0


@dataclass(frozen=True, slots=True)
class Sigmas:
    """SIGMAS: how many steps, and how much of the source is drawn over."""

    steps: int
    denoise: float = 1.0


@dataclass(frozen=True, slots=True)
class Upscaler:
    """UPSCALE_MODEL: the factor is read from the file's name (`4x-...`)."""

    name: str
    factor: int


@dataclass(frozen=True, slots=True)
class Audio:
    """AUDIO: interleaved signed 16-bit little-endian samples."""

    pcm: bytes
    sample_rate: int
    channels: int = 1

    @property
    def seconds(self) -> float:
        """Duration."""
        return len(self.pcm) / (2 * self.channels * self.sample_rate)


@dataclass(frozen=True, slots=True)
class Video:
    """VIDEO: frames at a rate, with or without sound."""

    frames: Images
    fps: float
    audio: Audio | None = None


@dataclass(frozen=True, slots=True)
class NarratorVoice:
    """NARRATOR_VOICE of the TTS packs: a named voice, or a recording with its words."""

    name: str
    reference_text: str = ""
    audio: Audio | None = None


@dataclass(frozen=True, slots=True)
class ExecutionBlocker:
    """What a node returns to stop the branch behind it (ComfyUI's ExecutionBlocker). No message: silently."""

    message: str | None
