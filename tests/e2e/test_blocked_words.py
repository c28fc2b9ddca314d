"""A server's block list holds for prompts, settings, speech, and what the language model writes."""

from __future__ import annotations

from pathlib import Path

from sandbox.discord import SimulatedUser
from tests.conversation.scripted_model import calls_draw, says
from tests.e2e.admin_system import accepted, refusal
from tests.e2e.system import CHARACTER, System
from tests.e2e.voice_system import voice_system


async def block(system: System, owner: SimulatedUser, words: str) -> str:
    panel = (await owner.slash(system.room, "admin")).message
    page = (await owner.select(panel, "What to look at", "Blocked words")).message
    form = await owner.press(page, "Change")
    return (await owner.submit_modal(form, {"words": words})).message.text()


async def test_blocked_words_are_found_wherever_people_or_the_model_write(tmp_path: Path) -> None:
    async with voice_system(tmp_path, nova=CHARACTER) as nova:
        system, ada, room = nova.system, nova.ada, nova.room
        async with system.running():
            assert "||naked||, ||old man||" in await block(system, nova.grace, " naked\n\nold   man\nnaked")
            told = await refusal(await ada.slash(room, "imagine", prompt="a n\u200bаked lady"))  # noqa: RUF001 - Cyrillic
            assert "NOT_ALLOWED" in told
            assert "Leave out: naked. Rule: block list" in told
            ways = [
                ada.slash(room, "imagine", prompt="x", settings='prompt="n4ked"'),
                ada.slash(room, "batch", prompt="an {old|young} man"),
                ada.slash(room, "scene", about="n.a.k.e.d"),
                ada.slash(room, "speak", text="Old man!"),
            ]
            for way in ways:
                assert "block list" in await refusal(await way)
            assert system.states() == []
            # What is to be kept out may be named, and other words that contain it are other words.
            assert accepted(await ada.slash(room, "imagine", prompt="a snaked river", negative="naked"))
            await system.until_delivered(1)
            # The model is told nothing of the list; its prompt is looked at before it is drawn.
            nova.model.script = [says("a nakéd boat")]
            answer = await ada.slash(room, "imagine", prompt="a boat", enhance=True)
            await room.wait_for_edit(answer.message, lambda shown: "NOT_ALLOWED" in shown.text())
            nova.model.script = [calls_draw('{"scene": "a boat"}', text="Here."), says("a naked boat")]
            await nova.use_nova()
            await ada.send(room, "draw me a boat")
            await nova.turn("Here.")
            await system.until_rows(
                "SELECT count(*) FROM messages WHERE role = 'assistant' AND state = 'delivered'", (1,)
            )
        assert system.states() == ["delivered", "failed"]
        assert len(nova.system.rows("SELECT id FROM setting_changes WHERE key = 'blocked_words'")) == 1
