"""What a language model's server can do beside talking: say what is loaded, and let go of it.

Ollama: `POST /api/generate {"model", "keep_alive": 0}` unloads; `GET /api/ps` lists what is in memory, for a moment
still the model that is being let go. LM Studio (0.4): `GET /api/v1/models` lists `loaded_instances`, `POST
/api/v1/models/unload {"instance_id"}`. KoboldCpp and plain OpenAI servers have no such call.
"""

from __future__ import annotations

import asyncio
import logging
from enum import StrEnum
from typing import Any, cast

import aiohttp

log = logging.getLogger(__name__)


class Provider(StrEnum):
    """What kind of server `llm.base_url` is."""

    OLLAMA = "ollama"
    LM_STUDIO = "lmstudio"
    KOBOLDCPP = "koboldcpp"
    OPENAI = "openai"


class ModelMemory:
    """The provider's own endpoints. Errors are logged and answered with "nothing": no job fails for them.

    Args:
        provider: Decides which endpoints there are.
        base_url: As in the settings; a trailing `/v1` is taken off.
        unload_timeout_seconds: How long to wait until the model is really gone from memory.
    """

    def __init__(
        self, provider: Provider, base_url: str, *, session: aiohttp.ClientSession, unload_timeout_seconds: float = 30.0
    ) -> None:
        self.provider = provider
        self._root = base_url.rstrip("/").removesuffix("/v1").rstrip("/")
        self._session = session
        self._timeout = unload_timeout_seconds
        self._told = False

    @property
    def can_unload(self) -> bool:
        """Whether this provider has a call for it."""
        return self.provider in {Provider.OLLAMA, Provider.LM_STUDIO}

    async def loaded(self) -> list[str]:
        """Ids of what is in memory now; [] where the provider cannot say."""
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
        """Free the memory of every loaded model and wait until it is free. False where that was not possible."""
        if not self.can_unload:
            if not self._told:
                log.warning(
                    "%s cannot unload its model; its memory stays taken while pictures are drawn", self.provider
                )
                self._told = True
            return False
        try:
            async with asyncio.timeout(self._timeout):
                while names := await self.loaded():
                    for name in names:
                        await self._let_go(name)
                    await asyncio.sleep(0.1)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            log.warning("The language model could not be unloaded: %s", error or type(error).__name__)
            return False
        return True

    async def _let_go(self, name: str) -> None:
        if self.provider is Provider.OLLAMA:
            await self._post("/api/generate", {"model": name, "keep_alive": 0})
        else:
            await self._post("/api/v1/models/unload", {"instance_id": name})

    async def _get(self, path: str) -> dict[str, Any]:
        async with self._session.get(self._root + path, raise_for_status=True) as response:
            return cast("dict[str, Any]", await response.json(content_type=None))

    async def _post(self, path: str, body: dict[str, Any]) -> None:
        async with self._session.post(self._root + path, json=body, raise_for_status=True) as response:
            await response.read()


def _dicts(reply: dict[str, Any], key: str) -> list[dict[str, Any]]:
    value: Any = reply.get(key)
    if not isinstance(value, list):
        return []
    return [cast("dict[str, Any]", each) for each in cast("list[Any]", value) if isinstance(each, dict)]
