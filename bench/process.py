"""The process: from its start to the login, and its memory after many jobs."""

from __future__ import annotations

import asyncio

from bench._house import Bot, System, open_system, picture, shows_result
from bench.report import Report
from bench.timing import Sample
from sandbox.discord import SimulatedChannel, SimulatedUser

TITLE = "The process"
STARTS = 3
FIRST, ALL, AT_ONCE = 100, 1000, 10
GROWTH_PERCENT = 10.0


async def run(report: Report) -> None:
    """Starts, then one long life."""
    async with open_system({"default": picture(side=64, steps=1)}, previews=False) as system:
        await _starts(system, report)
        await _memory(system, report)


async def _starts(system: System, report: Report) -> None:
    login = Sample()
    for _ in range(STARTS):
        logging_in = asyncio.create_task(_timed(system, login))
        async with system.bot():
            await logging_in
        await system.discord.wait_until_bot_disconnected()
    report.measured("process start to login, median", login.median, "ms", note=login.note)


async def _timed(system: System, sample: Sample) -> None:
    with sample.timed():
        await system.discord.wait_until_bot_ready(timeout=60)


async def _memory(system: System, report: Report) -> None:
    guild = system.discord.add_guild()
    room = guild.add_channel("studio")
    people = [guild.add_member(f"person{n}") for n in range(10)]
    async with system.bot() as bot:
        try:
            idle = bot.resident_mb
        except FileNotFoundError:
            report.measured("memory: not measured, this system has no /proc", 0, "")
            return
        report.measured("memory of the idle bot", idle, "MB")
        first = await _drawn(bot, room, people, FIRST)
        report.measured(f"memory after {FIRST} jobs", first, "MB")
        last = await _drawn(bot, room, people, ALL - FIRST)
        report.measured(f"memory after {ALL} jobs", last, "MB")
        growth = 100 * (last - first) / first
        report.measured(f"growth from {FIRST} to {ALL} jobs", growth, "%", at_most=GROWTH_PERCENT)


async def _drawn(bot: Bot, room: SimulatedChannel, people: list[SimulatedUser], jobs: int) -> float:
    """So many jobs, some at once; the memory then."""
    for batch in range(0, jobs, AT_ONCE):
        wishes = [
            people[n % len(people)].slash(room, "imagine", prompt=f"boat {batch + n}")
            for n in range(min(AT_ONCE, jobs - batch))
        ]
        for answer in await asyncio.gather(*wishes):
            await room.wait_for_edit(answer.message, shows_result, timeout=120)
    return bot.resident_mb
