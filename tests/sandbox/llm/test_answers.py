"""The text of the answers: facts that are remembered, pictures, image prompts."""

from __future__ import annotations

import json

import pytest

from sandbox.llm import STAND_IN_TAG, StandInLanguageModel
from sandbox.llm.chat_parsing import parse_chat
from tests.sandbox.llm.wire import DRAW, NOVA, answer_text, chat_body, chunks, text_of


async def test_the_same_is_answered_the_same_and_again_differently(llm: StandInLanguageModel) -> None:
    body = chat_body("Mara: What do you think of old bridges?")
    cold = {**body, "temperature": 0}
    assert await answer_text(llm, cold) == await answer_text(llm, cold)
    takes = [await answer_text(llm, body) for _ in range(4)]
    assert len(set(takes)) > 1, "regenerating gives an alternative"
    async with StandInLanguageModel(options=llm.options) as other:
        assert [await answer_text(other, body) for _ in range(4)] == takes


async def test_it_echoes_what_the_message_is_about(llm: StandInLanguageModel) -> None:
    assert "perspective" in (await answer_text(llm, chat_body("Mara: what about perspective?"))).lower()
    assert await answer_text(llm, chat_body("Mara: .")) != ""


async def test_the_first_answer_says_what_it_is(llm: StandInLanguageModel) -> None:
    assert (await answer_text(llm, chat_body("Mara: hello"))).endswith(STAND_IN_TAG)
    assert STAND_IN_TAG not in await answer_text(llm, chat_body("Mara: hello", "Hi Mara.", "Mara: and how are you?"))


@pytest.mark.parametrize(
    ("told", "asked", "answer"),
    [
        ("Mara: my name is Marabel", "Mara: what's my name?", "Marabel"),
        ("Mara: hello", "Mara: who am I?", "Mara"),
        ("Mara: I have a dog called Biscuit", "Tom: hi\nMara: what is my dog called?", "Biscuit"),
        ("Mara: my favourite colour is deep teal", "Mara: what was my favourite colour?", "deep teal"),
        ("Tom: my favourite colour is red", "Mara: what is my favourite colour?", "haven't told me"),
    ],
)
async def test_it_remembers_what_was_told(llm: StandInLanguageModel, told: str, asked: str, answer: str) -> None:
    assert answer in await answer_text(llm, chat_body(told, "Good to know.", asked))


async def test_what_is_not_in_the_context_is_not_remembered(llm: StandInLanguageModel) -> None:
    assert "haven't told me" in await answer_text(llm, chat_body("Mara: what is my dog?"))


@pytest.mark.parametrize(
    "wish",
    [
        "draw me a lighthouse at dusk",
        "send me a picture of a lighthouse",
        "could you paint a lighthouse?",
        "show me a lighthouse",
    ],
)
async def test_a_wish_for_a_picture_becomes_a_tool_call_in_pieces(llm: StandInLanguageModel, wish: str) -> None:
    found = await chunks(llm, chat_body(f"Mara: {wish}", tools=[DRAW]))
    calls = [
        each["choices"][0]["delta"]["tool_calls"][0] for each in found if "tool_calls" in each["choices"][0]["delta"]
    ]
    assert (calls[0]["function"]["name"], calls[0]["index"]) == ("draw", 0)
    assert len(calls) > 2
    scene = json.loads("".join(each["function"]["arguments"] for each in calls))["scene"]
    assert scene.startswith("lighthouse")
    assert text_of(found)
    assert found[-1]["choices"][0]["finish_reason"] == "tool_calls"


async def test_a_selfie_shows_the_character(llm: StandInLanguageModel) -> None:
    body = chat_body("Mara: send me a selfie of you sketching", tools=[DRAW], stream=False)
    assert parse_chat(body["messages"]).wants_picture
    found = await chunks(llm, {**body, "stream": True})
    arguments = "".join(
        each["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"]
        for each in found
        if "tool_calls" in each["choices"][0]["delta"]
    )
    assert "Nova looking at the viewer" in json.loads(arguments)["scene"]


@pytest.mark.parametrize("text", ["don't draw anything", "what did you say about colours?", "my picture frame broke"])
async def test_other_words_draw_nothing(llm: StandInLanguageModel, text: str) -> None:
    found = await chunks(llm, chat_body(f"Mara: {text}", tools=[DRAW]))
    assert found[-1]["choices"][0]["finish_reason"] == "stop"


async def test_without_tools_the_scene_stands_in_the_text_if_that_is_asked_for(llm: StandInLanguageModel) -> None:
    system = f"{NOVA}\nWhen somebody asks you for a picture, end your answer with <draw>what is to be seen</draw>."
    assert "<draw>lighthouse" in await answer_text(llm, chat_body("Mara: draw a lighthouse", system=system))
    assert "<draw>" not in await answer_text(llm, chat_body("Mara: draw a lighthouse"))


async def test_it_writes_image_prompts(llm: StandInLanguageModel) -> None:
    system = "You write prompts for an image generator.\nthis is how Nova looks: a woman with red hair"
    prompt = await answer_text(llm, chat_body("Write the prompt for: a selfie of you on the roof", system=system))
    assert prompt.startswith("a woman with red hair, a selfie on the roof")
    assert len(prompt.split()) <= 80
    assert STAND_IN_TAG not in prompt
    landscape = await answer_text(llm, chat_body("Write the prompt for: draw a harbour", system=system))
    assert landscape.startswith("harbour")


async def test_content_in_parts_is_read(llm: StandInLanguageModel) -> None:
    body = chat_body()
    body["messages"].append({"role": "user", "content": [{"type": "text", "text": "Mara: what about bridges?"}]})
    assert "bridges" in await answer_text(llm, body)
