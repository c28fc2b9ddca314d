from __future__ import annotations

import pytest

from bot.domain.job_updates import Progress, Waiting
from bot.domain.jobs import JobError, JobState
from bot.errors import QueueFull
from sandbox.discord import Choice
from tests.cogs.harness import Harness


async def test_a_picture_from_wish_to_result(harness: Harness) -> None:
    async with harness.running():
        message = await harness.imagine()
        job = harness.script.only
        assert "lighthouse" in message.text()
        assert "Next in the queue" in message.text()
        harness.script.say(job.id, Progress(fraction=0.4, node_title="KSampler", elapsed_seconds=9))
        await harness.room.wait_for_edit(message, lambda shown: "40 %" in shown.text() and "KSampler" in shown.text())
        harness.script.say(
            job.id, Progress(fraction=0.5, node_title="KSampler", elapsed_seconds=10, preview=b"\xff\xd8\xff")
        )
        await harness.room.wait_for_edit(
            message, lambda shown: [file.filename for file in shown.attachments] == ["preview.jpg"]
        )
        harness.script.finish(job.id, harness.picture())
        await harness.shown(job.id)
    (file,) = message.attachments
    assert file.data == b"\x89PNG not really"
    assert job.digest in file.filename
    assert "default" in message.text()
    assert "42" in message.text()
    assert "64 x 64" in message.text()
    assert "1.5 s" in message.text()
    assert "Cancel" not in str(message.components)
    assert harness.script.only.state is JobState.DELIVERED
    assert harness.room.bot_messages == [message]


async def test_every_edit_shows_something_new(harness: Harness) -> None:
    async with harness.running():
        message = await harness.imagine()
        job = harness.script.only
        for place in (3, 3, 2, 2):
            harness.script.say(job.id, Waiting(position=place))
            await harness.room.wait_for_edit(message, lambda shown, place=place: f"Place {place}" in shown.text())
        for elapsed in range(5):
            harness.script.say(job.id, Progress(fraction=0.1, node_title="Load", elapsed_seconds=elapsed))
        await harness.room.wait_for_edit(message, lambda shown: "Load" in shown.text())
        harness.script.finish(job.id, harness.picture())
        await harness.shown(job.id)
    shown = [str(version["embeds"]) for version in message.versions]
    assert len(set(shown)) == len(shown)


async def test_the_persons_words_and_choices_reach_the_request(harness: Harness) -> None:
    async with harness.running():
        await harness.imagine(
            prompt='"quotes" {braces} \\back @everyone مرحبا 😀',
            negative="text",
            workflow="portrait",
            seed=str(2**64 - 1),
            character="Alex",
        )
    request = harness.script.only.request
    assert request.positive == '"quotes" {braces} \\back @everyone مرحبا 😀'
    assert (request.negative, request.workflow_name, request.seed) == ("text", "portrait", 2**64 - 1)
    assert request.character_id == "alex"
    assert request.requester_id == harness.ada.id
    assert request.origin.channel_id == harness.room.id
    assert request.origin.guild_id == harness.guild.id


async def test_the_character_is_the_channels_or_its_parents_or_the_default(harness: Harness) -> None:
    harness.bindings.by_channel[harness.room.id] = "alex"
    other = harness.guild.add_channel("other")
    async with harness.running():
        thread = await harness.ada.create_thread(harness.room, "aside")
        for room in (harness.room, thread, other):
            await harness.imagine(room=room)
    assert [job.request.character_id for job in harness.script.jobs.values()] == ["alex", "alex", "nova"]


@pytest.mark.parametrize("seed", ["-1", str(2**64), "12.5", "abc", "1e3", "٣"])
async def test_a_seed_that_is_none_is_refused(harness: Harness, seed: str) -> None:
    async with harness.running():
        answer = await harness.ada.slash(harness.room, "imagine", prompt="x", seed=seed)
        assert answer.message.ephemeral
        assert "INPUT_INVALID" in answer.message.text()
    assert harness.script.jobs == {}


async def test_an_empty_prompt_is_refused(harness: Harness) -> None:
    async with harness.running():
        answer = await harness.ada.slash(harness.room, "imagine", prompt="   ")
        assert "INPUT_INVALID" in answer.message.text()
        assert answer.message.ephemeral
    assert harness.script.jobs == {}


async def test_four_thousand_characters_fit(harness: Harness) -> None:
    async with harness.running():
        message = await harness.imagine(prompt="x" * 4000)
        harness.script.finish(harness.script.only.id, harness.picture())
        await harness.shown(harness.script.only.id)
    assert len(harness.script.only.request.positive) == 4000
    assert len(message.attachments) == 1


async def test_what_the_queue_refuses_is_told_to_the_person_alone(harness: Harness) -> None:
    harness.script.refusal = QueueFull("The queue is full; the next place is free in about 4 min.")
    async with harness.running():
        answer = await harness.ada.slash(harness.room, "imagine", prompt="x")
        assert answer.message.ephemeral
        assert "QUEUE_FULL" in answer.message.text()
        assert "about 4 min" in answer.message.text()


@pytest.mark.parametrize("permission", ["send_messages", "attach_files"])
async def test_a_missing_permission_is_told_before_any_work(harness: Harness, permission: str) -> None:
    harness.room.set_permissions(None, deny=[permission])
    harness.guild.remove_bot_permissions(permission)
    async with harness.running():
        answer = await harness.mod.slash(harness.room, "imagine", prompt="x")
        assert answer.message.ephemeral
        assert "NOT_ALLOWED" in answer.message.text()
        assert permission.replace("_", " ").title() in answer.message.text()
    assert harness.script.jobs == {}


async def test_names_are_suggested_from_memory(harness: Harness) -> None:
    async with harness.running():
        suggest = harness.ada.autocomplete
        assert await suggest(harness.room, "imagine", "character", "no") == [Choice("Nova", "nova")]
        workflows = await suggest(harness.room, "imagine", "workflow", "", prompt="x")
        assert workflows == [Choice("default", "default"), Choice("portrait", "portrait")]
        assert await suggest(harness.room, "imagine", "workflow", "", character="alex") == [
            Choice("default", "default")
        ]
        assert await suggest(harness.room, "imagine", "workflow", "", character="nobody") == []


async def test_a_failed_job_shows_code_and_sentence_and_details_to_the_asker_alone(harness: Harness) -> None:
    async with harness.running():
        message = await harness.imagine()
        job = harness.script.only
        error = JobError(code="OUT_OF_MEMORY", message="The graphics card ran out of memory.", advice="Try smaller.")
        harness.script.end(job.id, JobState.FAILED, error)
        await harness.shown(job.id)
        assert "OUT_OF_MEMORY" in message.text()
        assert "ran out of memory" in message.text()
        assert "Try smaller." not in message.text()
        told = (await harness.ada.press(message, "Details")).message
        assert told.ephemeral
        assert "Try smaller." in told.text()
        refused = (await harness.bob.press(message, "Details")).message
        assert "NOT_ALLOWED" in refused.text()
        assert "Try smaller." not in refused.text()


async def test_details_and_cancel_still_work_after_a_restart(harness: Harness) -> None:
    async with harness.running():
        message = await harness.imagine()
    async with harness.running():
        await harness.ada.press(message, "Cancel")
        await harness.shown(harness.script.only.id)
        assert "CANCELLED" in message.text()
    assert harness.room.bot_messages == [message]
