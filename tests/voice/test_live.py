"""Speech through a real ComfyUI, at COMFYUI_URL: an uploaded sample comes back, in every format it saves.

The core nodes suffice for most; what needs text takes TestTTS and TestTTSFail where they are installed.
"""

from __future__ import annotations

import json
import os
import uuid
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from bot.domain.jobs import Job, JobKind, JobState, Origin
from bot.errors import ChorusError
from bot.media.audio import probe_audio
from bot.services import Services, open_services
from bot.settings import default_settings
from bot.voice.speech_requests import SpeechRequest
from tests.e2e.voice_system import write_sample
from tests.media.sample_audio import FFMPEG

URL = os.environ.get("COMFYUI_URL", "")
pytestmark = [pytest.mark.live, pytest.mark.skipif(not URL, reason="COMFYUI_URL is not set")]

Graph = dict[str, Any]
SECONDS = 4.0


def node(class_type: str, **inputs: object) -> Graph:
    return {"class_type": class_type, "inputs": inputs}


def saved(save: str, **inputs: object) -> Graph:
    """The sample, as it was uploaded; the text is only shown beside it."""
    return {
        "1": node("LoadAudio", audio="__CHORUS_VOICE_SAMPLE__"),
        "2": node(save, audio=["1", 0], filename_prefix="audio/chorus_test", **inputs),
        "3": node("PrimitiveStringMultiline", value="__CHORUS_TEXT__"),
        "4": node("PreviewAny", source=["3", 0]),
    }


def spoken(tts: str) -> Graph:
    return {
        "1": node("LoadAudio", audio="__CHORUS_VOICE_SAMPLE__"),
        "2": node(tts, text="__CHORUS_TEXT__", seed="__CHORUS_SEED__", reference_audio=["1", 0], delay=0.0),
        "3": node("SaveAudio", audio=["2", 0], filename_prefix="audio/chorus_test"),
    }


async def said(services: Services, text: str) -> Job:
    """Speak it, to the end."""
    job = await services.voice.submit(SpeechRequest(text=text, character_id="nova", origin=Origin(), requester_id=0))
    async for _ in services.orchestrator.watch(job.id):
        pass
    done = await services.orchestrator.job(job.id)
    assert done is not None
    return done


def services_with(folder: Path, graph: Graph) -> AbstractAsyncContextManager[Services]:
    (folder / "characters" / "nova" / "voice").mkdir(parents=True)
    (folder / "characters" / "nova.yaml").write_text("id: nova\nname: Nova\nsystem_prompt: You speak.\n", "utf-8")
    # Its own pitch, so that no other run's upload or cache has it.
    write_sample(folder / "characters" / "nova" / "voice" / "default.wav", SECONDS, hertz=150 + uuid.uuid4().int % 100)
    (folder / "characters" / "nova" / "voice" / "default.txt").write_text("La la la.", "utf-8")
    audio = folder / "workflows" / "nova" / "audio"
    audio.mkdir(parents=True)
    (audio / "default.json").write_text(json.dumps(graph), "utf-8")
    return open_services(default_settings(folder, {"comfyui": {"url": URL}}))


@pytest.mark.parametrize(
    ("save", "options", "suffix"),
    [
        ("SaveAudio", {}, ".flac"),
        ("SaveAudioMP3", {"quality": "128k"}, ".mp3"),
        ("SaveAudioOpus", {"quality": "96k"}, ".ogg"),
    ],
)
async def test_an_uploaded_sample_comes_back_as_a_voice_message(
    tmp_path: Path, save: str, options: dict[str, object], suffix: str
) -> None:
    async with services_with(tmp_path, saved(save, **options)) as services:
        done = await said(services, "Hello there.")
        assert done.state is JobState.GENERATED, done.error
        (artifact,) = done.artifacts
        assert artifact.kind is JobKind.AUDIO
        assert artifact.original is not None
        assert artifact.original.endswith(suffix)
        path = services.settings.storage.data_dir / artifact.path
        info = await probe_audio(path, ffmpeg=FFMPEG)
        assert info.media_type == "audio/ogg"
        assert info.duration_seconds == pytest.approx(SECONDS, abs=0.1)
        assert artifact.duration_seconds == pytest.approx(info.duration_seconds, abs=0.05)
        assert not info.silent


async def installed(services: Services, *classes: str) -> None:
    known = await services.comfy[0].object_info()
    if missing := [name for name in classes if name not in known]:
        pytest.skip(f"this ComfyUI has no {', '.join(missing)}")


async def test_long_text_is_spoken_in_parts_and_joined(tmp_path: Path) -> None:
    async with services_with(tmp_path, spoken("TestTTS")) as services:
        await installed(services, "TestTTS")
        words = " ".join(f"This is sentence number {n} of a long and winding story." for n in range(1, 15))
        done = await said(services, words)
        assert done.state is JobState.GENERATED, done.error
        parts = done.request.text_parts
        assert len(parts) == 2
        expected = sum(max(0.3, 0.06 * len(part)) for part in parts) + 0.25
        assert done.artifacts[0].duration_seconds == pytest.approx(expected, abs=0.1)


async def test_a_failing_voice_is_an_error(tmp_path: Path) -> None:
    async with services_with(tmp_path, spoken("TestTTSFail")) as services:
        await installed(services, "TestTTSFail")
        done = await said(services, "Hello there.")
        assert done.state is JobState.FAILED
        assert done.error is not None
        assert done.error.code == "GENERATION_FAILED"
        assert done.artifacts == ()


async def test_a_node_that_is_not_there_is_named(tmp_path: Path) -> None:
    async with services_with(tmp_path, spoken("NoSuchTTS")) as services:
        await services.comfy[0].object_info()
        with pytest.raises(ChorusError, match="NoSuchTTS") as error:
            await said(services, "Hello there.")
        assert error.value.code == "MISSING_NODE"
