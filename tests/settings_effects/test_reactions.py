"""What the keys of `discord.reactions` do."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conversation.scripted_model import says
from tests.e2e.system import open_system
from tests.e2e.voice_system import NOVA, VoiceSystem, voice_system


@pytest.mark.setting("discord.reactions.cancel", "discord.reactions.dm", "discord.reactions.delete")
async def test_results_are_cancelled_sent_and_deleted_by_other_emoji(tmp_path: Path) -> None:
    async with (
        open_system(tmp_path, discord={"reactions": {"cancel": "⛔", "dm": "📨", "delete": "🔥"}}) as system,
        system.running(),
    ):
        done = await system.result(await system.imagine())
        async with system.comfy.set_breakpoint("KSampler") as hold:
            running = await system.imagine()
            await hold.reached.wait()
            await system.ada.add_reaction(running, "⛔")
            await system.room.wait_for_edit(running, lambda shown: "CANCELLED" in shown.text())
        await system.ada.add_reaction(done, "📨")
        sent = await system.ada.dm_channel.wait_for_message(lambda shown: len(shown.attachments) == 2)
        assert sent.attachments[0].data == done.attachments[0].data
        await system.ada.add_reaction(done, "🔥")
        await system.room.wait_for_deletion(done)
        await system.until_delivered(2)


@pytest.mark.setting("discord.reactions.speak")
async def test_a_turn_is_spoken_by_another_emoji(tmp_path: Path) -> None:
    quiet = NOVA.replace("always_on: true", "always_on: false")
    async with voice_system(tmp_path, nova=quiet) as nova:
        set_speak_emoji(nova, "🎤")
        nova.model.script = [says("Good evening!")]
        async with nova.system.running():
            await nova.use_nova()
            await nova.ada.send(nova.room, "hello")
            turn = await nova.turn("Good evening!")
            await nova.quiet(0)
            await nova.ada.add_reaction(turn, "🎤")
            assert (await nova.bubble()).reply_to is turn
            await nova.quiet(1)


def set_speak_emoji(nova: VoiceSystem, emoji: str) -> None:
    text = nova.system.config.read_text("utf-8")
    assert text.count("discord:\n") == 1
    text = text.replace("discord:\n", f"discord:\n  reactions: {{speak: {emoji}}}\n")
    nova.system.config.write_text(text, encoding="utf-8")
