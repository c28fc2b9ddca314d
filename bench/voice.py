"""From a message to speakable text, from sound to a voice message, and from a posted text to its speech."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from bench._house import System, give_voice, open_system, write_tone
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
        write_tone(source, seconds=SECONDS)
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
    give_voice(system)
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
