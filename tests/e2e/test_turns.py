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
from tests.e2e.parlour import Parlour, furnished

WEBHOOK = ("POST", "/webhooks/*/*")
WEBHOOK_EDIT = ("PATCH", "/webhooks/*/*/messages/*")
LONG = "\n\n".join(f"Paragraph {n}. " + "word " * 150 for n in range(6))


async def told(parlour: Parlour, text: str = "hi") -> None:
    await parlour.use("nova")
    await parlour.ada.send(parlour.room, text)


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
async def test_a_turn_arrives_once_whatever_fails(parlour: Parlour, effect: Fault, request_: tuple[str, str]) -> None:
    gate = asyncio.Event()
    parlour.model.script = [says("Once", " upon a time.", gate=gate)]
    parlour.house.discord.faults.next(*request_, effect)
    async with parlour.house.running():
        await told(parlour)
        await parlour.until_said("Once")
        gate.set()
        turn = await parlour.until_said("Once upon a time.")
        await parlour.until_settled(2)
    assert parlour.turns == [turn]
    assert parlour.house.open_deliveries() == 0


async def test_without_webhooks_a_turn_arrives_once_too(parlour: Parlour) -> None:
    parlour.house.guild.remove_bot_permissions("manage_webhooks")
    parlour.house.discord.faults.next("POST", "/channels/*/messages", AppliedThenStatus(502))
    async with parlour.house.running():
        await told(parlour)
        await parlour.room.wait_for_message(lambda shown: shown.content == "**Nova:** Hello.")
        await parlour.until_settled(2)
    assert len(parlour.room.bot_messages) == 1


async def test_the_name_in_bold_leaves_room_for_the_words(parlour: Parlour) -> None:
    parlour.house.guild.remove_bot_permissions("manage_webhooks")
    parlour.model.script = [says("x" * 1995)]
    async with parlour.house.running():
        await told(parlour)
        await parlour.until_settled(2)
    shown = [message.content.removeprefix("**Nova:** ") for message in parlour.room.bot_messages]
    assert "".join(shown) == "x" * 1995


async def test_a_webhook_deleted_in_mid_turn_is_made_anew_and_the_turn_stands_whole(parlour: Parlour) -> None:
    gate = asyncio.Event()
    parlour.house.guild.add_bot_permissions("manage_messages")
    parlour.model.script = [says("Once", " upon a time.", gate=gate)]
    async with parlour.house.running():
        await told(parlour)
        half = await parlour.until_said("Once")
        [webhook] = parlour.room.webhooks
        remove_webhook(parlour.house.discord.context, webhook)
        gate.set()
        await parlour.until_said("Once upon a time.")
        await parlour.until_settled(2)
        [other] = parlour.room.webhooks
    assert other.id != webhook.id
    assert [message.content for message in parlour.turns if not message.deleted] == ["Once upon a time."]
    assert half.deleted


async def test_the_turn_after_a_deleted_webhook_speaks_through_a_new_one(parlour: Parlour) -> None:
    async with parlour.house.running():
        await told(parlour)
        await parlour.until_settled(2)
        remove_webhook(parlour.house.discord.context, parlour.room.webhooks[0])
        parlour.model.script = [says("Still me.")]
        await parlour.ada.send(parlour.room, "still you?")
        await parlour.until_said("Still me.")
        await parlour.until_settled(4)


async def test_a_channel_deleted_in_mid_turn_ends_the_turn_and_nothing_else(parlour: Parlour) -> None:
    gate = asyncio.Event()
    parlour.model.script = [says("Once", " upon a time.", gate=gate), says("Over here.")]
    other = parlour.house.guild.add_channel("attic")
    async with parlour.house.running():
        await told(parlour)
        await parlour.until_said("Once")
        parlour.room.delete()
        gate.set()
        await parlour.until_settled(2)
        await parlour.use("nova", other)
        await parlour.ada.send(other, "hi")
        await parlour.until_said("Over here.", other)
        await parlour.until_settled(4)


async def test_a_channel_deleted_while_the_bot_was_dead_leaves_nothing_open(parlour: Parlour) -> None:
    gate = asyncio.Event()
    parlour.model.script = [says("Once", " upon a time.", gate=gate)]
    async with parlour.house.start() as bot:
        await bot.ready()
        await told(parlour)
        await parlour.until_said("Once")
        await bot.kill()
    gate.set()
    parlour.room.delete()
    async with parlour.house.start() as bot:
        await bot.ready()
        await parlour.until_settled(2)
        code, output = await bot.stop()
    assert code == 0
    assert "Traceback" not in output


