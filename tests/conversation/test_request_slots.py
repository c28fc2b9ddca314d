"""One person in many threads: the model gets a few requests at once, and other people's turns go ahead."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.channels import Channel
from bot.domain.conversations import IncomingMessage
from bot.language_model.request_slots import RequestSlots
from bot.services import open_services
from bot.settings import default_settings
from tests.conversation.harness import RecordingPresenter
from tests.conversation.scripted_model import says, scripted_model

ADA, BO = 1, 2


def message(number: int, person: int) -> IncomingMessage:
    """A direct message; each is in a channel of its own."""
    return IncomingMessage(
        discord_message_id=number,
        channel=Channel(guild_id=None, channel_id=1000 + number),
        author_id=person,
        author_name=f"person {person}",
        content=f"message {number}",
        created_at=datetime.now(UTC),
    )


@pytest.mark.setting("llm.max_parallel")
@pytest.mark.parametrize(("max_parallel", "of_one_person"), [(1, 1), (4, 2), (6, 3)])
async def test_others_go_ahead_of_somebody_in_thirty_channels(
    tmp_path: Path, max_parallel: int, of_one_person: int
) -> None:
    gate, running, most = asyncio.Event(), Counter[str](), Counter[str]()

    async def answer(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        person = str(body["messages"][-1]["content"]).split(":")[0]
        running.update([person, "all"])
        for name in (person, "all"):
            most[name] = max(most[name], running[name])
        await gate.wait()
        running.subtract([person, "all"])
        return await says("Hello.")(request, body)

    for name in ("characters", "workflows"):
        (tmp_path / name).mkdir()
    (tmp_path / "characters" / "nova.yaml").write_text("id: nova\nname: Nova\nsystem_prompt: You paint.\n", "utf-8")
    presenter = RecordingPresenter()
    async with scripted_model() as server:
        server.script = [answer]
        llm = {"base_url": server.url, "model": "scripted", "max_parallel": max_parallel}
        overrides = {"llm": llm, "comfyui": {"url": "http://127.0.0.1:9"}}
        async with open_services(default_settings(tmp_path, overrides)) as services:
            await services.conversations.start(presenter)
            for number in range(30):
                await services.conversations.receive(message(number, ADA))
            await server.wait_asked(of_one_person)
            await services.conversations.receive(message(30, BO))
            async with asyncio.timeout(60):
                while len(presenter.posts) < 31:  # noqa: ASYNC110 - a turn is opened just before it waits
                    await asyncio.sleep(0.01)
            if max_parallel > 1:
                await server.wait_asked(of_one_person + 1)
            gate.set()
            async with asyncio.timeout(60):
                await services.conversations.wait_until_idle()
    order = [str(asked["messages"][-1]["content"]) for asked in server.asked]
    # One more of Ada's may be admitted while Bo's turn begins to wait.
    assert order.index("person 2: message 30") <= of_one_person + 1
    assert most["person 1"] == of_one_person
    assert most["all"] <= max_parallel
    assert presenter.finished == ["Hello."] * 31


@given(st.integers(1, 5), st.lists(st.tuples(st.integers(1, 3), st.booleans()), max_size=30))
async def test_nobody_is_forgotten_whoever_leaves(max_parallel: int, people: list[tuple[int, bool]]) -> None:
    slots, under_way, done = RequestSlots(max_parallel), Counter[int](), list[int]()

    async def ask(person: int) -> None:
        async with slots.slot(person):
            under_way[person] += 1
            assert under_way[person] <= max(1, max_parallel // 2)
            assert under_way.total() <= max_parallel
            try:
                await asyncio.sleep(0)
            finally:
                under_way[person] -= 1
            done.append(person)

    tasks = [asyncio.create_task(ask(person)) for person, _ in people]
    await asyncio.sleep(0)
    leaving = [task for task, (_, leaves) in zip(tasks, people, strict=True) if leaves]
    stay = [task for task in tasks if task not in leaving]
    for task in leaving:
        task.cancel()
    async with asyncio.timeout(60):
        await asyncio.gather(*stay)
    assert Counter(done) == Counter(person for person, leaves in people if not leaves)
