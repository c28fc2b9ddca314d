"""Characters in channels, from end to end: real discord.py, real store, a scripted model on a real socket."""

from __future__ import annotations

import asyncio
from pathlib import Path

from sandbox.discord import ErrorStatus
from tests.conversation.scripted_model import calls_draw, says
from tests.e2e.chat_system import ChatSystem, open_chat_system


async def test_a_character_answers_as_itself(chat: ChatSystem) -> None:
    async with chat.system.running():
        told = await chat.use("Nova")
        assert told.ephemeral
        assert "Nova" in told.text()
        await chat.system.ada.send(chat.system.room, "hello!")
        turn = await chat.until_said("Hello.")
        await chat.system.until_rows("SELECT count(*) FROM messages WHERE state = 'delivered'", (2,))
    [webhook] = chat.system.room.webhooks
    assert webhook.name == "Nova"
    assert turn.webhook_id == webhook.id
    assert "Ada: hello!" in str(chat.model.asked[0]["messages"]) or "ada: hello!" in str(chat.model.asked[0])
    assert chat.system.room.typing_count > 0


async def test_the_message_grows_while_the_model_speaks(chat: ChatSystem) -> None:
    gate = asyncio.Event()
    chat.model.script = [says("Once upon a time", " there was a boat.", gate=gate)]
    async with chat.system.running():
        await chat.use("nova")
        await chat.system.ada.send(chat.system.room, "a story!")
        turn = await chat.until_said("Once upon a time")
        gate.set()
        await chat.system.room.wait_for_edit(turn, lambda shown: shown.content.endswith("a boat."))
    assert chat.turns == [turn]


async def test_a_long_answer_goes_on_in_further_messages(chat: ChatSystem) -> None:
    paragraphs = [f"Paragraph {n}. " + "word " * 150 for n in range(6)]
    chat.model.script = [says("\n\n".join(paragraphs))]
    async with chat.system.running():
        await chat.use("nova")
        await chat.system.ada.send(chat.system.room, "tell me everything")
        await chat.system.until_rows("SELECT count(*) FROM messages WHERE state = 'delivered'", (2,))
    assert len(chat.turns) == 3
    assert all(message.content.startswith("Paragraph") for message in chat.turns)


async def test_the_webhook_is_found_again_after_a_restart(chat: ChatSystem) -> None:
    async with chat.system.running():
        await chat.use("nova")
        await chat.system.ada.send(chat.system.room, "hi")
        await chat.until_said("Hello.")
        await chat.system.until_rows("SELECT count(*) FROM messages WHERE state = 'delivered'", (2,))
    chat.model.script = [says("Again.")]
    async with chat.system.running():
        await chat.system.ada.send(chat.system.room, "hi again")
        await chat.until_said("Again.")
        await chat.system.until_rows("SELECT count(*) FROM messages WHERE state = 'delivered'", (4,))
    assert len(chat.system.room.webhooks) == 1


async def test_without_manage_webhooks_the_bot_speaks_with_the_name_in_bold(chat: ChatSystem) -> None:
    chat.system.guild.remove_bot_permissions("manage_webhooks")
    async with chat.system.running():
        await chat.use("nova")
        await chat.system.ada.send(chat.system.room, "hi")
        await chat.system.room.wait_for_message(lambda shown: shown.content == "**Nova:** Hello.")


async def test_a_models_words_ping_nobody(chat: ChatSystem) -> None:
    chat.model.script = [says("@everyone <@1> look!")]
    async with chat.system.running():
        await chat.use("nova")
        await chat.system.ada.send(chat.system.room, "hi")
        turn = await chat.until_said("@everyone <@1> look!")
    assert not turn.pings


async def test_the_picture_arrives_as_the_characters_message(chat: ChatSystem) -> None:
    chat.model.script = [
        calls_draw('{"scene": "a red boat"}', text="Here it is."),
        says("a red boat, oil on canvas"),
    ]
    async with chat.system.running():
        await chat.use("nova")
        await chat.system.ada.send(chat.system.room, "draw my boat")
        await chat.until_said("Here it is.")
        picture = await chat.system.room.wait_for_message(
            lambda shown: bool(shown.attachments) and "preview" not in shown.attachments[0].filename
        )
        await chat.system.until_delivered()
    assert picture.webhook_id == chat.system.room.webhooks[0].id
    assert "a red boat" in picture.text()
    assert len(chat.turns) == 2