async def test_a_bot_that_may_not_write_any_more_does_not_break(parlour: Parlour) -> None:
    gate = asyncio.Event()
    parlour.house.guild.remove_bot_permissions("manage_webhooks")
    parlour.model.script = [says("Once", LONG, gate=gate)]
    async with parlour.house.running():
        await told(parlour)
        await parlour.room.wait_for_message(lambda shown: shown.content == "**Nova:** Once")
        parlour.house.guild.remove_bot_permissions("send_messages")
        gate.set()
        await parlour.until_settled(2)
    assert len(parlour.room.bot_messages) == 1


async def test_the_bot_stops_at_once_although_discord_does_not_answer(parlour: Parlour) -> None:
    async with parlour.house.start() as bot:
        await bot.ready()
        parlour.house.discord.faults.always(*WEBHOOK, ErrorStatus(503))
        await told(parlour)
        await parlour.house.discord.wait_for_request(*WEBHOOK)
        async with asyncio.timeout(8):
            code, output = await bot.stop()
    assert code == 0, output
    assert "Traceback" not in output
    parlour.house.discord.faults.clear()
    async with parlour.house.start() as bot:
        await parlour.until_said("Hello.")
        await parlour.until_settled(2)
        await bot.stop()
    assert len(parlour.turns) == 1


@pytest.mark.setting("conversation.edit_interval_seconds")
async def test_edits_keep_discords_pace_the_last_one_too(tmp_path: Path) -> None:
    async with furnished(tmp_path, conversation={"edit_interval_seconds": 0.4}) as parlour:
        parlour.model.script = [says("One. ", "Two. ", "Three. ", "Four.", pause=0.15)]
        async with parlour.house.running():
            await told(parlour)
            await parlour.until_said("One. Two. Three. Four.")
            await parlour.until_settled(2)
        times = [request.received_at for request in parlour.house.discord.requests_to(*WEBHOOK_EDIT)]
    assert times
    assert all(later - earlier >= 0.38 for earlier, later in pairwise(times))


# -- webhooks and their limits


async def test_the_least_used_of_our_webhooks_makes_room(parlour: Parlour) -> None:
    stranger = parlour.ada.user
    for number in range(13):
        parlour.room.add_webhook(f"other {number}", stranger)
    (parlour.house.folder / "characters" / "zoe.yaml").write_text("id: zoe\nname: Zoe\nsystem_prompt: Hm.\n")
    async with parlour.house.running():
        await parlour.use("nova")
        for count, name in enumerate(["Alex", "Nova", "Nova", "Alex", "Nova", "Zoe"], start=1):
            await parlour.ada.send(parlour.room, f"{name}, hello")
            await parlour.until_settled(2 * count)
    own = [hook.name for hook in parlour.room.webhooks if hook.creator is parlour.house.discord.bot]
    assert sorted(own) == ["Nova", "Zoe"]
    assert len(parlour.room.webhooks) == 15


async def test_fifteen_webhooks_of_others_leave_the_bot_its_own_voice(parlour: Parlour) -> None:
    for number in range(15):
        parlour.room.add_webhook(f"other {number}", parlour.ada.user)
    async with parlour.house.running():
        await told(parlour)
        await parlour.room.wait_for_message(lambda shown: shown.content == "**Nova:** Hello.")
        await parlour.until_settled(2)
    assert len(parlour.room.webhooks) == 15


async def test_a_name_that_discord_refuses_is_written_so_that_it_takes_it(parlour: Parlour) -> None:
    (parlour.house.folder / "characters" / "clyde.yaml").write_text(
        "id: clyde\nname: Clyde of Discord\nsystem_prompt: Hm.\n"
    )
    async with parlour.house.running():
        await parlour.use("clyde")
        await parlour.ada.send(parlour.room, "hi")
        turn = await parlour.until_said("Hello.")
        await parlour.until_settled(2)
    assert turn.author.name == "C-lyde of D-iscord"


