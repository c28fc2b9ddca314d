"""What the bot adds to a job, and how fast it answers while many wait."""

from __future__ import annotations

from bench._house import System, open_system, picture, shows_result
from bench.report import Report
from bench.timing import Sample
from sandbox.discord import Message, SimulatedChannel, SimulatedUser

TITLE = "Jobs through the bot"
MEASURED = 15
WAITING = 200
ANSWERS = 100


async def run(report: Report) -> None:
    """One job after the other, then a full queue."""
    # Long enough that "at most one edit per 1.5 s" does not hold the result back.
    async with open_system({"default": picture(steps=20)}, step_seconds=0.1) as system:
        await _added(system, report)
    async with open_system({"default": picture()}, step_seconds=0.05) as system:
        await _answers(system, report)


async def _added(system: System, report: Report) -> None:
    guild = system.discord.add_guild()
    room, ada = guild.add_channel("studio"), guild.add_member("ada")
    added = Sample()
    async with system.bot():
        await _one(system, room, ada, Sample())  # the bot then knows how long these take
        for _ in range(MEASURED):
            await _one(system, room, ada, added)
    report.measured(
        "added to a job, command to upload, execution excluded", added.median, "ms", at_most=100, note=added.note
    )


async def _one(system: System, room: SimulatedChannel, ada: SimulatedUser, added: Sample) -> None:
    system.comfy.log.entries.clear()
    answer = await ada.slash(room, "imagine", prompt="a boat")
    message = await room.wait_for_edit(answer.message, shows_result, timeout=60)
    (started,), (ended,) = system.comfy.log.find("execution_start"), system.comfy.log.find("execution_success")
    whole = _uploaded_at(system, message) - answer.interaction.created
    added.values.append((whole - (ended.time - started.time)) * 1000)


def _uploaded_at(system: System, message: Message) -> float:
    """When the request that brought the result arrived."""
    edits = system.discord.requests_to("PATCH", f"/channels/*/messages/{message.id}")
    return [edit.received_at for edit in edits if edit.parts][-1]


async def _answers(system: System, report: Report) -> None:
    guild = system.discord.add_guild()
    room = guild.add_channel("studio")
    people = [guild.add_member(f"person{n}") for n in range(20)]
    answered = Sample()
    async with system.bot() as bot, system.comfy.set_breakpoint("KSampler") as hold:
        for n in range(WAITING + 1):
            await people[n % 20].slash(room, "imagine", prompt=f"boat {n}")
        await hold.reached.wait()
        for n in range(ANSWERS):
            answer = people[n % 20].slash(room, "imagine", prompt=f"another {n}")
            with answered.timed():
                await answer
    report.measured(
        f"first answer to /imagine with {WAITING} waiting, p99", answered.p99, "ms", at_most=250, note=answered.note
    )
    report.measured("the bot's event loop meanwhile", bot.stalls.p999_above_control, "ms", note=bot.stalls.note)
