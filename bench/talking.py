"""From words in a channel to the first visible character, and fifty characters speaking at once."""

from __future__ import annotations

import asyncio
from itertools import pairwise

from bench._house import System, open_system
from bench.report import Report
from bench.timing import Sample, quantile
from sandbox.discord import LocalDiscord, Message, SimulatedChannel, SimulatedUser

TITLE = "Talking"
TURNS = 30
CHANNELS = 50
WORDS = 150
TOKEN_SECONDS = 0.08
EDIT_SECONDS = 1.2
"""The default of `conversation.edit_interval_seconds`."""


async def run(report: Report) -> None:
    """One after the other in one channel, then all at once in fifty."""
    async with open_system({}, token_seconds=0.01) as system:
        await _first_characters(system, report)
    async with open_system({}, token_seconds=TOKEN_SECONDS) as system:
        await _many(system, report)


async def _first_characters(system: System, report: Report) -> None:
    guild = system.discord.add_guild()
    guild.add_bot_permissions("manage_webhooks")
    room, ada = guild.add_channel("studio"), guild.add_member("ada", permissions=["manage_channels"])
    seen = Sample()
    async with system.bot():
        await ada.slash(room, "character use", name="nova")
        await _answer(system, room, ada, "hello")  # makes the webhook
        for n in range(TURNS):
            said, turn = await _answer(system, room, ada, f"tell me about boat {n}")
            seen.values.append((turn.created - said.created) * 1000)
    report.measured(
        "message to first visible character, the model's own 10 ms included, median", seen.median, "ms",
        at_most=300, note=seen.note,
    )  # fmt: skip
    report.measured("message to first visible character, p99", seen.p99, "ms")


async def _answer(system: System, room: SimulatedChannel, person: SimulatedUser, text: str) -> tuple[Message, Message]:
    answered = len(system.llm.requests)
    said = await person.send(room, text)
    turn = await room.wait_for_message(
        lambda shown: shown.webhook_id is not None and shown.content, timeout=60, after=said
    )
    await system.llm.wait_for_end(await system.llm.wait_for_requests(answered + 1))
    return said, turn


async def _many(system: System, report: Report) -> None:
    guild = system.discord.add_guild()
    guild.add_bot_permissions("manage_webhooks")
    ada = guild.add_member("ada", permissions=["manage_channels"])
    rooms = [guild.add_channel(f"studio-{n}") for n in range(CHANNELS)]
    async with system.bot() as bot:
        for room in rooms:
            await ada.slash(room, "character use", name="nova")
        last = " ".join(f"word{n}" for n in range(WORDS))
        system.llm.script(*[last for _ in rooms])
        said = [await ada.send(room, "tell me everything") for room in rooms]
        turns = await asyncio.gather(*[_finished(room, after, last) for room, after in zip(rooms, said, strict=True)])
    gaps = [gap for turn in turns for gap in _edit_gaps(system.discord, turn)]
    edits = len(gaps) + len(turns)
    report.measured(
        f"{CHANNELS} channels streaming at once: event-loop stall p99.9 above control", bot.stalls.p999_above_control,
        "ms", at_most=20, note=bot.stalls.note,
    )  # fmt: skip
    early = sum(gap < EDIT_SECONDS * 0.98 for gap in gaps)
    note = f"{edits} edits, {len(gaps)} gaps, shortest {min(gaps):.2f} s, median {quantile(gaps, 0.5):.2f} s"
    report.measured(f"edits sooner than {EDIT_SECONDS} s after the last", early, "edits", at_most=0, note=note)
    limited = sum(entry.status == 429 for entry in system.discord.requests)
    report.measured("requests over a rate limit", limited, "requests", at_most=0)


async def _finished(room: SimulatedChannel, after: Message, text: str) -> Message:
    return await room.wait_for_message(lambda shown: shown.content == text, timeout=120, after=after)


def _edit_gaps(discord: LocalDiscord, turn: Message) -> list[float]:
    edits = discord.requests_to("PATCH", f"/webhooks/*/*/messages/{turn.id}")
    return [after.received_at - before.received_at for before, after in pairwise(edits)]
