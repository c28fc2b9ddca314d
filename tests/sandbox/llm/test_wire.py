"""OpenAI's wire format, Ollama's and LM Studio's endpoints, faults and breakpoints."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import aiohttp
import openai
import pytest

from bot.domain.conversations import ChatMessage, ChatRole
from bot.errors import LanguageModelUnavailable
from bot.language_model.client import LanguageModel, ModelOptions, TextDelta
from sandbox.llm import ChatFault, StandInLanguageModel, StandInModelOptions
from tests.processes import spawn
from tests.sandbox.llm.wire import DRAW, MODEL, answer_text, chat_body, chunks, events, post_chat, text_of


async def test_a_stream_has_the_form_that_servers_give_it(llm: StandInLanguageModel) -> None:
    found = await chunks(llm, chat_body("Mara: hello", stream_options={"include_usage": True}))
    assert found[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert {each["object"] for each in found} == {"chat.completion.chunk"}
    assert len({each["id"] for each in found}) == 1
    assert found[-2]["choices"][0]["finish_reason"] == "stop"
    assert found[-1]["usage"]["completion_tokens"] == len(found) - 3


async def test_whole_and_streamed_say_the_same(llm: StandInLanguageModel) -> None:
    body = chat_body("Mara: hello", temperature=0)
    async with post_chat(llm, {**body, "stream": False}) as response:
        whole = await response.json()
    assert whole["choices"][0]["message"]["content"] == await answer_text(llm, body)
    assert whole["usage"]["total_tokens"] > 10


async def test_tool_calls_come_whole_too(llm: StandInLanguageModel) -> None:
    async with post_chat(llm, chat_body("Mara: draw a fox", tools=[DRAW], stream=False)) as response:
        message = (await response.json())["choices"][0]["message"]
    assert message["tool_calls"][0]["function"]["name"] == "draw"


async def test_stop_and_max_tokens_end_an_answer(llm: StandInLanguageModel) -> None:
    llm.script("One two three.\nMara: four", "One two three.\nMara: four")
    assert await answer_text(llm, chat_body("Mara: count", stop=["\nMara:"])) == "One two three."
    found = await chunks(llm, chat_body("Mara: count", max_tokens=2))
    assert (text_of(found), found[-1]["choices"][0]["finish_reason"]) == ("One two ", "length")


async def test_a_prompt_beyond_the_window_is_refused(llm: StandInLanguageModel) -> None:
    async with post_chat(llm, chat_body("Mara: " + "x" * 4 * llm.options.context_window)) as response:
        error = (await response.json())["error"]
    assert (response.status, error["type"], error["n_ctx"]) == (400, "exceed_context_size_error", 8192)


@pytest.mark.parametrize("body", [[], {}, {"messages": []}, {"messages": [{"role": "nobody"}]}])
async def test_bad_requests(llm: StandInLanguageModel, body: Any) -> None:
    async with post_chat(llm, body) as response:
        assert response.status == 400
        assert (await response.json())["error"]["message"]


async def test_unknown_models_and_refused_tools(llm: StandInLanguageModel) -> None:
    async with post_chat(llm, {**chat_body("hi"), "model": "nope"}) as response:
        assert response.status == 404
    llm.faults.reject_tools = True
    async with post_chat(llm, chat_body("hi", tools=[DRAW])) as response:
        assert response.status == 400
        assert "does not support tools" in (await response.json())["error"]["message"]


async def test_the_openai_client_understands_it(llm: StandInLanguageModel) -> None:
    async with openai.AsyncOpenAI(base_url=llm.url, api_key="x", max_retries=0) as client:
        assert [each.id async for each in client.models.list()] == list(llm.options.models)
        llm.faults.chat.append(ChatFault.OUT_OF_MEMORY)
        with pytest.raises(openai.InternalServerError, match="more system memory"):
            await client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "hi"}])


# -- faults, through the bot's own client


async def streamed_text(llm: StandInLanguageModel, *faults: ChatFault, timeout_seconds: float = 20) -> str:
    llm.faults.chat += faults
    options = ModelOptions(model=MODEL, timeout_seconds=timeout_seconds)
    messages = [ChatMessage(role=ChatRole.USER, content="Mara: tell me about bridges")]
    async with LanguageModel(llm.url) as model:
        found = [each async for each in model.stream(messages, options)]
    return "".join(each.text for each in found if isinstance(each, TextDelta))


@pytest.mark.parametrize(
    "fault",
    [
        ChatFault.ERROR_500,
        ChatFault.ERROR_503,
        ChatFault.OUT_OF_MEMORY,
        ChatFault.UNAUTHORIZED,
        ChatFault.DROPPED,
        ChatFault.BREAK_OFF,
        ChatFault.ERROR_IN_STREAM,
    ],
)
async def test_faults_that_are_errors(llm: StandInLanguageModel, fault: ChatFault) -> None:
    with pytest.raises(LanguageModelUnavailable):
        await streamed_text(llm, fault)
    assert await streamed_text(llm), "a fault is used up"


@pytest.mark.parametrize("fault", [ChatFault.STALL, ChatFault.STALL_MIDWAY])
async def test_stalls_end_when_the_client_leaves(llm: StandInLanguageModel, fault: ChatFault) -> None:
    with pytest.raises(LanguageModelUnavailable):
        await streamed_text(llm, fault, timeout_seconds=2)
    assert await llm.wait_for_end(llm.requests[0]) == "aborted"
    assert bool(llm.requests[0].sent_text) is (fault is ChatFault.STALL_MIDWAY)


async def test_faults_that_are_text(llm: StandInLanguageModel) -> None:
    assert await streamed_text(llm, ChatFault.EMPTY) == ""
    assert "<think>" in await streamed_text(llm, ChatFault.THINK)
    assert "</think>" not in await streamed_text(llm, ChatFault.UNCLOSED_THINK)
    assert len(await streamed_text(llm, ChatFault.LONG)) == 100_000
    assert not (await streamed_text(llm, ChatFault.INVISIBLE)).isprintable()
    hostile = await streamed_text(llm, ChatFault.IMPERSONATION)
    assert "\nMara:" in hostile
    assert "@everyone" in hostile
    assert (await streamed_text(llm, ChatFault.CODE)).count("```") == 2
    assert "##@@" in await streamed_text(llm, ChatFault.NONSENSE)


async def test_reasoning_is_sent_apart_from_the_answer(llm: StandInLanguageModel) -> None:
    llm.faults.chat.append(ChatFault.REASONING)
    found = await chunks(llm, chat_body("Mara: hello"))
    assert any("reasoning_content" in each["choices"][0]["delta"] for each in found)


async def test_a_tool_call_may_be_broken(llm: StandInLanguageModel) -> None:
    llm.faults.chat.append(ChatFault.BAD_TOOL_CALL)
    found = await chunks(llm, chat_body("Mara: hello", tools=[DRAW]))
    assert found[-1]["choices"][0]["finish_reason"] == "tool_calls"


# -- where an answer pauses, what is recorded, restarts


async def test_an_answer_can_be_paused_at_a_word(llm: StandInLanguageModel) -> None:
    llm.script("one two three four")
    async with (
        asyncio.timeout(60),
        llm.set_breakpoint(after=2) as paused,
        post_chat(llm, chat_body("Mara: count")) as response,
    ):
        stream = events(response)
        seen = [await anext(stream) for _ in range(3)]
        await paused.reached.wait()
        assert text_of(seen) == "one two "
        assert (llm.requests[0].sent_text, llm.requests[0].finish_reason) == ("one two ", None)
        paused.release()
        seen += [each async for each in stream]
        assert text_of(seen) == "one two three four"
    assert llm.requests[0].finish_reason == "stop"


async def test_requests_are_recorded(llm: StandInLanguageModel) -> None:
    asked = asyncio.create_task(answer_text(llm, chat_body("Mara: hi", stop=["a", "b"], temperature=0.3, max_tokens=9)))
    request = await llm.wait_for_requests(1)
    await asked
    assert (request.stop, request.temperature, request.max_tokens) == (("a", "b"), 0.3, 9)
    assert (request.chat.name, request.chat.traits) == ("Nova", ("warm", "playful"))
    assert (request.chat.last.speaker, request.chat.last.text) == ("Mara", "hi")


async def test_lines_inside_a_message_belong_to_its_author(llm: StandInLanguageModel) -> None:
    await answer_text(llm, chat_body("Mara: hi\n  Nova: I am not Nova\nTom: hello"))
    turns = [(each.speaker, each.text) for each in llm.requests[0].chat.turns]
    assert turns == [("Mara", "hi\nNova: I am not Nova"), ("Tom", "hello")]


async def test_it_can_go_away_and_come_back(llm: StandInLanguageModel) -> None:
    url = llm.url
    await llm.stop()
    with pytest.raises(LanguageModelUnavailable):
        await streamed_text(llm)
    await llm.start()
    assert llm.url == url
    assert await streamed_text(llm)


async def test_it_runs_as_a_process_of_its_own() -> None:
    process = await spawn(sys.executable, "-m", "sandbox.llm", "--token-seconds", "0", stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        async with asyncio.timeout(60):
            url = (await process.stdout.readline()).decode().strip()
        async with LanguageModel(url) as model:
            assert await model.list_models() == ["stand-in:latest", "stand-in-small:latest"]
    finally:
        process.terminate()
        await process.wait()
    assert process.returncode == 0


# -- memory


async def get(http: aiohttp.ClientSession, url: str) -> Any:
    async with http.get(url, raise_for_status=True) as response:
        return await response.json()


async def test_ollama_lists_and_unloads(llm: StandInLanguageModel) -> None:
    async with aiohttp.ClientSession() as http:
        assert [each["name"] for each in (await get(http, f"{llm.root_url}/api/tags"))["models"]] == list(
            llm.options.models
        )
        assert (await get(http, f"{llm.root_url}/api/ps"))["models"] == []
        await answer_text(llm, chat_body("Mara: hi"))
        assert [each["model"] for each in (await get(http, f"{llm.root_url}/api/ps"))["models"]] == [MODEL]
        llm.faults.unload_delay = 3600
        body = {"model": MODEL, "keep_alive": 0}
        async with http.post(f"{llm.root_url}/api/generate", json=body) as response:
            assert (await response.json())["done_reason"] == "unload"
        assert [each["model"] for each in (await get(http, f"{llm.root_url}/api/ps"))["models"]] == [MODEL], (
            "not yet gone"
        )
        llm.faults.unload_delay = 0
        async with http.post(f"{llm.root_url}/api/generate", json=body) as response:
            assert response.status == 200
        assert (await get(http, f"{llm.root_url}/api/ps"))["models"] == []
        async with http.post(f"{llm.root_url}/api/generate", json={"model": "nope"}) as response:
            assert response.status == 404
        assert (await get(http, f"{llm.root_url}/api/version"))["version"]


async def test_lm_studio_lists_and_unloads(llm: StandInLanguageModel) -> None:
    llm.faults.unload_delay = 0
    async with aiohttp.ClientSession() as http:
        async with http.post(f"{llm.root_url}/api/v1/models/load", json={"model": MODEL}) as response:
            assert (await response.json())["status"] == "loaded"
        models = (await get(http, f"{llm.root_url}/api/v1/models"))["models"]
        assert [[each["id"] for each in model["loaded_instances"]] for model in models] == [[MODEL], []]
        states = [each["state"] for each in (await get(http, f"{llm.root_url}/api/v0/models"))["data"]]
        assert states == ["loaded", "not-loaded"]
        async with http.post(f"{llm.root_url}/api/v1/models/unload", json={"instance_id": MODEL}) as response:
            assert await response.json() == {"instance_id": MODEL}
        assert llm.loaded_models.names == []
        async with http.post(f"{llm.root_url}/api/v1/models/unload", json={"instance_id": MODEL}) as response:
            assert response.status == 404


async def test_a_restart_empties_the_memory(llm: StandInLanguageModel) -> None:
    await answer_text(llm, chat_body("Mara: hi"))
    assert llm.loaded_models.names == [MODEL]
    await llm.stop()
    await llm.start()
    assert llm.loaded_models.names == []


async def test_options(llm: StandInLanguageModel) -> None:
    async with StandInLanguageModel(options=StandInModelOptions(models=("a", "b", "c"), context_window=64)) as small:
        async with LanguageModel(small.url) as model:
            assert await model.list_models() == ["a", "b", "c"]
        async with post_chat(small, {**chat_body("Mara: " + "x" * 300), "model": "a"}) as response:
            assert response.status == 400
