from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

from bot.circuit_breaker import BreakerOptions
from bot.domain.conversations import ChatMessage, ChatRole
from bot.errors import LanguageModelUnavailable
from bot.language_model.client import Delta, DrawCall, LanguageModel, ModelOptions, TextDelta
from bot.language_model.errors import ContextOverflowError
from tests.conversation.scripted_model import ScriptedModel, breaks_off, calls_draw, fails, says, scripted_model

HELLO = [ChatMessage(role=ChatRole.USER, content="Ada: hi")]
OPTIONS = ModelOptions(model="scripted", timeout_seconds=5)


@pytest.fixture
async def server() -> AsyncGenerator[ScriptedModel]:
    async with scripted_model() as scripted:
        yield scripted


@pytest.fixture
async def model(server: ScriptedModel) -> AsyncGenerator[LanguageModel]:
    async with LanguageModel(server.url) as opened:
        yield opened


async def answer(model: LanguageModel, options: ModelOptions = OPTIONS, *, tools: bool = False) -> list[Delta]:
    return [delta async for delta in model.stream(HELLO, options, tools=tools)]


async def test_text_is_streamed(server: ScriptedModel, model: LanguageModel) -> None:
    server.script = [says("Hel", "lo", ".")]
    assert await answer(model) == [TextDelta("Hel"), TextDelta("lo"), TextDelta(".")]


async def test_what_is_sent(server: ScriptedModel, model: LanguageModel) -> None:
    await answer(model, ModelOptions(model="m", temperature=0.3, top_p=0.5, max_tokens=7, stop=tuple("abcdef")))
    sent = server.asked[0]
    assert (sent["model"], sent["temperature"], sent["top_p"], sent["max_tokens"]) == ("m", 0.3, 0.5, 7)
    assert sent["stop"] == list("abcd")
    assert sent["messages"] == [{"role": "user", "content": "Ada: hi"}]
    assert "tools" not in sent


async def test_without_a_name_the_first_listed_model_is_used(server: ScriptedModel, model: LanguageModel) -> None:
    server.models = ["small", "large"]
    await answer(model, ModelOptions())
    assert server.asked[0]["model"] == "small"
    assert "top_p" not in server.asked[0]


async def test_a_tool_call_is_put_together_from_its_fragments(server: ScriptedModel, model: LanguageModel) -> None:
    server.script = [calls_draw('{"sce', 'ne": "a red', ' boat"}', text="Here!")]
    assert await answer(model, tools=True) == [TextDelta("Here!"), DrawCall("a red boat")]
    assert server.asked[0]["tools"][0]["function"]["name"] == "draw"


async def test_a_tool_call_without_its_json_is_understood(server: ScriptedModel, model: LanguageModel) -> None:
    server.script = [calls_draw("a red boat")]
    assert await answer(model, tools=True) == [DrawCall("a red boat")]


async def test_a_model_that_refuses_tools_is_asked_without_them_from_then_on(
    server: ScriptedModel, model: LanguageModel
) -> None:
    server.script = [fails(400, "scripted does not support tools"), says("Hi.")]
    assert await answer(model, tools=True) == [TextDelta("Hi.")]
    assert not model.offers_tools("scripted")
    await answer(model, tools=True)
    assert ["tools" in asked for asked in server.asked] == [True, False, False]


@pytest.mark.parametrize(
    ("status", "message", "says_so"),
    [
        (404, "model not found", "does not have that model"),
        (401, "bad key", "refused the key"),
        (500, "CUDA out of memory", "out of memory"),
        (503, "loading", "reported an error"),
    ],
)
async def test_each_refusal_is_told_apart(
    server: ScriptedModel, model: LanguageModel, status: int, message: str, says_so: str
) -> None:
    server.script = [fails(status, message)]
    with pytest.raises(LanguageModelUnavailable, match=says_so):
        await answer(model)


async def test_a_prompt_too_long_for_the_server_is_an_error_of_its_own(
    server: ScriptedModel, model: LanguageModel
) -> None:
    server.script = [fails(400, "the request exceeds the available context size")]
    with pytest.raises(ContextOverflowError):
        await answer(model)


async def test_a_stream_that_breaks_off(server: ScriptedModel, model: LanguageModel) -> None:
    server.script = [breaks_off("half a")]
    with pytest.raises(LanguageModelUnavailable):
        await answer(model)


async def test_silence_ends_the_waiting(server: ScriptedModel, model: LanguageModel) -> None:
    gate = asyncio.Event()
    server.script = [says("a", "b", gate=gate)]
    with pytest.raises(LanguageModelUnavailable, match="said nothing"):
        await answer(model, ModelOptions(model="m", timeout_seconds=0.2))
    gate.set()


async def test_nobody_at_the_address() -> None:
    async with LanguageModel("http://127.0.0.1:9/v1") as nobody:
        with pytest.raises(LanguageModelUnavailable, match="cannot be reached"):
            await answer(nobody)
        with pytest.raises(LanguageModelUnavailable):
            await nobody.list_models()


async def test_a_server_that_fails_again_and_again_is_left_alone_until_it_lists_its_models(
    server: ScriptedModel,
) -> None:
    breaker = BreakerOptions(threshold=3, first_pause=60.0)
    async with LanguageModel(server.url, breaker=breaker) as model:
        server.script = [fails(500, "boom") for _ in range(4)]
        for _ in range(3):
            with pytest.raises(LanguageModelUnavailable, match="reported an error"):
                await answer(model)
        with pytest.raises(LanguageModelUnavailable, match="is asked again in 60 seconds"):
            await answer(model)
        assert len(server.asked) == 3
        await model.list_models()
        with pytest.raises(LanguageModelUnavailable, match="reported an error"):
            await answer(model)
        with pytest.raises(LanguageModelUnavailable, match="is asked again"):
            await answer(model)
        await model.list_models()
        server.script = [says("Hello.")]
        assert await answer(model) == [TextDelta("Hello.")]
        server.script = [says("And again.")]
        assert await answer(model) == [TextDelta("And again.")]


@pytest.mark.parametrize(("status", "message"), [(400, "no"), (401, "key"), (404, "model"), (500, "out of memory")])
async def test_what_the_server_refuses_for_a_reason_does_not_make_it_left_alone(
    server: ScriptedModel, status: int, message: str
) -> None:
    async with LanguageModel(server.url, breaker=BreakerOptions(threshold=2, first_pause=60.0)) as model:
        server.script = [fails(status, message) for _ in range(3)]
        for _ in range(3):
            with pytest.raises(LanguageModelUnavailable):
                await answer(model)
        assert len(server.asked) == 3
