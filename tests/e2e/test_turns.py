"""A turn stands in Discord once and whole, whatever Discord, its admins and its limits do to it."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from pathlib import Path

import pytest

from bot.services import Services
from sandbox.discord import AppliedThenDropped, AppliedThenStatus, Dropped, ErrorStatus, Message, RateLimited, Rejected
from sandbox.discord.faults import Fault
from sandbox.discord.webhooks import delete_webhook as remove_webhook
from tests.conversation.scripted_model import breaks_off, says
from tests.e2e.chat_system import ChatSystem, open_chat_system

WEBHOOK = ("POST", "/webhooks/*/*")
WEBHOOK_EDIT = ("PATCH", "/webhooks/*/*/messages/*")
LONG = "\n\n".join(f"Paragraph {n}. " + "word " * 150 for n in range(6))


async def told(chat: ChatSystem, text: str = "hi") -> None:
    await chat.use("nova")
    await chat.ada.send(chat.room, text)


@pytest.mark.parametrize(
    "effect",
    [
        AppliedThenStatus(502),
        AppliedThenDropped(),
        AppliedThenDropped(reset=True),
        Dropped(),
        ErrorStatus(503),
        RateLimited(0.05),
        RateLimited(0.05, via=False),
    ],
    ids=repr,
)
@pytest.mark.parametrize("request_", [WEBHOOK, WEBHOOK_EDIT], ids=["post", "edit"])
async def test_a_turn_arrives_once_whatever_fails(chat: ChatSystem, effect: Fault, request_: tuple[str, str]) -> None:
    gate = asyncio.Event()
    chat.model.script = [says("Once", " upon a time.", gate=gate)]
    chat.system.discord.faults.next(*request_, effect)
    async with chat.system.running():
        await told(chat)
        await chat.until_said("Once")
        gate.set()
        turn = await chat.until_said("Once upon a time.")
        await chat.until_settled(2)
    assert chat.turns == [turn]
    assert chat.system.open_deliveries() == 0


async def test_without_webhooks_a_turn_arrives_once_too(chat: ChatSystem) -> None:
    chat.system.guild.remove_bot_permissions("manage_webhooks")
    chat.system.discord.faults.next("POST", "/channels/*/messages", AppliedThenStatus(502))
    async with chat.system.running():
        await told(chat)
        await chat.room.wait_for_message(lambda shown: shown.content == "**Nova:** Hello.")
        await chat.until_settled(2)
    assert len(chat.room.bot_messages) == 1


async def test_the_name_in_bold_leaves_room_for_the_words(chat: ChatSystem) -> None:
    chat.system.guild.remove_bot_permissions("manage_webhooks")
    chat.model.script = [says("x" * 1995)]
    async with chat.system.running():
        await told(chat)
        await chat.until_settled(2)
    shown = [message.content.removeprefix("**Nova:** ") for message in chat.room.bot_messages]
    assert "".join(shown) == "x" * 1995


async def test_a_webhook_deleted_in_mid_turn_is_made_anew_and_the_turn_stands_whole(chat: ChatSystem) -> None:
    gate = asyncio.Event()
    chat.system.guild.add_bot_permissions("manage_messages")
    chat.model.script = [says("Once", " upon a time.", gate=gate)]
    async with chat.system.running():
        await told(chat)
        half = await chat.until_said("Once")
        [webhook] = chat.room.webhooks
        remove_webhook(chat.system.discord.context, webhook)
        gate.set()
        await chat.until_said("Once upon a time.")
        await chat.until_settled(2)
        [other] = chat.room.webhooks
    assert other.id != webhook.id
    assert [message.content for message in chat.turns if not message.deleted] == ["Once upon a time."]
    assert half.deleted


async def test_the_turn_after_a_deleted_webhook_speaks_through_a_new_one(chat: ChatSystem) -> None:
    async with chat.system.running():
        await told(chat)
        await chat.until_settled(2)
        remove_webhook(chat.system.discord.context, chat.room.webhooks[0])
        chat.model.script = [says("Still me.")]
        await chat.ada.send(chat.room, "still you?")
        await chat.until_said("Still me.")
        await chat.until_settled(4)


async def test_a_channel_deleted_in_mid_turn_ends_the_turn_and_nothing_else(chat: ChatSystem) -> None:
    gate = asyncio.Event()
    chat.model.script = [says("Once", " upon a time.", gate=gate), says("Over here.")]
    other = chat.system.guild.add_channel("attic")
    async with chat.system.running():
        await told(chat)
        await chat.until_said("Once")
        chat.room.delete()
        gate.set()
        await chat.until_settled(2)
        await chat.use("nova", other)
        await chat.ada.send(other, "hi")
        await chat.until_said("Over here.", other)
        await chat.until_settled(4)


async def test_a_channel_deleted_while_the_bot_was_dead_leaves_nothing_open(chat: ChatSystem) -> None:
    gate = asyncio.Event()
    chat.model.script = [says("Once", " upon a time.", gate=gate)]
    async with chat.system.start() as bot:
        await bot.ready()
        await told(chat)
        await chat.until_said("Once")
        await bot.kill()
    gate.set()
    chat.room.delete()
    async with chat.system.start() as bot:
        await bot.ready()
        await chat.until_settled(2)
        code, output = await bot.stop()
    assert code == 0
    assert "Traceback" not in output


async def test_a_bot_that_may_not_write_any_more_does_not_break(chat: ChatSystem) -> None:
    gate = asyncio.Event()
    chat.system.guild.remove_bot_permissions("manage_webhooks")
    chat.model.script = [says("Once", LONG, gate=gate)]
    async with chat.system.running():
        await told(chat)
        await chat.room.wait_for_message(lambda shown: shown.content == "**Nova:** Once")
        chat.system.guild.remove_bot_permissions("send_messages")
        gate.set()
        await chat.until_settled(2)
    assert len(chat.room.bot_messages) == 1


async def test_the_bot_stops_at_once_although_discord_does_not_answer(chat: ChatSystem) -> None:
    async with chat.system.start() as bot:
        await bot.ready()
        chat.system.discord.faults.always(*WEBHOOK, ErrorStatus(503))
        await told(chat)
        await chat.system.discord.wait_for_request(*WEBHOOK)
        async with asyncio.timeout(8):
            code, output = await bot.stop()
    assert code == 0, output
    assert "Traceback" not in output
    chat.system.discord.faults.clear()
    async with chat.system.start() as bot:
        await chat.until_said("Hello.")
        await chat.until_settled(2)
        await bot.stop()
    assert len(chat.turns) == 1


@pytest.mark.setting("conversation.edit_interval_seconds")
async def test_edits_keep_discords_pace_the_last_one_too(tmp_path: Path) -> None:
    async with open_chat_system(tmp_path, conversation={"edit_interval_seconds": 0.4}) as chat:
        chat.model.script = [says("One. ", "Two. ", "Three. ", "Four.", pause=0.15)]
        async with chat.system.running():
            await told(chat)
            await chat.until_said("One. Two. Three. Four.")
            await chat.until_settled(2)
        times = [request.received_at for request in chat.system.discord.requests_to(*WEBHOOK_EDIT)]
    assert times
    assert all(later - earlier >= 0.38 for earlier, later in pairwise(times))


# -- webhooks and their limits


async def test_the_least_used_of_our_webhooks_makes_room(chat: ChatSystem) -> None:
    stranger = chat.ada.user
    for number in range(13):
        chat.room.add_webhook(f"other {number}", stranger)
    (chat.system.folder / "characters" / "zoe.yaml").write_text("id: zoe\nname: Zoe\nsystem_prompt: Hm.\n")
    async with chat.system.running():
        await chat.use("nova")
        for count, name in enumerate(["Alex", "Nova", "Nova", "Alex", "Nova", "Zoe"], start=1):
            await chat.ada.send(chat.room, f"{name}, hello")
            await chat.until_settled(2 * count)
    own = [hook.name for hook in chat.room.webhooks if hook.creator is chat.system.discord.bot]
    assert sorted(own) == ["Nova", "Zoe"]
    assert len(chat.room.webhooks) == 15


async def test_fifteen_webhooks_of_others_leave_the_bot_its_own_voice(chat: ChatSystem) -> None:
    for number in range(15):
        chat.room.add_webhook(f"other {number}", chat.ada.user)
    async with chat.system.running():
        await told(chat)
        await chat.room.wait_for_message(lambda shown: shown.content == "**Nova:** Hello.")
        await chat.until_settled(2)
    assert len(chat.room.webhooks) == 15


async def test_a_name_that_discord_refuses_is_written_so_that_it_takes_it(chat: ChatSystem) -> None:
    (chat.system.folder / "characters" / "clyde.yaml").write_text(
        "id: clyde\nname: Clyde of Discord\nsystem_prompt: Hm.\n"
    )
    async with chat.system.running():
        await chat.use("clyde")
        await chat.ada.send(chat.room, "hi")
        turn = await chat.until_said("Hello.")
        await chat.until_settled(2)
    assert turn.author.name == "C-lyde of D-iscord"


async def test_a_picture_that_discord_refuses_costs_the_picture_only(chat: ChatSystem) -> None:
    chat.system.discord.faults.next("POST", "/channels/*/webhooks", Rejected(400, 50035, "Invalid Form Body"))
    folder = chat.system.folder / "characters"
    (folder / "nova").mkdir()
    (folder / "nova" / "face.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"0" * 64)
    (folder / "nova.yaml").write_text("id: nova\nname: Nova\nsystem_prompt: Hm.\nprofile_image: face.png\n")
    async with chat.system.running():
        await told(chat)
        await chat.until_said("Hello.")
        await chat.until_settled(2)
    assert len(chat.room.webhooks) == 1


async def test_a_webhook_made_before_a_crash_and_not_recorded_is_used(chat: ChatSystem) -> None:
    async with chat.system.start() as bot:
        await bot.ready()
        hold = chat.system.discord.faults.set_breakpoint("POST", "/channels/*/webhooks", applied=True)
        await told(chat)
        await hold.wait_reached()
        await bot.kill()
        chat.system.discord.faults.clear()
    async with chat.system.start() as bot:
        await chat.until_said("Hello.")
        await chat.until_settled(2)
        await bot.stop()
    assert len(chat.room.webhooks) == 1


async def test_a_character_in_a_thread_speaks_through_the_parents_webhook(chat: ChatSystem) -> None:
    async with chat.system.running():
        await chat.use("nova")
        thread = await chat.ada.create_thread(chat.room, "aside")
        await chat.ada.send(thread, "psst")
        turn = await chat.until_said("Hello.", thread)
        await chat.until_settled(2)
    assert [hook.id for hook in chat.room.webhooks] == [turn.webhook_id]
    assert chat.turns == []


# -- alternatives


async def again(chat: ChatSystem, services: Services, text: str) -> Message:
    chat.model.script = [says(text)]
    await services.conversations.regenerate(chat.turn_id())
    await services.conversations.wait_until_idle()
    return chat.turns[-1]


def visible(chat: ChatSystem) -> list[str]:
    return [message.content.split(".")[0] for message in chat.turns if not message.deleted]


async def test_alternatives_of_other_lengths_leave_no_message_behind(chat: ChatSystem) -> None:
    async with chat.system.running() as (services, _):
        await told(chat)
        await chat.until_settled(2)
        last = await again(chat, services, LONG)
        assert visible(chat) == ["Paragraph 0", "Paragraph 2", "Paragraph 4"]
        last = await again(chat, services, "Short.")
        assert visible(chat) == ["Short"]
        await chat.until_settled(2)
    async with chat.system.running() as (services, _):
        await chat.bob.press(last, "◀")
        await chat.room.wait_for_message(lambda shown: shown.content.startswith("Paragraph 4"))
        await chat.until_settled(2)
        assert visible(chat) == ["Paragraph 0", "Paragraph 2", "Paragraph 4"]
        assert chat.turns[0].components == []
        last = chat.turns[-1]
        await chat.bob.press(last, "◀")
        await chat.room.wait_for_deletion(last)
        await chat.until_settled(2)
        assert visible(chat) == ["Hello"]
        chat.model.script = [says("And then?")]
        await chat.ada.send(chat.room, "go on")
        await chat.until_said("And then?")
        assert chat.history() == ["ada: hi", "Hello.", "ada: go on"]
        await chat.until_settled(4)


async def test_a_failed_alternative_leaves_the_old_one_standing(chat: ChatSystem) -> None:
    async with chat.system.running() as (services, _):
        await told(chat)
        turn = await chat.until_said("Hello.")
        await chat.until_settled(2)
        chat.model.script = [breaks_off("A new begin")]
        await services.conversations.regenerate(chat.turn_id())
        await chat.room.wait_for_message(lambda shown: "LLM_UNAVAILABLE" in shown.text())
        await chat.until_settled(2)
    assert turn.content == "Hello."
    assert chat.turns == [turn]


async def test_two_quick_presses_show_what_is_in_the_history(chat: ChatSystem) -> None:
    async with chat.system.running() as (services, _):
        await told(chat)
        await chat.until_settled(2)
        await again(chat, services, "Second.")
        turn = await again(chat, services, "Third.")
        slow = chat.system.discord.faults.set_breakpoint(*WEBHOOK_EDIT)
        identity = chat.turn_id()
        first = asyncio.create_task(services.conversations.show_alternative(identity, 0))
        await slow.wait_reached()
        second = asyncio.create_task(services.conversations.show_alternative(identity, 1))
        slow.release()
        await asyncio.gather(first, second)
        await chat.until_settled(2)
    assert turn.content == "Second."
    assert chat.system.rows("SELECT shown_alternative FROM messages WHERE role = 'assistant'") == [(1,)]


async def test_a_webhook_that_discord_delays_does_not_delay_the_words(chat: ChatSystem) -> None:
    chat.system.discord.faults.next("POST", "/channels/*/webhooks", RateLimited(30))
    async with chat.system.running():
        await chat.use("nova")
        await chat.ada.send(chat.room, "hi")
        await chat.room.wait_for_message(lambda shown: shown.content == "**Nova:** Hello.", timeout=20)
        await chat.until_settled(2)
        assert chat.turns == []
