"""kill -9 in every phase of a turn: at each request to Discord, before and after it is applied, and at each state.

Discord and the model go on. Whatever the moment, the person reads one whole answer, once.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from tests.conversation.scripted_model import Answer, calls_draw, says
from tests.e2e.parlour import Parlour

POST = ("POST", "/webhooks/*/*")
EDIT = ("PATCH", "/webhooks/*/*/messages/*")
DELETE = ("DELETE", "/webhooks/*/*/messages/*")
HALF, REST = "Once upon a time there", " was a boat."
WHOLE = HALF + REST
LONG = "\n\n".join(f"Paragraph {n}. " + "word " * 150 for n in range(6))

Moment = Callable[[Parlour], AbstractAsyncContextManager[None]]


def caught(request: tuple[str, str], *, applied: bool) -> Moment:
    @asynccontextmanager
    async def moment(parlour: Parlour) -> AsyncGenerator[None]:
        hold = parlour.house.discord.faults.set_breakpoint(*request, applied=applied)
        yield
        await hold.wait_reached(timeout=60)

    return moment


def stored(state: str, role: str = "assistant") -> Moment:
    @asynccontextmanager
    async def moment(parlour: Parlour) -> AsyncGenerator[None]:
        yield
        query = f"SELECT 1 FROM messages WHERE role = '{role}' AND state = '{state}'"
        await parlour.house.until_rows(query, (1,))

    return moment


@asynccontextmanager
async def heard(parlour: Parlour) -> AsyncGenerator[None]:
    """The message is stored; the model may have been asked or not."""
    yield
    await parlour.house.until_rows("SELECT count(*) FROM messages WHERE role = 'user'", (1,))


@asynccontextmanager
async def asked(parlour: Parlour) -> AsyncGenerator[None]:
    count = len(parlour.model.asked)
    yield
    await parlour.model.wait_asked(count + 1)


MOMENTS: dict[str, Moment] = {
    "heard": heard,
    "the webhook is made": caught(("POST", "/channels/*/webhooks"), applied=True),
    "the model is asked": asked,
    "first words unapplied": caught(POST, applied=False),
    "first words applied, unrecorded": caught(POST, applied=True),
    "an edit unapplied": caught(EDIT, applied=False),
    "an edit applied": caught(EDIT, applied=True),
    "committed": stored("generated"),
    "delivered": stored("delivered"),
}


async def died(parlour: Parlour, moment: Moment, *, text: str = "a story!") -> None:
    async with parlour.house.start() as bot:
        await bot.ready()
        await parlour.use("nova")
        async with moment(parlour):
            await parlour.ada.send(parlour.room, text)
        await bot.kill()
        parlour.house.discord.faults.clear()


async def lived_on(parlour: Parlour, messages: int = 2) -> None:
    async with parlour.house.start() as bot:
        await bot.ready()
        await parlour.until_settled(messages)
        code, output = await bot.stop()
    assert code == 0
    assert "Traceback" not in output


def words(parlour: Parlour) -> list[str]:
    return [message.content for message in parlour.turns if not message.deleted]


@pytest.mark.parametrize("moment", MOMENTS.values(), ids=MOMENTS.keys())
async def test_killed_at_any_moment_one_whole_answer_stands(parlour: Parlour, moment: Moment) -> None:
    parlour.model.script = [says(HALF, REST, pause=0.2)]
    await died(parlour, moment)
    await lived_on(parlour)
    assert words(parlour) == [WHOLE]
    assert parlour.house.open_deliveries() == 0


@pytest.mark.parametrize("applied", [False, True])
@pytest.mark.parametrize("piece", [0, 1, 2])
async def test_killed_between_the_messages_of_a_long_answer(parlour: Parlour, piece: int, applied: bool) -> None:
    parlour.model.script = [says(LONG)]

    @asynccontextmanager
    async def moment(parlour: Parlour) -> AsyncGenerator[None]:
        faults = parlour.house.discord.faults
        hold = faults.set_breakpoint(*POST, applied=applied)
        yield
        for _ in range(piece):
            await hold.wait_reached(timeout=60)
            following = faults.set_breakpoint(*POST, applied=applied)
            hold.release()
            hold = following
        await hold.wait_reached(timeout=60)

    await died(parlour, moment)
    await lived_on(parlour)
    assert [text.split(".")[0] for text in words(parlour)] == ["Paragraph 0", "Paragraph 2", "Paragraph 4"]
    assert parlour.house.open_deliveries() == 0


async def test_killed_again_and_again_one_whole_answer_stands(parlour: Parlour) -> None:
    parlour.model.script = [says(HALF, REST, pause=0.2)]
    await died(parlour, caught(POST, applied=True))
    for moment in (asked, caught(EDIT, applied=True), stored("generated")):
        async with parlour.house.start() as bot:
            await bot.ready()
            async with moment(parlour):
                pass
            await bot.kill()
            parlour.house.discord.faults.clear()
    await lived_on(parlour)
    assert words(parlour) == [WHOLE]


# -- another alternative


@pytest.mark.parametrize(
    "moment",
    [asked, caught(EDIT, applied=False), caught(EDIT, applied=True), caught(POST, applied=True), stored("generated")],
    ids=["asked", "edit unapplied", "edit applied", "further message applied", "committed"],
)
async def test_killed_while_another_alternative_is_written(parlour: Parlour, moment: Moment) -> None:
    async with parlour.house.start() as bot:
        await bot.ready()
        await parlour.use("nova")
        await parlour.ada.send(parlour.room, "hi")
        turn = await parlour.until_said("Hello.")
        await parlour.until_settled(2)
        parlour.model.script = [says(LONG[:900], LONG[900:], pause=0.2)]
        async with moment(parlour):
            await parlour.ada.add_reaction(turn, "🔁")
        await bot.kill()
        parlour.house.discord.faults.clear()
    await lived_on(parlour)
    assert [text.split(".")[0] for text in words(parlour)] == ["Paragraph 0", "Paragraph 2", "Paragraph 4"]
    [(count, shown)] = parlour.house.rows(
        "SELECT count(*), max(shown_alternative) FROM messages JOIN message_alternatives ON message_id = messages.id"
    )
    assert (count, shown) == (2, 1)


@pytest.mark.parametrize("request_", [EDIT, DELETE], ids=["edit", "deletion"])
@pytest.mark.parametrize("applied", [False, True])
async def test_killed_while_an_alternative_is_shown(parlour: Parlour, request_: tuple[str, str], applied: bool) -> None:
    async with parlour.house.start() as bot:
        await bot.ready()
        await parlour.use("nova")
        await parlour.ada.send(parlour.room, "hi")
        turn = await parlour.until_said("Hello.")
        await parlour.until_settled(2)
        parlour.model.script = [says(LONG)]
        await parlour.ada.add_reaction(turn, "🔁")
        last = await parlour.room.wait_for_message(
            lambda shown: shown.content.startswith("Paragraph 4") and shown.components
        )
        await parlour.until_settled(2)
        async with caught(request_, applied=applied)(parlour):
            await parlour.bob.press(last, "◀", wait=False)
        await bot.kill()
        parlour.house.discord.faults.clear()
    await lived_on(parlour)
    assert words(parlour) == ["Hello."]


# -- a picture asked for in words


def draws() -> list[Answer]:
    return [calls_draw('{"scene": "a red boat"}', text="Here it is."), says("a red boat, oil on canvas")]


@pytest.mark.parametrize(
    "moment",
    [
        caught(POST, applied=True),
        caught(EDIT, applied=True),
        stored("generated"),
        stored("delivered"),
    ],
    ids=["words applied", "edit applied", "committed", "delivered"],
)
async def test_killed_around_a_picture_one_picture_arrives(parlour: Parlour, moment: Moment) -> None:
    parlour.model.script = [*draws(), *draws(), *draws()]
    await died(parlour, moment, text="draw my boat")
    async with parlour.house.start() as bot:
        await bot.ready()
        await parlour.until_settled(2)
        await parlour.house.until_delivered()
        await bot.stop()
    assert parlour.house.rows("SELECT count(*) FROM jobs") == [(1,)]
    said = [message for message in parlour.turns if not message.deleted]
    assert [message.content for message in said if message.content] == ["Here it is."]
    assert sum(len(message.attachments) for message in said) == 1
    assert parlour.house.open_deliveries() == 0
