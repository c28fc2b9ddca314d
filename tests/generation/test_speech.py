"""Speech: parts in order, joined to one file; reused; in the voice of a sample; before pictures."""

import asyncio
import hashlib
import os
import wave
from pathlib import Path

import pytest

from bot.domain.attempts import AttemptState
from bot.domain.gallery import GalleryQuery
from bot.domain.jobs import InputFile, JobKind, JobState
from bot.errors import InputInvalid, VoiceUnavailable
from bot.generation.queue import QueueLimits
from bot.media.audio import probe_audio
from sandbox.comfyui import StandInComfyUI
from tests.generation.harness import Harness, open_harness, picture, speech, speech_graph
from tests.generation.tones import seconds_of
from tests.media.sample_audio import FFMPEG

PARTS = ("This is the first of three sentences.", "The second is short.", "And this is the last one of them all.")


def sample(folder: Path, *, seconds: float = 1.0) -> InputFile:
    path = folder / "calm voice.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(b"\x01\x10" * round(8000 * seconds))
    return InputFile(role="voice_sample", path=str(path), sha256=hashlib.sha256(path.read_bytes()).hexdigest())


async def test_one_sentence(harness: Harness) -> None:
    job = await harness.orchestrator.submit(speech("Hello there.", message_id="turn-1", conversation_id="c0ffee"))
    done = await harness.ended(job)
    assert done.state is JobState.GENERATED
    (artifact,) = done.artifacts
    assert artifact.path == f"audio/c0ffee/message_turn-1_{job.created_at:%Y%m%dT%H%M%S%fZ}.ogg"
    assert artifact.media_type == "audio/ogg"
    info = await probe_audio(harness.data / artifact.path, ffmpeg=FFMPEG)
    assert artifact.duration_seconds == pytest.approx(info.duration_seconds, abs=0.02)
    assert info.duration_seconds == pytest.approx(seconds_of("Hello there."), abs=0.06)
    assert artifact.waveform
    assert artifact.original is not None
    assert artifact.original.endswith("_original.flac")
    assert (harness.data / artifact.original).is_file()
    (item,) = (await harness.gallery.page(GalleryQuery(channel_id=5, kind=JobKind.AUDIO))).items
    assert item.prompt == "Hello there."


async def test_long_speech_is_one_file_of_its_parts_in_order(harness: Harness, comfy: StandInComfyUI) -> None:
    job = await harness.orchestrator.submit(speech(*PARTS))
    done = await harness.ended(job)
    attempts = await harness.store.attempts(job.id)
    assert [(attempt.part, attempt.n, attempt.state) for attempt in attempts] == [
        (part, 0, AttemptState.SUCCEEDED) for part in range(3)
    ]
    started = [entry.prompt_id for entry in comfy.log.find("execution_start")]
    assert started == [str(attempt.prompt_id) for attempt in attempts]
    (artifact,) = done.artifacts
    expected = sum(map(seconds_of, PARTS)) + 2 * 0.25
    assert artifact.duration_seconds == pytest.approx(expected, abs=0.1)
    assert len([path for path in harness.paths() if "_original_" in path]) == 3


async def test_a_failing_part_ends_the_speech_and_leaves_no_files(harness: Harness, comfy: StandInComfyUI) -> None:
    async with comfy.set_breakpoint("ToneTTS", times=1) as hold:
        job = await harness.orchestrator.submit(speech(*PARTS))
        await hold.reached.wait()
        comfy.faults.failing_nodes["SaveAudio"] = "boom"
    done = await harness.ended(job)
    assert done.state is JobState.FAILED
    await comfy.log.wait_for("execution_error")
    comfy.faults.failing_nodes.clear()
    following = await harness.ended(await harness.draw())
    assert following.state is JobState.GENERATED
    assert not [path for path in harness.paths() if path.startswith("audio/")]
    assert len(comfy.log.find("submitted")) == 2, "the other parts were not tried"


async def test_cancelled_between_parts(harness: Harness, comfy: StandInComfyUI) -> None:
    job = await harness.orchestrator.submit(speech(*PARTS))
    await comfy.log.wait_for("execution_success")
    async with comfy.set_breakpoint("ToneTTS", times=1):
        await harness.orchestrator.cancel(job.id)
        done = await harness.ended(job)
    assert done.state is JobState.CANCELLED
    assert (await harness.ended(await harness.draw())).state is JobState.GENERATED
    assert not [path for path in harness.paths() if path.startswith("audio/")]
    assert await harness.store.open_attempts("run") == []


async def test_a_restart_goes_on_at_the_first_missing_part(tmp_path: Path, comfy: StandInComfyUI) -> None:
    async with open_harness(tmp_path, comfy.url) as harness:
        job = await harness.orchestrator.submit(speech(*PARTS))
        await comfy.log.wait_for("execution_success", count=2)
    async with open_harness(tmp_path, comfy.url) as harness:
        await harness.orchestrator.recover()
        stored = await harness.orchestrator.job(job.id)
        assert stored is not None
        assert (stored if stored.artifacts else await harness.ended(job)).state is JobState.GENERATED
        kept = [attempt for attempt in await harness.store.attempts(job.id) if attempt.part < 2]
        assert [attempt.n for attempt in kept] == [0, 0]
    assert len(comfy.log.find("submitted")) == 3


