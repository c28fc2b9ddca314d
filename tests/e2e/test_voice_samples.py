"""`/voice sample` in Discord: who may, what is asked, what is kept, and what is heard afterwards."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sandbox.discord import Message, SimulatedUser
from sandbox.discord.uploads import Upload
from tests.e2e.system import CHARACTER, DEADLINE
from tests.e2e.voice_system import VoiceSystem, voice_system, write_sample

SILENT = CHARACTER + "image_generation: {enabled: false}\n"


@pytest.fixture
async def nova(tmp_path: Path) -> AsyncIterator[VoiceSystem]:
    async with voice_system(tmp_path, nova=SILENT) as made:
        yield made


def recording(nova: VoiceSystem, seconds: float = 5.0) -> Upload:
    path = nova.system.folder / "given.wav"
    write_sample(path, seconds, hertz=260)
    return Upload("my voice.wav", path.read_bytes(), "audio/wav")


async def added(
    nova: VoiceSystem, file: Upload, *, person: SimulatedUser | None = None, agreed: bool = True, name: str = "mine"
) -> Message:
    answer = await (person or nova.grace).slash(
        nova.room, "voice sample add", recording=file, transcript="I am Grace.", name=name, speaker_agreed=agreed
    )
    return await answer.wait_for_message(timeout=DEADLINE)


async def test_a_sample_is_added_heard_chosen_and_removed(nova: VoiceSystem) -> None:
    async with nova.system.running():
        told = await added(nova, recording(nova))
        assert told.ephemeral
        assert "**mine** (5.0 s)" in told.text()
        [(guild_id, transcript, added_by, consented, filename)] = nova.system.rows(
            "SELECT guild_id, transcript, added_by, consented_at, filename FROM voice_samples WHERE name = 'mine'"
        )
        assert (guild_id, transcript, added_by) == (nova.system.guild.id, "I am Grace.", nova.grace.id)
        assert consented
        assert filename.startswith(f"guilds/{guild_id}/voice/nova/")
        listed = await nova.ada.slash(nova.room, "voice sample list")
        assert "▸ **mine**" in listed.message.text()
        assert "· **default**" in listed.message.text()
        assert nova.grace.mention in listed.message.text()
        played = await nova.ada.slash(nova.room, "voice sample play", name="mine")
        heard = await played.wait_for_message(lambda shown: bool(shown.attachments), timeout=DEADLINE)
        assert heard.ephemeral
        assert heard.attachments[0].data[:4] == b"OggS"
        await nova.ada.slash(nova.room, "speak", text="With whose voice?")
        await nova.quiet(1)
        [(used,)] = nova.system.rows(
            "SELECT s.name FROM audio_messages a JOIN voice_samples s ON s.id = a.voice_sample_id"
        )
        assert used == "mine"
        choices = await nova.grace.autocomplete(nova.room, "voice sample remove", "name", "mi")
        assert [choice.name for choice in choices] == ["mine"]
        removed = await nova.grace.slash(nova.room, "voice sample remove", name=str(choices[0].value))
        assert "removed" in removed.message.text()
        assert not (nova.system.folder / "data" / filename).exists()
        await nova.ada.slash(nova.room, "speak", text="And now?")
        await nova.quiet(2)
    newest = "SELECT json_extract(request, '$.voice_transcript') FROM jobs ORDER BY number DESC LIMIT 1"
    assert nova.system.rows(newest) == [("Hello, I am Nova.",)]


async def test_without_consent_nothing_is_kept(nova: VoiceSystem) -> None:
    async with nova.system.running():
        told = await added(nova, recording(nova), agreed=False)
        assert "consent" in told.text()
    assert nova.system.rows("SELECT name FROM voice_samples WHERE guild_id IS NOT NULL") == []


async def test_only_who_manages_the_server(nova: VoiceSystem) -> None:
    async with nova.system.running():
        for refused in (
            await added(nova, recording(nova), person=nova.ada),
            (await nova.ada.slash(nova.room, "voice sample default", name="default")).message,
            (await nova.ada.slash(nova.room, "voice sample remove", name="default")).message,
        ):
            assert refused.ephemeral
            assert "Manage Server" in refused.text()


async def test_a_picture_is_no_voice(nova: VoiceSystem) -> None:
    async with nova.system.running():
        told = await added(nova, Upload("cat.wav", b"\x89PNG\r\n\x1a\n" + bytes(200), "audio/wav"))
        assert "INPUT_INVALID" in told.text()
        told = await added(nova, Upload("nothing.wav", b"", "audio/wav"))
        assert "INPUT_INVALID" in told.text()
    assert nova.system.rows("SELECT name FROM voice_samples WHERE guild_id IS NOT NULL") == []


async def test_too_large_is_refused(tmp_path: Path) -> None:
    async with voice_system(tmp_path, nova=SILENT, voice={"max_sample_bytes": 1000}) as nova, nova.system.running():
        told = await added(nova, recording(nova))
        assert "too large" in told.text()
        assert nova.system.rows("SELECT name FROM voice_samples") == []


async def test_the_hosts_sample_stays(nova: VoiceSystem) -> None:
    async with nova.system.running():
        refused = await nova.grace.slash(nova.room, "voice sample remove", name="default")
        assert "NOT_ALLOWED" in refused.message.text()
        unknown = await nova.grace.slash(nova.room, "voice sample play", name="nobody")
        assert "INPUT_INVALID" in unknown.message.text()
