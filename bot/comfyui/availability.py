"""Whether a ComfyUI server answers, and whether it may have restarted."""

from __future__ import annotations

import asyncio
import contextlib


class ServerAvailability:
    """Told of every answer and every outage by HTTP and by the WebSocket.

    Attributes:
        outages: How many outages have ended. Between an outage and the next answer the server may have restarted, so
            whatever was read from it (version, `/object_info`) is valid only for the number at which it was read.

    """

    def __init__(self) -> None:
        self.outages = 0
        self._away = False
        self._returned = asyncio.Event()

    def mark_answered(self) -> None:
        """The server answered a request, or sent the first frame of a WebSocket connection."""
        if self._away:
            self._away = False
            self.outages += 1
            self._returned.set()

    def mark_away(self) -> None:
        """No connection could be made, or the server closed the WebSocket."""
        self._away = True

    async def wait_for_return(self, seconds: float) -> None:
        """Return at the end of an outage, at the latest after so many seconds."""
        self._returned.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._returned.wait()
