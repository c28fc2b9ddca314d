"""`voice.ffmpeg` and `media.max_pixels` in the configuration: every use of ffmpeg and every opened image obeys them."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot.diagnostics.host import check_encoders
from sandbox.discord.sessions import PRIVILEGED_INTENTS
from sandbox.discord.uploads import Upload
from tests.e2e.drawing_system import DrawingSystem, press
from tests.e2e.system import DEADLINE, graph, open_system
from tests.e2e.test_large_files import film, hang
from tests.e2e.voice_system import voice_system, write_sample
from tests.media.sample_audio import FFMPEG

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="a shell script stands in for ffmpeg")


@dataclass
class LoggingFfmpeg:
    """An ffmpeg that writes down its arguments before it does its work."""

    program: Path
    log: Path

    def calls_since_last(self) -> list[str]:
        """The arguments of each call since this was asked last."""
        calls = self.log.read_text().splitlines() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return calls


@pytest.fixture
async def ffmpeg(tmp_path: Path) -> LoggingFfmpeg:
    program, log = tmp_path / "logging-ffmpeg", tmp_path / "ffmpeg.log"
    real = shlex.quote(await FFMPEG.locate())
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >> {shlex.quote(str(log))}\nexec {real} "$@"\n')
    program.chmod(0o755)
    return LoggingFfmpeg(program, log)


def ran_with(calls: list[str], *arguments: str) -> None:
    """For each of the arguments there was a call with it."""
    for argument in arguments:
        assert any(argument in call for call in calls), (argument, calls)


@posix_only
async def test_every_use_for_videos_runs_the_configured_ffmpeg(tmp_path: Path, ffmpeg: LoggingFfmpeg) -> None:
    sections: dict[str, Any] = {"voice": {"ffmpeg": str(ffmpeg.program)}, "media": {"keep_metadata": False}}
    async with open_system(tmp_path / "system", privileged_intents=PRIVILEGED_INTENTS, **sections) as system:
        here = DrawingSystem(system)
        hang(system, "film", film(frames=4, side=64))
        async with system.running():
            result = await here.drawn(workflow="film")
            # measured and given a thumbnail by generation, posted without metadata by the delivery
            ran_with(ffmpeg.calls_since_last(), "-f null -", "thumbnail=24", "-map_metadata:s -1")

            await here.requester.add_reaction(result, "✉️")
            await here.requester.dm_channel.wait_for_message(lambda shown: len(shown.attachments) == 1)
            ran_with(ffmpeg.calls_since_last(), "-map_metadata:s -1")

            page = (await here.requester.slash(here.room, "gallery")).message
            opened = await (await press(here.requester, page, "1")).wait_for_message()
            assert len(opened.attachments) == 1
            ran_with(ffmpeg.calls_since_last(), "-map_metadata:s -1")


@posix_only
async def test_shrinking_a_video_runs_the_configured_ffmpeg(tmp_path: Path, ffmpeg: LoggingFfmpeg) -> None:
    async with open_system(tmp_path / "system", voice={"ffmpeg": str(ffmpeg.program)}) as system:
        guild = system.discord.add_guild("Narrow", attachment_limit=120_000)
        system.room, system.ada = guild.add_channel("studio"), guild.add_member("eve")
        hang(system, "film", film())
        async with system.running():
            await system.result(await system.imagine(workflow="film"))
            await system.until_delivered()
    ran_with(ffmpeg.calls_since_last(), "libx264")


@posix_only
async def test_every_use_for_speech_runs_the_configured_ffmpeg(tmp_path: Path, ffmpeg: LoggingFfmpeg) -> None:
    voice = {"ffmpeg": str(ffmpeg.program), "delivery": "attachment", "format": "mp3", "max_chunk_chars": 40}
    async with voice_system(tmp_path / "system", voice=voice) as nova, nova.system.running():
        await nova.grace.slash(nova.room, "speak", text="One sentence.")
        await nova.quiet(1)
        # the host's sample is converted, the speech transcoded by generation and again, to MP3, by the delivery
        ran_with(ffmpeg.calls_since_last(), "pcm_s16le", "libopus", "libmp3lame")

        await nova.grace.slash(nova.room, "speak", text="The first of two sentences here. The second of two sentences.")
        await nova.quiet(2)
        ran_with(ffmpeg.calls_since_last(), "-f s16le -ar 48000")  # its two parts are decoded to be joined

        recording = tmp_path / "given.wav"
        write_sample(recording, 5.0)
        added = await nova.grace.slash(
            nova.room,
            "voice sample add",
            recording=Upload("voice.wav", recording.read_bytes(), "audio/wav"),
            transcript="I am Grace.",
            name="mine",
            speaker_agreed=True,
        )
        assert "**mine**" in (await added.wait_for_message(timeout=DEADLINE)).text()
        ran_with(ffmpeg.calls_since_last(), "pcm_s16le")

        played = await nova.grace.slash(nova.room, "voice sample play", name="mine")
        await played.wait_for_message(lambda shown: bool(shown.attachments), timeout=DEADLINE)
        ran_with(ffmpeg.calls_since_last(), "libopus")


@posix_only
async def test_the_doctor_examines_the_configured_ffmpeg(tmp_path: Path, ffmpeg: LoggingFfmpeg) -> None:
    async with open_system(tmp_path / "system", voice={"ffmpeg": str(ffmpeg.program)}) as system:
        findings = [finding.text async for finding in check_encoders(system.settings)]
    assert findings == ["ffmpeg runs, with libopus and libmp3lame"]
    ran_with(ffmpeg.calls_since_last(), "-encoders")


@pytest.mark.setting("media.max_pixels")
@pytest.mark.parametrize(("max_pixels", "state"), [(64 * 64, "delivered"), (64 * 64 - 1, "failed")])
async def test_a_result_with_more_pixels_than_configured_is_refused(
    tmp_path: Path, max_pixels: int, state: str
) -> None:
    async with open_system(tmp_path, media={"max_pixels": max_pixels}) as system:
        hang(system, "square", graph(side=64))
        async with system.running():
            message = await system.imagine(workflow="square")
            await system.until_delivered()
        assert system.states() == [state]
        assert ("too large to open (64 x 64)" in message.text()) is (state == "failed")


@pytest.mark.setting("media.max_pixels")
async def test_the_gallery_opens_no_thumbnail_above_the_configured_pixels(tmp_path: Path) -> None:
    """The limit is lowered between two runs of the bot, so that a thumbnail is above it."""
    async with open_system(tmp_path, privileged_intents=PRIVILEGED_INTENTS) as system:
        here = DrawingSystem(system)
        async with system.running():
            await here.drawn()
            shown = (await here.requester.slash(here.room, "gallery")).message.attachments[0].data
        system.config.write_text(system.config.read_text() + "media: {max_pixels: 100}\n")
        async with system.running():
            hidden = (await here.requester.slash(here.room, "gallery")).message.attachments[0].data
    assert len(hidden) < len(shown), "an empty cell in place of the picture"
