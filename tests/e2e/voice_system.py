"""A system whose Nova has a voice: a scripted model, a stand-in ComfyUI that speaks, a local Discord that listens."""

from __future__ import annotations

import base64
import math
import shutil
import struct
import wave
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.discord import Message, SimulatedUser
from sandbox.discord.context import RecordedRequest
from tests.conversation.scripted_model import ScriptedModel, scripted_model
from tests.e2e.system import CHARACTER, DEADLINE, REPOSITORY, System, open_system

NOVA = CHARACTER + "image_generation: {enabled: false}\nvoice: {always_on: true}\n"
VOICES = "SELECT count(*) FROM jobs WHERE kind = 'audio'"
ALL_TOLD = "SELECT count(*) FROM jobs WHERE kind = 'audio' AND delivered_at IS NULL"
OPEN_TURNS = "SELECT count(*) FROM messages WHERE role = 'assistant' AND state != 'delivered'"


@dataclass
class VoiceSystem:
    system: System
    model: ScriptedModel

    def __post_init__(self) -> None:
        self.room = self.system.room
        self.ada = self.system.ada
        everything = ["view_channel", "send_messages", "manage_channels", "manage_guild", "manage_messages"]
        self.grace: SimulatedUser = self.system.guild.add_member("grace", permissions=everything)

    async def use_nova(self) -> None:
        await self.grace.slash(self.room, "character use", name="nova")

    async def turn(self, text: str) -> Message:
        """Until Nova's message says this."""
        return await self.room.wait_for_message(
            lambda shown: shown.content == text and shown.webhook_id is not None, timeout=DEADLINE
        )

    async def bubble(self, *, after: Message | None = None) -> Message:
        """Until a voice message is there."""
        return await self.room.wait_for_message(lambda shown: shown.is_voice, timeout=DEADLINE, after=after)

    @property
    def bubbles(self) -> list[Message]:
        return [message for message in self.room.messages if message.is_voice]

    async def quiet(self, voices: int) -> None:
        """Until that many jobs of speech were made and all of them are over and shown, and every turn is delivered."""
        await self.system.until_rows(VOICES, (voices,))
        await self.system.until_rows(ALL_TOLD, (0,))
        await self.system.until_rows(OPEN_TURNS, (0,))

    def posts(self) -> list[RecordedRequest]:
        """Requests that brought a file of ours."""
        return [each for each in self.system.discord.requests if each.parts and each.path.endswith("/messages")]

    def made(self) -> list[Path]:
        """Speech in the data folder."""
        return sorted((self.system.folder / "data" / "audio").rglob("*.ogg"))


def write_sample(path: Path, seconds: float = 4.0, *, hertz: float = 180.0) -> None:
    """A voice-like tone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rate = 16_000
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        tone = (
            round(9000 * math.sin(n * 2 * math.pi * hertz / rate) * (0.6 + 0.4 * math.sin(n / 900)))
            for n in range(round(seconds * rate))
        )
        file.writeframes(b"".join(struct.pack("<h", sample) for sample in tone))


def loudness(message: Message) -> list[int]:
    """The waveform that people see."""
    return list(base64.b64decode(message.attachments[0].waveform or "", validate=True))


@asynccontextmanager
async def voice_system(
    folder: Path, *, nova: str = NOVA, voice: dict[str, Any] | None = None
) -> AsyncGenerator[VoiceSystem]:
    """`voice`: that section of the configuration."""
    async with scripted_model() as model:
        llm = {"provider": "openai", "base_url": model.url, "model": "scripted"}
        async with open_system(
            folder, llm=llm, conversation={"edit_interval_seconds": 0.05}, voice=voice or {}
        ) as system:
            (folder / "characters" / "nova.yaml").write_text(nova, encoding="utf-8")
            write_sample(folder / "characters" / "nova" / "voice" / "default.wav")
            (folder / "characters" / "nova" / "voice" / "default.txt").write_text("Hello, I am Nova.", encoding="utf-8")
            audio = folder / "workflows" / "nova" / "audio"
            audio.mkdir(parents=True)
            shutil.copyfile(REPOSITORY / "workflows" / "nova" / "audio" / "default.json", audio / "default.json")
            system.guild.add_bot_permissions("manage_webhooks")
            yield VoiceSystem(system, model)
