"""Notices that a ComfyUI server does not answer while there are jobs, and has everybody told who watches one."""

from __future__ import annotations

import asyncio

from bot.comfyui.client import ComfyClient
from bot.generation.job_registry import JobRegistry

_INTERVAL_SECONDS = 2.0
"""Between two questions to a server. With the wait for an answer, an outage is noticed after at most 4.5 seconds."""
_ANSWER_SECONDS = 2.5
"""A ComfyUI answers in milliseconds, also while it samples; one that takes longer is said not to answer."""
_GRACE_SECONDS = 0.5
"""A WebSocket that is connected again within this time is not worth a word."""


class ServerWatch:
    """Watches one server as long as a job is active, and one that is away until it is back.

    A closed WebSocket or a refused connection is noticed at once (`ComfyClient.observe_outage`). A server that accepts
    connections and says nothing is noticed by asking it every `_INTERVAL_SECONDS` in which its WebSocket is silent.
    """

    def __init__(self, client: ComfyClient, registry: JobRegistry) -> None:
        self._client = client
        self._registry = registry
        self._changed = asyncio.Event()
        client.observe_outage(self._changed.set)
        registry.on_change(self._changed.set)

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            self._changed.clear()
            if not self._wanted:
                await self._changed.wait()
                continue
            if self._client.outage is not None or self._is_away or not self._heard_lately():
                await self._ask()
            await self._pause()

    @property
    def _is_away(self) -> bool:
        return self._client.url in self._registry.away_servers

    @property
    def _wanted(self) -> bool:
        return bool(self._registry.active) or self._is_away

    async def _ask(self) -> None:
        was_away = self._is_away
        answers = await self._client.answers_within(_ANSWER_SECONDS)
        if not answers and not was_away:
            await asyncio.sleep(_GRACE_SECONDS)
            answers = self._client.outage is None or await self._client.answers_within(_GRACE_SECONDS)
        if answers is was_away:
            self._registry.mark_away(self._client, away=not answers)

    async def _pause(self) -> None:
        """Until the next question is due, or the client noticed an outage or its end."""
        before = self._client.outage
        try:
            async with asyncio.timeout(_INTERVAL_SECONDS):
                while self._client.outage is before and self._wanted:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return

    def _heard_lately(self) -> bool:
        silence = self._client.seconds_since_last_frame
        return silence is not None and silence < _INTERVAL_SECONDS
