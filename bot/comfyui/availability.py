"""Whether a ComfyUI server answers, and whether it may have restarted."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from enum import StrEnum


class Outage(StrEnum):
    """Why a server cannot be used. The value is the end of a sentence that begins with "ComfyUI"."""

    AWAY = "is away"
    SILENT = "does not answer"
    ACCESS_DENIED = "refuses the bot: its address wants a login"
    CERTIFICATE_INVALID = "has a certificate that is not trusted here"
    NOT_COMFYUI = "does not answer: its address belongs to something else"


class ServerAvailability:
    """Told of every answer and every outage by HTTP and by the WebSocket.

    Attributes:
        outages: How many outages have ended. Between an outage and the next answer the server may have restarted, so
            whatever was read from it (version, `/object_info`) is valid only for the number at which it was read.
        outage: Why the server cannot be used; None: it answered last.

    """

    def __init__(self) -> None:
        self.outages = 0
        self.outage: Outage | None = None
        self._away = False
        self._returned = asyncio.Event()
        self._observers: list[Callable[[], None]] = []

    def observe(self, observer: Callable[[], None]) -> None:
        """Call `observer` whenever `outage` changes. It must not raise or block."""
        self._observers.append(observer)

    def mark_answered(self) -> None:
        """The server answered a request, or sent the first frame of a WebSocket connection."""
        if self._away:
            self._away = False
            self.outages += 1
            self._returned.set()
        self._set(None)

    def mark_away(self, outage: Outage = Outage.AWAY) -> None:
        """No connection could be made, or the server closed the WebSocket."""
        self._away = True
        self._set(outage)

    def mark_unusable(self, outage: Outage) -> None:
        """Something accepts connections, but it is not a ComfyUI that can be used now."""
        self._set(outage)

    def _set(self, outage: Outage | None) -> None:
        changed, self.outage = outage != self.outage, outage
        if changed:
            for observer in self._observers:
                observer()

    async def wait_for_return(self, seconds: float) -> None:
        """Return at the end of an outage, at the latest after so many seconds."""
        self._returned.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._returned.wait()
