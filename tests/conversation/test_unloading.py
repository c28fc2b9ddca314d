from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from bot.language_model.unloading import ModelUnloader, Provider
from tests.conversation.scripted_model import serving


@dataclass
class Memory:
    """What a scripted Ollama and LM Studio have loaded; Ollama lists a model a little longer than it has it."""

    loaded: list[str] = field(default_factory=list[str])
    lingering: int = 0
    unloads: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    async def ps(self, _: web.Request) -> web.Response:
        return web.json_response({"models": [{"name": name, "model": name} for name in self.loaded]})

    async def generate(self, request: web.Request) -> web.Response:
        body: dict[str, Any] = await request.json()
        self.unloads.append(body)
        self.lingering -= 1
        if self.lingering <= 0:
            self.loaded.remove(body["model"])
        return web.json_response({"done": True, "done_reason": "unload"})

    async def studio_models(self, _: web.Request) -> web.Response:
        instances = [{"id": name} for name in self.loaded]
        return web.json_response({"models": [{"key": "m", "loaded_instances": instances}]})

    async def studio_unload(self, request: web.Request) -> web.Response:
        body: dict[str, Any] = await request.json()
        self.unloads.append(body)
        self.loaded.remove(body["instance_id"])
        return web.json_response(body)


@pytest.fixture
async def memory() -> Memory:
    return Memory()


@pytest.fixture
async def url(memory: Memory) -> AsyncGenerator[str]:
    app = web.Application()
    app.router.add_get("/api/ps", memory.ps)
    app.router.add_post("/api/generate", memory.generate)
    app.router.add_get("/api/v1/models", memory.studio_models)
    app.router.add_post("/api/v1/models/unload", memory.studio_unload)
    async with serving(app) as address:
        yield f"{address}/v1"


async def unload(provider: Provider, url: str, seconds: float = 5.0) -> bool:
    async with aiohttp.ClientSession() as session:
        return await ModelUnloader(provider, url, session=session, unload_timeout_seconds=seconds).unload()


async def test_ollama_is_asked_until_the_model_is_really_gone(memory: Memory, url: str) -> None:
    memory.loaded, memory.lingering = ["llama"], 3
    assert await unload(Provider.OLLAMA, url)
    assert memory.loaded == []
    assert memory.unloads[0] == {"model": "llama", "keep_alive": 0}


async def test_lm_studio_unloads_every_instance(memory: Memory, url: str) -> None:
    memory.loaded = ["a", "a:2"]
    assert await unload(Provider.LM_STUDIO, url)
    assert memory.unloads == [{"instance_id": "a"}, {"instance_id": "a:2"}]


async def test_a_model_that_stays_is_given_up_on(memory: Memory, url: str) -> None:
    memory.loaded, memory.lingering = ["llama"], 10_000
    assert not await unload(Provider.OLLAMA, url, seconds=0.3)


async def test_a_server_that_is_away_fails_nothing() -> None:
    assert not await unload(Provider.OLLAMA, "http://127.0.0.1:9/v1")


async def test_a_provider_that_cannot_says_so_once(url: str, caplog: pytest.LogCaptureFixture) -> None:
    async with aiohttp.ClientSession() as session:
        server = ModelUnloader(Provider.KOBOLDCPP, url, session=session)
        with caplog.at_level(logging.WARNING):
            assert not await server.unload()
            assert not await server.unload()
    assert len(caplog.records) == 1
