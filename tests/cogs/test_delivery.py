"""Exactly once as the user sees it, whatever Discord and the way to it do."""

from __future__ import annotations

import asyncio
import io
import random
from pathlib import Path

import pytest
from PIL import Image

from bot.domain.deliveries import DeliveryKind, DeliveryState
from bot.domain.job_updates import Progress
from bot.domain.jobs import GenerationRequest, JobError, JobState, Origin
from cogs.delivery import delivery_of
from sandbox.discord import (
    AppliedThenDropped,
    AppliedThenStatus,
    Dropped,
    ErrorStatus,
    LateResponse,
    Message,
    RateLimited,
    Rejected,
    payload_too_large,
)
from sandbox.discord.faults import Fault
from tests.cogs.factories import a_request
from tests.cogs.harness import Harness, open_harness

CALLBACK = ("POST", "/interactions/*/*/callback")
EDIT = ("PATCH", "/channels/*/messages/*")
POST = ("POST", "/channels/*/messages")


def files(message: Message) -> list[str]:
    return [file.filename for file in message.attachments]


def noise(side: int) -> bytes:
    """A PNG that hardly compresses: about 3 bytes per pixel."""
    picture = Image.frombytes("RGB", (side, side), random.Random(1).randbytes(side * side * 3))
    data = io.BytesIO()
    picture.save(data, "PNG")
    return data.getvalue()


async def drawn(harness: Harness, *, count: int = 1) -> Message:
    """Ask, let it be made, wait for delivery."""
    message = await harness.imagine()
    job = harness.script.only
    harness.script.finish(job.id, *[harness.picture(f"{n}.png") for n in range(count)])
    await harness.shown(job.id)
    return message


async def test_twelve_pictures_are_two_messages(harness: Harness) -> None:
    async with harness.running():
        message = await drawn(harness, count=12)
    first, second = harness.room.bot_messages
    assert first is message
    assert len(first.attachments) == 10
    assert len(second.attachments) == 2
    assert second.reply_to is first
    assert not second.pings
    names = files(first) + files(second)
    assert len(set(names)) == 12
    assert all(harness.script.only.digest in name for name in names)


@pytest.mark.parametrize(
    "effect",
    [ErrorStatus(502), AppliedThenStatus(502), AppliedThenDropped(), Dropped(), RateLimited(0.05)],
    ids=lambda effect: f"{type(effect).__name__}",
)
@pytest.mark.parametrize("request_of", [CALLBACK, EDIT, POST], ids=["answer", "result", "further files"])
async def test_one_result_whatever_happens_to_a_request(
    harness: Harness, effect: Fault, request_of: tuple[str, str]
) -> None:
    async with harness.running():
        harness.discord.faults.next(*request_of, effect)
        await drawn(harness, count=11)
    first, second = harness.room.bot_messages
    assert (len(first.attachments), len(second.attachments)) == (10, 1)
    assert {row.state for row in (await harness.deliveries.rows()).values()} == {DeliveryState.SENT}


async def test_an_answer_that_discord_no_longer_takes_is_shrugged_off(harness: Harness) -> None:
    async with harness.running():
        harness.discord.faults.next(*CALLBACK, Rejected(404, 10062, "Unknown interaction"))
        await harness.ada.slash(harness.room, "imagine", prompt="x", wait=False)
        await harness.script.accepted.wait()
        job = harness.script.only
        await harness.shown(job.id)
        assert harness.script.cancelled == [job.id]
    assert harness.room.bot_messages == []
    (row,) = (await harness.deliveries.rows()).values()
    assert row.state is DeliveryState.ABANDONED


async def test_progress_and_result_survive_the_interactions_token(harness: Harness) -> None:
    async with harness.running():
        message = await harness.imagine()
        harness.discord.clock.advance(16 * 60)
        job = harness.script.only
        harness.script.say(job.id, Progress(fraction=0.3, node_title="KSampler", elapsed_seconds=900))
        await harness.room.wait_for_edit(message, lambda shown: "30 %" in shown.text())
        harness.script.finish(job.id, harness.picture())
        await harness.shown(job.id)
    assert len(message.attachments) == 1
    assert harness.discord.requests_to("PATCH", "/webhooks/**") == []


