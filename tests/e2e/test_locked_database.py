"""Another program locks the database (a browser, a backup): nothing that was made, posted or written is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import pytest

from bot.storage.jobs import JobRepository
from tests.conversation.scripted_model import says
from tests.e2e.chat_system import ChatSystem
from tests.e2e.system import System
from tests.locked_database import locked, until_store_waits

pytestmark = pytest.mark.usefixtures("quick_retries")


@asynccontextmanager
async def database_locked(system: System) -> AsyncGenerator[None]:
    async with locked(system.folder / "data" / "chorus.db"):
        yield


async def test_a_picture_that_was_made_is_posted_when_the_lock_is_gone(
    system: System, caplog: pytest.LogCaptureFixture
) -> None:
    async with system.running(), system.comfy.set_breakpoint("SaveImage") as hold:
        message = await system.imagine()
        await hold.reached.wait()
        async with database_locked(system):
            hold.release()
            await until_store_waits(caplog)
        await system.result(message)
        await system.until_delivered()
    assert system.states() == ["delivered"]
    assert system.open_deliveries() == 0


async def test_a_posted_picture_stays(system: System, caplog: pytest.LogCaptureFixture) -> None:
    """The lock falls between the post and its record."""
    async with system.running() as (services, _):
        prepare = services.deliveries.prepare
        lock = database_locked(system)

        async def prepare_and_lock(outgoing: object) -> object:
            row = await prepare(outgoing)  # pyright: ignore[reportArgumentType]
            if row.kind == "result":
                await lock.__aenter__()
            return row

        services.deliveries.prepare = prepare_and_lock  # pyright: ignore[reportAttributeAccessIssue]
        message = await system.imagine()
        shown = await system.result(message)
        await until_store_waits(caplog)
        await lock.__aexit__(None, None, None)
        await system.until_delivered()
    assert len(shown.attachments) == 1
    assert not shown.embeds[0]["title"].isupper()  # the title of an error is its code
    assert system.states() == ["delivered"]


async def test_a_command_is_told_in_time_and_leaves_nothing(system: System) -> None:
    async with system.running():
        async with database_locked(system):
            answer = await system.ada.slash(system.room, "imagine", wait=True, prompt="a lighthouse")
        assert answer.message.ephemeral
        assert "STORAGE_UNAVAILABLE" in answer.message.text()
        assert system.rows("SELECT count(*) FROM jobs") == [(0,)]
        await system.result(await system.imagine())


async def test_a_job_whose_answer_cannot_be_stored_is_withdrawn(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lock falls between the job and its first answer."""
    add = JobRepository.add
    lock = database_locked(system)

    async def add_and_lock(*arguments: object, **named: object) -> None:
        await add(*arguments, **named)  # pyright: ignore[reportArgumentType]
        await lock.__aenter__()

    monkeypatch.setattr(JobRepository, "add", add_and_lock)
    async with system.running():
        answer = await system.ada.slash(system.room, "imagine", wait=True, prompt="a lighthouse")
        assert "STORAGE_UNAVAILABLE" in answer.message.text()
        await lock.__aexit__(None, None, None)
        await system.until_delivered()
    assert system.states() == ["cancelled"]
    assert system.room.messages == []


async def test_a_job_of_a_menu_whose_answer_cannot_be_stored_is_withdrawn(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its answer is a message of its own, which the same lock keeps from being posted."""
    add = JobRepository.add
    lock = database_locked(system)
    async with system.running():
        message = await system.imagine()
        await system.result(message)
        await system.until_delivered()

        async def add_and_lock(*arguments: object, **named: object) -> None:
            await add(*arguments, **named)  # pyright: ignore[reportArgumentType]
            await lock.__aenter__()

        monkeypatch.setattr(JobRepository, "add", add_and_lock)
        again = await system.ada.context_menu(message, "Regenerate")
        told = await again.wait_for_message(lambda shown: "STORAGE_UNAVAILABLE" in shown.text())
        assert told.ephemeral
        await lock.__aexit__(None, None, None)
        await system.until_delivered(2)
    assert system.states() == ["delivered", "cancelled"]
    assert system.room.bot_messages == [message]


async def test_what_people_write_meanwhile_is_stored_and_answered(
    chat: ChatSystem, caplog: pytest.LogCaptureFixture
) -> None:
    async with chat.system.running():
        await chat.use("nova")
        async with database_locked(chat.system):
            for n in range(5):
                await chat.ada.send(chat.room, f"line {n}")
            await until_store_waits(caplog)
        await chat.until_said("Hello.")
        await chat.system.until_rows(
            "SELECT content FROM messages WHERE role = 'user' ORDER BY position", *((f"line {n}",) for n in range(5))
        )
        await chat.system.until_rows(
            "SELECT count(*) FROM messages WHERE state IN ('queued', 'running', 'generated')", (0,)
        )


async def test_what_people_write_on_a_full_disk_is_stored_when_there_is_room(
    chat: ChatSystem, small_files: Callable[[int], None], caplog: pytest.LogCaptureFixture
) -> None:
    async with chat.system.running():
        await chat.use("nova")
        small_files((chat.system.folder / "data" / "chorus.db-wal").stat().st_size)
        for n in range(5):
            await chat.ada.send(chat.room, f"line {n}")
        await until_store_waits(caplog)
        small_files(-1)
        await chat.until_said("Hello.")
        await chat.system.until_rows(
            "SELECT content FROM messages WHERE role = 'user' ORDER BY position", *((f"line {n}",) for n in range(5))
        )


async def test_an_answer_under_way_is_stored_when_the_lock_is_gone(
    chat: ChatSystem, caplog: pytest.LogCaptureFixture
) -> None:
    gate = asyncio.Event()
    chat.model.script = [says("Once upon a time", " there was a boat.", gate=gate)]
    async with chat.system.running():
        await chat.use("nova")
        await chat.ada.send(chat.room, "a story!")
        turn = await chat.until_said("Once upon a time")
        async with database_locked(chat.system):
            gate.set()
            await until_store_waits(caplog)
        await chat.room.wait_for_edit(turn, lambda shown: shown.content.endswith("a boat."))
        await chat.until_settled(2)
    assert [shown.content for shown in chat.turns] == ["Once upon a time there was a boat."]
    assert chat.system.rows("SELECT state FROM messages WHERE role = 'assistant'") == [("delivered",)]


async def test_a_setting_is_told_and_can_be_made_later(chat: ChatSystem) -> None:
    async with chat.system.running():
        await chat.use("nova")
        await chat.ada.send(chat.room, "hi")
        await chat.until_said("Hello.")
        await chat.until_settled(2)
        async with database_locked(chat.system):
            told = await chat.grace.slash(chat.room, "character use", name="Alex", mode="all")
        assert "STORAGE_UNAVAILABLE" in told.message.text()
        assert "Alex" in (await chat.use("Alex")).text()
