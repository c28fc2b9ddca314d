"""Whom a character hears, in which order, and what it does not answer any more."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from sandbox.discord import NotOfferedError, Rejected
from tests.conversation.scripted_model import calls_draw, says
from tests.e2e.chat_system import ChatSystem, open_chat_system


async def test_three_people_at_once_are_answered_in_order_one_turn_at_a_time(chat: ChatSystem) -> None:
    gate = asyncio.Event()
    chat.model.script = [says("One", ".", gate=gate), says("Two.")]
    cy = chat.system.guild.add_member("cy")
    async with chat.system.running():
        await chat.use("nova")
        await chat.ada.send(chat.room, "first")
        await chat.until_said("One")
        for person, words in ((chat.bob, "second"), (cy, "third"), (chat.ada, "fourth")):
            await person.send(chat.room, words)
        await chat.system.until_rows("SELECT count(*) FROM messages WHERE role = 'user'", (4,))
        gate.set()
        await chat.until_said("Two.")
        await chat.until_settled(6)
    assert chat.history() == ["ada: first", "One.", "bob: second\ncy: third\nada: fourth"] or chat.history()[0] == (
        "ada: first\nbob: second\ncy: third\nada: fourth"
    )
    assert len(chat.model.asked) == 2


async def test_messages_keep_their_order_although_a_reply_takes_longer_to_read(chat: ChatSystem) -> None:
    gate = asyncio.Event()
    chat.model.script = [says("Hm", ".", gate=gate)]
    async with chat.system.running():
        await chat.use("nova")
        first = await chat.ada.send(chat.room, "m0")
        await asyncio.gather(
            *(chat.bob.send(chat.room, f"m{n}", reply_to=first if n % 2 else None) for n in range(1, 12))
        )
        gate.set()
        await chat.system.until_rows("SELECT count(*) FROM messages WHERE role = 'user'", (12,))
        rows = chat.system.rows("SELECT content FROM messages WHERE role = 'user' ORDER BY position")
    assert [content for (content,) in rows] == [f"m{n}" for n in range(12)]


async def test_a_message_deleted_at_once_is_not_remembered(chat: ChatSystem) -> None:
    async with chat.system.running():
        await chat.use("nova")
        message = await chat.ada.send(chat.room, "a slip of the tongue")
        await chat.ada.delete(message)
        await chat.system.until_rows("SELECT count(*) FROM messages WHERE deleted_at IS NOT NULL", (1,))
        await chat.ada.send(chat.room, "hello")
        await chat.system.until_rows("SELECT count(*) FROM messages WHERE role = 'user'", (2,))
        query = "SELECT sum(state IN ('queued', 'running', 'generated')) FROM messages"
        await chat.system.until_rows(query, (0,))
    assert "slip of" not in str(chat.model.asked[-1])


async def test_the_answer_to_a_message_deleted_meanwhile_is_taken_back(chat: ChatSystem) -> None:
    gate = asyncio.Event()
    chat.model.script = [says("About your secret", " ...", gate=gate), says("Hello you.")]
    async with chat.system.running():
        await chat.use("nova")
        message = await chat.ada.send(chat.room, "my secret is")
        turn = await chat.until_said("About your secret")
        await chat.ada.delete(message)
        await chat.room.wait_for_deletion(turn)
        gate.set()
        await chat.ada.send(chat.room, "hello")
        await chat.until_said("Hello you.")
    assert chat.history() == ["ada: hello"]


async def test_a_turn_deleted_while_it_grows_ends_there(chat: ChatSystem) -> None:
    gate = asyncio.Event()
    chat.model.script = [says("Blah", " blah", gate=gate), says("Hello you.")]
    moderator = chat.system.guild.add_member("max", permissions=["manage_messages"])
    async with chat.system.running():
        await chat.use("nova")
        await chat.ada.send(chat.room, "talk")
        turn = await chat.until_said("Blah")
        await moderator.delete(turn)
        await chat.system.until_rows("SELECT state FROM messages", ("delivered",), ("failed",))
        gate.set()
        await chat.ada.send(chat.room, "hello")
        await chat.until_said("Hello you.")
        await chat.until_settled(4)
    assert len(chat.model.asked) == 2
    assert "Blah" not in str(chat.model.asked[-1]["messages"][1:])


async def test_an_edit_while_the_model_answers_counts_from_then_on(chat: ChatSystem) -> None:
    gate = asyncio.Event()
    chat.model.script = [says("It is", " red.", gate=gate), says("Blue then.")]
    async with chat.system.running():
        await chat.use("nova")
        message = await chat.ada.send(chat.room, "my boat is red")
        await chat.until_said("It is")
        await chat.ada.edit(message, "my boat is blue")
        gate.set()
        await chat.until_said("It is red.")
        await chat.until_settled(2)
        await chat.ada.send(chat.room, "which?")
        await chat.until_said("Blue then.")
        await chat.until_settled(4)
    assert chat.history() == ["ada: my boat is blue", "It is red.", "ada: which?"]


@pytest.mark.setting("discord.allow_dms")
async def test_direct_messages_are_bound_per_person(tmp_path: Path) -> None:
    async with open_chat_system(tmp_path, discord={"allow_dms": True}) as chat:
        async with chat.system.running():
            await chat.ada.slash(chat.ada.dm_channel, "character use", name="alex")
            await chat.ada.send(chat.ada.dm_channel, "hi")
            await chat.ada.dm_channel.wait_for_message(lambda shown: shown.content == "**Alex:** Hello.")
            await chat.bob.send(chat.bob.dm_channel, "hi")
            await chat.bob.dm_channel.wait_for_message(lambda shown: shown.content == "**Nova:** Hello.")
            await chat.until_settled(4)
        await chat.ada.send(chat.ada.dm_channel, "are you there?")
        chat.model.script = [says("I was away.")]
        async with chat.system.running():
            await chat.ada.dm_channel.wait_for_message(lambda shown: shown.content == "**Alex:** I was away.")
            await chat.until_settled(6)
    assert chat.history() == ["ada: hi", "Hello.", "ada: are you there?"]


async def test_direct_messages_are_off_by_default(chat: ChatSystem) -> None:
    async with chat.system.running():
        with pytest.raises(NotOfferedError):
            await chat.ada.slash(chat.ada.dm_channel, "character use", name="alex")
        await chat.ada.send(chat.ada.dm_channel, "hi")
        await chat.use("nova")
        await chat.ada.send(chat.room, "hi")
        await chat.until_settled(2)
    assert chat.system.rows("SELECT count(*) FROM channel_bindings") == [(1,)]


async def test_a_thread_of_a_bound_channel_is_its_own_talk(chat: ChatSystem) -> None:
    async with chat.system.running():
        await chat.use("nova")
        await chat.ada.send(chat.room, "in the channel")
        await chat.until_settled(2)
        thread = await chat.ada.create_thread(chat.room, "aside")
        await chat.ada.send(thread, "in the thread")
        await chat.until_settled(4)
        await chat.ada.send(chat.room, "channel again")
        await chat.until_settled(6)
        assert chat.history() == ["ada: in the channel", "Hello.", "ada: channel again"]
        exported = await chat.grace.slash(thread, "conversation export")
        assert b"in the thread" in exported.message.attachments[0].data
        chat.model.script = [says("Here I am.")]
    await chat.ada.send(thread, "and now?")
    async with chat.system.running():
        await chat.until_said("Here I am.", thread)
        await chat.until_settled(8)
    assert chat.history() == ["ada: in the channel", "Hello.", "ada: in the thread", "Hello.", "ada: and now?"]


async def test_exporting_in_a_new_thread_does_not_cut_its_past_off(chat: ChatSystem) -> None:
    async with chat.system.running():
        await chat.use("nova")
        await chat.ada.send(chat.room, "in the channel")
        await chat.until_settled(2)
        thread = await chat.ada.create_thread(chat.room, "aside")
        await chat.grace.slash(thread, "conversation export")
        await chat.ada.send(thread, "in the thread")
        await chat.until_settled(4)
    assert chat.history() == ["ada: in the channel", "Hello.", "ada: in the thread"]


async def test_the_newest_of_many_missed_messages_is_answered_after_what_came_first(chat: ChatSystem) -> None:
    async with chat.system.running():
        await chat.use("nova")
        await chat.ada.send(chat.room, "hi")
        await chat.until_settled(2)
    for n in range(150):
        await chat.bob.send(chat.room, f"missed {n}")
    gate = chat.system.discord.faults.set_breakpoint("GET", "/channels/*/messages")
    chat.model.script = [says("I see.")]
    async with asyncio.TaskGroup() as group:

        async def live() -> None:
            await gate.wait_reached()
            await chat.ada.send(chat.room, "just now")
            gate.release()

        group.create_task(live())
        async with chat.system.running():
            await chat.until_said("I see.")
            await chat.system.until_rows("SELECT count(*) FROM messages WHERE content = 'just now'", (1,))
            query = "SELECT sum(state IN ('queued', 'running', 'generated')) FROM messages"
            await chat.system.until_rows(query, (0,))
    rows = chat.system.rows("SELECT content FROM messages WHERE role = 'user' ORDER BY position")
    words = [content for (content,) in rows]
    assert words == ["hi", *(f"missed {n}" for n in range(50, 150)), "just now"] or words == [
        "hi",
        *(f"missed {n}" for n in range(51, 150)),
        "just now",
    ]


async def test_a_mention_missed_in_a_channel_of_nobodys_is_answered(chat: ChatSystem) -> None:
    me = chat.system.discord.bot.mention
    async with chat.system.running():
        await chat.ada.send(chat.room, "not for you")
        await chat.ada.send(chat.room, f"{me} hi")
        await chat.until_said("Hello.")
        await chat.until_settled(2)
    assert chat.history() == ["ada: hi"]
    await chat.ada.send(chat.room, f"{me} still there?")
    await chat.ada.send(chat.room, "not for you either")
    chat.model.script = [says("Back.")]
    async with chat.system.running():
        await chat.until_said("Back.")
        await chat.until_settled(4)
    assert chat.history() == ["ada: hi", "Hello.", "ada: still there?"]


async def test_a_lone_mention_is_a_call(chat: ChatSystem) -> None:
    async with chat.system.running():
        await chat.ada.send(chat.room, chat.system.discord.bot.mention)
        await chat.until_said("Hello.")
        await chat.until_settled(2)
    assert chat.history() == ["ada: @Chorus"]


@pytest.mark.setting("character.aliases")
async def test_a_reply_or_an_alias_reaches_that_character(chat: ChatSystem) -> None:
    async with chat.system.running():
        await chat.use("nova")
        await chat.ada.send(chat.room, "Lex, a drink please")
        turn = await chat.until_said("Hello.")
        await chat.until_settled(2)
        assert turn.author.name == "Alex"
        chat.model.script = [says("Cheers.")]
        await chat.bob.send(chat.room, "one for me, too", reply_to=turn)
        assert (await chat.until_said("Cheers.")).author.name == "Alex"
        await chat.until_settled(4)


async def test_a_reply_to_a_picture_reaches_the_one_who_drew_it(chat: ChatSystem) -> None:
    chat.model.script = [calls_draw('{"scene": "a boat"}', text="Here."), says("a boat, oil")]
    async with chat.system.running():
        await chat.use("alex")
        await chat.ada.send(chat.room, "Nova, draw my boat")
        await chat.system.until_delivered()
        picture = next(message for message in chat.turns if message.attachments)
        chat.model.script = [says("Thanks.")]
        await chat.bob.send(chat.room, "lovely", reply_to=picture)
        assert (await chat.until_said("Thanks.")).author.name == "Nova"
        await chat.until_settled(4)


async def test_a_full_queue_is_told_where_the_picture_was_asked_for(tmp_path: Path) -> None:
    async with open_chat_system(tmp_path) as chat:
        config = chat.system.config.read_text()
        chat.system.config.write_text(config.replace("comfyui:\n", "comfyui:\n  queue: {max_per_user: 1}\n"))
        chat.model.script = [calls_draw('{"scene": "a boat"}', text="Here."), says("a boat, oil")]
        async with chat.system.comfy.set_breakpoint("KSampler") as hold, chat.system.running():
            await chat.system.imagine(chat.ada)
            await hold.reached.wait()
            await chat.system.imagine(chat.ada)
            await chat.use("nova")
            await chat.ada.send(chat.room, "draw my boat")
            await chat.until_said("Here.")
            await chat.room.wait_for_message(lambda shown: "QUEUE_FULL" in shown.text())
            await chat.until_settled(2)
            hold.release()
            await chat.system.until_delivered(2)
    assert chat.system.rows("SELECT count(*) FROM jobs") == [(2,)]


async def test_one_answer_draws_one_picture(chat: ChatSystem) -> None:
    chat.model.script = [says("Two! <draw>a boat</draw> <draw>a tree</draw>"), says("a boat, oil")]
    async with chat.system.running():
        await chat.use("nova")
        await chat.ada.send(chat.room, "draw two")
        await chat.until_said("Two!")
        await chat.system.until_delivered()
        await chat.until_settled(2)
    assert chat.system.rows("SELECT count(*) FROM jobs") == [(1,)]


async def test_a_character_that_does_not_draw_never_does_whatever_its_model_calls(chat: ChatSystem) -> None:
    chat.model.script = [calls_draw('{"scene": "a boat"}', text="I only mix.")]
    async with chat.system.running():
        await chat.use("alex")
        await chat.ada.send(chat.room, "draw my boat")
        await chat.until_said("I only mix.")
        await chat.until_settled(2)
    assert chat.system.rows("SELECT count(*) FROM jobs") == [(0,)]


@pytest.mark.setting("conversation.allow_bots", "conversation.max_bot_turns")
async def test_other_bots_are_ignored_and_allowed_ones_do_not_talk_for_ever(tmp_path: Path) -> None:
    for allowed, folder in ((False, tmp_path / "closed"), (True, tmp_path / "open")):
        folder.mkdir()
        async with open_chat_system(folder, conversation={"allow_bots": allowed, "max_bot_turns": 2}) as chat:
            robot = chat.system.guild.add_member("robot", bot=True)
            async with chat.system.running():
                await chat.use("nova")
                for n in range(5):
                    await robot.send(chat.room, f"beep {n}")
                    if allowed:
                        await chat.system.until_rows("SELECT count(*) FROM messages WHERE role = 'user'", (n + 1,))
                        query = "SELECT sum(state IN ('queued', 'running', 'generated')) FROM messages"
                        await chat.system.until_rows(query, (0,))
                await chat.ada.send(chat.room, "and me?")
                await chat.room.wait_for_message(lambda shown: shown.webhook_id is not None)
                await chat.system.until_rows(
                    "SELECT count(*) FROM messages WHERE role = 'assistant' AND state = 'delivered'",
                    (3 if allowed else 1,),
                )


async def test_a_removed_character_is_told_once_and_its_history_is_kept(chat: ChatSystem) -> None:
    async with chat.system.running():
        await chat.use("alex")
        await chat.ada.send(chat.room, "my boat is red")
        await chat.until_said("Hello.")
        await chat.until_settled(2)
    file = chat.system.folder / "characters" / "alex.yaml"
    kept = file.read_text()
    file.unlink()
    async with chat.system.running():
        for words in ("where are you?", "hello?"):
            await chat.ada.send(chat.room, words)
            await chat.room.wait_for_message(lambda shown: "CHARACTER_NOT_FOUND" in shown.text())
        await chat.system.until_rows("SELECT count(*) FROM messages WHERE role = 'user'", (3,))
        query = "SELECT sum(state IN ('queued', 'running', 'generated')) FROM messages"
        await chat.system.until_rows(query, (0,))
        shown = await chat.bob.slash(chat.room, "character show")
        assert "is gone" in shown.message.text()
        assert "kept" in shown.message.text()
    file.write_text(kept)
    notices = [message for message in chat.room.bot_messages if "CHARACTER_NOT_FOUND" in message.text()]
    assert len([message for message in notices if not message.ephemeral]) == 1
    async with chat.system.running():
        await chat.ada.send(chat.room, "welcome back")
        await chat.model.wait_asked(2)
        await chat.system.until_rows(query, (0,))
    assert chat.history()[0] == "ada: my boat is red"


async def test_the_last_unanswered_turn_is_answered_when_the_model_is_back(tmp_path: Path) -> None:
    async with open_chat_system(tmp_path) as chat:
        chat.model.away = True
        async with chat.system.running() as (services, _):
            services.conversations.scheduler.availability.retry_seconds = 0.2
            await chat.use("nova")
            await chat.ada.send(chat.room, "one")
            await chat.room.wait_for_message(lambda shown: "LLM_UNAVAILABLE" in shown.text())
            await chat.bob.send(chat.room, "two")
            await chat.system.until_rows("SELECT count(*) FROM messages WHERE role = 'user'", (2,))
            chat.model.away = False
            await chat.until_said("Hello.")
            query = "SELECT sum(state IN ('queued', 'running', 'generated')) FROM messages"
            await chat.system.until_rows(query, (0,))
    assert chat.history() == ["ada: one\nbob: two"]
    notices = [message for message in chat.room.bot_messages if "LLM_UNAVAILABLE" in message.text()]
    assert len(notices) == 1


async def test_a_refused_read_of_what_was_missed_does_not_stop_the_talk(chat: ChatSystem) -> None:
    async with chat.system.running():
        await chat.use("nova")
        await chat.ada.send(chat.room, "hi")
        await chat.until_settled(2)
    await chat.ada.send(chat.room, "missed")
    chat.system.discord.faults.next("GET", "/channels/*/messages", Rejected(403, 50001, "Missing Access"))
    async with chat.system.running():
        chat.model.script = [says("Yes?")]
        await chat.ada.send(chat.room, "hello?")
        await chat.until_said("Yes?")
        await chat.until_settled(4)


async def test_a_turn_deleted_before_we_know_its_message_leaves_the_history(chat: ChatSystem) -> None:
    moderator = chat.system.guild.add_member("max", permissions=["manage_messages"])
    async with chat.system.running():
        await chat.use("nova")
        hold = chat.system.discord.faults.set_breakpoint("POST", "/webhooks/*/*", applied=True)
        await chat.ada.send(chat.room, "hi")
        await hold.wait_reached()
        turn = await chat.until_said("Hello.")
        await moderator.delete(turn)
        mark = await chat.bob.send(chat.room, "did it say something?")
        query = f"SELECT count(*) FROM messages WHERE discord_message_id = {mark.id}"
        await chat.system.until_rows(query, (1,))  # events come in order: the deletion was heard before this
        hold.release()
        query = "SELECT sum(state IN ('queued', 'running', 'generated')) FROM messages"
        await chat.system.until_rows(query, (0,))
    assert chat.history() == ["ada: hi\nbob: did it say something?"]