async def test_when_the_message_is_deleted_the_result_is_a_new_one(harness: Harness) -> None:
    async with harness.running():
        message = await harness.imagine()
        await harness.mod.delete(message)
        job = harness.script.only
        harness.script.say(job.id, Progress(fraction=0.3, node_title="KSampler", elapsed_seconds=9))
        harness.script.finish(job.id, harness.picture())
        await harness.shown(job.id)
    (posted,) = harness.room.bot_messages
    assert posted is not message
    assert len(posted.attachments) == 1
    assert harness.script.only.state is JobState.DELIVERED


async def test_a_message_that_takes_no_more_edits_makes_way_for_the_result(harness: Harness) -> None:
    async with harness.running():
        message = await harness.imagine()
        harness.discord.faults.always(*EDIT, Rejected(400, 30046, "Too many edits of an old message"))
        harness.script.finish(harness.script.only.id, harness.picture())
        await harness.shown(harness.script.only.id)
    [posted] = harness.room.bot_messages
    assert message.deleted
    assert len(posted.attachments) == 1


async def test_lost_permissions_end_the_job_with_an_explanation(harness: Harness) -> None:
    async with harness.running():
        message = await harness.imagine()
        harness.room.set_permissions(None, deny=["attach_files"])
        harness.guild.remove_bot_permissions("attach_files")
        harness.discord.clock.advance(16 * 60)
        harness.script.finish(harness.script.only.id, harness.picture())
        await harness.shown(harness.script.only.id)
    job = harness.script.only
    assert job.state is JobState.FAILED
    assert job.error is not None
    assert job.error.code == "NOT_ALLOWED"
    assert job.artifacts
    assert "NOT_ALLOWED" in message.text()
    assert message.attachments == []


async def test_a_channel_that_is_gone_ends_the_job(harness: Harness) -> None:
    async with harness.running():
        await harness.imagine()
        harness.room.delete()
        harness.script.finish(harness.script.only.id, harness.picture())
        await harness.shown(harness.script.only.id)
    assert harness.script.only.state is JobState.FAILED
    assert harness.script.only.artifacts


@pytest.mark.parametrize("who", ["ada", "mod"])
async def test_cancel_is_for_the_asker_and_moderators(harness: Harness, who: str) -> None:
    async with harness.running():
        message = await harness.imagine()
        answer = await getattr(harness, who).press(message, "Cancel")
        assert answer.response.type == 6
        await harness.shown(harness.script.only.id)
    assert "CANCELLED" in message.text()
    assert "Cancel" not in str(message.components)


async def test_a_stranger_cannot_cancel(harness: Harness) -> None:
    async with harness.running():
        message = await harness.imagine()
        answer = await harness.bob.press(message, "Cancel")
        assert answer.message.ephemeral
        assert "NOT_ALLOWED" in answer.message.text()
    assert harness.script.cancelled == []


async def test_a_job_whose_row_is_gone_says_so(harness: Harness) -> None:
    async with harness.running():
        message = await harness.imagine()
        harness.script.jobs.clear()
        answer = await harness.ada.press(message, "Cancel")
        assert answer.message.ephemeral
        assert "INPUT_INVALID" in answer.message.text()


@pytest.mark.setting("discord.notify_after_seconds")
async def test_after_a_long_wait_the_person_is_mentioned_once(tmp_path: Path) -> None:
    async with open_harness(tmp_path, notify_after_seconds=0.0001) as harness, harness.running():
        message = await drawn(harness)
        result, notice = harness.room.bot_messages
        assert result is message
        assert notice.reply_to is message
        assert notice.pings.users == {harness.ada.id}
        assert not result.pings


@pytest.mark.parametrize("state", [JobState.FAILED, JobState.CANCELLED])
async def test_a_failure_notifies_and_a_cancel_does_not(tmp_path: Path, state: JobState) -> None:
    async with open_harness(tmp_path, notify_after_seconds=0.0001) as harness, harness.running():
        await harness.imagine()
        harness.script.end(harness.script.only.id, state, JobError(code="NO_OUTPUT", message="Nothing."))
        await harness.shown(harness.script.only.id)
        assert len(harness.room.bot_messages) == (2 if state is JobState.FAILED else 1)


