"""kill -9 in every phase of a turn: at each request to Discord, before and after it is applied, and at each state.

Discord and the model go on. Whatever the moment, the person reads one whole answer, once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from tests.conversation.scripted_model import Answer, calls_draw, says
from tests.e2e.chat_system import ChatSystem

POST = ("POST", "/webhooks/*/*")
EDIT = ("PATCH", "/webhooks/*/*/messages/*")
DELETE = ("DELETE", "/webhooks/*/*/messages/*")
HALF, REST = "Once upon a time there", " was a boat."
WHOLE = HALF + REST
LONG = "\n\n".join(f"Paragraph {n}. " + "word " * 150 for n in range(6))

Moment = Callable[[ChatSystem], AbstractAsyncContextManager[None]]


def caught(request: tuple[str, str], *, applied: bool) -> Moment:
    @asynccontextmanager
    async def moment(chat: ChatSystem) -> AsyncGenerator[None]:
        hold = chat.system.discord.faults.set_breakpoint(*request, applied=applied)
        yield
        await hold.wait_reached(timeout=60)

    return moment


def stored(*states: str) -> Moment:
    """As soon as a turn has one of these states in the database."""

    @asynccontextmanager
    async def moment(chat: ChatSystem) -> AsyncGenerator[None]:
        yield
        wanted = ", ".join(f"'{state}'" for state in states)
        query = f"SELECT count(*) > 0 FROM messages WHERE role = 'assistant' AND state IN ({wanted})"
        await chat.system.until_rows(query, (1,))

    return moment


@asynccontextmanager
async def heard(chat: ChatSystem) -> AsyncGenerator[None]:
    """The message is stored; the model may have been asked or not."""
    yield
    await chat.system.until_rows("SELECT count(*) FROM messages WHERE role = 'user'", (1,))


@asynccontextmanager
async def asked(chat: ChatSystem) -> AsyncGenerator[None]:
    count = len(chat.model.asked)
    yield
    await chat.model.wait_asked(count + 1)


@asynccontextmanager
async def committed_again(chat: ChatSystem) -> AsyncGenerator[None]:
    """The text of another alternative is stored. Before the model is asked, the turn is not DELIVERED any more."""
    async with asked(chat), stored("generated", "delivered")(chat):
        yield


MOMENTS: dict[str, Moment] = {
    "heard": heard,
    "the webhook is made": caught(("POST", "/channels/*/webhooks"), applied=True),
    "the model is asked": asked,
    "first words unapplied": caught(POST, applied=False),
    "first words applied, unrecorded": caught(POST, applied=True),
    "an edit unapplied": caught(EDIT, applied=False),
    "an edit applied": caught(EDIT, applied=True),
    "committed": stored("generated", "delivered"),
    "delivered": stored("delivered"),
}


async def died(chat: ChatSystem, moment: Moment, *, text: str = "a story!") -> None:
    async with chat.system.start() as bot:
        await bot.ready()
        await chat.use("nova")
        async with moment(chat):
            await chat.ada.send(chat.room, text)
        await bot.kill()
        chat.system.discord.faults.clear()


async def lived_on(chat: ChatSystem, messages: int = 2) -> None:
    async with chat.system.start() as bot:
        await bot.ready()
        await chat.until_settled(messages)
        code, output = await bot.stop()
    assert code == 0
    assert "Traceback" not in output


def words(chat: ChatSystem) -> list[str]:
    return [message.content for message in chat.turns if not message.deleted]


@pytest.mark.parametrize("moment", MOMENTS.values(), ids=MOMENTS.keys())
async def test_killed_at_any_moment_one_whole_answer_stands(chat: ChatSystem, moment: Moment) -> None:
    chat.model.script = [says(HALF, REST, pause=0.2)]
    await died(chat, moment)
    await lived_on(chat)
    assert words(chat) == [WHOLE]
    assert chat.system.open_deliveries() == 0


@pytest.mark.parametrize("applied", [False, True])
@pytest.mark.parametrize("piece", [0, 1, 2])
async def test_killed_between_the_messages_of_a_long_answer(chat: ChatSystem, piece: int, applied: bool) -> None:
    chat.model.script = [says(LONG)]

    @asynccontextmanager
    async def moment(chat: ChatSystem) -> AsyncGenerator[None]:
        faults = chat.system.discord.faults
        hold = faults.set_breakpoint(*POST, applied=applied)
        yield
        for _ in range(piece):
            await hold.wait_reached(timeout=60)
            following = faults.set_breakpoint(*POST, applied=applied)
            hold.release()
            hold = following
        await hold.wait_reached(timeout=60)

    await died(chat, moment)
    await lived_on(chat)
    assert [text.split(".")[0] for text in words(chat)] == ["Paragraph 0", "Paragraph 2", "Paragraph 4"]
    assert chat.system.open_deliveries() == 0


async def test_killed_again_and_again_one_whole_answer_stands(chat: ChatSystem) -> None:
    # The first answer never ends: a whole one may be stored before the kill, and the model is not asked again.
    gate = asyncio.Event()
    chat.model.script = [says(HALF, REST, gate=gate), says(HALF, REST, pause=0.2)]
    await died(chat, caught(POST, applied=True))
    gate.set()
    for moment in (asked, caught(EDIT, applied=True), stored("generated", "delivered")):
        async with chat.system.start() as bot:
            async with moment(chat):  # entered before the bot is ready: a turn that it resumes goes on at once
                await bot.ready()
            await bot.kill()
            chat.system.discord.faults.clear()
    await lived_on(chat)
    assert words(chat) == [WHOLE]


# -- another alternative


@pytest.mark.parametrize(
    "moment",
    [asked, caught(EDIT, applied=False), caught(EDIT, applied=True), caught(POST, applied=True), committed_again],
    ids=["asked", "edit unapplied", "edit applied", "further message applied", "committed"],
)
async def test_killed_while_another_alternative_is_written(chat: ChatSystem, moment: Moment) -> None:
    async with chat.system.start() as bot:
        await bot.ready()
        await chat.use("nova")
        await chat.ada.send(chat.room, "hi")
        turn = await chat.until_said("Hello.")
        await chat.until_settled(2)
        chat.model.script = [says(LONG[:900], LONG[900:], pause=0.2)]
        async with moment(chat):
            await chat.ada.add_reaction(turn, "🔁")
        await bot.kill()
        chat.system.discord.faults.clear()
    await lived_on(chat)
    assert [text.split(".")[0] for text in words(chat)] == ["Paragraph 0", "Paragraph 2", "Paragraph 4"]
    [(count, shown)] = chat.system.rows(
        "SELECT count(*), max(shown_alternative) FROM messages JOIN message_alternatives ON message_id = messages.id"
    )
    assert (count, shown) == (2, 1)


@pytest.mark.parametrize("request_", [EDIT, DELETE], ids=["edit", "deletion"])
@pytest.mark.parametrize("applied", [False, True])
async def test_killed_while_an_alternative_is_shown(chat: ChatSystem, request_: tuple[str, str], applied: bool) -> None:
    async with chat.system.start() as bot:
        await bot.ready()
        await chat.use("nova")
        await chat.ada.send(chat.room, "hi")
        turn = await chat.until_said("Hello.")
        await chat.until_settled(2)
        chat.model.script = [says(LONG)]
        await chat.ada.add_reaction(turn, "🔁")
        last = await chat.room.wait_for_message(
            lambda shown: shown.content.startswith("Paragraph 4") and shown.components
        )
        await chat.until_settled(2)
        async with caught(request_, applied=applied)(chat):
            await chat.bob.press(last, "◀", wait=False)
        await bot.kill()
        chat.system.discord.faults.clear()
    await lived_on(chat)
    assert words(chat) == ["Hello."]


# -- a picture asked for in words


def draws() -> list[Answer]:
    return [calls_draw('{"scene": "a red boat"}', text="Here it is."), says("a red boat, oil on canvas")]


@pytest.mark.parametrize(
    "moment",
    [
        caught(POST, applied=True),
        caught(EDIT, applied=True),
        stored("generated", "delivered"),
        stored("delivered"),
    ],
    ids=["words applied", "edit applied", "committed", "delivered"],
)
async def test_killed_around_a_picture_one_picture_arrives(chat: ChatSystem, moment: Moment) -> None:
    chat.model.script = [*draws(), *draws(), *draws()]
    await died(chat, moment, text="draw my boat")
    async with chat.system.start() as bot:
        await bot.ready()
        await chat.until_settled(2)
        await chat.system.until_delivered()
        await bot.stop()
    assert chat.system.rows("SELECT count(*) FROM jobs") == [(1,)]
    said = [message for message in chat.turns if not message.deleted]
    assert [message.content for message in said if message.content] == ["Here it is."]
    assert sum(len(message.attachments) for message in said) == 1
    assert chat.system.open_deliveries() == 0
