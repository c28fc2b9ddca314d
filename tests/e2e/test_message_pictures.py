"""Pictures of messages as input: a character that is asked to change one, and `/imagine from:` with a link."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from sandbox.discord import Message
from sandbox.discord.uploads import Upload
from tests.conversation.scripted_model import calls_draw, says
from tests.e2e.chat_system import ChatSystem, open_chat_system
from tests.e2e.drawing_system import told_soon
from tests.e2e.system import DEADLINE
from tests.media import sample_images

EDIT = '{"scene": "the boat in winter", "edit": true}'
CYAN, YELLOW = (0, 255, 255), (255, 255, 0)


def inverted() -> dict[str, Any]:
    """A picture to its negative, without a model."""
    return {
        "1": {"class_type": "LoadImage", "inputs": {"image": "mine.png"}},
        "2": {"class_type": "ImageInvert", "inputs": {"image": ["1", 0]}},
        "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "inverted"}},
    }


def png(colour: str) -> Upload:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48), colour).save(buffer, "PNG")
    return Upload("given.png", buffer.getvalue(), "image/png")


def pixel(message: Message) -> tuple[int, ...]:
    return sample_images.pixel(Image.open(io.BytesIO(message.attachments[0].data)).convert("RGB"), 5, 5)


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[ChatSystem]:
    async with open_chat_system(tmp_path) as system:
        path = tmp_path / "workflows" / "nova" / "image" / "vary.json"
        path.write_text(json.dumps(inverted()), encoding="utf-8")
        yield system


async def drawn(here: ChatSystem, *, jobs: int = 1) -> Message:
    """The newest picture of the character, delivered."""
    await here.system.until_delivered(jobs)
    return next(message for message in reversed(here.turns) if message.attachments)


@pytest.mark.parametrize("way", ["reply", "own"])
async def test_a_persons_picture_is_changed(here: ChatSystem, way: str) -> None:
    here.model.script = [calls_draw(EDIT, text="There."), says("a boat in winter")]
    async with here.system.running():
        await here.use("nova", mode="mention")
        me = here.system.discord.bot.mention
        if way == "reply":
            posted = await here.bob.send(here.room, "my boat", attachments=[png("#ff0000")])
            await here.ada.send(here.room, f"{me} make it winter", reply_to=posted)
        else:
            await here.ada.send(here.room, f"{me} make it winter", attachments=[png("#ff0000")])
        message = await drawn(here)
        assert pixel(message) == CYAN
        assert "Made with the workflow vary, which takes a picture." in message.text()


async def test_the_characters_own_picture_is_changed(here: ChatSystem) -> None:
    here.model.script = [
        calls_draw('{"scene": "a boat"}'), says("a boat"), calls_draw(EDIT), says("a boat in winter"),
        says("<edit>a boat in spring</edit>Here."), says("a boat in spring"),
    ]  # fmt: skip
    async with here.system.running():
        await here.use("nova")
        await here.ada.send(here.room, "draw a boat")
        first = await drawn(here)
        await here.ada.send(here.room, "make it winter", reply_to=first)
        second = await drawn(here, jobs=2)
        assert pixel(second) == tuple(255 - value for value in pixel(first))
        # Without a reply, the newest picture is meant; also where the model takes no tools.
        await here.ada.send(here.room, "and spring")
        assert pixel(await drawn(here, jobs=3)) == pixel(first)


async def test_a_new_picture_is_none_that_is_changed(here: ChatSystem) -> None:
    here.model.script = [calls_draw('{"scene": "a cat"}'), says("a cat")]
    async with here.system.running():
        await here.use("nova")
        await here.ada.send(here.room, "draw a cat", attachments=[png("#ff0000")])
        await drawn(here)
        assert here.system.rows("SELECT workflow_name FROM jobs") == [("default",)]


async def test_where_no_workflow_takes_a_picture_that_is_said(here: ChatSystem) -> None:
    (here.system.folder / "workflows/nova/image/vary.json").unlink()
    here.model.script = [calls_draw(EDIT), says("a boat in winter")]
    async with here.system.running():
        await here.use("nova")
        await here.ada.send(here.room, "make it winter", attachments=[png("#ff0000")])
        message = await drawn(here)
        assert "Nova has no workflow that takes a picture, so it was drawn from the words alone." in message.text()


# -- /imagine from:


def link(message: Message, *, guild: int | None = None) -> str:
    guild_id = guild or (message.channel.guild.id if message.channel.guild else 0)
    return f"https://discord.com/channels/{guild_id}/{message.channel.id}/{message.id}"


def named(address: str) -> dict[str, Any]:
    """The option, whose name is a keyword of Python."""
    return {"from": address}


async def test_a_linked_picture_is_what_it_starts_from(here: ChatSystem) -> None:
    other = here.system.guild.add_channel("other")
    async with here.system.running():
        posted = await here.bob.send(other, "two", attachments=[png("#ff0000"), png("#0000ff")])
        answer = await here.ada.slash(here.room, "imagine", prompt="x", **named(link(posted)))
        assert "That message has 2 pictures." in await told_soon(answer)
        answer = await here.ada.slash(here.room, "imagine", prompt="x", **named(f"{link(posted)} 2"))
        message = await here.system.result(await answer.wait_for_message(timeout=DEADLINE))
        assert pixel(message) == YELLOW
        drawn_again = await here.ada.slash(here.room, "imagine", prompt="y", **named(link(message)))
        message = await here.system.result(await drawn_again.wait_for_message(timeout=DEADLINE))
        assert pixel(message) == (0, 0, 255)


@pytest.mark.parametrize("what", ["hidden", "history", "server", "adults", "text", "gone"])
async def test_links_to_what_a_person_may_not_see_are_refused(here: ChatSystem, what: str) -> None:
    other = here.system.guild.add_channel("other")
    async with here.system.running():
        posted = await here.bob.send(other, "look", attachments=[png("#ff0000")])
        address, part = link(posted), "that you can see"
        if what in {"hidden", "history"}:
            other.set_permissions(here.ada, deny=["view_channel" if what == "hidden" else "read_message_history"])
        elif what == "server":
            address = link(posted, guild=1234)
        elif what == "adults":
            other.edit(nsfw=True)
        elif what == "text":
            address, part = "https://example.com/a.png", "no link to a message"
        else:
            await here.bob.delete(posted)
            part = "gone"
        answer = await here.ada.slash(here.room, "imagine", prompt="x", **named(address))
        assert part in await told_soon(answer)
        assert here.system.rows("SELECT count(*) FROM jobs") == [(0,)]
