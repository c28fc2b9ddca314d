"""One person presses everything many times: others are not disturbed, and the host is not overloaded."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sandbox.discord import Message
from tests.conversation.scripted_model import says
from tests.e2e.drawing_system import DrawingSystem, ReactionHandlers, open_drawing_system, press, told
from tests.e2e.system import CHARACTER
from tests.e2e.voice_system import VoiceSystem, voice_system


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[DrawingSystem]:
    async with open_drawing_system(tmp_path, comfyui={"queue": {"max_queue_size": 1}}) as made:
        yield made


@pytest.fixture
async def nova(tmp_path: Path) -> AsyncIterator[VoiceSystem]:
    async with voice_system(tmp_path, nova=CHARACTER) as made:
        yield made


@pytest.mark.setting("limits.max_pixels_per_image", "limits.max_steps")
async def test_nobody_asks_for_more_than_the_owner_allows(tmp_path: Path) -> None:
    limits = {"max_pixels_per_image": 128 * 128, "max_steps": 5}
    async with open_drawing_system(tmp_path, limits=limits) as here, here.system.running():
        first = await here.drawn()
        opened = await press(here.stranger, first, "Remix")
        for changed in (
            {"size": "16384x16384"},
            {"size": "136 x 128"},
            {"steering": "10000 / 7"},
            {"steering": "6 / 7"},
        ):
            answer = told(await here.stranger.submit_modal(opened, changed))
            assert "INPUT_INVALID" in answer
            assert "limits.max_" in answer
        allowed = await here.stranger.submit_modal(opened, {"size": "128 x 128", "steering": "5 / 7"})
        await here.finished(allowed.message)
        assert here.count() == 2


async def test_results_are_sent_to_nobody_without_end(here: DrawingSystem) -> None:
    async with here.system.running() as (_, bot):
        first = await here.drawn()
        handlers = ReactionHandlers(bot)
        for _ in range(12):
            await here.stranger.add_reaction(first, "✉️")
            await here.stranger.remove_reaction(first, "✉️")
        await handlers.wait_until_done(12)
        sent = here.stranger.dm_channel.messages
        assert [len(message.attachments) for message in sent].count(2) == 5
        [refusal] = [message for message in sent if not message.attachments]
        assert "TOO_MANY_REQUESTS" in refusal.text()


async def refused_often(here: DrawingSystem) -> Message:
    """Twelve reactions while the queue is full; the message they were added to."""
    async with here.system.running() as (_, bot):
        first = await here.drawn()
        async with here.system.comfy.set_breakpoint("KSampler") as hold:
            running = await here.system.imagine()
            await hold.reached.wait()
            waiting = await here.system.imagine()
            handlers = ReactionHandlers(bot)
            for _ in range(12):
                await here.stranger.add_reaction(first, "🔁")
                await here.stranger.remove_reaction(first, "🔁")
            await handlers.wait_until_done(12)
            errors = [message for message in here.room.messages if "QUEUE_FULL" in message.text()]
            private = [message for message in here.stranger.dm_channel.messages if "QUEUE_FULL" in message.text()]
            assert len(errors) + len(private) == 1
            hold.release()
        await here.finished(running)
        await here.finished(waiting)
        return (errors or private)[0]


async def test_a_refused_reaction_is_told_once_to_the_person_alone(here: DrawingSystem) -> None:
    error = await refused_often(here)
    assert error.channel is here.stranger.dm_channel.channel


async def test_who_takes_no_direct_messages_is_told_once_in_the_channel(here: DrawingSystem) -> None:
    here.stranger.user.accepts_dms = False
    error = await refused_often(here)
    assert error.channel is here.room.channel


async def test_voice_samples_are_not_played_without_end(nova: VoiceSystem) -> None:
    async with nova.system.running():
        answers = [await nova.ada.slash(nova.room, "voice sample play", name="default") for _ in range(9)]
        shown = [await answer.wait_for_message() for answer in answers]
        assert ["TOO_MANY_REQUESTS" in message.text() for message in shown] == [False] * 6 + [True] * 3
        other = await (await nova.grace.slash(nova.room, "voice sample play", name="default")).wait_for_message()
        assert other.attachments


async def test_links_of_people_and_models_show_where_they_lead(nova: VoiceSystem) -> None:
    link = "[free gift](http://evil.example)"
    nova.model.script = [says("Look: [free", " gift](http://", "evil.example) and ", f"`{link}`")]
    async with nova.system.running():
        answer = await nova.ada.slash(nova.room, "speak", text=f"Take your {link} and your {link}.")
        await nova.quiet(1)
        assert "](" not in answer.message.text()
        assert "http://evil.example" in answer.message.text()
        drawn = await nova.ada.slash(nova.room, "imagine", prompt=f"{link} {link}")
        await nova.system.until_delivered(2)
        assert "](" not in drawn.message.text()
        await nova.use_nova()
        await nova.ada.send(nova.room, "a link?")
        turn = await nova.turn(f"Look: [free gift]\\(http://evil.example) and `{link}`")
        await nova.quiet(1)
    assert all("](http://evil.example) and" not in version["content"] for version in turn.versions)


async def test_status_shows_no_folder_of_the_host(tmp_path: Path) -> None:
    async with voice_system(tmp_path, nova=CHARACTER) as nova:
        config = nova.system.config
        config.write_text(config.read_text().replace("model: scripted", "model: /srv/models/nemo.gguf"))
        nova.model.models = ["/srv/models/nemo.gguf"]
        async with nova.system.running():
            shown = (await nova.ada.slash(nova.room, "status")).message.text()
            assert "nemo.gguf" in shown
            assert "/srv" not in shown
            await nova.use_nova()
            await nova.ada.send(nova.room, "hi")
            turn = await nova.turn("Hello.")
            await nova.quiet(0)
            info = (await nova.ada.context_menu(turn, "Info")).message.text()
            assert "nemo.gguf" in info
            assert "/srv" not in info


async def test_an_export_that_discord_finds_too_large_is_made_smaller(nova: VoiceSystem) -> None:
    nova.system.guild.guild.attachment_limit = 2_000
    nova.model.script = [says("word " * 390)]
    async with nova.system.running():
        await nova.use_nova()
        for n in range(3):
            await nova.ada.send(nova.room, f"say it, {n}")
            await nova.system.until_rows(
                "SELECT count(*), sum(state = 'delivered') FROM messages", (2 * n + 2, 2 * n + 2)
            )
        answer = await nova.ada.slash(nova.room, "conversation export")
        shown = await answer.wait_for_message()
        assert [file.filename[-4:] for file in shown.attachments] == [".zip"]
