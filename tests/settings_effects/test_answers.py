"""What the keys of `llm` and `conversation`, and those of a character file, do to a character's answers."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.conversation.token_budget import message_tokens
from bot.domain.conversations import ChatMessage, ChatRole
from sandbox.discord import Message
from tests.characters.cards import picture
from tests.conversation.scripted_model import calls_draw, says
from tests.e2e.parlour import Parlour, furnished

NOVA = {"id": "nova", "name": "Nova", "system_prompt": "You paint."}


def write_nova(parlour: Parlour, **keys: Any) -> None:
    """Write Nova's file with these keys besides the required ones."""
    path = parlour.house.folder / "characters" / "nova.yaml"
    path.write_text(yaml.safe_dump(NOVA | keys), encoding="utf-8")


async def ask(parlour: Parlour, text: str = "hello") -> dict[str, Any]:
    """Nova is asked in her channel; the request that the model got for it."""
    await parlour.use("nova")
    asked = len(parlour.model.asked)
    await parlour.ada.send(parlour.room, text)
    await parlour.model.wait_asked(asked + 1)
    await parlour.until_settled(len(parlour.house.rows("SELECT id FROM messages")))
    return parlour.model.asked[asked]


def is_notice(message: Message) -> bool:
    return "LLM_UNAVAILABLE" in message.text()


# -- llm


@pytest.mark.setting("llm.base_url", "llm.model", "llm.temperature", "llm.max_response_tokens", "llm.stop")
async def test_the_model_is_asked_as_configured(tmp_path: Path) -> None:
    keys = {"model": "mistral", "temperature": 0.3, "max_response_tokens": 77, "stop": ["THE END"]}
    async with furnished(tmp_path, llm=keys) as parlour, parlour.house.running():
        asked = await ask(parlour)
    assert (asked["model"], asked["temperature"], asked["max_tokens"]) == ("mistral", 0.3, 77)
    assert asked["stop"][0] == "THE END"


async def test_without_a_name_the_first_model_of_the_server_is_asked(tmp_path: Path) -> None:
    async with furnished(tmp_path, llm={"model": None}) as parlour, parlour.house.running():
        parlour.model.models = ["first", "second"]
        assert (await ask(parlour))["model"] == "first"


@pytest.mark.setting("llm.timeout_seconds")
async def test_a_model_that_is_silent_for_longer_is_unavailable(tmp_path: Path) -> None:
    never = asyncio.Event()
    async with furnished(tmp_path, llm={"timeout_seconds": 0.3}) as parlour, parlour.house.running():
        parlour.model.script = [says("too late", gate=never)]
        await parlour.use("nova")
        await parlour.ada.send(parlour.room, "hello")
        async with asyncio.timeout(60):  # the default is 120 seconds
            await parlour.room.wait_for_message(is_notice, timeout=60)
        never.set()


@pytest.mark.parametrize(
    ("window", "own_window"),
    [
        pytest.param(1024, None, marks=pytest.mark.setting("llm.context_window")),
        pytest.param(8192, 1024, marks=pytest.mark.setting("character.preferred_llm.context_window")),
    ],
)
async def test_the_prompt_fits_into_the_context_window(tmp_path: Path, window: int, own_window: int | None) -> None:
    llm = {"context_window": window, "max_response_tokens": 100}
    async with furnished(tmp_path, llm=llm) as parlour:
        write_nova(parlour, preferred_llm={"context_window": own_window})
        asked: dict[str, Any] = {}
        async with parlour.house.running():
            for n in range(6):
                asked = await ask(parlour, f"message {n}: " + "tell me more about the harbour. " * 40)
    prompt = [ChatMessage(role=ChatRole(each["role"]), content=each["content"]) for each in asked["messages"]]
    assert sum(map(message_tokens, prompt)) + 100 <= 1024
    assert "message 5:" in prompt[-1].content
    assert "message 0:" not in str(prompt)


# -- conversation


@pytest.mark.setting("conversation.answer_missed_within_minutes")
@pytest.mark.parametrize(("minutes", "answers"), [(10, 0), (20, 1)])
async def test_an_older_missed_message_is_not_answered(tmp_path: Path, minutes: int, answers: int) -> None:
    conversation = {"answer_missed_within_minutes": minutes}
    async with furnished(tmp_path, conversation=conversation) as parlour:
        parlour.model.away = True
        async with parlour.house.running():
            await parlour.use("nova")
            await parlour.ada.send(parlour.room, "hello")
            await parlour.room.wait_for_message(is_notice)
        parlour.model.away = False
        with closing(sqlite3.connect(tmp_path / "data" / "chorus.db")) as database, database:
            database.execute("UPDATE messages SET created_at = datetime(created_at, '-15 minutes')")
        async with parlour.house.running():
            await parlour.house.until_rows("SELECT state FROM messages WHERE role = 'user'", ("delivered",))
            answered = "SELECT count(*) FROM messages WHERE role = 'assistant' AND state = 'delivered'"
            await parlour.house.until_rows(answered, (answers,))
    assert len(parlour.turns) == answers


