"""Characters in channels, from end to end: real discord.py, real store, a scripted model on a real socket."""

from __future__ import annotations

import asyncio

from tests.conversation.scripted_model import calls_draw, says
from tests.e2e.parlour import Parlour


async def test_a_character_answers_as_itself(parlour: Parlour) -> None:
    async with parlour.house.running():
        told = await parlour.use("Nova")
        assert told.ephemeral
        assert "Nova" in told.text()
        await parlour.house.ada.send(parlour.house.room, "hello!")
        turn = await parlour.until_said("Hello.")
        await parlour.house.until_rows("SELECT count(*) FROM messages WHERE state = 'delivered'", (2,))
    [webhook] = parlour.house.room.webhooks
    assert webhook.name == "Nova"
    assert turn.webhook_id == webhook.id
    assert "Ada: hello!" in str(parlour.model.asked[0]["messages"]) or "ada: hello!" in str(parlour.model.asked[0])
    assert parlour.house.room.typing_count > 0


async def test_the_message_grows_while_the_model_speaks(parlour: Parlour) -> None:
    gate = asyncio.Event()
    parlour.model.script = [says("Once upon a time", " there was a boat.", gate=gate)]
    async with parlour.house.running():
        await parlour.use("nova")
        await parlour.house.ada.send(parlour.house.room, "a story!")
        turn = await parlour.until_said("Once upon a time")
        gate.set()
        await parlour.house.room.wait_for_edit(turn, lambda shown: shown.content.endswith("a boat."))
    assert parlour.turns == [turn]


async def test_a_long_answer_goes_on_in_further_messages(parlour: Parlour) -> None:
    paragraphs = [f"Paragraph {n}. " + "word " * 150 for n in range(6)]
    parlour.model.script = [says("\n\n".join(paragraphs))]
    async with parlour.house.running():
        await parlour.use("nova")
        await parlour.house.ada.send(parlour.house.room, "tell me everything")
        await parlour.house.until_rows("SELECT count(*) FROM messages WHERE state = 'delivered'", (2,))
    assert len(parlour.turns) == 3
    assert all(message.content.startswith("Paragraph") for message in parlour.turns)


async def test_the_webhook_is_found_again_after_a_restart(parlour: Parlour) -> None:
    async with parlour.house.running():
        await parlour.use("nova")
        await parlour.house.ada.send(parlour.house.room, "hi")
        await parlour.until_said("Hello.")
        await parlour.house.until_rows("SELECT count(*) FROM messages WHERE state = 'delivered'", (2,))
    parlour.model.script = [says("Again.")]
    async with parlour.house.running():
        await parlour.house.ada.send(parlour.house.room, "hi again")
        await parlour.until_said("Again.")
        await parlour.house.until_rows("SELECT count(*) FROM messages WHERE state = 'delivered'", (4,))
    assert len(parlour.house.room.webhooks) == 1


async def test_without_manage_webhooks_the_bot_speaks_with_the_name_in_bold(parlour: Parlour) -> None:
    parlour.house.guild.remove_bot_permissions("manage_webhooks")
    async with parlour.house.running():
        await parlour.use("nova")
        await parlour.house.ada.send(parlour.house.room, "hi")
        await parlour.house.room.wait_for_message(lambda shown: shown.content == "**Nova:** Hello.")


async def test_a_models_words_ping_nobody(parlour: Parlour) -> None:
    parlour.model.script = [says("@everyone <@1> look!")]
    async with parlour.house.running():
        await parlour.use("nova")
        await parlour.house.ada.send(parlour.house.room, "hi")
        turn = await parlour.until_said("@everyone <@1> look!")
    assert not turn.pings


async def test_the_picture_arrives_as_the_characters_message(parlour: Parlour) -> None:
    parlour.model.script = [
        calls_draw('{"scene": "a red boat"}', text="Here it is."),
        says("a red boat, oil on canvas"),
    ]
    async with parlour.house.running():
        await parlour.use("nova")
        await parlour.house.ada.send(parlour.house.room, "draw my boat")
        await parlour.until_said("Here it is.")
        picture = await parlour.house.room.wait_for_message(
            lambda shown: bool(shown.attachments) and "preview" not in shown.attachments[0].filename
        )
        await parlour.house.until_delivered()
    assert picture.webhook_id == parlour.house.room.webhooks[0].id
    assert "a red boat" in picture.text()
    assert len(parlour.turns) == 2


async def test_an_unavailable_model_is_one_notice(parlour: Parlour) -> None:
    parlour.model.away = True
    async with parlour.house.running():
        await parlour.use("nova")
        await parlour.house.ada.send(parlour.house.room, "one")
        await parlour.house.room.wait_for_message(lambda shown: "LLM_UNAVAILABLE" in shown.text())
        asked = len(parlour.model.asked)
        await parlour.house.ada.send(parlour.house.room, "two")
        await parlour.model.wait_asked(asked + 1)
        await parlour.house.ada.slash(parlour.house.room, "status")
    assert len(parlour.house.room.bot_messages) == 1
    assert parlour.turns == []