async def test_a_picture_that_discord_refuses_costs_the_picture_only(parlour: Parlour) -> None:
    parlour.house.discord.faults.next("POST", "/channels/*/webhooks", Rejected(400, 50035, "Invalid Form Body"))
    folder = parlour.house.folder / "characters"
    (folder / "nova").mkdir()
    (folder / "nova" / "face.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"0" * 64)
    (folder / "nova.yaml").write_text("id: nova\nname: Nova\nsystem_prompt: Hm.\nprofile_image: face.png\n")
    async with parlour.house.running():
        await told(parlour)
        await parlour.until_said("Hello.")
        await parlour.until_settled(2)
    assert len(parlour.room.webhooks) == 1


async def test_a_webhook_made_before_a_crash_and_not_recorded_is_used(parlour: Parlour) -> None:
    async with parlour.house.start() as bot:
        await bot.ready()
        hold = parlour.house.discord.faults.set_breakpoint("POST", "/channels/*/webhooks", applied=True)
        await told(parlour)
        await hold.wait_reached()
        await bot.kill()
        parlour.house.discord.faults.clear()
    async with parlour.house.start() as bot:
        await parlour.until_said("Hello.")
        await parlour.until_settled(2)
        await bot.stop()
    assert len(parlour.room.webhooks) == 1


async def test_a_character_in_a_thread_speaks_through_the_parents_webhook(parlour: Parlour) -> None:
    async with parlour.house.running():
        await parlour.use("nova")
        thread = await parlour.ada.create_thread(parlour.room, "aside")
        await parlour.ada.send(thread, "psst")
        turn = await parlour.until_said("Hello.", thread)
        await parlour.until_settled(2)
    assert [hook.id for hook in parlour.room.webhooks] == [turn.webhook_id]
    assert parlour.turns == []


# -- alternatives


async def again(parlour: Parlour, services: Services, text: str) -> Message:
    parlour.model.script = [says(text)]
    await services.conversations.regenerate(parlour.turn_id())
    await services.conversations.wait_until_idle()
    return parlour.turns[-1]


def visible(parlour: Parlour) -> list[str]:
    return [message.content.split(".")[0] for message in parlour.turns if not message.deleted]


async def test_alternatives_of_other_lengths_leave_no_message_behind(parlour: Parlour) -> None:
    async with parlour.house.running() as (services, _):
        await told(parlour)
        await parlour.until_settled(2)
        last = await again(parlour, services, LONG)
        assert visible(parlour) == ["Paragraph 0", "Paragraph 2", "Paragraph 4"]
        last = await again(parlour, services, "Short.")
        assert visible(parlour) == ["Short"]
        await parlour.until_settled(2)
    async with parlour.house.running() as (services, _):
        await parlour.bob.press(last, "◀")
        await parlour.room.wait_for_message(lambda shown: shown.content.startswith("Paragraph 4"))
        await parlour.until_settled(2)
        assert visible(parlour) == ["Paragraph 0", "Paragraph 2", "Paragraph 4"]
        assert parlour.turns[0].components == []
        last = parlour.turns[-1]
        await parlour.bob.press(last, "◀")
        await parlour.room.wait_for_deletion(last)
        await parlour.until_settled(2)
        assert visible(parlour) == ["Hello"]
        parlour.model.script = [says("And then?")]
        await parlour.ada.send(parlour.room, "go on")
        await parlour.until_said("And then?")
        assert parlour.history() == ["ada: hi", "Hello.", "ada: go on"]
        await parlour.until_settled(4)


async def test_a_failed_alternative_leaves_the_old_one_standing(parlour: Parlour) -> None:
    async with parlour.house.running() as (services, _):
        await told(parlour)
        turn = await parlour.until_said("Hello.")
        await parlour.until_settled(2)
        parlour.model.script = [breaks_off("A new begin")]
        await services.conversations.regenerate(parlour.turn_id())
        await parlour.room.wait_for_message(lambda shown: "LLM_UNAVAILABLE" in shown.text())
        await parlour.until_settled(2)
    assert turn.content == "Hello."
    assert parlour.turns == [turn]


async def test_two_quick_presses_show_what_is_in_the_history(parlour: Parlour) -> None:
    async with parlour.house.running() as (services, _):
        await told(parlour)
        await parlour.until_settled(2)
        await again(parlour, services, "Second.")
        turn = await again(parlour, services, "Third.")
        slow = parlour.house.discord.faults.set_breakpoint(*WEBHOOK_EDIT)
        identity = parlour.turn_id()
        first = asyncio.create_task(services.conversations.show_alternative(identity, 0))
        await slow.wait_reached()
        second = asyncio.create_task(services.conversations.show_alternative(identity, 1))
        slow.release()
        await asyncio.gather(first, second)
        await parlour.until_settled(2)
    assert turn.content == "Second."
    assert parlour.house.rows("SELECT shown_alternative FROM messages WHERE role = 'assistant'") == [(1,)]
