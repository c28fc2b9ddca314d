"""The gallery and the history, from end to end: who sees what, page by page."""

from __future__ import annotations

import contextlib
import io
import sqlite3
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bot.domain.jobs import JobState
from bot.services import Services
from sandbox.discord import Message, NotOfferedError, SimulatedChannel, SimulatedUser
from tests.e2e.drawing_system import DrawingSystem, open_drawing_system, press, told
from tests.e2e.system import labels
from tests.storage.factories import make_artifact, make_job

START = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[DrawingSystem]:
    async with open_drawing_system(tmp_path, special=False) as made:
        yield made


async def hang(
    here: DrawingSystem,
    services: Services,
    count: int,
    *,
    room: SimulatedChannel | None = None,
    begin: int = 0,
    **changes: Any,
) -> None:
    """Finished pictures, one an hour, with real thumbnails."""
    folder = here.data / "images" / "x"
    folder.mkdir(parents=True, exist_ok=True)
    for n in range(begin, begin + count):
        name = uuid.uuid4().hex
        for suffix in (".png", ".thumb.webp"):
            Image.new("RGB", (64, 48), (n * 9 % 256, 80, 120)).save(folder / f"{name}{suffix}")
        when = START + timedelta(hours=n)
        given: dict[str, Any] = {
            "state": JobState.DELIVERED, "guild_id": here.system.guild.id, "channel_id": (room or here.room).id,
            "requester_id": here.requester.id, "created_at": when, "generated_at": when, "delivered_at": when,
            "artifacts": (make_artifact(path=f"images/x/{name}.png", thumbnail=f"images/x/{name}.thumb.webp"),),
        }  # fmt: skip
        await services.jobs.add(make_job(**(given | changes)), owner="run")


async def gallery(person: SimulatedUser, room: SimulatedChannel, **values: Any) -> Message:
    answer = await person.slash(room, "gallery", **values)
    assert answer.message.ephemeral
    return answer.message


def shown(message: Message) -> int:
    return sum(label.isdecimal() for label in labels(message))


async def test_pages_are_turned_and_items_opened_also_after_a_restart(here: DrawingSystem) -> None:
    async with here.system.running() as (services, _):
        await hang(here, services, 45)
        page = await gallery(here.stranger, here.room)
        assert shown(page) == 20
        assert len(labels(page)) == 25
        with Image.open(io.BytesIO(page.attachments[0].data)) as sheet:
            assert sheet.size == (5 * 208 + 8, 4 * 208 + 8)
        ids = [entry["custom_id"] for entry in page.flat_components() if entry.get("type") == 2]
        assert max(map(len, ids)) <= 100
    async with here.system.running():
        with pytest.raises(NotOfferedError):
            await here.stranger.press(page, "◀")
        await press(here.stranger, page, "▶")
        assert shown(page) == 20
        await press(here.stranger, page, "▶")
        assert shown(page) == 5
        with pytest.raises(NotOfferedError):
            await here.stranger.press(page, "⏭")
        await press(here.stranger, page, "⏮")
        await press(here.stranger, page, "⏭")
        assert shown(page) == 20
        await press(here.stranger, page, "◀")
        opened = await (await press(here.stranger, page, "3")).wait_for_message()
        assert opened.ephemeral
        assert len(opened.attachments) == 1
        assert labels(opened) == ["Again", "Vary", "Remix", "Configure", "Info", "Delete"]
        again = await press(here.stranger, opened, "Again")
        assert (await again.wait_for_message()).ephemeral
        await here.finished(await here.next_message(page))


async def test_a_date_is_jumped_to(here: DrawingSystem) -> None:
    async with here.system.running() as (services, _):
        await hang(here, services, 45)
        page = await gallery(here.requester, here.room)
        opened = await press(here.requester, page, "Jump")
        await here.requester.submit_modal(opened, {"when": "2026-01-01"})
        assert shown(page) == 12
        await press(here.requester, page, "◀")
        assert shown(page) == 20
        opened = await press(here.requester, page, "Jump")
        assert "date" in told(await here.requester.submit_modal(opened, {"when": "soon"}))
        await here.requester.submit_modal(opened, {"when": "2020-01-01"})
        assert shown(page) == 20


