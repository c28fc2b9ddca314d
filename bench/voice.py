"""From a message to speakable text, from sound to a voice message, and from a posted text to its speech."""

from __future__ import annotations

import json
import math
import struct
import tempfile
import time
import wave
from pathlib import Path

from bench._house import CHARACTER, Graph, System, node, open_system
from bench.report import Report
from bench.stalls import watched
from bench.timing import Sample, repeated
from bot.media.audio import transcode_to_ogg
from bot.media.ffmpeg import Ffmpeg
from bot.media.speech import speakable
from sandbox.discord import Message, SimulatedChannel, SimulatedUser

TITLE = "Voices"
TURNS = 30
SECONDS = 30
TRANSCODES = 8
MARKUP = (
    "## A **bold** *move*\n> ||hidden __under__ ~~the~~ table|| by <@123456789012345678> in <#223456789012345678>\n"
    "- [a link](https://example.org/x?y=z) and <https://example.org>, `code` 🎉<:wave:323456789012345678>\n"
    "1. at <t:1700000000:F>, *she **really** smiles*\n| a | b |\n|---|---|\n| 1 | 2 |\n-# ***so*** it goes ||*\n"
)


async def run(report: Report) -> None:
    """Text, then sound, then the whole system."""
    _speakable(report)
    await _transcoding(report)
    async with open_system({}, token_seconds=0.0, voice={"delivery": "voice_message"}) as system:
        await _following(system, report)


def _speakable(report: Report) -> None:
    text = (MARKUP * (2000 // len(MARKUP) + 1))[:2000]
    spent = repeated(lambda: speakable(text), times=200)
    report.measured(
        "speakable text of 2,000 characters of dense markup, p99", spent.p99, "ms", at_most=10, note=spent.note
    )


async def _transcoding(report: Report) -> None:
    with tempfile.TemporaryDirectory(prefix="chorus-bench-") as name:
        source = Path(name) / "speech.wav"
        _write_tone(source)
        await transcode_to_ogg(source, Path(name) / "warm.ogg", ffmpeg=Ffmpeg())
        spent = Sample()
        async with watched() as stalls:
            for n in range(TRANSCODES):
                with spent.timed():
                    await transcode_to_ogg(source, Path(name) / f"{n}.ogg", ffmpeg=Ffmpeg())
    report.measured("transcode and waveform of 30 s of audio, median", spent.median, "ms", at_most=600, note=spent.note)
    report.measured(
        "event-loop stall while transcoding, p99.9 above a control loop", stalls.p999_above_control, "ms",
        at_most=20, note=stalls.note,
    )  # fmt: skip


async def _following(system: System, report: Report) -> None:
    """From the last change of a turn's text, at Discord, to POST /prompt of its speech, at ComfyUI."""
    _give_voice(system)
    guild = system.discord.add_guild()
    guild.add_bot_permissions("manage_webhooks")
    room, ada = guild.add_channel("studio"), guild.add_member("ada", permissions=["manage_channels"])
    spent = Sample()
    async with system.bot():
        await ada.slash(room, "character use", name="nova")
        await _spoken(system, room, ada, 0)  # makes the webhook, uploads the sample
        for n in range(1, TURNS + 1):
            spent.values.append(await _spoken(system, room, ada, n))
    report.measured("text posted to voice job submitted, median", spent.median, "ms", at_most=50, note=spent.note)
    report.measured("text posted to voice job submitted, p99", spent.p99, "ms")


async def _spoken(system: System, room: SimulatedChannel, ada: SimulatedUser, n: int) -> float:
    """One turn; milliseconds until its speech was submitted."""
    words = f"This is what I say for the time number {n}."
    system.llm.script(words)
    said = await ada.send(room, f"say something, {n}")
    turn: Message = await room.wait_for_message(lambda shown: shown.content == words, timeout=60, after=said)
    bubble = await room.wait_for_message(lambda shown: shown.is_voice, timeout=60, after=turn)
    if bubble.reply_to is not turn:
        raise RuntimeError("another turn was spoken")
    to_wall_clock = time.time() - time.monotonic()
    submitted = system.comfy.log.find("submitted")[-1].time + to_wall_clock
    return (submitted - (turn.edited or turn.created)) * 1000


def _give_voice(system: System) -> None:
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
    _write_tone(sample, seconds=4)


def _write_tone(path: Path, *, seconds: float = SECONDS) -> None:
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