async def test_an_unavailable_model_is_one_notice(chat: ChatSystem) -> None:
    chat.model.away = True
    async with chat.system.running():
        await chat.use("nova")
        await chat.system.ada.send(chat.system.room, "one")
        await chat.system.room.wait_for_message(lambda shown: "LLM_UNAVAILABLE" in shown.text())
        asked = len(chat.model.asked)
        await chat.system.ada.send(chat.system.room, "two")
        await chat.model.wait_asked(asked + 1)
        await chat.system.ada.slash(chat.system.room, "status")
    assert len(chat.system.room.bot_messages) == 1
    assert chat.turns == []


async def test_a_kill_in_mid_sentence_leaves_one_whole_answer(chat: ChatSystem) -> None:
    gate = asyncio.Event()
    chat.model.script = [says("Half a sen", "tence", gate=gate), says("A whole sentence.")]
    async with chat.system.start() as bot:
        await bot.ready()
        await chat.use("nova")
        await chat.system.ada.send(chat.system.room, "speak")
        turn = await chat.until_said("Half a sen")
        await bot.kill()
    gate.set()
    async with chat.system.start() as bot:
        await bot.ready()
        await chat.system.room.wait_for_edit(turn, lambda shown: shown.content == "A whole sentence.")
        await chat.system.until_rows("SELECT count(*) FROM messages WHERE state = 'delivered'", (2,))
        code, output = await bot.stop()
    assert (code, chat.turns) == (0, [turn]), output


async def test_what_was_written_while_the_bot_was_away_is_answered_once(chat: ChatSystem) -> None:
    async with chat.system.running():
        await chat.use("nova")
        await chat.system.ada.send(chat.system.room, "hi")
        await chat.until_said("Hello.")
        await chat.system.until_rows("SELECT count(*) FROM messages WHERE state = 'delivered'", (2,))
    chat.model.script = [says("I was away.")]
    await chat.system.ada.send(chat.system.room, "are you there?")
    await chat.system.bob.send(chat.system.room, "hello?")
    async with chat.system.running():
        await chat.until_said("I was away.")
        await chat.system.until_rows("SELECT count(*) FROM messages WHERE role = 'assistant'", (2,))
    assert "are you there?" in chat.model.asked[-1]["messages"][-1]["content"]
    assert len(chat.turns) == 2


async def test_edits_and_deletions_reach_the_history(chat: ChatSystem) -> None:
    async with chat.system.running():
        await chat.use("nova")
        secret = await chat.system.ada.send(chat.system.room, "my secret is a boat")
        await chat.until_said("Hello.")
        await chat.system.until_rows("SELECT count(*) FROM messages WHERE state = 'delivered'", (2,))
        await chat.system.ada.edit(secret, "my secret is a ship")
        await chat.system.until_rows("SELECT content FROM messages WHERE role = 'user'", ("my secret is a ship",))
        await chat.system.ada.delete(secret)
        await chat.system.until_rows("SELECT count(*) FROM messages WHERE deleted_at IS NOT NULL", (1,))


async def test_who_may_not_change_the_channel_is_told_so_alone(chat: ChatSystem) -> None:
    async with chat.system.running():
        answer = await chat.system.bob.slash(chat.system.room, "character use", name="nova")
        assert answer.message.ephemeral
        assert "Manage Channels" in answer.message.text()
        shown = await chat.system.bob.slash(chat.system.room, "character show")
        assert "nobody" in shown.message.text()


