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
from tests.e2e.chat_system import ChatSystem, open_chat_system

NOVA = {"id": "nova", "name": "Nova", "system_prompt": "You paint."}


def write_nova(chat: ChatSystem, **keys: Any) -> None:
    """Write Nova's file with these keys besides the required ones."""
    path = chat.system.folder / "characters" / "nova.yaml"
    path.write_text(yaml.safe_dump(NOVA | keys), encoding="utf-8")


async def ask(chat: ChatSystem, text: str = "hello") -> dict[str, Any]:
    """Nova is asked in her channel; the request that the model got for it."""
    await chat.use("nova")
    asked = len(chat.model.asked)
    await chat.ada.send(chat.room, text)
    await chat.model.wait_asked(asked + 1)
    await chat.until_settled(len(chat.system.rows("SELECT id FROM messages")))
    return chat.model.asked[asked]


def is_notice(message: Message) -> bool:
    return "LLM_UNAVAILABLE" in message.text()


# -- llm


@pytest.mark.setting("llm.base_url", "llm.model", "llm.temperature", "llm.max_response_tokens", "llm.stop")
async def test_the_model_is_asked_as_configured(tmp_path: Path) -> None:
    keys = {"model": "mistral", "temperature": 0.3, "max_response_tokens": 77, "stop": ["THE END"]}
    async with open_chat_system(tmp_path, llm=keys) as chat, chat.system.running():
        asked = await ask(chat)
    assert (asked["model"], asked["temperature"], asked["max_tokens"]) == ("mistral", 0.3, 77)
    assert asked["stop"][0] == "THE END"


async def test_without_a_name_the_first_model_of_the_server_is_asked(tmp_path: Path) -> None:
    async with open_chat_system(tmp_path, llm={"model": None}) as chat, chat.system.running():
        chat.model.models = ["first", "second"]
        assert (await ask(chat))["model"] == "first"


@pytest.mark.setting("llm.timeout_seconds")
async def test_a_model_that_is_silent_for_longer_is_unavailable(tmp_path: Path) -> None:
    never = asyncio.Event()
    async with open_chat_system(tmp_path, llm={"timeout_seconds": 0.3}) as chat, chat.system.running():
        chat.model.script = [says("too late", gate=never)]
        await chat.use("nova")
        await chat.ada.send(chat.room, "hello")
        async with asyncio.timeout(60):  # the default is 120 seconds
            await chat.room.wait_for_message(is_notice, timeout=60)
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
    async with open_chat_system(tmp_path, llm=llm) as chat:
        write_nova(chat, preferred_llm={"context_window": own_window})
        asked: dict[str, Any] = {}
        async with chat.system.running():
            for n in range(6):
                asked = await ask(chat, f"message {n}: " + "tell me more about the harbour. " * 40)
    prompt = [ChatMessage(role=ChatRole(each["role"]), content=each["content"]) for each in asked["messages"]]
    assert sum(map(message_tokens, prompt)) + 100 <= 1024
    assert "message 5:" in prompt[-1].content
    assert "message 0:" not in str(prompt)


# -- conversation


@pytest.mark.setting("conversation.answer_missed_within_minutes")
@pytest.mark.parametrize(("minutes", "answers"), [(10, 0), (20, 1)])
async def test_an_older_missed_message_is_not_answered(tmp_path: Path, minutes: int, answers: int) -> None:
    conversation = {"answer_missed_within_minutes": minutes}
    async with open_chat_system(tmp_path, conversation=conversation) as chat:
        chat.model.away = True
        async with chat.system.running():
            await chat.use("nova")
            await chat.ada.send(chat.room, "hello")
            await chat.room.wait_for_message(is_notice)
        chat.model.away = False
        with closing(sqlite3.connect(tmp_path / "data" / "chorus.db")) as database, database:
            database.execute("UPDATE messages SET created_at = datetime(created_at, '-15 minutes')")
        async with chat.system.running():
            await chat.system.until_rows("SELECT state FROM messages WHERE role = 'user'", ("delivered",))
            answered = "SELECT count(*) FROM messages WHERE role = 'assistant' AND state = 'delivered'"
            await chat.system.until_rows(answered, (answers,))
    assert len(chat.turns) == answers


