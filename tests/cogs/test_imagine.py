from __future__ import annotations

import pytest

from bot.domain.job_updates import Progress, Waiting
from bot.domain.jobs import JobError, JobState
from bot.errors import QueueFull
from sandbox.discord import Choice
from tests.cogs.stage import Stage

PREVIEW = ["preview.jpg"]


async def test_a_picture_from_wish_to_result(stage: Stage) -> None:
    async with stage.running():
        message = await stage.imagine()
        job = stage.script.only
        assert "lighthouse" in message.text()
        assert "Next in the queue" in message.text()
        stage.script.say(job.id, Progress(fraction=0.4, node_title="KSampler", elapsed_seconds=9))
        await stage.room.wait_for_edit(message, lambda shown: "40 %" in shown.text() and "KSampler" in shown.text())
        stage.script.say(
            job.id, Progress(fraction=0.5, node_title="KSampler", elapsed_seconds=10, preview=b"\xff\xd8\xff")
        )
        await stage.room.wait_for_edit(
            message, lambda shown: [file.filename for file in shown.attachments] == ["preview.jpg"]
        )
        stage.script.finish(job.id, stage.picture())
        await stage.shown(job.id)
    (file,) = message.attachments
    assert file.data == b"\x89PNG not really"
    assert job.digest in file.filename
    assert "default" in message.text()
    assert "42" in message.text()
    assert "64 x 64" in message.text()
    assert "1.5 s" in message.text()
    assert "Cancel" not in str(message.components)
    assert stage.script.only.state is JobState.DELIVERED
    assert stage.room.bot_messages == [message]


async def test_every_edit_shows_something_new(stage: Stage) -> None:
    async with stage.running():
        message = await stage.imagine()
        job = stage.script.only
        for place in (3, 3, 2, 2):
            stage.script.say(job.id, Waiting(position=place))
            await stage.room.wait_for_edit(message, lambda shown, place=place: f"Place {place}" in shown.text())
        for elapsed in range(5):
            stage.script.say(job.id, Progress(fraction=0.1, node_title="Load", elapsed_seconds=elapsed))
        await stage.room.wait_for_edit(message, lambda shown: "Load" in shown.text())
        stage.script.finish(job.id, stage.picture())
        await stage.shown(job.id)
    shown = [str(version["embeds"]) for version in message.versions]
    assert len(set(shown)) == len(shown)


async def test_the_persons_words_and_choices_reach_the_request(stage: Stage) -> None:
    async with stage.running():
        await stage.imagine(
            prompt='"quotes" {braces} \\back @everyone مرحبا 😀',
            negative="text",
            workflow="portrait",
            seed=str(2**64 - 1),
            character="Alex",
        )
    request = stage.script.only.request
    assert request.positive == '"quotes" {braces} \\back @everyone مرحبا 😀'
    assert (request.negative, request.workflow_name, request.seed) == ("text", "portrait", 2**64 - 1)
    assert request.character_id == "alex"
    assert request.requester_id == stage.ada.id
    assert request.origin.channel_id == stage.room.id
    assert request.origin.guild_id == stage.guild.id


async def test_the_character_is_the_channels_or_its_parents_or_the_default(stage: Stage) -> None:
    stage.bindings.by_channel[stage.room.id] = "alex"
    other = stage.guild.add_channel("other")
    async with stage.running():
        thread = await stage.ada.create_thread(stage.room, "aside")
        for room in (stage.room, thread, other):
            await stage.imagine(room=room)
    assert [job.request.character_id for job in stage.script.jobs.values()] == ["alex", "alex", "nova"]


@pytest.mark.parametrize("seed", ["-1", str(2**64), "12.5", "abc", "1e3", "٣"])
async def test_a_seed_that_is_none_is_refused(stage: Stage, seed: str) -> None:
    async with stage.running():
        answer = await stage.ada.slash(stage.room, "imagine", prompt="x", seed=seed)
        assert answer.message.ephemeral
        assert "INPUT_INVALID" in answer.message.text()
    assert stage.script.jobs == {}


async def test_an_empty_prompt_is_refused(stage: Stage) -> None:
    async with stage.running():
        answer = await stage.ada.slash(stage.room, "imagine", prompt="   ")
        assert "INPUT_INVALID" in answer.message.text()
        assert answer.message.ephemeral
    assert stage.script.jobs == {}


async def test_four_thousand_characters_fit(stage: Stage) -> None:
    async with stage.running():
        message = await stage.imagine(prompt="x" * 4000)
        stage.script.finish(stage.script.only.id, stage.picture())
        await stage.shown(stage.script.only.id)
    assert len(stage.script.only.request.positive) == 4000
    assert len(message.attachments) == 1


async def test_what_the_queue_refuses_is_told_to_the_person_alone(stage: Stage) -> None:
    stage.script.refusal = QueueFull("The queue is full; the next place is free in about 4 min.")
    async with stage.running():
        answer = await stage.ada.slash(stage.room, "imagine", prompt="x")
        assert answer.message.ephemeral
        assert "QUEUE_FULL" in answer.message.text()
        assert "about 4 min" in answer.message.text()


@pytest.mark.parametrize("permission", ["send_messages", "attach_files"])
async def test_a_missing_permission_is_told_before_any_work(stage: Stage, permission: str) -> None:
    stage.room.set_permissions(None, deny=[permission])
    stage.guild.remove_bot_permissions(permission)
    async with stage.running():
        answer = await stage.mod.slash(stage.room, "imagine", prompt="x")
        assert answer.message.ephemeral
        assert "NOT_ALLOWED" in answer.message.text()
        assert permission.replace("_", " ").title() in answer.message.text()
    assert stage.script.jobs == {}


async def test_names_are_suggested_from_memory(stage: Stage) -> None:
    async with stage.running():
        suggest = stage.ada.autocomplete
        assert await suggest(stage.room, "imagine", "character", "no") == [Choice("Nova", "nova")]
        workflows = await suggest(stage.room, "imagine", "workflow", "", prompt="x")
        assert workflows == [Choice("default", "default"), Choice("portrait", "portrait")]
        assert await suggest(stage.room, "imagine", "workflow", "", character="alex") == [Choice("default", "default")]
        assert await suggest(stage.room, "imagine", "workflow", "", character="nobody") == []


async def test_a_failed_job_shows_code_and_sentence_and_details_to_the_asker_alone(stage: Stage) -> None:
    async with stage.running():
        message = await stage.imagine()
        job = stage.script.only
        error = JobError(code="OUT_OF_MEMORY", message="The graphics card ran out of memory.", advice="Try smaller.")
        stage.script.end(job.id, JobState.FAILED, error)
        await stage.shown(job.id)
        assert "OUT_OF_MEMORY" in message.text()
        assert "ran out of memory" in message.text()
        assert "Try smaller." not in message.text()
        told = (await stage.ada.press(message, "Details")).message
        assert told.ephemeral
        assert "Try smaller." in told.text()
        refused = (await stage.bob.press(message, "Details")).message
        assert "NOT_ALLOWED" in refused.text()
        assert "Try smaller." not in refused.text()


async def test_details_and_cancel_still_work_after_a_restart(stage: Stage) -> None:
    async with stage.running():
        message = await stage.imagine()
    async with stage.running():
        await stage.ada.press(message, "Cancel")
        await stage.shown(stage.script.only.id)
        assert "CANCELLED" in message.text()
    assert stage.room.bot_messages == [message]
