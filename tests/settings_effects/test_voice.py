"""What the keys of `voice` do; those for delivery are proved with a local Discord, in `tests/e2e/test_voice.py`."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from imageio_ffmpeg import get_ffmpeg_exe

from bot.domain.jobs import JobState, Origin
from bot.errors import ChorusError
from bot.services import Services
from bot.voice.samples import UploadedSample
from bot.voice.speech_requests import SpeechRequest
from sandbox.comfyui import StandInComfyUI
from tests.e2e.voice_system import write_sample
from tests.settings_effects.running import made, running, speech

NOWHERE = "http://127.0.0.1:9"


async def spoken_parts(services: Services, text: str) -> tuple[str, ...]:
    """The texts of the ComfyUI prompts in which a message would be spoken."""
    speech_request = SpeechRequest(text=text, character_id="nova", origin=Origin(), requester_id=1)
    request = await services.voice.build_job_request(speech_request)
    assert request is not None
    return request.text_parts


@pytest.mark.setting("voice.read_actions")
@pytest.mark.parametrize(("read_actions", "expected"), [("skip", "Hello."), ("read", "smiles Hello.")])
async def test_actions_are_skipped_or_read(tmp_path: Path, read_actions: str, expected: str) -> None:
    async with running(tmp_path, NOWHERE, voice={"read_actions": read_actions}) as services:
        assert " ".join(await spoken_parts(services, "*smiles* Hello.")) == expected


@pytest.mark.setting("voice.max_chunk_chars")
async def test_longer_text_is_spoken_in_chunks(tmp_path: Path) -> None:
    text = "This is the first sentence. And this one is the second."
    async with running(tmp_path, NOWHERE, voice={"max_chunk_chars": 40}) as services:
        assert await spoken_parts(services, text) == ("This is the first sentence.", "And this one is the second.")


@pytest.mark.setting("voice.max_chars")
async def test_longer_speech_is_shortened(tmp_path: Path) -> None:
    text = "This is the first sentence. And this one is the second."
    async with running(tmp_path, NOWHERE, voice={"max_chars": 30}) as services:
        assert await spoken_parts(services, text) == ("This is the first sentence.",)


@pytest.mark.setting("voice.pause_ms")
async def test_between_the_chunks_there_is_silence(tmp_path: Path, comfy: StandInComfyUI) -> None:
    durations: list[float] = []
    for pause in (0, 3000):
        folder = tmp_path / str(pause)
        async with running(folder, comfy.url, voice={"pause_ms": pause}) as services:
            job = await made(services, speech("One.", "Two."))
        durations.append(job.artifacts[0].duration_seconds or 0)
    assert durations[1] - durations[0] == pytest.approx(3, abs=0.2)


@pytest.mark.setting("voice.bitrate_kbps")
async def test_speech_has_the_bitrate(tmp_path: Path, comfy: StandInComfyUI) -> None:
    sizes: list[int] = []
    for kbps in (16, 96):
        async with running(tmp_path / str(kbps), comfy.url, voice={"bitrate_kbps": kbps}) as services:
            job = await made(services, speech("One fine day we shall all go down to the harbour."))
        sizes.append(job.artifacts[0].size)
    assert sizes[0] < sizes[1] / 2


@pytest.mark.parametrize(
    "limit",
    [
        pytest.param({"max_sample_bytes": 1000}, marks=pytest.mark.setting("voice.max_sample_bytes")),
        pytest.param({"max_sample_seconds": 2}, marks=pytest.mark.setting("voice.max_sample_seconds")),
    ],
    ids=str,
)
async def test_a_larger_or_longer_sample_is_refused(tmp_path: Path, limit: dict[str, Any]) -> None:
    write_sample(tmp_path / "sample.wav", 4.0)
    given = UploadedSample(tmp_path / "sample.wav", "calm", "What is said.", added_by=7, consented_at=datetime.now(UTC))
    for allowed, voice in (("unlimited", {}), ("limited", limit)):
        async with running(tmp_path / allowed, NOWHERE, voice=voice) as services:
            nova = services.characters.get("nova")
            if voice:
                with pytest.raises(ChorusError):
                    await services.voice.samples.add(nova, 50, given)
            else:
                await services.voice.samples.add(nova, 50, given)


@pytest.mark.setting("voice.ffmpeg")
async def test_another_ffmpeg_is_used(tmp_path: Path, comfy: StandInComfyUI) -> None:
    calls, program = tmp_path / "calls.txt", tmp_path / "my-ffmpeg"
    program.write_text(f'#!/bin/sh\necho called >> {calls}\nexec {shlex.quote(get_ffmpeg_exe())} "$@"\n')
    program.chmod(0o755)
    async with running(tmp_path, comfy.url, voice={"ffmpeg": str(program)}) as services:
        assert (await made(services, speech("Hello."))).state is JobState.GENERATED
        of_speech = len(calls.read_text().splitlines())
        write_sample(tmp_path / "sample.wav")
        given = UploadedSample(tmp_path / "sample.wav", "calm", "Hello.", added_by=7, consented_at=datetime.now(UTC))
        await services.voice.samples.add(services.characters.get("nova"), 50, given)
    assert of_speech >= 1
    assert len(calls.read_text().splitlines()) > of_speech
