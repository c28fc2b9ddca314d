"""Unloading the language model from the GPU's memory, where its server has an endpoint for it.

Ollama: `POST /api/generate {"model", "keep_alive": 0}` unloads a model; `GET /api/ps` lists the loaded models, for a
moment also the one that is being unloaded. LM Studio (0.4): `GET /api/v1/models` lists `loaded_instances`, `POST
/api/v1/models/unload {"instance_id"}` unloads one. KoboldCpp and plain OpenAI servers have no such endpoint.
"""

from __future__ import annotations

import asyncio
import logging
from enum import StrEnum
from typing import Any, cast

import aiohttp

log = logging.getLogger(__name__)

POLL_SECONDS = 0.1
"""How often the server is asked whether a model is still loaded; it sends no event."""


class Provider(StrEnum):
    """`llm.provider`: the kind of server behind `llm.base_url`."""

    OLLAMA = "ollama"
    LM_STUDIO = "lmstudio"
    KOBOLDCPP = "koboldcpp"
    OPENAI = "openai"


class ModelUnloader:
    """A client for the provider's own endpoints beside the OpenAI API.

    Args:
        provider: Decides which endpoints are used.
        base_url: `llm.base_url`; a trailing `/v1` is removed.
        session: The HTTP session for all requests.
        unload_timeout_seconds: How long `unload` waits until no model is loaded any more.
    """

    def __init__(
        self, provider: Provider, base_url: str, *, session: aiohttp.ClientSession, unload_timeout_seconds: float = 30.0
    ) -> None:
        self.provider = provider
        self._root = base_url.rstrip("/").removesuffix("/v1").rstrip("/")
        self._session = session
        self._timeout = unload_timeout_seconds
        self._warned = False

    @property
    def can_unload(self) -> bool:
        """Whether this provider has an endpoint that unloads a model."""
        return self.provider in {Provider.OLLAMA, Provider.LM_STUDIO}

    async def loaded(self) -> list[str]:
        """Return the ids of the loaded models; [] where the provider has no endpoint that lists them.

        Raises:
            aiohttp.ClientError, TimeoutError: The server does not answer.
            ValueError: The answer is not JSON.
        """
        match self.provider:
            case Provider.OLLAMA:
                reply = await self._get("/api/ps")
                return [str(model.get("model") or model.get("name")) for model in _dicts(reply, "models")]
            case Provider.LM_STUDIO:
                reply = await self._get("/api/v1/models")
                instances = [each for model in _dicts(reply, "models") for each in _dicts(model, "loaded_instances")]
                return [str(instance.get("id")) for instance in instances]
            case _:
                return []

    async def unload(self) -> bool:
        """Unload every loaded model and wait until the server lists none.

        Errors are logged and not raised, because a job is worth trying without the memory.

        Returns:
            False: the models could not be unloaded, or the provider has no endpoint for it.
        """
        if not self.can_unload:
            if not self._warned:
                log.warning(
                    "%s cannot unload its model; its memory stays taken while pictures are drawn", self.provider
                )
                self._warned = True
            return False
        try:
            async with asyncio.timeout(self._timeout):
                while names := await self.loaded():
                    for name in names:
                        await self._unload_one(name)
                    await asyncio.sleep(POLL_SECONDS)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            log.warning("The language model could not be unloaded: %s", error or type(error).__name__)
            return False
        return True

    async def _unload_one(self, name: str) -> None:
        if self.provider is Provider.OLLAMA:
            await self._post("/api/generate", {"model": name, "keep_alive": 0})
        else:
            await self._post("/api/v1/models/unload", {"instance_id": name})

    async def _get(self, path: str) -> dict[str, Any]:
        async with self._session.get(self._root + path, raise_for_status=True) as response:
            answer: Any = await response.json(content_type=None)
            return cast("dict[str, Any]", answer) if isinstance(answer, dict) else {}

    async def _post(self, path: str, body: dict[str, Any]) -> None:
        async with self._session.post(self._root + path, json=body, raise_for_status=True) as response:
            await response.read()


def _dicts(reply: dict[str, Any], key: str) -> list[dict[str, Any]]:
    value: Any = reply.get(key)
    if not isinstance(value, list):
        return []
    return [cast("dict[str, Any]", each) for each in cast("list[Any]", value) if isinstance(each, dict)]
