"""Characters that are heard, from end to end: what is said is spoken, as Discord's own clients send voice messages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.domain.jobs import JobKind
from bot.media.audio import probe_audio
from sandbox.discord import Rejected
from tests.conversation.scripted_model import says
from tests.e2e.system import CHARACTER
from tests.e2e.voice_system import VoiceSystem, loudness, voice_system
from tests.media.sample_audio import FFMPEG

SAID = "Good evening! The harbour is quiet tonight, and the lamps are lit."


@pytest.fixture
async def nova(tmp_path: Path) -> AsyncIterator[VoiceSystem]:
    """Nova speaks everything she writes."""
    async with voice_system(tmp_path) as made:
        made.model.script = [says(SAID)]
        yield made


@pytest.mark.setting("character.voice.always_on")
async def test_a_turn_is_followed_by_its_voice_as_discord_wants_it(nova: VoiceSystem) -> None:
    async with nova.system.running():
        await nova.use_nova()
        await nova.ada.send(nova.room, "hello")
        turn = await nova.turn(SAID)
        bubble = await nova.bubble()
        await nova.quiet(1)
    assert bubble.reply_to is turn
    assert bubble.author is nova.system.discord.bot
    assert not bubble.pings
    [request] = nova.posts()
    body = request.json
    assert body["flags"] == 8192
    assert not body.get("content")
    assert body["enforce_nonce"] is True
    assert len(body["nonce"]) == 24
    [entry] = body["attachments"]
    [part] = request.parts
    assert part.content_type == "audio/ogg"
    assert part.data[:4] == b"OggS"
    [file] = nova.made()
    assert part.data == file.read_bytes()
    info = await probe_audio(file, ffmpeg=FFMPEG)
    assert entry["duration_secs"] == pytest.approx(info.duration_seconds, abs=0.1)
    assert info.duration_seconds > 1
    heard = loudness(bubble)
    assert 1 <= len(heard) <= 256
    assert max(heard) - min(heard) > 50
    assert file.parent.parent == nova.system.folder / "data" / "audio"
    assert file.name.startswith("message_")
    [row] = nova.system.rows(
        "SELECT text, duration_seconds, generation_time_seconds, voice_sample_id, original_filename FROM audio_messages"
    )
    assert row[0] == SAID
    assert row[1] == pytest.approx(info.duration_seconds, abs=0.1)
    assert row[2] > 0
    assert nova.system.rows("SELECT id, transcript FROM voice_samples") == [(row[3], "Hello, I am Nova.")]
    assert (nova.system.folder / "data" / row[4]).is_file()


async def test_the_text_does_not_wait_for_the_voice(nova: VoiceSystem) -> None:
    async with nova.system.running(), nova.system.comfy.set_breakpoint("ChatterboxTTS") as hold:
        await nova.use_nova()
        await nova.ada.send(nova.room, "hello")
        first = await nova.turn(SAID)
        await hold.reached.wait()
        nova.model.script = [says("And again.")]
        await nova.ada.send(nova.room, "more")
        second = await nova.turn("And again.")
        assert nova.bubbles == []
        hold.release()
        await nova.quiet(2)
    # Files of the first are converted while the second is spoken: either may be posted first.
    assert sorted(bubble.reply_to.id for bubble in nova.bubbles if bubble.reply_to) == [first.id, second.id]


async def test_the_sample_goes_up_once_and_is_used(nova: VoiceSystem) -> None:
    async with nova.system.running():
        await nova.use_nova()
        for words in ("One thing.", "Another thing."):
            nova.model.script = [says(words)]
            await nova.ada.send(nova.room, "go on")
            await nova.turn(words)
        await nova.quiet(2)
    assert len(nova.system.comfy.log.requests("POST", "/upload/image")) == 1
    [(prompt,)] = nova.system.rows("SELECT count(DISTINCT json_extract(request, '$.voice_transcript')) FROM jobs")
    assert prompt == 1


async def test_the_same_words_are_spoken_from_disk(nova: VoiceSystem) -> None:
    async with nova.system.running():
        await nova.use_nova()
        await nova.ada.send(nova.room, "hello")
        first = await nova.bubble()
        await nova.quiet(1)
        await nova.ada.send(nova.room, "once more")
        second = await nova.bubble(after=first)
        await nova.quiet(2)
    assert second.attachments[0].data == first.attachments[0].data
    assert len(nova.system.comfy.log.find("execution_start")) == 1


async def test_nothing_to_say_makes_no_job(nova: VoiceSystem) -> None:
    nova.model.script = [says("*waves and smiles* 🎉")]
    async with nova.system.running():
        await nova.use_nova()
        await nova.ada.send(nova.room, "hello")
        await nova.turn("*waves and smiles* 🎉")
        await nova.quiet(0)
    assert nova.bubbles == []


async def test_auto_voice_off_and_on(nova: VoiceSystem) -> None:
    async with nova.system.running():
        await nova.use_nova()
        off = await nova.grace.slash(nova.room, "voice auto", mode="off")
        assert "off" in off.message.text()
        await nova.ada.send(nova.room, "hello")
        await nova.turn(SAID)
        await nova.quiet(0)
        refused = await nova.ada.slash(nova.room, "voice auto", mode="on")
        assert "Manage Channels" in refused.message.text()
        status = await nova.ada.slash(nova.room, "voice auto", mode="status")
        assert "off" in status.message.text()
    async with nova.system.running():  # it outlives the bot
        await nova.grace.slash(nova.room, "voice auto", mode="on")
        nova.model.script = [says("Now you hear me.")]
        await nova.ada.send(nova.room, "and now?")
        turn = await nova.turn("Now you hear me.")
        bubble = await nova.bubble()
        await nova.quiet(1)
    assert bubble.reply_to is turn


async def test_long_text_is_one_voice_message_of_several_prompts(nova: VoiceSystem) -> None:
    words = " ".join(f"This is sentence number {n} of a long and winding story." for n in range(1, 15))
    nova.model.script = [says(words)]
    async with nova.system.running():
        await nova.use_nova()
        await nova.ada.send(nova.room, "a story!")
        await nova.bubble()
        await nova.quiet(1)
    assert len(nova.bubbles) == 1
    assert len(nova.system.comfy.log.find("execution_success")) == 2


async def test_too_long_text_is_shortened_with_a_note(tmp_path: Path) -> None:
    async with voice_system(tmp_path, voice={"max_chars": 60}) as nova:
        nova.model.script = [says(SAID + " This is never heard.")]
        async with nova.system.running():
            await nova.use_nova()
            await nova.ada.send(nova.room, "hello")
            bubble = await nova.bubble()
            note = await nova.room.wait_for_message(lambda shown: "Shortened" in shown.content)
            await nova.quiet(1)
        assert note.reply_to is bubble
        assert nova.system.rows("SELECT text FROM audio_messages") == [("Good evening!",)]


# -- where bubbles may not be


async def test_without_the_permission_it_is_an_attachment(nova: VoiceSystem) -> None:
    nova.system.guild.remove_bot_permissions("send_voice_messages")
    async with nova.system.running():
        await nova.use_nova()
        await nova.ada.send(nova.room, "hello")
        turn = await nova.turn(SAID)
        shown = await nova.room.wait_for_message(lambda message: bool(message.attachments))
        await nova.quiet(1)
    assert not shown.is_voice
    assert shown.reply_to is turn
    assert shown.attachments[0].filename.endswith(".ogg")
    assert [part.content_type for request in nova.posts() for part in request.parts] == ["application/octet-stream"]


async def test_where_discord_refuses_bubbles_it_is_an_attachment(nova: VoiceSystem) -> None:
    refused = Rejected(403, 50173, "Cannot send voice messages in this channel")
    nova.system.discord.faults.next("POST", "/channels/*/messages", refused)
    async with nova.system.running():
        await nova.use_nova()
        await nova.ada.send(nova.room, "hello")
        shown = await nova.room.wait_for_message(lambda message: bool(message.attachments))
        await nova.quiet(1)
    assert not shown.is_voice
    assert len(nova.posts()) == 2


@pytest.mark.setting("voice.delivery", "voice.format")
async def test_attachments_as_mp3_if_the_owner_wants(tmp_path: Path) -> None:
    async with voice_system(tmp_path, voice={"delivery": "attachment", "format": "mp3"}) as nova:
        nova.model.script = [says(SAID)]
        async with nova.system.running():
            await nova.use_nova()
            await nova.ada.send(nova.room, "hello")
            shown = await nova.room.wait_for_message(lambda message: bool(message.attachments))
            await nova.quiet(1)
        assert shown.attachments[0].filename.endswith(".mp3")
        assert shown.attachments[0].content_type == "audio/mpeg"


async def test_too_large_for_discord_it_is_encoded_smaller(nova: VoiceSystem) -> None:
    nova.system.discord.faults.next("POST", "/channels/*/messages", Rejected(413, 40005, "Request entity too large"))
    async with nova.system.running():
        await nova.use_nova()
        await nova.ada.send(nova.room, "hello")
        bubble = await nova.bubble()
        await nova.quiet(1)
    first, second = nova.posts()
    assert len(second.parts[0].data) <= len(first.parts[0].data) // 2
    assert bubble.attachments[0].duration_secs == first.json["attachments"][0]["duration_secs"]


# -- failures


async def test_a_failing_voice_is_told_once(nova: VoiceSystem) -> None:
    nova.system.comfy.faults.failing_nodes["ChatterboxTTS"] = "boom"
    async with nova.system.running():
        await nova.use_nova()
        for words in ("One.", "Two."):
            nova.model.script = [says(words)]
            await nova.ada.send(nova.room, "hello")
            await nova.turn(words)
        await nova.quiet(2)
    told = [message for message in nova.room.bot_messages if "GENERATION_FAILED" in message.text()]
    assert len(told) == 1
    assert nova.bubbles == []


async def test_a_character_without_a_sample_writes_and_is_silent(nova: VoiceSystem) -> None:
    for path in (nova.system.folder / "characters" / "nova" / "voice").iterdir():
        path.unlink()
    async with nova.system.running():
        await nova.use_nova()
        status = await nova.ada.slash(nova.room, "voice auto")
        assert "/voice sample add" in status.message.text()
        await nova.ada.send(nova.room, "hello")
        await nova.turn(SAID)
        await nova.quiet(0)
        answer = await nova.ada.slash(nova.room, "speak", text="hello")
    assert answer.message.ephemeral
    assert "VOICE_UNAVAILABLE" in answer.message.text()
    assert [message.content for message in nova.room.bot_messages] == [SAID]


async def test_live_speech_goes_before_waiting_pictures(tmp_path: Path) -> None:
    async with (
        voice_system(tmp_path, nova=CHARACTER + "voice: {always_on: true}\n") as nova,
        nova.system.running() as (services, _),
        nova.system.comfy.set_breakpoint("KSampler", times=1) as sampler,
    ):
        nova.model.script = [says(SAID)]
        await nova.use_nova()
        for _ in range(3):
            await nova.system.imagine()
        await sampler.reached.wait()
        await nova.ada.send(nova.room, "hello")
        await nova.turn(SAID)
        # A job enters the queue after its row is committed, so the row alone does not show that speech waits there.
        async with asyncio.timeout(60):
            while JobKind.AUDIO not in [one.kind for one in (await services.orchestrator.queue_view()).waiting]:  # noqa: ASYNC110 - a state without an event
                await asyncio.sleep(0.01)
        sampler.release()
        await nova.bubble()
        await nova.system.until_delivered(4)
        query = "SELECT attempts.prompt_id, jobs.kind FROM attempts JOIN jobs ON jobs.id = attempts.job_id"
        kinds = dict(nova.system.rows(query))
    # Results may be ready in another order: speech is encoded while ComfyUI already draws the next picture.
    started = [kinds[entry.prompt_id] for entry in nova.system.comfy.log.find("execution_start")]
    assert started == ["image", "audio", "image", "image"]


async def test_two_presses_at_once_speak_once(nova: VoiceSystem) -> None:
    async with nova.system.running():
        message = await nova.ada.send(nova.system.guild.add_channel("elsewhere"), "Read this out, please.")
        async with asyncio.TaskGroup() as group:
            first = group.create_task(nova.ada.context_menu(message, "Speak"))
            second = group.create_task(nova.grace.context_menu(message, "Speak"))
        await nova.quiet(1)
        answers = [first.result().message, second.result().message]
    assert all(answer.ephemeral for answer in answers)


async def test_the_bitrate_is_the_owners(tmp_path: Path) -> None:
    sizes: list[int] = []
    for kbps in (16, 96):
        async with voice_system(tmp_path / str(kbps), voice={"bitrate_kbps": kbps}) as nova:
            nova.model.script = [says(SAID)]
            async with nova.system.running():
                await nova.use_nova()
                await nova.ada.send(nova.room, "hello")
                bubble = await nova.bubble()
                await nova.quiet(1)
            sizes.append(bubble.attachments[0].size)
    assert sizes[0] < sizes[1] / 2
