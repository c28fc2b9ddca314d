"""How soon work goes on after kill -9 with many accepted jobs."""

from __future__ import annotations

import time

from bench._house import System, open_system, picture
from bench.report import Report

TITLE = "Recovery after kill -9"
ACCEPTED = 100


async def run(report: Report) -> None:
    """Kill the bot while the first of many jobs runs, let that one end, start the bot again."""
    async with open_system({"default": picture()}, step_seconds=0.05) as system:
        await _accept_and_kill(system)
        system.comfy.log.entries.clear()
        started = time.monotonic()
        async with system.bot():
            posted = await system.comfy.log.wait_for("submitted", timeout=120)
            seconds = posted.time - started
        report.measured(
            f"process start to the first resumed POST /prompt, {ACCEPTED} accepted jobs", seconds, "s", at_most=3
        )


async def _accept_and_kill(system: System) -> None:
    guild = system.discord.add_guild()
    room = guild.add_channel("studio")
    people = [guild.add_member(f"person{n}") for n in range(20)]
    async with system.comfy.set_breakpoint("KSampler", times=1) as hold, system.bot() as bot:
        for n in range(ACCEPTED):
            await people[n % len(people)].slash(room, "imagine", prompt=f"boat {n}")
        await hold.reached.wait()
        bot.signal("SIGKILL")
        await bot.process.wait()
    await system.comfy.log.wait_for("ended", timeout=60)