async def test_everybody_sees_what_they_may(here: DrawingSystem) -> None:
    adult, secret = here.system.guild.add_channel("late", nsfw=True), here.system.guild.add_channel("secret")
    secret.set_permissions(here.moderator, deny=["view_channel"])
    async with here.system.running() as (services, _):
        await hang(here, services, 2)
        await hang(here, services, 3, room=adult, age_restricted=True)
        await hang(here, services, 4, room=secret)
        await hang(here, services, 5, guild_id=1, room=here.system.discord.add_guild("Other").add_channel("x"))
        assert shown(await gallery(here.stranger, here.room)) == 2
        assert shown(await gallery(here.moderator, here.room)) == 2
        assert shown(await gallery(here.stranger, adult)) == 3
        assert shown(await gallery(here.moderator, adult)) == 5
        here.room.set_permissions(here.stranger, allow=["manage_messages"])
        assert shown(await gallery(here.stranger, here.room)) == 2
        page = await gallery(here.stranger, adult)
        adult.edit(nsfw=False)
        assert "no longer here" in told(await press(here.stranger, page, "1"))
        assert shown(await gallery(here.stranger, adult)) == 0


async def test_filters(here: DrawingSystem) -> None:
    async with here.system.running() as (services, _):
        await hang(here, services, 3)
        await hang(here, services, 2, begin=3, requester_id=here.stranger.id)
        await hang(here, services, 1, begin=5, character_id="gone")
        assert shown(await gallery(here.stranger, here.room, user=here.stranger)) == 2
        assert shown(await gallery(here.stranger, here.room, character="Nova")) == 5
        assert shown(await gallery(here.stranger, here.room, kind="videos")) == 0
        assert shown(await gallery(here.stranger, here.room, since="2026-01-01T15:00")) == 3
        assert shown(await gallery(here.stranger, here.room, since="2h")) == 0
        assert "INPUT_INVALID" in (await gallery(here.stranger, here.room, since="once")).text()


async def test_a_lost_thumbnail_does_not_cost_the_page(here: DrawingSystem) -> None:
    async with here.system.running() as (services, _):
        await hang(here, services, 3)
        next(here.data.glob("images/x/*.webp")).unlink()
        assert shown(await gallery(here.stranger, here.room)) == 3


async def test_history_lists_states_times_and_errors_and_hides_others_words(here: DrawingSystem) -> None:
    async with here.system.running() as (services, _):
        await hang(here, services, 14)
        here.system.comfy.faults.failing_nodes["KSampler"] = "the brush broke"
        failed = await here.system.imagine(prompt="a secret wish")
        await here.room.wait_for_edit(failed, lambda message: "GENERATION_FAILED" in message.text())
        listed = await here.stranger.slash(here.room, "history")
        text = told(listed)
        assert "failed" in text
        assert "GENERATION_FAILED" in text
        assert str(failed.id) in text
        assert "secret" not in text
        assert "secret" in told(await here.requester.slash(here.room, "history"))
        assert text.count(" picture, ") == 12
        await press(here.stranger, listed.message, "Older")
        assert listed.message.text().count("delivered") == 3
        assert labels(listed.message) == []
        only = await here.stranger.slash(here.room, "history", user=here.stranger)
        assert "Nothing yet" in told(only)


async def test_repeat_by_name_is_for_those_who_may_see_it(here: DrawingSystem) -> None:
    other = here.system.guild.add_channel("other")
    async with here.system.running():
        first = await here.drawn()
        digest = first.text().split("job ")[-1][:12]
        assert "INPUT_INVALID" in told(await here.stranger.slash(other, "repeat", job=digest))
        assert "INPUT_INVALID" in told(await here.stranger.slash(here.room, "repeat", job="0123456789ab"))
        assert "INPUT_INVALID" in told(await here.stranger.slash(here.room, "repeat", job="%"))
        [choice] = await here.requester.autocomplete(here.room, "repeat", "job", digest[:4])
        assert choice.value == digest
        answer = await here.stranger.slash(here.room, "repeat", job=f"job {digest}")
        assert (await answer.wait_for_message()).ephemeral
        repeated = await here.next_result(first)
        link = f"https://discord.com/channels/{here.system.guild.id}/{here.room.id}/{first.id}"
        assert (await (await here.stranger.slash(here.room, "repeat", job=link)).wait_for_message()).ephemeral
        await here.next_result(repeated)
    with contextlib.closing(sqlite3.connect(here.data / "chorus.db")) as database:
        seeds = database.execute("SELECT DISTINCT seed FROM jobs").fetchall()
    assert len(seeds) == 1
