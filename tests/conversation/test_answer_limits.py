"""Answers without an end, and answers with nothing in them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bot.conversation.reply_filter import ReplyFilter
from bot.domain.channels import Channel
from bot.domain.conversations import IncomingMessage
from bot.services import open_services
from bot.settings import default_settings
from tests.conversation.harness import CHANNEL, GUILD, RecordingPresenter
from tests.conversation.scripted_model import Answer, ScriptedModel, begin, chunk, says, scripted_model

ENDLESS = {
    "an open thought": ("<think>", "hmm "),
    "an open drawing": ("<draw>", "a boat "),
    "white space": ("", " \n"),
    "nothing": ("", ""),
    "invisible characters": ("", "\u200b"),
    "closed thoughts": ("", "<think>hmm</think>"),
}
BLOCKING_SECONDS = 5.0
"""Much longer than any of these takes, much shorter than what is quadratic in a megabyte."""


def endless(field: str, first: str, again: str, *, pause: float = 0.0) -> Answer:
    """Streams `again` in a field of the delta until the client leaves."""

    async def answer(request: web.Request, _: dict[str, Any]) -> web.StreamResponse:
        response = await begin(request)
        await response.write(chunk({field: first}))
        while request.transport is not None and not request.transport.is_closing():
            await response.write(chunk({field: again}))
            await asyncio.sleep(pause)
        return response

    return answer


async def one_turn(server: ScriptedModel, folder: Path, **llm: Any) -> RecordingPresenter:
    """With these settings, let the bot's services answer one message; return what was shown."""
    for name in ("characters", "workflows"):
        (folder / name).mkdir()
    (folder / "characters" / "nova.yaml").write_text("id: nova\nname: Nova\nsystem_prompt: You paint.\n", "utf-8")
    overrides = {"llm": {"base_url": server.url, "model": "scripted"} | llm, "comfyui": {"url": "http://127.0.0.1:9"}}
    presenter = RecordingPresenter()
    async with open_services(default_settings(folder, overrides)) as services:
        await services.conversations.start(presenter)
        await services.conversations.channels.bind_character(CHANNEL, GUILD, "nova")
        written = IncomingMessage(
            discord_message_id=1,
            channel=Channel(guild_id=GUILD, channel_id=CHANNEL),
            author_id=1,
            author_name="Ada",
            content="hi",
            created_at=datetime.now(UTC),
        )
        await services.conversations.receive(written)
        async with asyncio.timeout(60):
            await services.conversations.wait_until_idle()
        assert await services.conversations.repository.unfinished_messages() == []
    return presenter


@pytest.fixture
async def server() -> AsyncGenerator[ScriptedModel]:
    async with scripted_model() as scripted:
        yield scripted


@pytest.mark.setting("llm.max_answer_characters")
@pytest.mark.parametrize(("first", "again"), ENDLESS.values(), ids=ENDLESS.keys())
async def test_an_answer_without_visible_text_ends_at_the_limit_of_characters(
    server: ScriptedModel, tmp_path: Path, first: str, again: str
) -> None:
    server.script = [endless("content", first, again)]
    presenter = await one_turn(server, tmp_path, max_answer_characters=3000, max_answer_seconds=50)
    assert presenter.errors == ["LLM_UNAVAILABLE"]
    assert presenter.finished == [None]
    assert len(server.asked) == 1


async def test_thoughts_in_a_field_of_their_own_count(server: ScriptedModel, tmp_path: Path) -> None:
    server.script = [endless("reasoning_content", "Hm", "hm ")]
    presenter = await one_turn(server, tmp_path, max_answer_characters=3000, max_answer_seconds=50)
    assert presenter.errors == ["LLM_UNAVAILABLE"]


@pytest.mark.setting("llm.max_answer_seconds")
@pytest.mark.parametrize("pause", [0.0, 0.02])
async def test_an_answer_without_visible_text_ends_when_its_time_is_over(
    server: ScriptedModel, tmp_path: Path, pause: float
) -> None:
    server.script = [endless("content", "<think>", "h", pause=pause)]
    presenter = await one_turn(server, tmp_path, max_answer_characters=10**9, max_answer_seconds=0.5)
    assert presenter.errors == ["LLM_UNAVAILABLE"]
    assert len(server.asked) == 1


async def test_silence_counts_against_the_time_of_the_answer(server: ScriptedModel, tmp_path: Path) -> None:
    gate = asyncio.Event()
    server.script = [says("<think>hm", "never", gate=gate)]
    presenter = await one_turn(server, tmp_path, max_answer_seconds=0.5)
    gate.set()
    assert presenter.errors == ["LLM_UNAVAILABLE"]
    assert len(server.asked) == 1


@pytest.mark.parametrize("limit", [{"max_answer_characters": 2000}, {"max_answer_seconds": 0.5}])
async def test_text_before_the_limit_is_the_answer(
    server: ScriptedModel, tmp_path: Path, limit: dict[str, Any]
) -> None:
    server.script = [endless("content", "I see a boat. <think>", "hm ", pause=0.001)]
    presenter = await one_turn(server, tmp_path, **limit)
    assert presenter.finished == ["I see a boat."]
    assert presenter.errors == []


@pytest.mark.parametrize("nothing", ["", "<think>nothing comes to mind</think>", "\u200b\u200b", "   \n"])
async def test_an_answer_of_nothing_is_asked_for_twice_and_no_more(
    server: ScriptedModel, tmp_path: Path, nothing: str
) -> None:
    server.script = [says(nothing)]
    presenter = await one_turn(server, tmp_path)
    assert presenter.errors == ["LLM_UNAVAILABLE"]
    assert len(server.asked) == 2


@pytest.mark.parametrize("step", [7, 10**6])
@pytest.mark.parametrize(
    "raw",
    ["<draw>x</draw>", "<think>x</think>", "<", "</draw", "<think>a", "\u200b", " ", "*", "a <b", "\nAda", "Nova:"],
)
def test_a_megabyte_does_not_block_the_bot(raw: str, step: int) -> None:
    text = raw * (10**6 // len(raw))
    reply = ReplyFilter("Nova", ["Ada", "Bo"])
    began = time.process_time()
    for start in range(0, len(text), step):
        reply.feed(text[start : start + step])
    reply.finish()
    assert time.process_time() - began < BLOCKING_SECONDS
