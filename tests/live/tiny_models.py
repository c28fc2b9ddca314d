"""A checkpoint and a LoRA with random weights, small enough to be made for a test and loaded on a CPU.

ComfyUI takes the checkpoint for a Stable Diffusion 1.5: it recognises a model by the names and shapes of its tensors
(`comfy/model_detection.py`), and those of SD1.5 need 320 channels and a context of 768, but no more than one block.
The text encoder has to have its twelve layers; they are zeros, which let the embeddings through and take no space on
the disk. The VAE is the decoder of a TAESD.
"""

from __future__ import annotations

import json
import math
import os
import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CHECKPOINT = "tiny_random_sd15.safetensors"
LORA = "chorus_test.safetensors"
_PERIOD = 8191
"""A prime, so that no two rows of a matrix are the same."""
_CHANNELS, _TIME, _CONTEXT, _TAESD = 320, 1280, 768, 64


@dataclass(frozen=True)
class Tensor:
    """A tensor to be written as 16-bit floats: random with this deviation, else all `value`."""

    name: str
    shape: tuple[int, ...]
    deviation: float = 0.0
    value: float = 0.0

    @property
    def size(self) -> int:
        """Bytes."""
        return 2 * math.prod(self.shape)


def install_models(folder: Path) -> None:
    """Write both into `checkpoints` and `loras` of a folder, unless they are there."""
    _install(folder / "checkpoints" / CHECKPOINT, [*_unet(), *_text_encoder(), *_vae()])
    _install(folder / "loras" / LORA, list(_lora()))


def _install(path: Path, tensors: list[Tensor]) -> None:
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".{os.getpid()}")  # ComfyUI does not list it, and other tests may write it as well
    _write(unfinished, tensors)
    unfinished.replace(path)


def _write(path: Path, tensors: list[Tensor]) -> None:
    """Write the safetensors format: the length of a JSON header, the header, the tensors one after the other."""
    header: dict[str, object] = {}
    at = 0
    for tensor in tensors:
        header[tensor.name] = {"dtype": "F16", "shape": list(tensor.shape), "data_offsets": [at, at + tensor.size]}
        at += tensor.size
    encoded = json.dumps(header).encode()
    encoded += b" " * (-len(encoded) % 8)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(encoded)) + encoded)
        for number, tensor in enumerate(tensors):
            if tensor.deviation or tensor.value:
                file.write(_numbers(tensor, seed=number))
            else:
                file.seek(tensor.size, os.SEEK_CUR)
        file.truncate(8 + len(encoded) + at)


