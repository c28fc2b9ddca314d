"""What is known of the servers' nodes and models when a request is accepted."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from bot.comfyui.client import ComfyClient
from bot.comfyui.exceptions import ComfyError
from bot.generation.installed_models import WHAT_IS_INSTALLED, InstalledModels

_log = logging.getLogger(__name__)

T = TypeVar("T")
_REFRESH_SECONDS = 1.0
"""How long somebody who is going to be refused waits for a look at what was installed since."""


class KnownInstallation:
    """The `/object_info` that requests are checked with.

    Args:
        clients: The ComfyUI servers.
        models: Which models they have.

    """

    def __init__(self, clients: Sequence[ComfyClient], models: InstalledModels) -> None:
        self._clients = tuple(clients)
        self._models = models

    @property
    def object_info(self) -> Mapping[str, Any] | None:
        """The body, if the server was asked; of several servers None, since they may have different nodes."""
        return self._clients[0].cached_object_info if len(self._clients) == 1 else None

    async def learned(self) -> Mapping[str, Any] | None:
        """As `object_info`, when everything is known that is needed to choose among the models."""
        info = self.object_info
        if info is not None:
            await self._models.learn(self._clients[0], info)
        return info

    async def accept(self, accept: Callable[[Mapping[str, Any] | None], Awaitable[T]]) -> T:
        """Call `accept` with what ComfyUI has, and again if what was missing was installed meanwhile."""
        try:
            return await accept(await self.learned())
        except WHAT_IS_INSTALLED:
            if not await self._refresh():
                raise
            return await accept(await self.learned())

    async def _refresh(self) -> bool:
        """Whether something was installed or removed since ComfyUI was asked; False too where that is not known."""
        if self.object_info is None:
            return False
        try:
            async with asyncio.timeout(_REFRESH_SECONDS):
                return await self._clients[0].refresh_object_info()
        except (ComfyError, TimeoutError) as error:
            _log.info("ComfyUI was not asked again what it has: %s", error or "it takes too long")
            return False