@pytest.mark.setting("default_character")
async def test_a_channel_of_nobodys_is_answered_by_the_default_character(tmp_path: Path) -> None:
    async with open_chat_system(tmp_path) as chat:
        config = yaml.safe_load(chat.system.config.read_text("utf-8"))
        chat.system.config.write_text(yaml.safe_dump(config | {"default_character": "alex"}), encoding="utf-8")
        async with chat.system.running():
            await chat.ada.send(chat.room, f"<@{chat.system.discord.bot.id}> hello")
            answer = await chat.until_said("Hello.")
            await chat.until_settled(2)
    assert answer.author.name == "Alex"
    assert "You are Alex" in chat.model.asked[0]["messages"][0]["content"]


@pytest.mark.setting("conversation.edit_interval_seconds")
async def test_an_answer_grows_so_often(tmp_path: Path) -> None:
    async with open_chat_system(tmp_path, conversation={"edit_interval_seconds": 0.05}) as chat:
        chat.model.script = [says(*(f"{n}, " for n in range(20)), "done.", pause=0.1)]
        async with chat.system.running():
            await ask(chat)
        edits = chat.system.discord.requests_to("PATCH", "/webhooks/*/*/messages/*")
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
    async with open_chat_system(tmp_path) as chat:
        write_nova(chat, **keys)
        async with chat.system.running():
            asked = await ask(chat)
    assert expected in asked["messages"][0]["content"]


@pytest.mark.setting(
    "character.preferred_llm.model", "character.preferred_llm.temperature", "character.preferred_llm.max_tokens"
)
async def test_a_character_may_prefer_a_model(tmp_path: Path) -> None:
    async with open_chat_system(tmp_path, llm={"model": "mistral", "temperature": 0.3}) as chat:
        write_nova(chat, preferred_llm={"model": "qwen", "temperature": 1.1, "max_tokens": 55})
        async with chat.system.running():
            asked = await ask(chat)
    assert (asked["model"], asked["temperature"], asked["max_tokens"]) == ("qwen", 1.1, 55)


@pytest.mark.setting("character.profile_image")
async def test_a_character_shows_the_picture_that_its_file_names(tmp_path: Path) -> None:
    async with open_chat_system(tmp_path) as chat:
        write_nova(chat, profile_image="portrait.png")
        for name, colour in (("avatar", "red"), ("portrait", "blue")):
            file = tmp_path / "characters" / "nova" / f"{name}.png"
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(picture((8, 8), colour=colour))
        async with chat.system.running():
            await ask(chat)
    (webhook,) = chat.room.webhooks
    assert webhook.avatar == (tmp_path / "characters" / "nova" / "portrait.png").read_bytes()


@pytest.mark.setting("character.image_generation.enabled")
@pytest.mark.parametrize(("enabled", "jobs"), [(True, 1), (False, 0)])
async def test_a_character_draws_only_where_it_may(tmp_path: Path, enabled: bool, jobs: int) -> None:
    async with open_chat_system(tmp_path) as chat:
        write_nova(chat, image_generation={"enabled": enabled})
        chat.model.script = [calls_draw('{"scene": "a boat"}', text="Here."), says("a boat, oil painting")]
        async with chat.system.running():
            await ask(chat, "draw my boat")
            await chat.until_said("Here.")
            await chat.system.until_delivered(jobs)
    assert chat.system.rows("SELECT count(*) FROM jobs") == [(jobs,)]


@pytest.mark.setting("character.visual_identity.prompt_context")
async def test_a_scene_shows_the_character_as_it_looks(tmp_path: Path) -> None:
    async with open_chat_system(tmp_path) as chat:
        write_nova(chat, visual_identity={"prompt_context": "a woman with short red hair"})
        chat.model.away = True  # then the prompt is made of the person's own words and the looks
        async with chat.system.running():
            answer = await chat.ada.slash(chat.room, "scene", about="the harbour")
            await chat.system.result(answer.message)
            await chat.system.until_delivered()
        rows = chat.system.rows("SELECT json_extract(parameters, '$.positive') FROM jobs")
    assert rows == [("a woman with short red hair, the harbour",)]