async def test_a_kill_in_mid_sentence_leaves_one_whole_answer(parlour: Parlour) -> None:
    gate = asyncio.Event()
    parlour.model.script = [says("Half a sen", "tence", gate=gate), says("A whole sentence.")]
    async with parlour.house.start() as bot:
        await bot.ready()
        await parlour.use("nova")
        await parlour.house.ada.send(parlour.house.room, "speak")
        turn = await parlour.until_said("Half a sen")
        await bot.kill()
    gate.set()
    async with parlour.house.start() as bot:
        await bot.ready()
        await parlour.house.room.wait_for_edit(turn, lambda shown: shown.content == "A whole sentence.")
        await parlour.house.until_rows("SELECT count(*) FROM messages WHERE state = 'delivered'", (2,))
        code, output = await bot.stop()
    assert (code, parlour.turns) == (0, [turn]), output


async def test_what_was_written_while_the_bot_was_away_is_answered_once(parlour: Parlour) -> None:
    async with parlour.house.running():
        await parlour.use("nova")
        await parlour.house.ada.send(parlour.house.room, "hi")
        await parlour.until_said("Hello.")
        await parlour.house.until_rows("SELECT count(*) FROM messages WHERE state = 'delivered'", (2,))
    parlour.model.script = [says("I was away.")]
    await parlour.house.ada.send(parlour.house.room, "are you there?")
    await parlour.house.bob.send(parlour.house.room, "hello?")
    async with parlour.house.running():
        await parlour.until_said("I was away.")
        await parlour.house.until_rows("SELECT count(*) FROM messages WHERE role = 'assistant'", (2,))
    assert "are you there?" in parlour.model.asked[-1]["messages"][-1]["content"]
    assert len(parlour.turns) == 2


async def test_edits_and_deletions_reach_the_history(parlour: Parlour) -> None:
    async with parlour.house.running():
        await parlour.use("nova")
        secret = await parlour.house.ada.send(parlour.house.room, "my secret is a boat")
        await parlour.until_said("Hello.")
        await parlour.house.until_rows("SELECT count(*) FROM messages WHERE state = 'delivered'", (2,))
        await parlour.house.ada.edit(secret, "my secret is a ship")
        await parlour.house.until_rows("SELECT content FROM messages WHERE role = 'user'", ("my secret is a ship",))
        await parlour.house.ada.delete(secret)
        await parlour.house.until_rows("SELECT count(*) FROM messages WHERE deleted_at IS NOT NULL", (1,))


async def test_who_may_not_change_the_channel_is_told_so_alone(parlour: Parlour) -> None:
    async with parlour.house.running():
        answer = await parlour.house.bob.slash(parlour.house.room, "character use", name="nova")
        assert answer.message.ephemeral
        assert "Manage Channels" in answer.message.text()
        shown = await parlour.house.bob.slash(parlour.house.room, "character show")
        assert "nobody" in shown.message.text()


async def test_conversations_are_begun_listed_switched_and_exported(parlour: Parlour) -> None:
    room = parlour.house.room
    async with parlour.house.running():
        await parlour.use("nova")
        await parlour.house.ada.send(room, "the first talk")
        await parlour.until_said("Hello.")
        await parlour.house.until_rows("SELECT count(*) FROM messages WHERE state = 'delivered'", (2,))
        manager = parlour.house.guild.add_member(
            "hedy", permissions=["view_channel", "send_messages", "manage_channels"]
        )
        await manager.slash(room, "conversation new", title="Second")
        listed = await manager.slash(room, "conversation list")
        assert "Second" in listed.message.text()
        assert "With Nova" in listed.message.text()
        [choice] = await manager.autocomplete(room, "conversation switch", "name", "With")
        await manager.slash(room, "conversation switch", name=str(choice.value))
        exported = await manager.slash(room, "conversation export")
        [file] = exported.message.attachments
        assert b"the first talk" in file.data


async def test_scene_is_drawn_from_a_prompt_that_the_model_writes(parlour: Parlour) -> None:
    parlour.model.script = [says("A quiet harbour at night, oil painting.")]
    async with parlour.house.running():
        answer = await parlour.house.ada.slash(parlour.house.room, "scene", about="the harbour")
        await parlour.house.result(answer.message)
        await parlour.house.until_delivered()
        rows = parlour.house.rows("SELECT json_extract(parameters, '$.positive') FROM jobs")
    assert rows == [("A quiet harbour at night, oil painting.",)]
    assert "the harbour" in answer.message.text()


async def test_scene_without_a_model_is_drawn_from_the_persons_words_and_says_so(parlour: Parlour) -> None:
    parlour.model.away = True
    async with parlour.house.running():
        answer = await parlour.house.ada.slash(parlour.house.room, "scene", about="the harbour")
        await parlour.house.result(answer.message)
    assert "language model was unavailable" in answer.message.text()
