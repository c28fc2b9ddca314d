"""What the keys of a character file do to pictures and speech; those for its answers are in `test_answers.py`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.domain.jobs import JobKind, Origin
from bot.errors import VoiceUnavailable
from bot.voice.speech_requests import SpeechRequest
from sandbox.comfyui import StandInComfyUI
from tests.e2e.voice_system import write_sample
from tests.settings_effects.running import (
    NOVA,
    REPOSITORY,
    image_graph,
    made,
    picture,
    running,
    speech,
    speech_graph,
    write_workflow,
)

SHIPPED_SPEECH = REPOSITORY / "workflows" / "nova" / "audio" / "default.json"
NOWHERE = "http://127.0.0.1:9"


@pytest.mark.parametrize(
    ("keys", "request_kind"),
    [
        pytest.param(
            "default_image_workflow: special",
            JobKind.IMAGE,
            marks=pytest.mark.setting("character.default_image_workflow"),
        ),
        pytest.param(
            "visual_identity: {default_workflow: special}",
            JobKind.IMAGE,
            marks=pytest.mark.setting("character.visual_identity.default_workflow"),
        ),
        pytest.param(
            "default_audio_workflow: special",
            JobKind.AUDIO,
            marks=pytest.mark.setting("character.default_audio_workflow"),
        ),
    ],
)
async def test_a_character_has_its_own_default_workflow(
    tmp_path: Path, comfy: StandInComfyUI, keys: str, request_kind: JobKind
) -> None:
    write_workflow(tmp_path, "nova/image/special", image_graph())
    write_workflow(tmp_path, "nova/audio/special", speech_graph())
    async with running(tmp_path, comfy.url, character=f"{NOVA}{keys}\n") as services:
        job = await made(services, picture() if request_kind is JobKind.IMAGE else speech("Hello."))
    assert job.workflow_name == "special"


@pytest.mark.setting("character.visual_identity.negative_prompt")
async def test_its_negative_prompt_is_used_where_the_person_gave_none(tmp_path: Path, comfy: StandInComfyUI) -> None:
    character = f"{NOVA}visual_identity: {{negative_prompt: fog}}\n"
    async with running(tmp_path, comfy.url, character=character) as services:
        own = await made(services, picture())
        given = await made(services, picture(negative="rain"))
    assert [job.parameters["negative"] for job in (own, given)] == ["fog", "rain"]


@pytest.mark.setting("character.voice.enabled")
async def test_a_character_without_a_voice_does_not_speak(tmp_path: Path) -> None:
    async with running(tmp_path, NOWHERE, character=f"{NOVA}voice: {{enabled: false}}\n") as services:
        speech_request = SpeechRequest(text="Hello.", character_id="nova", origin=Origin(), requester_id=1)
        with pytest.raises(VoiceUnavailable):
            await services.voice.build_job_request(speech_request)


@pytest.mark.setting("character.voice.voice_sample", "character.voice.voice_transcript")
async def test_it_speaks_with_the_sample_that_its_file_names(tmp_path: Path) -> None:
    write_workflow(tmp_path, "nova/audio/copying", json.loads(SHIPPED_SPEECH.read_text("utf-8")))
    for name in ("default", "angry"):
        write_sample(tmp_path / "characters" / "nova" / "voice" / f"{name}.wav")
    keys = "default_audio_workflow: copying\nvoice: {voice_sample: voice/angry.wav, voice_transcript: Grr.}\n"
    async with running(tmp_path, NOWHERE, character=NOVA + keys) as services:
        sample = await services.voice.samples.default_sample(services.characters.get("nova"), None)
        request = await services.voice.build_job_request(
            SpeechRequest(text="Hello.", character_id="nova", origin=Origin(), requester_id=1)
        )
    assert sample is not None
    assert request is not None
    assert (sample.name, request.voice_transcript) == ("angry", "Grr.")
    assert [file.sha256 for file in request.inputs] == [sample.sha256]


@pytest.mark.parametrize(
    ("voice", "expected"),
    [
        pytest.param(
            "read_actions: read", "smiles One. Two.", marks=pytest.mark.setting("character.voice.read_actions")
        ),
        pytest.param("max_chars: 6", "One.", marks=pytest.mark.setting("character.voice.max_chars")),
        pytest.param(
            "max_chunk_chars: 20",
            "One fine day.|Two fine days.",
            marks=pytest.mark.setting("character.voice.max_chunk_chars"),
        ),
    ],
)
async def test_its_voice_goes_before_the_configuration(tmp_path: Path, voice: str, expected: str) -> None:
    text = "One fine day. Two fine days." if "chunk" in voice else "*smiles* One. Two."
    keys = {"read_actions": "skip", "max_chars": 1000, "max_chunk_chars": 1000}
    async with running(tmp_path, NOWHERE, character=f"{NOVA}voice: {{{voice}}}\n", voice=keys) as services:
        speech_request = SpeechRequest(text=text, character_id="nova", origin=Origin(), requester_id=1)
        request = await services.voice.build_job_request(speech_request)
    assert request is not None
    assert "|".join(request.text_parts) == expected
