"""A chat client that keeps the frames as they came."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from sandbox.llm import StandInLanguageModel

MODEL = "stand-in:latest"
NOVA = "You are Nova. Stay in character.\n\nYour personality: warm, playful"
DRAW = {
    "type": "function",
    "function": {
        "name": "draw",
        "description": "Send a picture.",
        "parameters": {"type": "object", "properties": {"scene": {"type": "string"}}, "required": ["scene"]},
    },
}


def chat_body(*lines: str, system: str = NOVA, **more: Any) -> dict[str, Any]:
    """A request body: user and assistant in turns."""
    roles = ("user", "assistant")
    messages = [{"role": "system", "content": system}]
    messages += [{"role": roles[index % 2], "content": line} for index, line in enumerate(lines)]
    return {"model": MODEL, "messages": messages, "stream": True, **more}


@asynccontextmanager
async def post_chat(llm: StandInLanguageModel, body: Any) -> AsyncGenerator[aiohttp.ClientResponse]:
    async with aiohttp.ClientSession() as http, http.post(f"{llm.url}/chat/completions", json=body) as response:
        yield response


async def events(response: aiohttp.ClientResponse) -> AsyncIterator[dict[str, Any]]:
    """The data of each event until `[DONE]`."""
    async for line in response.content:
        text = line.decode().strip()
        if text == "data: [DONE]":
            return
        if text:
            assert text.startswith("data: ")
            yield json.loads(text[6:])


async def chunks(llm: StandInLanguageModel, body: Any) -> list[dict[str, Any]]:
    async with post_chat(llm, body) as response:
        assert response.status == 200, await response.text()
        return [each async for each in events(response)]


def text_of(found: list[dict[str, Any]]) -> str:
    return "".join(each["choices"][0]["delta"].get("content") or "" for each in found if each["choices"])


async def answer_text(llm: StandInLanguageModel, body: Any) -> str:
    return text_of(await chunks(llm, body))