@pytest.mark.setting("default_character")
async def test_a_channel_of_nobodys_is_answered_by_the_default_character(tmp_path: Path) -> None:
    async with furnished(tmp_path) as parlour:
        config = yaml.safe_load(parlour.house.config.read_text("utf-8"))
        parlour.house.config.write_text(yaml.safe_dump(config | {"default_character": "alex"}), encoding="utf-8")
        async with parlour.house.running():
            await parlour.ada.send(parlour.room, f"<@{parlour.house.discord.bot.id}> hello")
            answer = await parlour.until_said("Hello.")
            await parlour.until_settled(2)
    assert answer.author.name == "Alex"
    assert "You are Alex" in parlour.model.asked[0]["messages"][0]["content"]


@pytest.mark.setting("conversation.edit_interval_seconds")
async def test_an_answer_grows_so_often(tmp_path: Path) -> None:
    async with furnished(tmp_path, conversation={"edit_interval_seconds": 0.05}) as parlour:
        parlour.model.script = [says(*(f"{n}, " for n in range(20)), "done.", pause=0.1)]
        async with parlour.house.running():
            await ask(parlour)
        edits = parlour.house.discord.requests_to("PATCH", "/webhooks/*/*/messages/*")
    assert len(edits) >= 5, "in the two seconds of this answer the default of 1.2 seconds allows two"


# -- a character's own keys


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        pytest.param({"name": "Novalie"}, "You are Novalie.", marks=pytest.mark.setting("character.name")),
        pytest.param({"role": "a harbour pilot"}, "a harbour pilot", marks=pytest.mark.setting("character.role")),
        pytest.param(
            {"system_prompt": "You steer ships."},
            "You steer ships.",
            marks=pytest.mark.setting("character.system_prompt"),
        ),
        pytest.param(
            {"greeting": "Welcome aboard."}, "Welcome aboard.", marks=pytest.mark.setting("character.greeting")
        ),
        pytest.param(
            {"core_memories": ["You were born at sea."]},
            "- You were born at sea.",
            marks=pytest.mark.setting("character.core_memories"),
        ),
        pytest.param(
            {"personality_traits": ["patient", "dry"]},
            "patient, dry",
            marks=pytest.mark.setting("character.personality_traits"),
        ),
        pytest.param(
            {"example_dialogue": "User: Ahoy!\nNova: Ahoy yourself."},
            "Nova: Ahoy yourself.",
            marks=pytest.mark.setting("character.example_dialogue"),
        ),
    ],
    ids=str,
)
async def test_the_model_is_told_who_the_character_is(tmp_path: Path, keys: dict[str, Any], expected: str) -> None:
    async with furnished(tmp_path) as parlour:
        write_nova(parlour, **keys)
        async with parlour.house.running():
            asked = await ask(parlour)
    assert expected in asked["messages"][0]["content"]


@pytest.mark.setting(
    "character.preferred_llm.model", "character.preferred_llm.temperature", "character.preferred_llm.max_tokens"
)
async def test_a_character_may_prefer_a_model(tmp_path: Path) -> None:
    async with furnished(tmp_path, llm={"model": "mistral", "temperature": 0.3}) as parlour:
        write_nova(parlour, preferred_llm={"model": "qwen", "temperature": 1.1, "max_tokens": 55})
        async with parlour.house.running():
            asked = await ask(parlour)
    assert (asked["model"], asked["temperature"], asked["max_tokens"]) == ("qwen", 1.1, 55)


@pytest.mark.setting("character.profile_image")
async def test_a_character_shows_the_picture_that_its_file_names(tmp_path: Path) -> None:
    async with furnished(tmp_path) as parlour:
        write_nova(parlour, profile_image="portrait.png")
        for name, colour in (("avatar", "red"), ("portrait", "blue")):
            file = tmp_path / "characters" / "nova" / f"{name}.png"
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(picture((8, 8), colour=colour))
        async with parlour.house.running():
            await ask(parlour)
    (webhook,) = parlour.room.webhooks
    assert webhook.avatar == (tmp_path / "characters" / "nova" / "portrait.png").read_bytes()


@pytest.mark.setting("character.image_generation.enabled")
@pytest.mark.parametrize(("enabled", "jobs"), [(True, 1), (False, 0)])
async def test_a_character_draws_only_where_it_may(tmp_path: Path, enabled: bool, jobs: int) -> None:
    async with furnished(tmp_path) as parlour:
        write_nova(parlour, image_generation={"enabled": enabled})
        parlour.model.script = [calls_draw('{"scene": "a boat"}', text="Here."), says("a boat, oil painting")]
        async with parlour.house.running():
            await ask(parlour, "draw my boat")
            await parlour.until_said("Here.")
            await parlour.house.until_delivered(jobs)
    assert parlour.house.rows("SELECT count(*) FROM jobs") == [(jobs,)]


@pytest.mark.setting("character.visual_identity.prompt_context")
async def test_a_scene_shows_the_character_as_it_looks(tmp_path: Path) -> None:
    async with furnished(tmp_path) as parlour:
        write_nova(parlour, visual_identity={"prompt_context": "a woman with short red hair"})
        parlour.model.away = True  # then the prompt is made of the person's own words and the looks
        async with parlour.house.running():
            answer = await parlour.ada.slash(parlour.room, "scene", about="the harbour")
            await parlour.house.result(answer.message)
            await parlour.house.until_delivered()
        rows = parlour.house.rows("SELECT json_extract(parameters, '$.positive') FROM jobs")
    assert rows == [("a woman with short red hair, the harbour",)]
