"""The TTS packs people use (class types and inputs as their repositories have them)."""

from __future__ import annotations

from typing import Any

import pytest

from bot.domain.jobs import JobKind
from bot.workflows import InputRole, InputValues, inject, seed_limit, validate_structure
from tests.workflows.graphs import GraphDict, inputs_of, node, parsed

LOAD = node("LoadAudio", audio="voice.wav")
SAVE = node("SaveAudioMP3", audio=["2", 0], filename_prefix="audio/x", quality="V0")


def graph_of(*speakers: tuple[str, dict[str, Any]], load: dict[str, Any] = LOAD) -> GraphDict:
    return {"1": load, **dict(speakers), "9": SAVE}


PACKS: list[tuple[str, GraphDict, list[str], list[str]]] = [
    (
        "TTS-Audio-Suite",
        graph_of(
            ("3", node("ChatterBoxEngineNode", language="English", device="auto", exaggeration=0.5)),
            (
                "4",
                node("CharacterVoicesNode", voice_name="none", reference_text="what I say", opt_audio_input=["1", 0]),
            ),
            (
                "2",
                node(
                    "UnifiedTTSTextNode",
                    TTS_engine=["3", 0],
                    text="hello",
                    narrator_voice="none",
                    seed=1,
                    opt_narrator=["4", 0],
                ),
            ),
        ),
        ["2.text"],
        ["4.reference_text"],
    ),
    (
        "F5-TTS",
        graph_of(
            ("2", node("F5TTSAudioInputs", sample_audio=["1", 0], sample_text="what I say", speech="hello", seed=-1))
        ),
        ["2.speech"],
        ["2.sample_text"],
    ),
    ("Chatterbox", graph_of(("2", node("ChatterboxTTS", text="hello", audio_prompt=["1", 0], seed=3))), ["2.text"], []),
    (
        "IndexTTS2",
        graph_of(("2", node("IndexTTS2Simple", text="hello", audio=["1", 0], emotion_control="none"))),
        ["2.text"],
        [],
    ),
    (
        "IndexTTS, linked",
        graph_of(
            ("3", node("MultiLinePromptIndex", multi_line_prompt="hello")),
            ("2", node("IndexTTSRun", text=["3", 0], audio=["1", 0], model="IndexTTS")),
        ),
        ["3.multi_line_prompt"],
        [],
    ),
    (
        "VibeVoice",
        graph_of(
            (
                "2",
                node(
                    "VibeVoiceSingleSpeakerNode", text="hello", model="VibeVoice-1.5B", voice_to_clone=["1", 0], seed=42
                ),
            )
        ),
        ["2.text"],
        [],
    ),
    ("test node", graph_of(("2", node("TestTTS", text="hello", seed=0, reference_audio=["1", 0]))), ["2.text"], []),
]


@pytest.mark.parametrize(("graph", "text", "transcript"), [pack[1:] for pack in PACKS], ids=[pack[0] for pack in PACKS])
def test_text_sample_and_transcript_are_found(graph: GraphDict, text: list[str], transcript: list[str]) -> None:
    workflow = parsed(graph)
    assert inputs_of(workflow.analysis, InputRole.TEXT) == text
    assert inputs_of(workflow.analysis, InputRole.VOICE_SAMPLE) == ["1.audio"]
    assert inputs_of(workflow.analysis, InputRole.VOICE_TRANSCRIPT) == transcript
    validate_structure(workflow, JobKind.AUDIO)
    filled = inject(
        workflow, InputValues(text="Bonjour", voice_sample="chorus/n.wav", voice_transcript="T", seed=2**40)
    )
    node_id, name = text[0].split(".")
    assert filled[node_id]["inputs"][name] == "Bonjour"
    assert filled["1"]["inputs"]["audio"] == "chorus/n.wav"
    for place in transcript:
        assert filled[place.split(".")[0]]["inputs"][place.split(".")[1]] == "T"
    for target in workflow.analysis.inputs_for(InputRole.SEED):
        assert filled[target.node_id]["inputs"][target.input_name] == 2**40 % 2**32
    assert seed_limit(workflow) == 2**32 - 1


def test_video_helper_suites_loader_takes_a_path() -> None:
    load = node("VHS_LoadAudio", audio_file="input/old.wav", seek_seconds=0)
    workflow = parsed(graph_of(("2", node("ChatterboxTTS", text="hello", audio_prompt=["1", 0])), load=load))
    assert inputs_of(workflow.analysis, InputRole.VOICE_SAMPLE) == ["1.audio_file"]
    assert (
        inject(workflow, InputValues(text="x", voice_sample="chorus/n.wav"))["1"]["inputs"]["audio_file"]
        == "input/chorus/n.wav"
    )


def test_the_upload_loader_of_video_helper_suite() -> None:
    load = node("VHS_LoadAudioUpload", audio="old.wav", start_time=0)
    workflow = parsed(graph_of(("2", node("IndexTTSNode", text="hello", audio=["1", 0], language="auto")), load=load))
    assert inputs_of(workflow.analysis, InputRole.VOICE_SAMPLE) == ["1.audio"]
    assert inputs_of(workflow.analysis, InputRole.TEXT) == ["2.text"]


def test_several_recordings_are_an_open_question_unless_titles_decide() -> None:
    two = graph_of(
        ("2", node("VibeVoiceMultipleSpeakersNode", text="[1]: hi", speaker1_voice=["1", 0], speaker2_voice=["5", 0])),
        ("5", node("LoadAudio", audio="other.wav")),
    )
    assert parsed(two).analysis.ambiguity(InputRole.VOICE_SAMPLE) is not None
    two["5"]["_meta"] = {"title": "Reference voice"}
    assert inputs_of(parsed(two).analysis, InputRole.VOICE_SAMPLE) == ["5.audio"]


def test_speech_inside_of_a_video_is_told_from_its_prompt() -> None:
    graph = {
        "1": LOAD,
        "2": node("ChatterboxTTS", text="hello", audio_prompt=["1", 0], seed=3),
        "16": node("WanVideoTextEncode", positive_prompt="a woman talks", negative_prompt="static"),
        "27": node("WanVideoSampler", seed=1, text_embeds=["16", 0], multitalk_embeds=["20", 0]),
        "20": node("MultiTalkWav2VecEmbeds", audio_1=["2", 0]),
        "30": node("VHS_VideoCombine", images=["27", 0], audio=["2", 0], filename_prefix="w"),
    }
    analysis = parsed(graph).analysis
    assert inputs_of(analysis, InputRole.POSITIVE) == ["16.positive_prompt"]
    assert inputs_of(analysis, InputRole.TEXT) == ["2.text"]
