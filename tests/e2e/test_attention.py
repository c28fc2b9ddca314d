"""Whom a character hears, in which order, and what it does not answer any more."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from sandbox.discord import NotOfferedError, Rejected
from tests.conversation.scripted_model import calls_draw, says
from tests.e2e.parlour import Parlour, furnished


async def test_three_people_at_once_are_answered_in_order_one_turn_at_a_time(parlour: Parlour) -> None:
    gate = asyncio.Event()
    parlour.model.script = [says("One", ".", gate=gate), says("Two.")]
    cy = parlour.house.guild.add_member("cy")
    async with parlour.house.running():
        await parlour.use("nova")
        await parlour.ada.send(parlour.room, "first")
        await parlour.until_said("One")
        for person, words in ((parlour.bob, "second"), (cy, "third"), (parlour.ada, "fourth")):
            await person.send(parlour.room, words)
        await parlour.house.until_rows("SELECT count(*) FROM messages WHERE role = 'user'", (4,))
        gate.set()
        await parlour.until_said("Two.")
        await parlour.until_settled(6)
    assert parlour.history() == ["ada: first", "One.", "bob: second\ncy: third\nada: fourth"] or parlour.history()[
        0
    ] == ("ada: first\nbob: second\ncy: third\nada: fourth")
    assert len(parlour.model.asked) == 2


async def test_messages_keep_their_order_although_a_reply_takes_longer_to_read(parlour: Parlour) -> None:
    gate = asyncio.Event()
    parlour.model.script = [says("Hm", ".", gate=gate)]
    async with parlour.house.running():
        await parlour.use("nova")
        first = await parlour.ada.send(parlour.room, "m0")
        await asyncio.gather(
            *(parlour.bob.send(parlour.room, f"m{n}", reply_to=first if n % 2 else None) for n in range(1, 12))
        )
        gate.set()
        await parlour.house.until_rows("SELECT count(*) FROM messages WHERE role = 'user'", (12,))
        rows = parlour.house.rows("SELECT content FROM messages WHERE role = 'user' ORDER BY position")
    assert [content for (content,) in rows] == [f"m{n}" for n in range(12)]


async def test_a_message_deleted_at_once_is_not_remembered(parlour: Parlour) -> None:
    async with parlour.house.running():
        await parlour.use("nova")
        message = await parlour.ada.send(parlour.room, "a slip of the tongue")
        await parlour.ada.delete(message)
        await parlour.house.until_rows("SELECT count(*) FROM messages WHERE deleted_at IS NOT NULL", (1,))
        await parlour.ada.send(parlour.room, "hello")
        await parlour.house.until_rows("SELECT count(*) FROM messages WHERE role = 'user'", (2,))
        query = "SELECT sum(state IN ('queued', 'running', 'generated')) FROM messages"
        await parlour.house.until_rows(query, (0,))
    assert "slip of" not in str(parlour.model.asked[-1])


async def test_the_answer_to_a_message_deleted_meanwhile_is_taken_back(parlour: Parlour) -> None:
    gate = asyncio.Event()
    parlour.model.script = [says("About your secret", " ...", gate=gate), says("Hello you.")]
    async with parlour.house.running():
        await parlour.use("nova")
        message = await parlour.ada.send(parlour.room, "my secret is")
        turn = await parlour.until_said("About your secret")
        await parlour.ada.delete(message)
        await parlour.room.wait_for_deletion(turn)
        gate.set()
        await parlour.ada.send(parlour.room, "hello")
        await parlour.until_said("Hello you.")
    assert parlour.history() == ["ada: hello"]


async def test_a_turn_deleted_while_it_grows_ends_there(parlour: Parlour) -> None:
    gate = asyncio.Event()
    parlour.model.script = [says("Blah", " blah", gate=gate), says("Hello you.")]
    moderator = parlour.house.guild.add_member("max", permissions=["manage_messages"])
    async with parlour.house.running():
        await parlour.use("nova")
        await parlour.ada.send(parlour.room, "talk")
        turn = await parlour.until_said("Blah")
        await moderator.delete(turn)
        await parlour.house.until_rows("SELECT state FROM messages WHERE role = 'assistant'", ("failed",))
        gate.set()
        await parlour.ada.send(parlour.room, "hello")
        await parlour.until_said("Hello you.")
    assert "Blah" not in str(parlour.model.asked[-1]["messages"][1:])


async def test_an_edit_while_the_model_answers_counts_from_then_on(parlour: Parlour) -> None:
    gate = asyncio.Event()
    parlour.model.script = [says("It is", " red.", gate=gate), says("Blue then.")]
    async with parlour.house.running():
        await parlour.use("nova")
        message = await parlour.ada.send(parlour.room, "my boat is red")
        await parlour.until_said("It is")
        await parlour.ada.edit(message, "my boat is blue")
        gate.set()
        await parlour.until_said("It is red.")
        await parlour.until_settled(2)
        await parlour.ada.send(parlour.room, "which?")
        await parlour.until_said("Blue then.")
        await parlour.until_settled(4)
    assert parlour.history() == ["ada: my boat is blue", "It is red.", "ada: which?"]


@pytest.mark.setting("discord.allow_dms")
async def test_direct_messages_are_bound_per_person(tmp_path: Path) -> None:
    async with furnished(tmp_path, discord={"allow_dms": True}) as parlour:
        async with parlour.house.running():
            await parlour.ada.slash(parlour.ada.dm_channel, "character use", name="alex")
            await parlour.ada.send(parlour.ada.dm_channel, "hi")
            await parlour.ada.dm_channel.wait_for_message(lambda shown: shown.content == "**Alex:** Hello.")
            await parlour.bob.send(parlour.bob.dm_channel, "hi")
            await parlour.bob.dm_channel.wait_for_message(lambda shown: shown.content == "**Nova:** Hello.")
            await parlour.until_settled(4)
        await parlour.ada.send(parlour.ada.dm_channel, "are you there?")
        parlour.model.script = [says("I was away.")]
        async with parlour.house.running():
            await parlour.ada.dm_channel.wait_for_message(lambda shown: shown.content == "**Alex:** I was away.")
            await parlour.until_settled(6)
    assert parlour.history() == ["ada: hi", "Hello.", "ada: are you there?"]


async def test_direct_messages_are_off_by_default(parlour: Parlour) -> None:
    async with parlour.house.running():
        with pytest.raises(NotOfferedError):
            await parlour.ada.slash(parlour.ada.dm_channel, "character use", name="alex")
        await parlour.ada.send(parlour.ada.dm_channel, "hi")
        await parlour.use("nova")
        await parlour.ada.send(parlour.room, "hi")
        await parlour.until_settled(2)
    assert parlour.house.rows("SELECT count(*) FROM channel_bindings") == [(1,)]


async def test_a_thread_of_a_bound_channel_is_its_own_talk(parlour: Parlour) -> None:
    async with parlour.house.running():
        await parlour.use("nova")
        await parlour.ada.send(parlour.room, "in the channel")
        await parlour.until_settled(2)
        thread = await parlour.ada.create_thread(parlour.room, "aside")
        await parlour.ada.send(thread, "in the thread")
        await parlour.until_settled(4)
        await parlour.ada.send(parlour.room, "channel again")
        await parlour.until_settled(6)
        assert parlour.history() == ["ada: in the channel", "Hello.", "ada: channel again"]
        exported = await parlour.grace.slash(thread, "conversation export")
        assert b"in the thread" in exported.message.attachments[0].data
        parlour.model.script = [says("Here I am.")]
    await parlour.ada.send(thread, "and now?")
    async with parlour.house.running():
        await parlour.until_said("Here I am.", thread)
        await parlour.until_settled(8)
    assert parlour.history() == ["ada: in the channel", "Hello.", "ada: in the thread", "Hello.", "ada: and now?"]


async def test_exporting_in_a_new_thread_does_not_cut_its_past_off(parlour: Parlour) -> None:
    async with parlour.house.running():
        await parlour.use("nova")
        await parlour.ada.send(parlour.room, "in the channel")
        await parlour.until_settled(2)
        thread = await parlour.ada.create_thread(parlour.room, "aside")
        await parlour.grace.slash(thread, "conversation export")
        await parlour.ada.send(thread, "in the thread")
        await parlour.until_settled(4)
    assert parlour.history() == ["ada: in the channel", "Hello.", "ada: in the thread"]


async def test_the_newest_of_many_missed_messages_is_answered_after_what_came_first(parlour: Parlour) -> None:
    async with parlour.house.running():
        await parlour.use("nova")
        await parlour.ada.send(parlour.room, "hi")
        await parlour.until_settled(2)
    for n in range(150):
        await parlour.bob.send(parlour.room, f"missed {n}")
    gate = parlour.house.discord.faults.set_breakpoint("GET", "/channels/*/messages")
    parlour.model.script = [says("I see.")]
    async with asyncio.TaskGroup() as group:

        async def live() -> None:
            await gate.wait_reached()
            await parlour.ada.send(parlour.room, "just now")
            gate.release()

        group.create_task(live())
        async with parlour.house.running():
            await parlour.until_said("I see.")
            await parlour.house.until_rows("SELECT count(*) FROM messages WHERE content = 'just now'", (1,))
            query = "SELECT sum(state IN ('queued', 'running', 'generated')) FROM messages"
            await parlour.house.until_rows(query, (0,))
    rows = parlour.house.rows("SELECT content FROM messages WHERE role = 'user' ORDER BY position")
    words = [content for (content,) in rows]
    assert words == ["hi", *(f"missed {n}" for n in range(50, 150)), "just now"] or words == [
        "hi",
        *(f"missed {n}" for n in range(51, 150)),
        "just now",
    ]


async def test_a_mention_missed_in_a_channel_of_nobodys_is_answered(parlour: Parlour) -> None:
    me = parlour.house.discord.bot.mention
    async with parlour.house.running():
        await parlour.ada.send(parlour.room, "not for you")
        await parlour.ada.send(parlour.room, f"{me} hi")
        await parlour.until_said("Hello.")
        await parlour.until_settled(2)
    assert parlour.history() == ["ada: hi"]
    await parlour.ada.send(parlour.room, f"{me} still there?")
    await parlour.ada.send(parlour.room, "not for you either")
    parlour.model.script = [says("Back.")]
    async with parlour.house.running():
        await parlour.until_said("Back.")
        await parlour.until_settled(4)
    assert parlour.history() == ["ada: hi", "Hello.", "ada: still there?"]


async def test_a_lone_mention_is_a_call(parlour: Parlour) -> None:
    async with parlour.house.running():
        await parlour.ada.send(parlour.room, parlour.house.discord.bot.mention)
        await parlour.until_said("Hello.")
        await parlour.until_settled(2)
    assert parlour.history() == ["ada: @Chorus"]


@pytest.mark.setting("character.aliases")
async def test_a_reply_or_an_alias_reaches_that_character(parlour: Parlour) -> None:
    async with parlour.house.running():
        await parlour.use("nova")
        await parlour.ada.send(parlour.room, "Lex, a drink please")
        turn = await parlour.until_said("Hello.")
        await parlour.until_settled(2)
        assert turn.author.name == "Alex"
        parlour.model.script = [says("Cheers.")]
        await parlour.bob.send(parlour.room, "one for me, too", reply_to=turn)
        assert (await parlour.until_said("Cheers.")).author.name == "Alex"
        await parlour.until_settled(4)


async def test_a_reply_to_a_picture_reaches_the_one_who_drew_it(parlour: Parlour) -> None:
    parlour.model.script = [calls_draw('{"scene": "a boat"}', text="Here."), says("a boat, oil")]
    async with parlour.house.running():
        await parlour.use("alex")
        await parlour.ada.send(parlour.room, "Nova, draw my boat")
        await parlour.house.until_delivered()
        picture = next(message for message in parlour.turns if message.attachments)
        parlour.model.script = [says("Thanks.")]
        await parlour.bob.send(parlour.room, "lovely", reply_to=picture)
        assert (await parlour.until_said("Thanks.")).author.name == "Nova"
        await parlour.until_settled(4)


async def test_a_full_queue_is_told_where_the_picture_was_asked_for(tmp_path: Path) -> None:
    async with furnished(tmp_path) as parlour:
        config = parlour.house.config.read_text()
        parlour.house.config.write_text(config.replace("comfyui:\n", "comfyui:\n  queue: {max_per_user: 1}\n"))
        parlour.model.script = [calls_draw('{"scene": "a boat"}', text="Here."), says("a boat, oil")]
        async with parlour.house.comfy.set_breakpoint("KSampler") as hold, parlour.house.running():
            await parlour.house.imagine(parlour.ada)
            await hold.reached.wait()
            await parlour.house.imagine(parlour.ada)
            await parlour.use("nova")
            await parlour.ada.send(parlour.room, "draw my boat")
            await parlour.until_said("Here.")
            await parlour.room.wait_for_message(lambda shown: "QUEUE_FULL" in shown.text())
            await parlour.until_settled(2)
            hold.release()
            await parlour.house.until_delivered(2)
    assert parlour.house.rows("SELECT count(*) FROM jobs") == [(2,)]


async def test_one_answer_draws_one_picture(parlour: Parlour) -> None:
    parlour.model.script = [says("Two! <draw>a boat</draw> <draw>a tree</draw>"), says("a boat, oil")]
    async with parlour.house.running():
        await parlour.use("nova")
        await parlour.ada.send(parlour.room, "draw two")
        await parlour.until_said("Two!")
        await parlour.house.until_delivered()
        await parlour.until_settled(2)
    assert parlour.house.rows("SELECT count(*) FROM jobs") == [(1,)]


async def test_a_character_that_does_not_draw_never_does_whatever_its_model_calls(parlour: Parlour) -> None:
    parlour.model.script = [calls_draw('{"scene": "a boat"}', text="I only mix.")]
    async with parlour.house.running():
        await parlour.use("alex")
        await parlour.ada.send(parlour.room, "draw my boat")
        await parlour.until_said("I only mix.")
        await parlour.until_settled(2)
    assert parlour.house.rows("SELECT count(*) FROM jobs") == [(0,)]


@pytest.mark.setting("conversation.allow_bots", "conversation.max_bot_turns")
async def test_other_bots_are_ignored_and_allowed_ones_do_not_talk_for_ever(tmp_path: Path) -> None:
    for allowed, folder in ((False, tmp_path / "closed"), (True, tmp_path / "open")):
        folder.mkdir()
        async with furnished(folder, conversation={"allow_bots": allowed, "max_bot_turns": 2}) as parlour:
            robot = parlour.house.guild.add_member("robot", bot=True)
            async with parlour.house.running():
                await parlour.use("nova")
                for n in range(5):
                    await robot.send(parlour.room, f"beep {n}")
                    if allowed:
                        await parlour.house.until_rows("SELECT count(*) FROM messages WHERE role = 'user'", (n + 1,))
                        query = "SELECT sum(state IN ('queued', 'running', 'generated')) FROM messages"
                        await parlour.house.until_rows(query, (0,))
                await parlour.ada.send(parlour.room, "and me?")
                await parlour.room.wait_for_message(lambda shown: shown.webhook_id is not None)
                await parlour.house.until_rows(
                    "SELECT count(*) FROM messages WHERE role = 'assistant' AND state = 'delivered'",
                    (3 if allowed else 1,),
                )


async def test_a_removed_character_is_told_once_and_its_history_is_kept(parlour: Parlour) -> None:
    async with parlour.house.running():
        await parlour.use("alex")
        await parlour.ada.send(parlour.room, "my boat is red")
        await parlour.until_said("Hello.")
        await parlour.until_settled(2)
    file = parlour.house.folder / "characters" / "alex.yaml"
    kept = file.read_text()
    file.unlink()
    async with parlour.house.running():
        for words in ("where are you?", "hello?"):
            await parlour.ada.send(parlour.room, words)
            await parlour.room.wait_for_message(lambda shown: "CHARACTER_NOT_FOUND" in shown.text())
        await parlour.house.until_rows("SELECT count(*) FROM messages WHERE role = 'user'", (3,))
        query = "SELECT sum(state IN ('queued', 'running', 'generated')) FROM messages"
        await parlour.house.until_rows(query, (0,))
        shown = await parlour.bob.slash(parlour.room, "character show")
        assert "is gone" in shown.message.text()
        assert "kept" in shown.message.text()
    file.write_text(kept)
    notices = [message for message in parlour.room.bot_messages if "CHARACTER_NOT_FOUND" in message.text()]
    assert len([message for message in notices if not message.ephemeral]) == 1
    async with parlour.house.running():
        await parlour.ada.send(parlour.room, "welcome back")
        await parlour.model.wait_asked(2)
        await parlour.house.until_rows(query, (0,))
    assert parlour.history()[0] == "ada: my boat is red"


async def test_the_last_unanswered_turn_is_answered_when_the_model_is_back(tmp_path: Path) -> None:
    async with furnished(tmp_path) as parlour:
        parlour.model.away = True
        async with parlour.house.running() as (services, _):
            services.conversations.scheduler.availability.retry_seconds = 0.2
            await parlour.use("nova")
            await parlour.ada.send(parlour.room, "one")
            await parlour.room.wait_for_message(lambda shown: "LLM_UNAVAILABLE" in shown.text())
            await parlour.bob.send(parlour.room, "two")
            await parlour.house.until_rows("SELECT count(*) FROM messages WHERE role = 'user'", (2,))
            parlour.model.away = False
            await parlour.until_said("Hello.")
            query = "SELECT sum(state IN ('queued', 'running', 'generated')) FROM messages"
            await parlour.house.until_rows(query, (0,))
    assert parlour.history() == ["ada: one\nbob: two"]
    notices = [message for message in parlour.room.bot_messages if "LLM_UNAVAILABLE" in message.text()]
    assert len(notices) == 1


async def test_a_refused_read_of_what_was_missed_does_not_stop_the_talk(parlour: Parlour) -> None:
    async with parlour.house.running():
        await parlour.use("nova")
        await parlour.ada.send(parlour.room, "hi")
        await parlour.until_settled(2)
    await parlour.ada.send(parlour.room, "missed")
    parlour.house.discord.faults.next("GET", "/channels/*/messages", Rejected(403, 50001, "Missing Access"))
    async with parlour.house.running():
        parlour.model.script = [says("Yes?")]
        await parlour.ada.send(parlour.room, "hello?")
        await parlour.until_said("Yes?")
        await parlour.until_settled(4)


async def test_a_turn_deleted_before_we_know_its_message_leaves_the_history(parlour: Parlour) -> None:
    moderator = parlour.house.guild.add_member("max", permissions=["manage_messages"])
    async with parlour.house.running():
        await parlour.use("nova")
        hold = parlour.house.discord.faults.set_breakpoint("POST", "/webhooks/*/*", applied=True)
        await parlour.ada.send(parlour.room, "hi")
        await hold.wait_reached()
        turn = await parlour.until_said("Hello.")
        await moderator.delete(turn)
        mark = await parlour.bob.send(parlour.room, "did it say something?")
        query = f"SELECT count(*) FROM messages WHERE discord_message_id = {mark.id}"
        await parlour.house.until_rows(query, (1,))  # events come in order: the deletion was heard before this
        hold.release()
        query = "SELECT sum(state IN ('queued', 'running', 'generated')) FROM messages"
        await parlour.house.until_rows(query, (0,))
    assert parlour.history() == ["ada: hi\nbob: did it say something?"]
