"""Many pictures at once, from the command to the picture that is picked; by the real bot between the stand-ins."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.batch_system import batch, finished, given, menu_of, names, pictures
from tests.e2e.drawing_system import press, told, told_soon
from tests.e2e.system import DEADLINE, System, graph, labels, open_system


async def test_a_count_becomes_one_message_with_a_sheet_and_every_file(system: System) -> None:
    async with system.running():
        answer = await system.ada.slash(system.room, "imagine", prompt="a {big|small} boat", count=3, seed="7")
        assert "3 pictures" in answer.message.text()
        assert labels(answer.message) == ["Stop the rest"]
        message = await finished(system, answer.message)
    assert system.room.bot_messages == [message]
    assert names(message)[0].startswith("batch_")
    assert len(pictures([message])) == 3
    assert len({file.data for file in message.attachments}) == 4
    assert "3 of 3" in message.text()
    rows = system.rows("SELECT seed, batch_index, state, json_extract(request, '$.positive') FROM jobs ORDER BY number")
    assert rows == [(str(7 + n), n, "delivered", "a {big|small} boat") for n in range(3)]
    assert system.rows("SELECT state, total FROM batches") == [("delivered", 3)]


async def test_a_flag_says_how_many_and_settings_count_for_all(system: System) -> None:
    async with system.running():
        one = await system.ada.slash(system.room, "imagine", prompt="a boat --count 2 --steps 3", settings="cfg=5")
        await finished(system, one.message)
        other = await batch(system, sweep="CFG=4,6", settings="steps=2", seed="5")
        await finished(system, other.message)
    columns = (
        "json_extract(request, '$.positive'), json_extract(parameters, '$.steps'), json_extract(parameters, '$.cfg')"
    )
    rows = system.rows(f"SELECT {columns} FROM jobs ORDER BY number")
    assert rows == [("a boat", 3, 5.0), ("a boat", 3, 5.0), ("a door", 2, 4.0), ("a door", 2, 6.0)]


async def test_two_sweeps_make_a_labelled_grid(system: System) -> None:
    async with system.running():
        answer = await batch(system, sweep="cfg=4..6 step 1", sweep2="steps=1,2")
        message = await finished(system, answer.message)
        menu = menu_of(message)
    assert menu is not None
    assert [option["label"] for option in menu["options"]] == [f"No. {n}" for n in range(1, 7)]
    assert menu["options"][1]["description"].startswith("cfg 5, steps 1, seed ")
    columns = "json_extract(parameters, '$.cfg'), json_extract(parameters, '$.steps')"
    rows = system.rows(f"SELECT {columns} FROM jobs ORDER BY batch_index")
    assert rows == [(4.0, 1), (5.0, 1), (6.0, 1), (4.0, 2), (5.0, 2), (6.0, 2)]
    assert len(system.rows("SELECT DISTINCT seed FROM jobs")) == 1


async def test_many_are_started_when_their_number_and_time_were_confirmed(system: System) -> None:
    async with system.running():
        proposal = await batch(system, prompt="a {red|green} door", count=6)
        assert "That makes 12 pictures, in a time that is not known yet. Start?" in told(proposal)
        assert system.states() == []
        start = await system.ada.press(proposal.message, "Start")
        message = await finished(system, start.message)
        assert "being made already" in told(await system.ada.press(proposal.message, "Start"))
        later = await batch(system, count=9)
        assert "in about" in told(later)
        await system.ada.press(later.message, "Not now")
    first, second = system.room.bot_messages
    assert first is message
    assert len(names(first)) == 10
    assert len(names(second)) == 3
    assert second.reply_to is first
    assert len(set(pictures([first, second]))) == 12
    assert len(system.states()) == 12


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"sweep": "cfg=1..10000"}, "10,000 values"),
        ({"sweep": "cfg=8..4"}, "runs downwards"),
        ({"sweep": "cfg=4..8 step 0"}, "must be above 0"),
        ({"sweep": "steps=0,1"}, "steps"),
        ({"sweep": "steps=1,2", "sweep2": "steps=3,4"}, "same parameter"),
        ({"workflows": "default"}, "two different workflows"),
        ({"workflows": "default, nowhere"}, "WORKFLOW_NOT_FOUND"),
        ({"count": 21}, "at most 20"),
        ({"seeds": "fixed", "count": 2}, "the same picture"),
        ({"sweep": "wobble=1,2"}, "wobble"),
        ({"settings": "steps=abc", "count": 2}, "steps"),
    ],
)
async def test_what_cannot_be_made_is_told_before_anything_is_made(
    system: System, values: dict[str, Any], said: str
) -> None:
    async with system.running():
        assert said in told(await batch(system, **values))
    assert system.states() == []
    assert system.rows("SELECT count(*) FROM batches") == [(0,)]
    assert system.room.bot_messages == []


async def test_the_rest_is_stopped_and_what_was_made_is_posted(system: System) -> None:
    async with system.running():
        answer = await batch(system, count=6, workflow="slow")
        await system.until_rows("SELECT count(*) >= 2 FROM jobs WHERE state = 'generated'", (1,))
        async with system.comfy.set_breakpoint("KSampler") as hold:
            await hold.reached.wait()
            refused = await system.bob.press(answer.message, "Stop the rest")
            assert "Only the person who asked" in told(refused)
            await system.ada.press(answer.message, "Stop the rest")
        message = await finished(system, answer.message)
    made = system.states().count("delivered")
    assert 2 <= made < 6
    assert system.states().count("cancelled") == 6 - made
    assert len(pictures([message])) == made
    assert f"{6 - made} stopped" in message.text()


async def test_a_failure_leaves_a_gap_that_is_explained(system: System) -> None:
    inverted = graph() | {
        "8": {"class_type": "ImageInvert", "inputs": {"image": ["6", 0]}},
        "7": {"class_type": "SaveImage", "inputs": {"images": ["8", 0], "filename_prefix": "chorus"}},
    }
    path = system.folder / "workflows" / "nova" / "image" / "inverted.json"
    path.write_text(json.dumps(inverted), encoding="utf-8")
    system.comfy.faults.failing_nodes["ImageInvert"] = "the brush broke"
    async with system.running():
        answer = await batch(system, workflows="inverted, default", count=2)
        message = await finished(system, answer.message)
        menu = menu_of(message)
    assert menu is not None
    assert [option["label"] for option in menu["options"]] == ["No. 2", "No. 4"]
    assert "2 of 4, 2 failed" in message.text()
    assert "no. 1: **GENERATION_FAILED**" in message.text()
    assert len(pictures([message])) == 2


async def test_a_picture_is_picked_and_drawn_again(system: System) -> None:
    async with system.running():
        message = await finished(system, (await batch(system, count=2)).message)
        menu = menu_of(message)
        assert menu is not None
        opened = await system.bob.select(message, menu["custom_id"], "1")
        shown = await opened.wait_for_message(lambda found: bool(found.attachments))
        assert shown.ephemeral
        seed = system.rows("SELECT seed FROM jobs WHERE batch_index = 1")[0][0]
        assert seed in shown.text()
        assert names(shown) == [pictures([message])[1]]
        assert labels(shown)[0] == "Again"
        again = await system.bob.press(shown, "Again")
        assert "on its way" in await told_soon(again)
        await system.until_delivered(3)
    assert system.rows("SELECT batch_id FROM jobs ORDER BY number DESC LIMIT 1") == [(None,)]
    derived = system.room.bot_messages[-1]
    assert len(names(derived)) == 1


async def test_people_vote_on_a_comparison(system: System) -> None:
    async with system.running():
        message = await finished(system, (await batch(system, workflows="default, slow")).message)
        assert labels(message) == ["A: default", "B: slow"]
        for person, side in ((system.ada, "A: default"), (system.bob, "B: slow"), (system.ada, "B: slow · 1")):
            await press(person, message, side)
        await system.until_rows("SELECT workflow, count(*) FROM batch_votes GROUP BY workflow", (1, 2))
        assert labels(message) == ["A: default", "B: slow · 2"]
        assert len(names(message)) == 3
        stats = told(await system.ada.slash(system.room, "stats ab"))
    assert "**slow** · 2 votes in 1 comparison" in stats
    assert "**default** · 0 votes in 1 comparison" in stats
    requests = "json_extract(request, '$.positive'), seed"
    assert len(set(system.rows(f"SELECT {requests} FROM jobs"))) == 1


async def test_single_wishes_run_between_the_pictures(system: System) -> None:
    async with system.running(), system.comfy.set_breakpoint("KSampler", times=1) as hold:
        answer = await batch(system, count=5)
        await hold.reached.wait()
        single = await system.imagine(system.bob)
        assert "Next in the queue" in single.text()
        hold.release()
        await system.result(single)
        await finished(system, answer.message)
    order = system.rows("SELECT batch_id IS NULL FROM jobs ORDER BY generated_at")
    assert [bool(one) for (one,) in order].index(True) <= 2


async def test_the_same_wish_is_answered_from_what_was_made(system: System) -> None:
    async with system.running():
        first = await system.result(await system.imagine(seed="7"))
        second = await system.result(await system.imagine(seed="7"))
        assert "Made before" in second.text()
        assert second.attachments[0].data == first.attachments[0].data
        made = await finished(system, (await batch(system, prompt="a lighthouse at dusk", seed="7", count=2)).message)
        assert "Made before, with the same words, settings and seed: no. 1." in made.text()
        answer = await system.ada.slash(system.room, "imagine", prompt="a lighthouse at dusk", seed="7", fresh=True)
        fresh = await system.result(answer.message)
        assert "Made before" not in fresh.text()
        other = await system.result(await system.imagine(seed="8"))
        assert "Made before" not in other.text()
    assert system.rows("SELECT count(DISTINCT job_id) FROM attempts") == [(4,)]


async def test_the_sheet_fills_while_pictures_come(system: System) -> None:
    async with system.running():
        answer = await batch(system, count=3, workflow="slow")
        await system.until_rows("SELECT count(*) >= 1 FROM jobs WHERE state = 'generated'", (1,))
        async with system.comfy.set_breakpoint("KSampler", after_step=1) as hold:
            await hold.reached.wait()
            await system.room.wait_for_edit(
                answer.message,
                lambda shown: names(shown) == ["progress.jpg"] and "Now no." in shown.text(),
                timeout=DEADLINE,
            )
        await finished(system, answer.message)


@pytest.mark.setting("batch.max_count", "batch.confirm_above")
async def test_the_owner_sets_how_many_and_from_when_it_is_asked(tmp_path: Path) -> None:
    async with open_system(tmp_path, batch={"max_count": 3, "confirm_above": 2}) as system, system.running():
        assert "at most 3" in told(await batch(system, count=4))
        assert "That makes 3 pictures" in told(await batch(system, count=3))
        answer = await batch(system, count=2)
        await finished(system, answer.message)


async def test_a_deleted_picture_leaves_sheet_files_and_menu(system: System) -> None:
    async with system.running():
        message = await finished(system, (await batch(system, count=3)).message)
        sheet, first, second, third = message.attachments
        menu = menu_of(message)
        assert menu is not None
        opened = await system.ada.select(message, menu["custom_id"], "1")
        shown = await opened.wait_for_message(lambda found: bool(found.attachments))
        await system.ada.press(shown, "Delete")
        await system.room.wait_for_edit(message, lambda found: len(found.attachments) == 3, timeout=DEADLINE)
        left = menu_of(message)
        assert left is not None
        assert [option["label"] for option in left["options"]] == ["No. 1", "No. 3"]
        assert sorted(names(message)) == sorted([sheet.filename, first.filename, third.filename])
        assert second.filename not in names(message)
        redrawn = next(file for file in message.attachments if file.filename == sheet.filename)
        assert redrawn.data != sheet.data
        gone = await system.ada.select(message, menu["custom_id"], "0")
        assert (await gone.wait_for_message(lambda found: bool(found.attachments))).ephemeral
    assert system.rows("SELECT count(*) FROM images WHERE shelf = 2") == [(1,)]


async def test_the_gallery_shows_one_batch_one_workflow_or_some_words(system: System) -> None:
    async with system.running():
        boats = await finished(system, (await batch(system, prompt="a Red boat", count=2)).message)
        await finished(system, (await batch(system, prompt="a 100 % gate", workflows="default, slow")).message)
        name = boats.embeds[0]["footer"]["text"]
        for values, lines, words in (
            ({"batch": name}, 2, "Red boat"),
            ({"workflow": "slow"}, 1, "gate"),
            ({"text": "red BOAT"}, 2, "Red boat"),
            ({"text": "100 %"}, 2, "gate"),
            ({"text": "1_0"}, 0, "Nothing here yet"),
        ):
            gallery = await system.ada.slash(system.room, "gallery", **given(values))
            assert told(gallery).count("Nova: ") == lines
            assert words in told(gallery)
        found = await system.ada.autocomplete(system.room, "gallery", "batch", "boat")
        assert [choice.value for choice in found] == [name.removeprefix("batch ")]
        unknown = await system.ada.slash(system.room, "gallery", batch="0123456789ab")
        assert "no such batch" in told(unknown)


async def test_two_results_are_shown_side_by_side(system: System) -> None:
    async with system.running():
        await finished(system, (await batch(system, sweep="cfg=4,8")).message)
        one, other = (job.replace("-", "")[-12:] for (job,) in system.rows("SELECT id FROM jobs ORDER BY batch_index"))
        shown = await system.bob.slash(system.room, "compare", first=one, second=f"job {other}")
        assert told(shown).count("→") == 1
        assert "**cfg**: 4.0 → 8.0" in told(shown)
        assert names(shown.message) == ["comparison.jpg"]
        assert "no such job" in told(await system.bob.slash(system.room, "compare", first=one, second="0123456789ab"))
