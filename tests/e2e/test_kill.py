"""kill -9 after each transition and between each act and its record, Discord and ComfyUI going on.

Every accepted job ends in exactly one result, none doubled, none stuck.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from sandbox.comfyui import PostFault
from sandbox.discord import Message
from tests.e2e.system import Process, System, labels

CALLBACK = ("POST", "/interactions/*/*/callback")
EDIT = ("PATCH", "/channels/*/messages/*")
POST = ("POST", "/channels/*/messages")

Moment = Callable[[System], AbstractAsyncContextManager[None]]
"""Entered before `/imagine`; left when the moment to kill has come."""


def caught(request: tuple[str, str], *, applied: bool) -> Moment:
    """A request to Discord, before it is applied, or applied and not answered."""

    @asynccontextmanager
    async def moment(system: System) -> AsyncGenerator[None]:
        hold = system.discord.faults.set_breakpoint(*request, applied=applied)
        yield
        await hold.wait_reached(timeout=60)

    return moment


def stored(*states: str) -> Moment:
    """As soon as the job is in one of these states in the database, and was accepted."""

    @asynccontextmanager
    async def moment(system: System) -> AsyncGenerator[None]:
        yield
        wanted = ", ".join(f"'{state}'" for state in states)
        await system.until_rows(f"SELECT count(*) FROM jobs WHERE state IN ({wanted})", (1,))
        await accepted(system)

    return moment


async def accepted(system: System) -> None:
    """The answer arrived and is recorded: ComfyUI may have the prompt sooner, and until then nothing was accepted."""
    await system.until_rows("SELECT count(*) FROM deliveries WHERE kind = 'answer' AND state = 'sent'", (1,))


@asynccontextmanager
async def running(system: System) -> AsyncGenerator[None]:
    """A node runs."""
    async with system.comfy.set_breakpoint("KSampler", times=1) as hold:
        yield
        await hold.reached.wait()
        await accepted(system)


@asynccontextmanager
async def prepared_unposted(system: System) -> AsyncGenerator[None]:
    """The attempt is committed; ComfyUI has not taken the prompt."""
    system.comfy.faults.latency["/prompt"] = 60
    yield
    await system.until_rows("SELECT state FROM attempts", ("prepared",))
    await accepted(system)
    system.comfy.faults.latency.clear()


@asynccontextmanager
async def posted_unanswered(system: System) -> AsyncGenerator[None]:
    """ComfyUI has the prompt, its answer never came."""
    system.comfy.faults.posts.append(PostFault.APPLIED_THEN_DROPPED)
    async with system.comfy.set_breakpoint("KSampler", times=1) as hold:
        yield
        await hold.reached.wait()
        await accepted(system)


@asynccontextmanager
async def made_unfetched(system: System) -> AsyncGenerator[None]:
    """ComfyUI is done; the files are on their way."""
    system.comfy.faults.latency["/view"] = 5
    yield
    await system.comfy.log.wait_for("execution_success")
    system.comfy.faults.latency.clear()


MOMENTS: dict[str, Moment] = {
    "answer applied, unrecorded": caught(CALLBACK, applied=True),
    "stored as running": stored("running", "generated", "delivered"),
    "attempt stored, not posted": prepared_unposted,
    "posted to ComfyUI, unanswered": posted_unanswered,
    "running": running,
    "made, unfetched": made_unfetched,
    "stored as generated": stored("generated", "delivered"),
    "result unapplied": caught(EDIT, applied=False),
    "result applied, unrecorded": caught(EDIT, applied=True),
    "further files unapplied": caught(POST, applied=False),
    "further files applied, unrecorded": caught(POST, applied=True),
    "stored as delivered": stored("delivered"),
}


async def asked(system: System, bot: Process, moment: Moment) -> None:
    """Ask for a dozen, and kill the bot at the moment."""
    await bot.ready()
    async with moment(system):
        await system.ada.slash(system.room, "imagine", prompt="a dozen boats", workflow="dozen", wait=False)
    await bot.kill()
    system.discord.faults.clear()


@pytest.mark.parametrize("moment", MOMENTS.values(), ids=MOMENTS.keys())
async def test_killed_at_any_moment_one_result_arrives(system: System, moment: Moment) -> None:
    async with system.start() as bot:
        await asked(system, bot, moment)
    async with system.start() as bot:
        await bot.ready()
        await system.until_delivered()
        await bot.stop()
    assert_one_result(system)


async def test_killed_again_and_again(system: System) -> None:
    for moment in (running, caught(EDIT, applied=True), caught(POST, applied=True)):
        async with system.start() as bot:
            async with moment(system):  # entered before the bot is ready: a job that it resumes goes on at once
                await bot.ready()
                if not system.states():
                    await system.ada.slash(system.room, "imagine", prompt="boats", workflow="dozen", wait=False)
            await bot.kill()
            system.discord.faults.clear()
    async with system.start() as bot:
        await system.until_delivered()
        await bot.stop()
    assert_one_result(system)


@pytest.mark.parametrize("finished", [False, True])
async def test_killed_before_the_answer_nothing_was_accepted(system: System, finished: bool) -> None:
    async with system.comfy.set_breakpoint("KSampler", times=0 if finished else 1):
        async with system.start() as bot:
            await bot.ready()
            hold = system.discord.faults.set_breakpoint(*CALLBACK, applied=False)
            answer = await system.ada.slash(system.room, "imagine", prompt="x", wait=False)
            await hold.wait_reached()
            await system.until_rows("SELECT state FROM jobs", ("generated" if finished else "running",))
            await bot.kill()
            answer.interaction.failed = True
            system.discord.faults.clear()
        async with system.start() as bot:
            await system.until_delivered()
            await bot.stop()
    assert system.states() == ["failed" if finished else "cancelled"]
    assert system.room.bot_messages == []


async def test_killed_with_a_queue_everybody_gets_theirs_in_order(system: System) -> None:
    async with system.start() as bot, system.comfy.set_breakpoint("KSampler") as hold:
        await bot.ready()
        messages = [await system.imagine(system.ada) for _ in range(3)]
        messages += [await system.imagine(system.bob) for _ in range(2)]
        await hold.reached.wait()
        await bot.kill()
    # What ComfyUI had is looked for and collected while the GPU works on the next jobs.
    open_attempts = (
        "SELECT number FROM jobs JOIN attempts ON job_id = id WHERE attempts.state IN ('prepared', 'submitted')"
    )
    looked_for = system.rows(open_attempts)
    async with system.start() as bot:
        await system.until_delivered(5)
        await bot.stop()
    assert system.room.bot_messages == messages
    assert [len(message.attachments) for message in messages] == [1] * 5
    for person in (system.ada, system.bob):
        query = f"SELECT number FROM jobs WHERE requester_id = {person.id} ORDER BY generated_at"
        numbers = [number for number in system.rows(query) if number not in looked_for]
        assert numbers == sorted(numbers)
    assert system.open_deliveries() == 0


async def test_comfyui_dies_with_the_bot(system: System) -> None:
    async with system.start() as bot, system.comfy.set_breakpoint("KSampler") as hold:
        await bot.ready()
        message = await system.imagine()
        await hold.reached.wait()
        await bot.kill()
        await system.comfy.restart()
    async with system.start() as bot:
        await system.until_delivered()
        await bot.stop()
    assert system.room.bot_messages == [message]
    assert len(message.attachments) == 1


def assert_one_result(system: System) -> None:
    """Twelve files, each once, in two messages of which the second replies to the first; nothing left open."""
    assert system.states() == ["delivered"]
    assert system.open_deliveries() == 0
    first, second = system.room.bot_messages
    assert second.reply_to is first
    assert (len(first.attachments), len(second.attachments)) == (10, 2)
    assert len(set(names(first) + names(second))) == 12
    assert "Cancel" not in labels(first)


def names(message: Message) -> list[str]:
    return [file.filename for file in message.attachments]