async def test_a_picture_beyond_the_guilds_limit_is_made_to_fit_and_kept(tmp_path: Path) -> None:
    async with open_harness(tmp_path) as harness:
        big = noise(2100)
        assert len(big) > 10 * 1024 * 1024
        async with harness.running():
            message = await harness.imagine()
            artifact = harness.picture("big.png", big)
            harness.script.finish(harness.script.only.id, artifact)
            await harness.shown(harness.script.only.id)
        (file,) = message.attachments
        assert file.size <= 10 * 1024 * 1024
        assert "-#" in message.text()
        assert (harness.settings.storage.data_dir / artifact.path).read_bytes() == big


async def test_a_refused_upload_is_tried_smaller(harness: Harness) -> None:
    async with harness.running():
        harness.discord.faults.next(*EDIT, payload_too_large())
        message = await harness.imagine()
        data = noise(400)
        harness.script.finish(harness.script.only.id, harness.picture("a.png", data))
        await harness.shown(harness.script.only.id)
    (file,) = message.attachments
    assert file.size <= len(data) // 2
    assert Image.open(io.BytesIO(file.data)).size == (400, 400)


async def test_a_file_that_is_gone_is_a_note_not_a_silence(harness: Harness) -> None:
    async with harness.running():
        message = await harness.imagine()
        artifact = harness.picture()
        (harness.settings.storage.data_dir / artifact.path).unlink()
        harness.script.finish(harness.script.only.id, artifact, harness.picture("b.png"))
        await harness.shown(harness.script.only.id)
    assert len(message.attachments) == 1
    assert "File 1 is no longer in the data folder" in message.text()


async def test_a_restart_goes_on_with_the_same_message(harness: Harness) -> None:
    async with harness.running():
        message = await harness.imagine()
    async with harness.running():
        job = harness.script.only
        harness.script.say(job.id, Progress(fraction=0.7, node_title="VAE Decode", elapsed_seconds=9))
        await harness.room.wait_for_edit(message, lambda shown: "70 %" in shown.text())
    harness.script.finish(job.id, harness.picture())
    async with harness.running():
        await harness.shown(job.id)
    assert harness.room.bot_messages == [message]
    assert len(message.attachments) == 1


@pytest.mark.parametrize("applied", [True, False])
@pytest.mark.parametrize("request_of", [EDIT, POST], ids=["result", "further files"])
async def test_killed_between_a_post_and_its_record(
    harness: Harness, applied: bool, request_of: tuple[str, str]
) -> None:
    async with harness.running():
        message = await harness.imagine()
        hold = harness.discord.faults.set_breakpoint(*request_of, applied=applied)
        harness.script.finish(harness.script.only.id, *[harness.picture(f"{n}.png") for n in range(11)])
        await hold.wait_reached()
    harness.discord.faults.clear()
    assert harness.script.shown == []
    async with harness.running():
        await harness.shown(harness.script.only.id)
    first, second = harness.room.bot_messages
    assert first is message
    assert (len(first.attachments), len(second.attachments)) == (10, 1)


async def test_killed_before_the_answers_id_was_stored(harness: Harness) -> None:
    async with harness.running():
        hold = harness.discord.faults.set_breakpoint(*CALLBACK, applied=True)
        await harness.ada.slash(harness.room, "imagine", prompt="x", wait=False)
        await hold.wait_reached()
    harness.discord.faults.clear()
    (row,) = (await harness.deliveries.rows()).values()
    assert row.state is DeliveryState.PENDING
    async with harness.running():
        harness.script.finish(harness.script.only.id, harness.picture())
        await harness.shown(harness.script.only.id)
    (message,) = harness.room.bot_messages
    assert len(message.attachments) == 1


