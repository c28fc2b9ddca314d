"""Notices what is installed on the ComfyUI servers, or is not any more: after a restart at once, else now and then."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Self

from bot.comfyui.client import ComfyClient
from bot.comfyui.exceptions import ComfyError

_log = logging.getLogger(__name__)

_INTERVAL_SECONDS = 30.0
"""Between two looks at the lists of model files, which cost a server some milliseconds."""


class InstallationWatch:
    """Keeps `/object_info` of every server known and new. Open it with `async with`.

    Args:
        clients: The ComfyUI servers.
        interval_seconds: How often their lists of model files are compared with the last ones.

    """

    def __init__(self, clients: Sequence[ComfyClient], *, interval_seconds: float = _INTERVAL_SECONDS) -> None:
        self._clients = tuple(clients)
        self._interval_seconds = interval_seconds
        self._known: dict[str, Mapping[str, Any]] = {}
        self._revision = 0
        self._changed = asyncio.Condition()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._tasks = [
            asyncio.create_task(self._watch(client), name=f"installation of {client.url}") for client in self._clients
        ]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def object_infos(self) -> dict[str, Mapping[str, Any]] | None:
        """The newest `/object_info` by base URL; None while one server was not reached since its last outage."""
        found = {client.url: client.cached_object_info for client in self._clients}
        known = {url: info for url, info in found.items() if info is not None}
        return known if len(known) == len(self._clients) else None

    async def wait_changed(self, since: int) -> int:
        """Wait until the number of changes is larger than `since`, and return it. The first look counts as one."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._revision > since)
            return self._revision

    async def _watch(self, client: ComfyClient) -> None:
        returned = asyncio.Event()
        client.observe_outage(returned.set)
        while True:
            returned.clear()
            if client.outage is None:
                try:
                    await self._look(client)
                except ComfyError as error:
                    _log.info("%s was not asked what it has installed: %s", client.url, error)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._interval_seconds):
                    await returned.wait()

    async def _look(self, client: ComfyClient) -> None:
        await client.refresh_object_info()
        info = await client.object_info()
        if self._known.get(client.url) is not info:
            self._known[client.url] = info
            async with self._changed:
                self._revision += 1
                self._changed.notify_all()