def _numbers(tensor: Tensor, seed: int) -> bytes:
    if not tensor.deviation:
        return struct.pack("<e", tensor.value) * (tensor.size // 2)
    dice = random.Random(seed)
    block = struct.pack(f"<{_PERIOD}e", *(dice.gauss(0, tensor.deviation) for _ in range(_PERIOD)))
    return (block * (tensor.size // len(block) + 1))[: tensor.size]


# -- layers


def _linear(name: str, outputs: int, inputs: int, *, bias: bool = True, gain: float = 1.0) -> Iterator[Tensor]:
    yield Tensor(f"{name}.weight", (outputs, inputs), gain / math.sqrt(inputs))
    if bias:
        yield Tensor(f"{name}.bias", (outputs,))


def _convolution(
    name: str, outputs: int, inputs: int, *, size: int = 3, bias: bool = True, gain: float = 1.0
) -> Iterator[Tensor]:
    yield Tensor(f"{name}.weight", (outputs, inputs, size, size), gain / math.sqrt(inputs * size * size))
    if bias:
        yield Tensor(f"{name}.bias", (outputs,))


def _norm(name: str, channels: int) -> Iterator[Tensor]:
    yield Tensor(f"{name}.weight", (channels,), value=1.0)
    yield Tensor(f"{name}.bias", (channels,))


def _residual_block(name: str, inputs: int) -> Iterator[Tensor]:
    yield from _norm(f"{name}.in_layers.0", inputs)
    yield from _convolution(f"{name}.in_layers.2", _CHANNELS, inputs)
    yield from _linear(f"{name}.emb_layers.1", _CHANNELS, _TIME)
    yield from _norm(f"{name}.out_layers.0", _CHANNELS)
    yield from _convolution(f"{name}.out_layers.3", _CHANNELS, _CHANNELS)
    if inputs != _CHANNELS:
        yield from _convolution(f"{name}.skip_connection", _CHANNELS, inputs, size=1)


def _attention(name: str, context: int) -> Iterator[Tensor]:
    yield from _linear(f"{name}.to_q", _CHANNELS, _CHANNELS, bias=False)
    yield from _linear(f"{name}.to_k", _CHANNELS, context, bias=False)
    yield from _linear(f"{name}.to_v", _CHANNELS, context, bias=False)
    yield from _linear(f"{name}.to_out.0", _CHANNELS, _CHANNELS)


def _transformer(name: str) -> Iterator[Tensor]:
    yield from _norm(f"{name}.norm", _CHANNELS)
    yield from _convolution(f"{name}.proj_in", _CHANNELS, _CHANNELS, size=1)
    block = f"{name}.transformer_blocks.0"
    yield from _attention(f"{block}.attn1", _CHANNELS)
    yield from _attention(f"{block}.attn2", _CONTEXT)
    yield from _linear(f"{block}.ff.net.0.proj", 8 * _CHANNELS, _CHANNELS)
    yield from _linear(f"{block}.ff.net.2", _CHANNELS, 4 * _CHANNELS)
    for number in (1, 2, 3):
        yield from _norm(f"{block}.norm{number}", _CHANNELS)
    yield from _convolution(f"{name}.proj_out", _CHANNELS, _CHANNELS, size=1)


# -- models


def _unet() -> Iterator[Tensor]:
    prefix = "model.diffusion_model"
    yield from _linear(f"{prefix}.time_embed.0", _TIME, _CHANNELS)
    yield from _linear(f"{prefix}.time_embed.2", _TIME, _TIME)
    yield from _convolution(f"{prefix}.input_blocks.0.0", _CHANNELS, 4)
    yield from _residual_block(f"{prefix}.input_blocks.1.0", _CHANNELS)
    yield from _transformer(f"{prefix}.input_blocks.1.1")
    yield from _residual_block(f"{prefix}.output_blocks.0.0", 2 * _CHANNELS)
    yield from _residual_block(f"{prefix}.output_blocks.1.0", 2 * _CHANNELS)
    yield from _norm(f"{prefix}.out.0", _CHANNELS)
    yield from _convolution(f"{prefix}.out.2", 4, _CHANNELS)


def _text_encoder() -> Iterator[Tensor]:
    prefix = "cond_stage_model.transformer.text_model"
    yield Tensor(f"{prefix}.embeddings.token_embedding.weight", (49_408, _CONTEXT), 1.0)
    yield Tensor(f"{prefix}.embeddings.position_embedding.weight", (77, _CONTEXT), 0.1)
    for layer in range(12):
        name = f"{prefix}.encoder.layers.{layer}"
        for part in ("q_proj", "k_proj", "v_proj", "out_proj"):
            yield from _linear(f"{name}.self_attn.{part}", _CONTEXT, _CONTEXT, gain=0)
        yield from _norm(f"{name}.layer_norm1", _CONTEXT)
        yield from _linear(f"{name}.mlp.fc1", 4 * _CONTEXT, _CONTEXT, gain=0)
        yield from _linear(f"{name}.mlp.fc2", _CONTEXT, 4 * _CONTEXT, gain=0)
        yield from _norm(f"{name}.layer_norm2", _CONTEXT)
    yield from _norm(f"{prefix}.final_layer_norm", _CONTEXT)


def _vae() -> Iterator[Tensor]:
    prefix = "first_stage_model.taesd_decoder"
    yield Tensor("first_stage_model.vae_scale", (), value=1.0)
    yield Tensor("first_stage_model.vae_shift", ())
    yield from _convolution(f"{prefix}.1", _TAESD, 4)
    for block in (3, 4, 5, 8, 9, 10, 13, 14, 15, 18):
        for layer in (0, 2, 4):
            yield from _convolution(f"{prefix}.{block}.conv.{layer}", _TAESD, _TAESD)
    for upscaled in (7, 12, 17):
        yield from _convolution(f"{prefix}.{upscaled}", _TAESD, _TAESD, bias=False)
    yield from _convolution(f"{prefix}.19", 3, _TAESD, gain=0.3)


def _lora() -> Iterator[Tensor]:
    """Of rank 4, for the attention to the text; the names are those that kohya's trainer writes."""
    for part in ("to_k", "to_v"):
        name = f"lora_unet_input_blocks_1_1_transformer_blocks_0_attn2_{part}"
        yield Tensor(f"{name}.lora_down.weight", (4, _CONTEXT), 0.1)
        yield Tensor(f"{name}.lora_up.weight", (_CHANNELS, 4), 0.5)
        yield Tensor(f"{name}.alpha", (), value=4.0)
