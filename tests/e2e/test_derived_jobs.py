"""Again, from end to end: every button and reaction of every kind of result, by whoever may and whoever may not."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PIL import Image

from sandbox.discord import Message
from tests.e2e.drawing_system import DrawingSystem, ReactionHandlers, open_drawing_system, press, told, told_soon
from tests.e2e.system import graph, labels


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[DrawingSystem]:
    async with open_drawing_system(tmp_path) as made:
        yield made


def picture(message: Message) -> Image.Image:
    return Image.open(io.BytesIO(message.attachments[0].data))


async def test_every_button_of_a_picture_works_after_a_restart(here: DrawingSystem) -> None:
    async with here.system.running():
        first = await here.drawn(seed="7", negative="fog")
    assert labels(first) == ["Again", "Vary", "Remix", "Configure", "Upscale", "Info", "Delete"]
    ids = [entry["custom_id"] for entry in first.flat_components() if entry.get("type") == 2]
    assert all(len(custom_id) <= 100 for custom_id in ids)
    async with here.system.running():
        again = await here.finished((await press(here.stranger, first, "Again")).message)
        assert again.reply_to is first
        assert not again.ephemeral
        varied = await here.finished((await press(here.stranger, again, "Vary")).message)
        assert varied.reply_to is again
        larger = await here.finished((await press(here.requester, first, "Upscale")).message)
        assert picture(larger).size == (128, 128)
    rows = here.jobs("id, parent_job_id, seed, requester_id, workflow_name, json_extract(parameters, '$.negative')")
    original, second, third, fourth = rows
    assert original[1] is None
    assert [row[1] for row in (second, third, fourth)] == [original[0], second[0], original[0]]
    assert len({row[2] for row in (original, second, third)}) == 3
    assert [row[3] for row in rows] == [
        here.requester.id, here.stranger.id, here.stranger.id, here.requester.id,
    ]  # fmt: skip
    assert [row[4] for row in rows] == ["default", "default", "vary", "upscale"]
    assert second[5] == "fog"


async def test_remix_is_filled_in_and_survives_a_restart_in_between(here: DrawingSystem) -> None:
    async with here.system.running():
        first = await here.drawn(prompt="a red boat", negative="fog", seed="11")
        opened = await press(here.stranger, first, "Remix")
        fields = [entry["component"] for entry in opened.modal["components"]]
        filled = {entry["custom_id"]: entry.get("value") for entry in fields}
        assert filled == {
            "positive": "a red boat", "negative": "fog", "size": "64 x 64", "steering": "2 / 7", "seed": "11",
        }  # fmt: skip
    async with here.system.running():
        changed = {"positive": "a blue boat", "size": "96x64", "steering": "3 / 6.5"}
        answer = await here.stranger.submit_modal(opened, changed)
        remixed = await here.finished(answer.message)
    assert remixed.reply_to is first
    assert picture(remixed).size == (96, 64)
    [_, (seed, parameters)] = here.jobs("seed, parameters")
    assert seed == "11"
    used = json.loads(parameters)
    assert (used["positive"], used["negative"], used["steps"], used["cfg"]) == ("a blue boat", "fog", 3, 6.5)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("size", "huge", "size"), ("steering", "a / b", "settings"), ("steering", "2.5 / 7", "whole number"),
        ("seed", "-1", "seed"), ("positive", "   ", "empty"), ("size", "64 x 999999", "INPUT_INVALID"),
    ],
)  # fmt: skip
async def test_a_remix_that_cannot_be_is_told_alone(here: DrawingSystem, field: str, value: str, said: str) -> None:
    async with here.system.running():
        first = await here.drawn()
        opened = await press(here.requester, first, "Remix")
        answer = await here.requester.submit_modal(opened, {field: value})
        if answer.responded:
            assert said in told(answer)
        assert here.count() == 1


async def test_a_second_press_says_what_runs(here: DrawingSystem) -> None:
    async with here.system.running():
        first = await here.drawn()
        async with here.system.comfy.set_breakpoint("KSampler") as hold:
            running = await press(here.requester, first, "Again")
            await hold.reached.wait()
            second = told(await press(here.stranger, first, "Again"))
            assert "under way" in second
            assert str(running.message.id) in second
            await here.stranger.add_reaction(first, "🔁")
            varied = await press(here.stranger, first, "Vary")
            assert not varied.message.ephemeral
            assert "place 1" in told(await press(here.requester, first, "Vary"))
            hold.release()
        await here.finished(running.message)
        await here.finished(varied.message)
        assert here.count() == 3


async def test_two_presses_at_the_same_moment_are_one_job(here: DrawingSystem) -> None:
    async with here.system.running():
        first = await here.drawn()
        async with here.system.comfy.set_breakpoint("KSampler") as hold:
            answers = await asyncio.gather(
                *(press(person, first, "Again") for person in (here.requester, here.stranger))
            )
            assert sorted(answer.message.ephemeral for answer in answers) == [False, True]
            hold.release()
        await here.finished(next(answer.message for answer in answers if not answer.message.ephemeral))
    assert here.count() == 2


async def test_limits_count_for_the_one_who_presses(tmp_path: Path) -> None:
    async with open_drawing_system(tmp_path, comfyui={"queue": {"max_per_user": 1}}) as here, here.system.running():
        first, other = await here.drawn(), await here.drawn()
        async with here.system.comfy.set_breakpoint("KSampler") as hold:
            running = await press(here.requester, first, "Again")
            await hold.reached.wait()
            waiting = await press(here.stranger, first, "Vary")
            assert "QUEUE_FULL" in told(await press(here.stranger, other, "Again"))
            mine = await press(here.requester, other, "Again")
            hold.release()
        for answer in (running, waiting, mine):
            await here.finished(answer.message)


@pytest.mark.setting("regenerate.by")
async def test_who_may_ask_can_be_the_requester_alone(tmp_path: Path) -> None:
    async with open_drawing_system(tmp_path, regenerate={"by": "requester"}) as here, here.system.running():
        first = await here.drawn()
        for label in ("Again", "Vary", "Remix", "Upscale"):
            assert "NOT_ALLOWED" in told(await press(here.stranger, first, label))
        await here.stranger.add_reaction(first, "🔁")
        await here.finished((await press(here.requester, first, "Again")).message)
        assert here.count() == 2


async def test_who_may_not_write_here_presses_in_vain(here: DrawingSystem) -> None:
    async with here.system.running():
        first = await here.drawn()
        here.room.set_permissions(here.stranger, deny=["send_messages"])
        for label in ("Again", "Vary", "Remix", "Upscale"):
            assert "NOT_ALLOWED" in told(await press(here.stranger, first, label))
        await here.stranger.add_reaction(first, "🔁")
        assert told(await press(here.stranger, first, "Info"))
        assert here.count() == 1


async def test_delete_is_for_the_requester_and_moderators_and_keeps_the_data(here: DrawingSystem) -> None:
    async with here.system.running():
        first, second, third = [await here.drawn() for _ in range(3)]
        assert "NOT_ALLOWED" in told(await press(here.stranger, first, "Delete"))
        await here.stranger.add_reaction(first, "🗑️")
        await press(here.requester, first, "Delete")
        await here.room.wait_for_deletion(first)
        await press(here.moderator, second, "Delete")
        await here.room.wait_for_deletion(second)
        await here.moderator.add_reaction(third, "🗑️")
        await here.room.wait_for_deletion(third)
        await here.system.until_rows("SELECT count(*) FROM images WHERE shelf = 2", (3,))
    assert len(list(here.data.glob("images/*/*.png"))) == 3


@pytest.mark.setting("media.delete_files_on_delete")
async def test_files_go_too_where_the_owner_wants_that(tmp_path: Path) -> None:
    async with open_drawing_system(tmp_path, media={"delete_files_on_delete": True}) as here, here.system.running():
        first, second = [await here.drawn() for _ in range(2)]
        await press(here.requester, first, "Delete")
        await here.moderator.delete(second)
        await here.system.until_rows("SELECT count(*) FROM images WHERE shelf = 2", (2,))
    assert [path for path in here.data.glob("images/*/*") if path.is_file()] == []


async def test_all_messages_of_many_pictures_are_deleted_and_one_is_chosen_to_enlarge(here: DrawingSystem) -> None:
    async with here.system.running():
        first = await here.finished(await here.system.imagine(workflow="dozen"), files=10)
        asked = await press(here.stranger, first, "Upscale")
        assert told(asked)
        assert labels(asked.message) == [str(n) for n in range(1, 13)]
        chosen = await here.stranger.press(asked.message, "12")
        assert await told_soon(chosen)
        larger = await here.room.wait_for_message(lambda shown: shown.reply_to is first and bool(shown.components))
        await here.finished(larger)
        await press(here.requester, first, "Delete")
        await here.room.wait_for_deletion(first)
        await here.room.wait_for_edit(larger, lambda _: here.room.bot_messages == [larger])


async def test_a_job_whose_row_is_gone_is_said_to_be(here: DrawingSystem) -> None:
    async with here.system.running():
        first = await here.drawn()
    with contextlib.closing(sqlite3.connect(here.data / "chorus.db")) as database:
        database.executescript("DELETE FROM attempts; DELETE FROM jobs;")
    async with here.system.running():
        for label in labels(first):
            assert "no longer" in told(await press(here.requester, first, label))
        await here.requester.add_reaction(first, "🔁")
        await here.requester.add_reaction(first, "🗑️")
        await here.drawn()  # by then all of that was answered
    assert not first.deleted
    assert here.count() == 1


async def test_info_says_everything_and_repeats_exactly(here: DrawingSystem) -> None:
    async with here.system.running():
        first = await here.drawn(prompt="a lighthouse ``` at dusk", seed="99", negative="fog")
        info = await press(here.stranger, first, "Info")
        text = told(info)
        [file] = info.message.attachments
        sidecar = json.loads(file.data)
        slowest = sidecar["parameters"]["node_times"][0]["title"]
        for part in ("99", "fog", "default", sidecar["workflow"]["hash"], f"Slowest nodes: {slowest} "):
            assert part in text
        assert sidecar["workflow"]["graph"]["5"]["class_type"] == "KSampler"
        assert str(here.system.folder) not in file.data.decode()
        answer = await press(here.stranger, info.message, "Repeat exactly")
        assert await told_soon(answer)
        repeated = await here.next_result(first)
    assert repeated.reply_to is first
    assert picture(repeated).tobytes() == picture(first).tobytes()
    [(_, _, one), (kind, seed, other)] = here.jobs("json_extract(request, '$.follow_up'), seed, workflow_hash")
    assert (kind, seed, one) == ("repeat", "99", other)


async def test_a_changed_workflow_is_told_and_either_is_offered(here: DrawingSystem) -> None:
    async with here.system.running() as (services, _):
        first = await here.drawn(seed="5")
        generation = services.workflows.revision
        here.workflow("default", graph(steps=3))
        async with asyncio.timeout(60):
            await services.workflows.wait_changed(generation)
        digest = first.text().split("job ")[-1][:12]
        asked = await here.requester.slash(here.room, "repeat", job=digest)
        text = told(asked)
        assert "steps: 2 → 3" in text.replace("\\", "")
        assert labels(asked.message) == ["As it was then", "With the workflow of today"]
        await press(here.requester, asked.message, "As it was then")
        then = await here.next_result(first)
        await press(here.requester, asked.message, "With the workflow of today")
        now = await here.next_result(then)
    assert picture(then).tobytes() == picture(first).tobytes()
    assert picture(now).tobytes() != picture(first).tobytes()
    assert [row[0] for row in here.jobs("seed")] == ["5", "5", "5"]


async def test_a_failed_job_is_tried_again_and_without_a_vary_workflow_the_words_change(tmp_path: Path) -> None:
    async with open_drawing_system(tmp_path, special=False) as here, here.system.running():
        here.system.comfy.faults.failing_nodes["KSampler"] = "the brush broke"
        failed = await here.system.imagine()
        await here.room.wait_for_edit(failed, lambda shown: "GENERATION_FAILED" in shown.text())
        assert labels(failed) == ["Details", "Again"]
        del here.system.comfy.faults.failing_nodes["KSampler"]
        await here.requester.add_reaction(failed, "🔁")
        done = await here.next_result(failed)
        assert labels(done) == ["Again", "Vary", "Remix", "Configure", "Info", "Delete"]
        varied = await here.finished((await press(here.requester, done, "Vary")).message)
        assert "same prompt with a new seed" in varied.text()
    rows = here.jobs("json_extract(parameters, '$.positive'), seed")
    assert rows[1][0] == rows[2][0]
    assert rows[1][1] != rows[2][1]


async def test_a_reaction_makes_it_again_quickly_also_in_threads_and_on_old_messages(here: DrawingSystem) -> None:
    async with here.system.running():
        first = await here.drawn()
    async with here.system.running():
        await here.stranger.add_reaction(first, "🔁")
        await here.stranger.remove_reaction(first, "🔁")
        await here.stranger.add_reaction(first, "🔁")
        again = await here.next_result(first)
        assert again.reply_to is first
        thread = await here.requester.create_thread(here.room, "a thread")
        inside = await here.system.imagine(room=thread)
        await thread.wait_for_edit(inside, lambda shown: len(shown.attachments) == 1 and "Again" in labels(shown))
        await here.stranger.add_reaction(inside, "🔁")
        await thread.wait_for_message(lambda shown: shown.reply_to is inside and len(shown.attachments) == 1)
    requests = here.jobs("requester_id, parent_job_id IS NOT NULL")
    assert requests == [(here.requester.id, 0), (here.stranger.id, 1), (here.requester.id, 0), (here.stranger.id, 1)]


async def test_a_reaction_sends_the_file_and_settings(here: DrawingSystem) -> None:
    async with here.system.running():
        first = await here.drawn(seed="3")
        await here.stranger.add_reaction(first, "✉️")
        sent = await here.stranger.dm_channel.wait_for_message(lambda shown: len(shown.attachments) == 2)
        assert sent.attachments[0].data == first.attachments[0].data
        assert json.loads(sent.attachments[1].data)["seed"] == 3
        here.requester.user.accepts_dms = False
        await here.requester.add_reaction(first, "✉️")
        await here.requester.add_reaction(first, "🔁")
        await here.next_result(first)
    assert here.requester.dm_channel.messages == []


async def test_a_running_job_is_cancelled_by_who_may(here: DrawingSystem) -> None:
    async with here.system.running() as (_, bot), here.system.comfy.set_breakpoint("KSampler") as sampler:
        handlers = ReactionHandlers(bot)
        running = await here.system.imagine()
        await sampler.reached.wait()
        for emoji in ("❌", "🔁", "🗑️"):
            await here.stranger.add_reaction(running, emoji)
        # On a cancelled job 🔁 means "try again": the stranger's must be handled while the job runs.
        await handlers.wait_until_done(3)
        await here.moderator.add_reaction(running, "❌")
        await here.room.wait_for_edit(running, lambda shown: "CANCELLED" in shown.text())
        await here.system.until_delivered()
    assert here.jobs("state") == [("cancelled",)]


async def test_reactions_elsewhere_and_of_bots_do_nothing(here: DrawingSystem) -> None:
    robot = here.system.guild.add_member("robot", bot=True)
    async with here.system.running() as (_, bot):
        handlers = ReactionHandlers(bot)
        first = await here.drawn()
        text = await here.stranger.send(here.room, "hello there")
        for emoji in ("🔁", "✉️", "🗑️", "❌", "👍"):
            await here.requester.add_reaction(text, emoji)
        await robot.add_reaction(first, "🔁")
        await robot.add_reaction(first, "🗑️")
        await here.requester.add_reaction(first, "🔊")
        await here.requester.add_reaction(first, "❌")
        await here.requester.add_reaction(first, "👍")
        await handlers.wait_until_done(10)
        await here.requester.add_reaction(first, "🔁")
        await here.next_result(first)
    assert here.count() == 2
    assert not text.deleted


@pytest.mark.setting("discord.offer_reactions", "discord.reactions.regenerate")
async def test_other_emoji_can_be_chosen_and_are_offered(tmp_path: Path) -> None:
    emoji = {"offer_reactions": True, "reactions": {"regenerate": "✨", "delete": "🔥"}}
    async with open_drawing_system(tmp_path, discord=emoji) as here, here.system.running():
        first = await here.drawn()
        for each in ("✨", "✉️", "🔥"):
            await here.room.wait_for_reaction(first, each)
        assert [reaction.emoji for reaction in first.reactions] == ["✨", "✉️", "🔥"]
        await here.stranger.add_reaction(first, "🔁")
        await here.stranger.add_reaction(first, "✨")
        await here.next_result(first)
        assert here.count() == 2


async def test_context_menus_work_on_messages_of_an_earlier_life(here: DrawingSystem) -> None:
    async with here.system.running():
        first = await here.drawn()
        words = await here.stranger.send(here.room, "a boat in the rain")
    async with here.system.running():
        assert told(await here.stranger.context_menu(first, "Info"))
        assert "INPUT_INVALID" in told(await here.stranger.context_menu(words, "Info"))
        assert "INPUT_INVALID" in told(await here.stranger.context_menu(words, "Regenerate"))
        assert str(here.room.id) in await told_soon(await here.stranger.context_menu(first, "Regenerate"))
        again = await here.next_result(words)
        assert again.reply_to is first
        assert await told_soon(await here.requester.context_menu(words, "Draw this"))
        drawn = await here.next_result(again)
        assert drawn.reply_to is words
        assert "a boat in the rain" in drawn.text()
    assert here.jobs("source_message_id")[-1] == (words.id,)


async def test_the_longest_prompt_fits_everywhere(here: DrawingSystem) -> None:
    async with here.system.running():
        first = await here.drawn(prompt="`*_~|" * 800, negative="w" * 4000)
        assert told(await press(here.requester, first, "Info"))
        opened = await press(here.requester, first, "Remix")
        assert opened.modal["components"]
        await here.requester.add_reaction(first, "✉️")
        await here.requester.dm_channel.wait_for_message(lambda shown: len(shown.attachments) == 2)
        assert (await here.requester.slash(here.room, "history")).message.ephemeral
        assert (await here.requester.slash(here.room, "gallery")).message.ephemeral
