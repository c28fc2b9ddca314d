"""The values of links between nodes, in place of ComfyUI's tensors and models."""

from __future__ import annotations

from dataclasses import dataclass, field

from PIL import Image

Images = tuple[Image.Image, ...]
"""IMAGE and MASK: a batch of pictures. Nodes share them and never change them in place."""


@dataclass(frozen=True, slots=True)
class Model:
    """MODEL, CLIP and VAE: the name of the file, and the LoRAs that were applied."""

    name: str
    loras: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Conditioning:
    """CONDITIONING: the text; `zeroed` by ConditioningZeroOut."""

    text: str
    zeroed: bool = False


@dataclass(frozen=True, slots=True)
class Latent:
    """LATENT: a size in pixels, the pictures that were encoded or sampled, and where a sampler may change them."""

    width: int
    height: int
    batch: int
    images: Images = ()
    mask: Image.Image | None = None


@dataclass(frozen=True, slots=True)
class Noise:
    """NOISE: the seed."""

    seed: int


@dataclass(frozen=True, slots=True)
class Guider:
    """GUIDER: the prompts and the cfg."""

    positive: Conditioning
    negative: Conditioning = field(default_factory=lambda: Conditioning(""))
    cfg: float = 1.0


@dataclass(frozen=True, slots=True)
class Sigmas:
    """SIGMAS: the number of steps, and the denoise."""

    steps: int
    denoise: float = 1.0


@dataclass(frozen=True, slots=True)
class Upscaler:
    """UPSCALE_MODEL: the factor is read from the name of the file (`4x-...`)."""

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
        """The duration in seconds."""
        return len(self.pcm) / (2 * self.channels * self.sample_rate)


@dataclass(frozen=True, slots=True)
class Video:
    """VIDEO: frames, frames per second, and audio or None."""

    frames: Images
    fps: float
    audio: Audio | None = None


@dataclass(frozen=True, slots=True)
class NarratorVoice:
    """NARRATOR_VOICE of TTS-Audio-Suite: the name of a voice, or a recording with its transcript."""

    name: str
    reference_text: str = ""
    audio: Audio | None = None


@dataclass(frozen=True, slots=True)
class ExecutionBlocker:
    """ComfyUI's ExecutionBlocker: a node returns it so that the nodes behind it do not run."""

    message: str | None
    """Reported as an error; None: nothing is reported."""
