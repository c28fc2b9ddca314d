"""What the benchmarks of the whole bot stand in: stand-ins in this process, the bot in another, as in life."""

from __future__ import annotations

import asyncio
import json
import math
import signal
import struct
import sys
import tempfile
import wave
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bench.stalls import Stalls
from sandbox.comfyui import StandInComfyUI, StandInOptions
from sandbox.discord import Limits, LocalDiscord, Message
from sandbox.llm import StandInLanguageModel, StandInModelOptions

Graph = dict[str, Any]
CHARACTER = "id: nova\nname: Nova\nsystem_prompt: You paint.\n"
DEADLINE = 300.0


def node(class_type: str, **inputs: Any) -> dict[str, Any]:
    """A node of an API graph."""
    return {"class_type": class_type, "inputs": inputs}


def picture(*, side: int = 64, steps: int = 2) -> Graph:
    """Text to a picture: as little work as the stand-in can make of it."""
    return {
        "1": node("CheckpointLoaderSimple", ckpt_name="sd_xl_base_1.0.safetensors"),
        "2": node("CLIPTextEncode", text="__CHORUS_PROMPT__", clip=["1", 1]),
        "3": node("CLIPTextEncode", text="__CHORUS_NEGATIVE__", clip=["1", 1]),
        "4": node("EmptyLatentImage", width=side, height=side, batch_size=1),
        "5": node(
            "KSampler",
            seed="__CHORUS_SEED__", steps=steps, cfg=7.0, sampler_name="euler", scheduler="normal", denoise=1.0,
            model=["1", 0], positive=["2", 0], negative=["3", 0], latent_image=["4", 0],
        ),
        "6": node("VAEDecode", samples=["5", 0], vae=["1", 2]),
        "7": node("SaveImage", images=["6", 0], filename_prefix="bench"),
    }  # fmt: skip


@dataclass
class System:
    """A local Discord, a stand-in ComfyUI and a stand-in model, and the files of a bot."""

    discord: LocalDiscord
    comfy: StandInComfyUI
    llm: StandInLanguageModel
    folder: Path
    config: Path

    @asynccontextmanager
    async def bot(self) -> AsyncGenerator[Bot]:
        """The bot as `chorus run` starts it, with a watch on its event loop."""
        into = self.folder / "stalls.json"
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bench._bot", str(self.config), str(into)), stdin=asyncio.subprocess.DEVNULL
        )
        bot = Bot(process, Stalls())
        try:
            await self.discord.wait_until_bot_ready(timeout=DEADLINE)
            await self.discord.wait_for_commands("imagine", "queue", timeout=DEADLINE)
            bot.signal("SIGUSR1")
            yield bot
        finally:
            bot.signal("SIGUSR2")
            bot.signal("SIGTERM")
            await process.wait()
            measured: dict[str, list[float]] = json.loads(into.read_text(encoding="utf-8")) if into.exists() else {}
            bot.stalls.ours.extend(measured.get("ours", []))
            bot.stalls.control.extend(measured.get("control", []))


@dataclass
class Bot:
    """A running bot."""

    process: asyncio.subprocess.Process
    stalls: Stalls
    """Filled when the bot has ended."""

    def signal(self, name: str) -> None:
        """Send it, where the system has it and the bot still runs."""
        if self.process.returncode is None and hasattr(signal, name):
            self.process.send_signal(getattr(signal, name))

    @property
    def resident_mb(self) -> float:
        """Memory in use, from /proc.

        Raises:
            FileNotFoundError: This is no Linux.

        """
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) / 1024


def shows_result(message: Message) -> bool:
    """Files of its job are on the message: they are named by the digest in its footer."""
    words = message.text().split()
    digest = words[-1] if words else ""
    return any(digest in file.filename for file in message.attachments)


@asynccontextmanager
async def open_system(
    workflows: Mapping[str, Graph],
    *,
    token_seconds: float = 0.01,
    step_seconds: float = 0.0,
    previews: bool = True,
    limits: Limits | None = None,
    **sections: Mapping[str, Any],
) -> AsyncGenerator[System]:
    """Stand-ins and files; `sections` go into `config.yaml`."""
    with tempfile.TemporaryDirectory(prefix="chorus-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        images = folder / "workflows" / "nova" / "image"
        images.mkdir(parents=True)
        for workflow, graph in workflows.items():
            (images / f"{workflow}.json").write_text(json.dumps(graph), encoding="utf-8")
        (folder / "characters").mkdir()
        (folder / "characters" / "nova.yaml").write_text(CHARACTER, encoding="utf-8")
        async with (
            LocalDiscord(limits=limits) as discord,
            StandInComfyUI(options=StandInOptions(step_seconds=step_seconds, previews=previews)) as comfy,
            StandInLanguageModel(options=StandInModelOptions(token_seconds=token_seconds)) as llm,
        ):
            config: dict[str, dict[str, Any]] = {
                "discord": {"server": discord.url},
                "comfyui": {"url": comfy.url, "queue": {"max_queue_size": 10_000, "max_per_user": 10_000}},
                # One person talks in fifty channels here, and gets half of the slots.
                "llm": {"provider": "openai", "base_url": llm.url, "max_parallel": 100},
                "logging": {"level": "WARNING"},
            }
            for section, keys in sections.items():
                config.setdefault(section, {}).update(keys)
            path = folder / "config.yaml"
            path.write_text(yaml.safe_dump(config), encoding="utf-8")
            yield System(discord, comfy, llm, folder, path)


def give_voice(system: System) -> None:
    """Let Nova speak everything that she says; she draws only when she is asked to."""
    graph: Graph = {
        "1": node("LoadAudio", audio="__CHORUS_VOICE_SAMPLE__"),
        "2": node(
            "ChatterboxTTS",
            model_pack_name="resembleai_default_voice", text="__CHORUS_TEXT__", seed="__CHORUS_SEED__",
            exaggeration=0.5, temperature=0.8, cfg_weight=0.5, audio_prompt=["1", 0],
        ),
        "3": node("SaveAudio", audio=["2", 0], filename_prefix="audio/bench"),
    }  # fmt: skip
    audio = system.folder / "workflows" / "nova" / "audio"
    audio.mkdir(parents=True)
    (audio / "default.json").write_text(json.dumps(graph), encoding="utf-8")
    character = f"{CHARACTER}image_generation: {{enabled: false}}\nvoice: {{always_on: true}}\n"
    (system.folder / "characters" / "nova.yaml").write_text(character, encoding="utf-8")
    sample = system.folder / "characters" / "nova" / "voice" / "default.wav"
    sample.parent.mkdir(parents=True)
    write_tone(sample, seconds=4)


def write_tone(path: Path, *, seconds: float) -> None:
    """As loud and soft as speech is."""
    rate = 24_000
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        samples = (
            round(9000 * math.sin(n * 2 * math.pi * 170 / rate) * abs(math.sin(n / 4000)))
            for n in range(round(seconds * rate))
        )
        file.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))