async def test_conversations_are_begun_listed_switched_and_exported(chat: ChatSystem) -> None:
    room = chat.system.room
    async with chat.system.running():
        await chat.use("nova")
        await chat.system.ada.send(room, "the first talk")
        await chat.until_said("Hello.")
        await chat.system.until_rows("SELECT count(*) FROM messages WHERE state = 'delivered'", (2,))
        manager = chat.system.guild.add_member("hedy", permissions=["view_channel", "send_messages", "manage_channels"])
        await manager.slash(room, "conversation new", title="Second")
        listed = await manager.slash(room, "conversation list")
        assert "Second" in listed.message.text()
        assert "With Nova" in listed.message.text()
        [choice] = await manager.autocomplete(room, "conversation switch", "name", "With")
        await manager.slash(room, "conversation switch", name=str(choice.value))
        exported = await manager.slash(room, "conversation export")
        [file] = exported.message.attachments
        assert b"the first talk" in file.data


async def test_scene_is_drawn_from_a_prompt_that_the_model_writes(chat: ChatSystem) -> None:
    chat.model.script = [says("A quiet harbour at night, oil painting.")]
    async with chat.system.running():
        answer = await chat.system.ada.slash(chat.system.room, "scene", about="the harbour")
        await chat.system.result(answer.message)
        await chat.system.until_delivered()
        rows = chat.system.rows("SELECT json_extract(parameters, '$.positive') FROM jobs")
    assert rows == [("A quiet harbour at night, oil painting.",)]
    assert "the harbour" in answer.message.text()


async def test_scene_without_a_model_is_drawn_from_the_persons_words_and_says_so(chat: ChatSystem) -> None:
    chat.model.away = True
    async with chat.system.running():
        answer = await chat.system.ada.slash(chat.system.room, "scene", about="the harbour")
        await chat.system.result(answer.message)
    assert "language model was unavailable" in answer.message.text()


async def test_a_stalled_model_delays_no_picture_but_those_that_need_it(chat: ChatSystem) -> None:
    gate = asyncio.Event()
    chat.model.script = [says("A quiet", " harbour.", gate=gate)]
    async with chat.system.running():
        scene = await chat.system.ada.slash(chat.system.room, "scene", about="the harbour")
        await chat.model.wait_asked(1)
        await chat.system.result(await chat.system.imagine(chat.system.bob))
        gate.set()
        await chat.system.result(scene.message)
        await chat.system.until_delivered(2)


async def test_a_channel_that_cannot_be_read_silences_no_other_one(chat: ChatSystem) -> None:
    other = chat.system.guild.add_channel("harbour")
    async with chat.system.running():
        for room in (chat.room, other):
            await chat.use("nova", room)
            await chat.ada.send(room, "hi")
            await chat.until_said("Hello.", room)
        await chat.until_settled(4)
    for room in (chat.room, other):
        await chat.ada.send(room, "missed")
    chat.system.discord.faults.always("GET", f"/channels/{chat.room.id}/messages", ErrorStatus(502))
    chat.model.script = [says("Sorry."), says("Yes?")]
    async with chat.system.running():
        await chat.until_said("Sorry.", other)
        await chat.ada.send(other, "hello?")
        # discord.py tries to read the broken channel again for 24 seconds.
        await other.wait_for_message(lambda shown: shown.content == "Yes?", timeout=15)
        chat.system.discord.faults.clear()
        await chat.until_said("Yes?")
        await chat.until_settled(10)


async def test_what_was_missed_is_answered_though_this_computers_clock_is_ahead(tmp_path: Path) -> None:
    """By more than the time within which is answered."""
    async with open_chat_system(tmp_path, discord_ahead=-11 * 60) as chat:
        async with chat.system.running():
            await chat.use("nova")
            await chat.ada.send(chat.room, "hi")
            await chat.until_said("Hello.")
            await chat.until_settled(2)
        await chat.ada.send(chat.room, "missed")
        async with chat.system.running():
            await chat.until_settled(4)
        assert [turn.content for turn in chat.turns] == ["Hello.", "Hello."]


async def test_what_is_old_by_discords_clock_is_not_answered(chat: ChatSystem) -> None:
    system = chat.system
    async with system.running():
        await chat.use("nova")
        await chat.ada.send(chat.room, "hi")
        await chat.until_said("Hello.")
        await chat.until_settled(2)
    await chat.ada.send(chat.room, "missed")
    system.discord.clock.advance(11 * 60)
    async with system.running():
        await chat.until_settled(3)
        await chat.ada.send(chat.room, "and now?")
        await chat.until_settled(5)
    assert len(chat.turns) == 2
