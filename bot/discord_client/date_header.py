"""Reads Discord's time from the answers of its REST API."""

from __future__ import annotations

from types import SimpleNamespace

import aiohttp
from discord.http import Route

from bot.service_clock import ServiceClock


def observing_dates(clock: ServiceClock) -> aiohttp.TraceConfig:
    """For discord.py's `http_trace`: the clock is told the `Date` of each answer of the API, not of the CDN's cache."""
    trace = aiohttp.TraceConfig()

    async def observe(
        _session: aiohttp.ClientSession, _context: SimpleNamespace, end: aiohttp.TraceRequestEndParams
    ) -> None:
        date = end.response.headers.get("Date")
        if date is not None and str(end.url).startswith(Route.BASE):
            clock.observe(date)

    trace.on_request_end.append(observe)
    return trace
