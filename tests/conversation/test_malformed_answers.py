"""Streams that no server should send: each turn ends with a text or a notice, and a picture is drawn all the same."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from aiohttp import web

from bot.characters import Character
from bot.conversation.image_prompt_writer import ImagePromptWriter
from bot.domain.jobs import JobState
from bot.errors import LanguageModelUnavailable
from bot.gpu_lock import GpuLock
from bot.language_model.client import LanguageModel, ModelOptions
from bot.language_model.request_slots import RequestSlots
from tests.conversation.harness import Harness
from tests.conversation.scripted_model import Answer, ScriptedModel, begin, chunk, says, scripted_model, serving

DONE = b"data: [DONE]\n\n"


def sends(*parts: bytes) -> Answer:
    """The parts, as they are, as the body of an event stream."""

    async def answer(request: web.Request, _: dict[str, Any]) -> web.StreamResponse:
        response = await begin(request)
        for part in parts:
            await response.write(part)
        return response

    return answer


def event(**fields: Any) -> bytes:
    return f"data: {json.dumps(fields)}\n\n".encode()


def choice(**fields: Any) -> bytes:
    return event(choices=[{"index": 0} | fields])


def call(**function: Any) -> bytes:
    return chunk({"tool_calls": [{"index": 0, "function": {"name": "draw"} | function}]})


HALF = chunk({"content": "Half a"})
UNUSABLE = {
    "broken JSON": b'data: {"choices": [{"delta": {"content"\n\n',
    "broken JSON at the end": b'data: {"choices": [{"del',
    "no object": b"data: [1, 2]\n\n",
    "a string": b'data: "hello"\n\n',
    "a number": b"data: 7\n\n",
    "null": b"data: null\n\n",
    "deep": b"data: " + b"[" * 100_000 + b"\n\n",
    "content is a number": chunk({"content": 7}),
    "content is an object": chunk({"content": {"text": "hi"}}),
    "content is true": chunk({"content": True}),
    "a huge number": b'data: {"choices": ' + b"9" * 5000 + b"}\n\n",
    "a line without an end": b"data: " + b"x" * (5 * 1024 * 1024),
}
SERVER_ERRORS = {
    "an error": event(error={"message": "the model crashed"}),
    "an error that is a text": event(error="the model crashed"),
    "an error that is a list": event(error=[1]),
}
PASSED_OVER = {
    "choices: null": event(choices=None),
    "choices is an object": event(choices={"a": 1}),
    "no choices": event(choices=[]),
    "choice: null": event(choices=[None]),
    "delta: null": choice(delta=None),
    "delta is a list": choice(delta=[1]),
    "no delta": choice(finish_reason="stop"),
    "content: null": chunk({"content": None}),
    "only usage": event(usage={"total_tokens": 7}),
    "tool_calls: null": chunk({"tool_calls": None}),
    "tool_calls is an object": chunk({"tool_calls": {"index": 0}}),
    "call: null": chunk({"tool_calls": [None]}),
    "function: null": chunk({"tool_calls": [{"index": 0, "function": None}]}),
    "index: null": chunk({"tool_calls": [{"index": None, "function": {"name": "other"}}]}),
    "name is a number": call(name=7),
    "arguments is a number": call(arguments=7),
    "arguments is deep": call(arguments='{"scene": ' + "[" * 100_000),
    "a comment": b": keep-alive\n\n",
    "an event without data": b"event: ping\n\n",
}


@pytest.mark.parametrize("bad", UNUSABLE.values(), ids=UNUSABLE.keys())
async def test_what_cannot_be_read_ends_the_turn_with_a_notice(harness: Harness, bad: bytes) -> None:
    harness.server.script = [sends(HALF, bad, DONE)]
    await harness.say_and_wait("hi")
    assert harness.presenter.errors == ["LLM_UNAVAILABLE"]
    assert harness.presenter.deleted == [post.turn_id for post in harness.presenter.posts]
    assert await harness.repository.unfinished_messages() == []
    harness.server.script = [says("Better now.")]
    await harness.say_and_wait("and now?")
    assert harness.presenter.finished[-1] == "Better now."


@pytest.mark.parametrize("error", SERVER_ERRORS.values(), ids=SERVER_ERRORS.keys())
async def test_a_server_that_reports_an_error_in_mid_answer_is_unavailable(harness: Harness, error: bytes) -> None:
    harness.server.script = [sends(HALF, error, DONE), sends(HALF, error, DONE), says("Back.")]
    await harness.say("hi")
    await harness.server.wait_asked(3)
    await harness.answered()
    assert harness.presenter.errors == ["LLM_UNAVAILABLE"]
    assert harness.presenter.finished == [None, "Back."]


@pytest.mark.parametrize("odd", PASSED_OVER.values(), ids=PASSED_OVER.keys())
async def test_what_carries_no_text_is_passed_over(harness: Harness, odd: bytes) -> None:
    harness.server.script = [sends(HALF, odd, chunk({"content": " word."}), odd, DONE)]
    await harness.say_and_wait("hi")
    assert harness.presenter.finished == ["Half a word."]
    assert harness.presenter.errors == []


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        pytest.param([b'data: {"choices": [{"delta": {"content": "caf\xe9"}}]}\n\n'], "caf\ufffd", id="no UTF-8"),
        pytest.param([chunk({"content": "a \ud800 b"})], "a \ufffd b", id="a lone surrogate"),
        pytest.param([chunk({"content": "a \ude00 b"})], "a \ufffd b", id="a lone second half"),
        pytest.param([chunk({"content": "a \ud83d"}), chunk({"content": "\ude00 b"})], "a \U0001f600 b", id="halves"),
        pytest.param([chunk({"content": [{"type": "text", "text": "hi"}]})], "hi", id="parts"),
        pytest.param([HALF.replace(b"\n", b"\r\n")], "Half a", id="CRLF"),
    ],
)
async def test_damaged_text_is_shown_as_far_as_it_can_be(harness: Harness, parts: list[bytes], text: str) -> None:
    harness.server.script = [sends(*parts, DONE)]
    await harness.say_and_wait("hi")
    assert harness.presenter.finished == [text]
    assert [each.text for each in await harness.history()] == ["hi", text]


async def test_a_stream_is_read_however_it_is_cut(harness: Harness) -> None:
    body = chunk({"content": "Hel\u00e9"}) + chunk({"content": "lo."}) + DONE
    harness.server.script = [sends(*(bytes([byte]) for byte in body))]
    await harness.say_and_wait("hi")
    assert harness.presenter.finished == ["Hel\u00e9lo."]


async def test_a_server_that_keeps_the_connection_open_after_the_end_is_not_waited_for(harness: Harness) -> None:
    ended = asyncio.Event()

    async def answer(request: web.Request, _: dict[str, Any]) -> web.StreamResponse:
        response = await begin(request)
        await response.write(HALF + DONE)
        await ended.wait()
        return response

    harness.server.script = [answer]
    await harness.say_and_wait("hi")
    assert harness.presenter.finished == ["Half a"]
    ended.set()


async def test_tool_arguments_may_be_an_object(harness: Harness) -> None:
    harness.server.script = [sends(call(arguments={"scene": "a red \ud800boat"}), DONE), says("a prompt")]
    await harness.say_and_wait("draw my boat")
    assert harness.presenter.drawn == [("a red \ufffdboat", "a prompt")]


@pytest.fixture
async def server() -> AsyncGenerator[ScriptedModel]:
    async with scripted_model() as scripted:
        yield scripted


@pytest.mark.parametrize("bad", (UNUSABLE | SERVER_ERRORS).values(), ids=(UNUSABLE | SERVER_ERRORS).keys())
async def test_a_picture_is_drawn_from_the_given_words(server: ScriptedModel, bad: bytes) -> None:
    server.script = [sends(HALF, bad, DONE)]
    nova = Character.model_validate({"id": "nova", "name": "Nova", "system_prompt": "You paint."})
    async with LanguageModel(server.url) as model:
        writer = ImagePromptWriter(model, ModelOptions(model="scripted", timeout_seconds=5), GpuLock(), RequestSlots(4))
        written = await writer.write(nova, "a boat")
    assert (written.positive, written.by_model) == ("a boat", False)


@pytest.mark.parametrize(
    "body", ["<html>", "[]", '{"data": null}', '{"data": [{"id": 7}]}', '{"data": 7}', "[" * 100_000]
)
async def test_a_list_of_models_that_cannot_be_read_is_an_unavailable_model(body: str) -> None:
    async def models(_: web.Request) -> web.Response:
        return web.Response(text=body, content_type="application/json")

    app = web.Application()
    app.router.add_get("/v1/models", models)
    async with serving(app) as url, LanguageModel(f"{url}/v1") as model:
        with pytest.raises(LanguageModelUnavailable):
            await model.list_models()


class BrokenPresenterError(Exception):
    """An error that nobody foresaw."""


async def test_an_error_that_nobody_foresaw_ends_the_turn_with_a_notice(harness: Harness) -> None:
    async def fail(*_: Any) -> None:
        raise BrokenPresenterError

    harness.server.script = [says("Here. <draw>a boat</draw>"), says("prompt"), says("Fine.")]
    harness.presenter.draw = fail  # type: ignore[method-assign]
    await harness.say_and_wait("draw my boat")
    assert harness.presenter.errors == ["GENERATION_FAILED"]
    assert await harness.repository.unfinished_messages() == []
    await harness.say_and_wait("are you there?")
    assert harness.presenter.finished[-1] == "Fine."


async def test_a_failed_alternative_leaves_the_old_one(harness: Harness) -> None:
    await harness.say_and_wait("hi")
    harness.server.script = [sends(HALF, b"data: 7\n\n", DONE)]
    await harness.service.regenerate((await harness.history())[1].id)
    await harness.answered()
    assert harness.presenter.finished[-1] == "Hello."
    assert harness.presenter.errors == ["LLM_UNAVAILABLE"]
    assert [each.state for each in await harness.history()] == [JobState.DELIVERED, JobState.DELIVERED]