async def test_killed_before_the_answer_the_job_was_never_accepted(harness: Harness) -> None:
    async with harness.running():
        hold = harness.discord.faults.set_breakpoint(*CALLBACK, applied=False)
        answer = await harness.ada.slash(harness.room, "imagine", prompt="x", wait=False)
        await hold.wait_reached()
        answer.interaction.failed = True
    harness.discord.faults.clear()
    async with harness.running():
        await harness.shown(harness.script.only.id)
    assert harness.room.bot_messages == []
    assert harness.script.only.state is JobState.CANCELLED


async def test_killed_before_the_mention_it_is_still_sent_once(tmp_path: Path) -> None:
    async with open_harness(tmp_path, notify_after_seconds=0.0001) as harness:
        async with harness.running():
            message = await harness.imagine()
            hold = harness.discord.faults.set_breakpoint(*POST, applied=True)
            harness.script.finish(harness.script.only.id, harness.picture())
            await hold.wait_reached()
        harness.discord.faults.clear()
        async with harness.running():
            await harness.shown(harness.script.only.id)
        assert [entry.reply_to for entry in harness.room.bot_messages] == [None, message]
        kinds = [row.kind for row in (await harness.deliveries.rows()).values()]
        assert sorted(kinds) == sorted([DeliveryKind.ANSWER, DeliveryKind.RESULT, DeliveryKind.NOTICE])


async def test_a_slow_edit_is_never_overtaken_by_the_result(harness: Harness) -> None:
    async with harness.running():
        message = await harness.imagine()
        job = harness.script.only
        harness.discord.faults.next(*EDIT, LateResponse(0.3))
        harness.script.say(job.id, Progress(fraction=0.3, node_title="KSampler", elapsed_seconds=9))
        await harness.room.wait_for_edit(message, lambda shown: "30 %" in shown.text())
        harness.script.finish(job.id, harness.picture())
        await harness.shown(job.id)
    edits = harness.discord.requests_to(*EDIT)
    assert [len(edit.parts) for edit in edits] == [0, 1]
    assert len(message.attachments) == 1


async def test_where_the_bot_cannot_see_the_channel_the_token_serves(harness: Harness) -> None:
    async with harness.running():
        message = await harness.imagine()
        harness.guild.remove_bot_permissions("view_channel")
        harness.script.finish(harness.script.only.id, harness.picture())
        await harness.shown(harness.script.only.id)
    assert len(message.attachments) == 1
    assert harness.script.only.state is JobState.DELIVERED
    assert harness.discord.requests_to("PATCH", "/webhooks/*/*/messages/*")


async def test_an_answer_without_an_interaction_replies_and_becomes_the_result(harness: Harness) -> None:
    async with harness.running() as bot:
        original = await harness.ada.send(harness.room, "draw me")
        request = asked_by_reaction(harness, original)
        job = await delivery_of(bot).accept_in_channel(request)
        harness.script.finish(job.id, harness.picture())
        await harness.shown(job.id)
    (message,) = harness.room.bot_messages
    assert message.reply_to is original
    assert not message.pings
    assert len(message.attachments) == 1


@pytest.mark.parametrize("applied", [True, False])
async def test_killed_while_answering_without_an_interaction(harness: Harness, applied: bool) -> None:
    original = None
    async with harness.running() as bot:
        original = await harness.ada.send(harness.room, "draw me")
        hold = harness.discord.faults.set_breakpoint(*POST, applied=applied)
        task = asyncio.create_task(delivery_of(bot).accept_in_channel(asked_by_reaction(harness, original)))
        await hold.wait_reached()
        task.cancel()
        await asyncio.wait({task})
    harness.discord.faults.clear()
    async with harness.running():
        harness.script.finish(harness.script.only.id, harness.picture())
        await harness.shown(harness.script.only.id)
    (message,) = harness.room.bot_messages
    assert message.reply_to is original
    assert len(message.attachments) == 1


def asked_by_reaction(harness: Harness, message: Message) -> GenerationRequest:
    origin = Origin(
        guild_id=harness.guild.id,
        channel_id=harness.room.id,
        after_message_id=message.id,
        reply_to_message_id=message.id,
    )
    return a_request(origin=origin, requester_id=harness.ada.id)