async def test_the_same_words_in_the_same_voice_are_spoken_once(harness: Harness, comfy: StandInComfyUI) -> None:
    first = await harness.ended(await harness.orchestrator.submit(speech("Hello.", message_id="1")))
    again = await harness.orchestrator.submit(speech("Hello.", message_id="2"))
    assert again.state is JobState.GENERATED
    assert again.artifacts == first.artifacts
    assert (await harness.ended(again)).state is JobState.GENERATED
    assert len(comfy.log.find("submitted")) == 1
    other = await harness.orchestrator.submit(speech("Hello.", seed=4))
    assert (await harness.ended(other)).artifacts != first.artifacts
    (harness.data / first.artifacts[0].path).unlink()
    anew = await harness.orchestrator.submit(speech("Hello.", message_id="3"))
    assert anew.state is JobState.QUEUED
    assert (await harness.ended(anew)).state is JobState.GENERATED


async def test_a_voice_sample_goes_up_once_and_again_when_comfyui_lost_it(
    harness: Harness, comfy: StandInComfyUI, tmp_path: Path
) -> None:
    harness.files.graphs[JobKind.AUDIO, "default"] = speech_graph(voice=True)
    voice = sample(tmp_path)
    for text in ("One.", "Two."):
        done = await harness.ended(await harness.orchestrator.submit(speech(text, inputs=(voice,))))
        assert done.state is JobState.GENERATED, done.error
    assert len(comfy.log.find("upload")) == 1
    for path in (comfy.folders.root / "input").rglob("*.wav"):
        path.unlink()
    done = await harness.ended(await harness.orchestrator.submit(speech("Three.", inputs=(voice,))))
    assert done.state is JobState.GENERATED, done.error
    assert len(comfy.log.find("upload")) == 2


async def test_a_sample_that_changed_or_vanished_is_told(harness: Harness, tmp_path: Path) -> None:
    harness.files.graphs[JobKind.AUDIO, "default"] = speech_graph(voice=True)
    voice = sample(tmp_path)
    sample(tmp_path, seconds=0.5)
    changed = await harness.ended(await harness.orchestrator.submit(speech("One.", inputs=(voice,))))
    await asyncio.to_thread(os.unlink, voice.path)
    gone = await harness.ended(await harness.orchestrator.submit(speech("Two.", inputs=(voice,))))
    assert [job.error.code for job in (changed, gone) if job.error] == ["INPUT_INVALID", "INPUT_INVALID"]


async def test_a_workflow_that_needs_a_sample_needs_one(harness: Harness) -> None:
    harness.files.graphs[JobKind.AUDIO, "default"] = speech_graph(voice=True)
    with pytest.raises(VoiceUnavailable):
        await harness.orchestrator.submit(speech("One."))


async def test_a_seed_beyond_the_node_is_refused_and_drawn_ones_fit(harness: Harness) -> None:
    done = await harness.ended(await harness.orchestrator.submit(speech("Hi.")))
    assert 0 <= done.seed < 2**32
    with pytest.raises(InputInvalid, match=str(2**32 - 1)):
        await harness.orchestrator.submit(speech("Hi.", seed=2**32))


async def test_live_speech_goes_before_waiting_pictures_without_starving_them(
    harness: Harness, comfy: StandInComfyUI
) -> None:
    async with comfy.set_breakpoint("KSampler", times=1) as hold:
        running = await harness.draw("running")
        await hold.reached.wait()
        pictures = [await harness.draw(f"picture {n}") for n in range(2)]
        spoken = [await harness.orchestrator.submit(speech(f"Live {n}.", live=True)) for n in range(5)]
    for job in (running, *pictures, *spoken):
        assert (await harness.ended(job)).state is JobState.GENERATED
    names: dict[str, str] = {}
    for job in (running, *pictures, *spoken):
        request = job.request
        for attempt in await harness.store.attempts(job.id):
            names[str(attempt.prompt_id)] = request.positive or request.text_parts[0]
    order = [names[str(entry.prompt_id)] for entry in comfy.log.find("execution_start")]
    assert order == ["running", "Live 0.", "Live 1.", "Live 2.", "picture 0", "Live 3.", "Live 4.", "picture 1"]


async def test_live_speech_does_not_count_against_a_persons_limit(tmp_path: Path, comfy: StandInComfyUI) -> None:
    async with (
        open_harness(tmp_path, comfy.url, queue_limits=QueueLimits(100, 1)) as harness,
        comfy.set_breakpoint("KSampler", times=1) as hold,
    ):
        jobs = [await harness.draw()]
        await hold.reached.wait()
        jobs += [await harness.orchestrator.submit(speech(f"Live {n}.", live=True)) for n in range(3)]
        jobs.append(await harness.orchestrator.submit(picture("one more")))
        hold.release()
        await asyncio.gather(*(harness.ended(job) for job in jobs))
