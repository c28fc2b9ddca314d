"""How long ComfyUI waits between two jobs of a full queue, by its own log, beside clients that poll."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import aiohttp

from bench._house import System, open_system, picture, shows_result
from bench.report import Report
from bench.timing import quantile

TITLE = "Idle time of ComfyUI between two jobs (its execution_success to the next execution_start)"
JOBS = 40
POLLED = 6


async def run(report: Report) -> None:
    """The bot, then a client that polls every second, then every two, all on the same server."""
    async with open_system({"default": picture()}, step_seconds=0.05) as system:
        ours = await _bot(system)
        report.measured("this bot, median", quantile(ours, 0.5), "ms", at_most=10, note=f"{len(ours)} gaps")
        report.measured("this bot, p99", quantile(ours, 0.99), "ms")
        for seconds in (1.0, 2.0):
            polled = await _poller(system, seconds)
            median = quantile(polled, 0.5)
            report.measured(f"polling every {seconds:g} s, median", median, "ms", note=f"{len(polled)} gaps")
            report.measured(f"polling every {seconds:g} s, beside this bot", median / quantile(ours, 0.5), "x")


async def _bot(system: System) -> list[float]:
    guild = system.discord.add_guild()
    room, ada = guild.add_channel("studio"), guild.add_member("ada")
    async with system.bot():
        with_hold = system.comfy.set_breakpoint("KSampler")
        async with with_hold:
            answers = [await ada.slash(room, "imagine", prompt=f"boat {n}") for n in range(JOBS)]
        for answer in answers:
            await room.wait_for_edit(answer.message, shows_result, timeout=120)
        gaps = system.comfy.log.idle_gaps()
    system.comfy.log.entries.clear()
    return [gap * 1000 for gap in gaps]


async def _poller(system: System, seconds: float) -> list[float]:
    """What most clients do: submit, ask the history every so often, fetch, submit the next."""
    async with aiohttp.ClientSession(system.comfy.url) as session:
        for n in range(POLLED):
            graph = _filled(picture(), n + int(seconds) * 1000)
            async with session.post("/prompt", json={"prompt": graph}) as reply:
                prompt_id = str((await reply.json())["prompt_id"])
            for _ in itertools.count():
                await asyncio.sleep(seconds)
                async with session.get(f"/history/{prompt_id}") as reply:
                    if await reply.json():
                        break
    gaps = system.comfy.log.idle_gaps()
    system.comfy.log.entries.clear()
    return [gap * 1000 for gap in gaps]


def _filled(graph: dict[str, Any], seed: int) -> dict[str, Any]:
    graph["2"]["inputs"]["text"], graph["3"]["inputs"]["text"] = f"boat {seed}", ""
    graph["5"]["inputs"]["seed"] = seed
    return graph
