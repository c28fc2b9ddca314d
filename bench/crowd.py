"""A crowd: 200 people in 20 channels with ten wishes each, and one ComfyUI that needs 50 ms for each."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from itertools import pairwise
from statistics import mean, median

from bench._house import Bot, System, open_system, picture, shows_result
from bench.report import Report
from bench.timing import Sample
from sandbox.discord import Limits, Message, SimulatedChannel, SimulatedUser

TITLE = "A crowd"
PEOPLE, CHANNELS, WISHES = 200, 20, 10
JOB_SECONDS = 0.05
MOST_MEMORY_MB = 500
_OPEN = "SELECT count(*) FROM jobs WHERE delivered_at IS NULL"
_ALL = "SELECT count(*) FROM jobs"


async def run(report: Report) -> None:
    """Everybody asks at once, and for the next picture as soon as the last was accepted."""
    async with open_system(
        {"default": picture(side=64, steps=1)},
        step_seconds=JOB_SECONDS,
        previews=False,
        limits=Limits(callback_seconds=60),
    ) as system:
        guild = system.discord.add_guild()
        rooms = [guild.add_channel(f"room{n}") for n in range(CHANNELS)]
        people = [guild.add_member(f"person{n}") for n in range(PEOPLE)]
        answers = Sample()
        async with system.bot() as bot:
            wishes = [_wishes(person, rooms[n % CHANNELS], answers) for n, person in enumerate(people)]
            messages = await asyncio.gather(*wishes)
            peak = await _until_delivered(system, bot)
        _measure(report, messages, answers, peak)


async def _wishes(person: SimulatedUser, room: SimulatedChannel, answers: Sample) -> list[Message]:
    messages: list[Message] = []
    for n in range(WISHES):
        with answers.timed():
            answer = await person.slash(room, "imagine", prompt=f"boat {n} of {person.name}")
        messages.append(answer.message)
    return messages


async def _until_delivered(system: System, bot: Bot) -> float:
    """Until every job is over and shown; the most memory on the way, in MB."""
    peak = 0.0
    path = system.folder / "data" / "chorus.db"

    def count(query: str) -> int:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=30)) as database:
            return int(database.execute(query).fetchone()[0])

    while await asyncio.to_thread(count, _OPEN) or await asyncio.to_thread(count, _ALL) < PEOPLE * WISHES:
        try:
            peak = max(peak, bot.resident_mb)
        except FileNotFoundError:  # this is no Linux
            peak = 0.0
        await asyncio.sleep(0.5)
    return peak


def _measure(report: Report, messages: list[list[Message]], answers: Sample, peak: float) -> None:
    every = [message for of_person in messages for message in of_person]
    lost = sum(not shows_result(message) for message in every)
    report.measured("pictures that were accepted and not shown", lost, "", at_most=0, note=f"of {len(every)}")
    report.measured("first answer, median", answers.median, "ms", note=answers.note)
    report.measured("first answer, p99", answers.p99, "ms", at_most=500)
    waits = [mean((message.edited or message.created) - message.created for message in each) for each in messages]
    report.measured(
        "the slowest person's mean wait, over the median person's", max(waits) / median(waits), "", at_most=1.5,
        note=f"median {median(waits):.0f} s",
    )  # fmt: skip
    ends = sorted(message.edited or message.created for message in every)
    report.measured("between two results, mean", 1000 * mean(b - a for a, b in pairwise(ends)), "ms")
    report.measured("memory with 2,000 jobs, at most", peak, "MB", at_most=MOST_MEMORY_MB)
