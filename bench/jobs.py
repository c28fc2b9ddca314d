"""What the bot adds to a job, and how fast it answers while many wait."""

from __future__ import annotations

from bench._house import House, built, picture, shows_result
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
    async with built({"default": picture(steps=20)}, step_seconds=0.1) as house:
        await _added(house, report)
    async with built({"default": picture()}, step_seconds=0.05) as house:
        await _answers(house, report)


async def _added(house: House, report: Report) -> None:
    guild = house.discord.add_guild()
    room, ada = guild.add_channel("studio"), guild.add_member("ada")
    added = Sample()
    async with house.bot():
        await _one(house, room, ada, Sample())  # the bot then knows how long these take
        for _ in range(MEASURED):
            await _one(house, room, ada, added)
    report.measured(
        "added to a job, command to upload, execution excluded", added.median, "ms", at_most=100, note=added.note
    )


async def _one(house: House, room: SimulatedChannel, ada: SimulatedUser, added: Sample) -> None:
    house.comfy.log.entries.clear()
    answer = await ada.slash(room, "imagine", prompt="a boat")
    message = await room.wait_for_edit(answer.message, shows_result, timeout=60)
    (started,), (ended,) = house.comfy.log.find("execution_start"), house.comfy.log.find("execution_success")
    whole = _uploaded_at(house, message) - answer.interaction.created
    added.values.append((whole - (ended.time - started.time)) * 1000)


def _uploaded_at(house: House, message: Message) -> float:
    """When the request that brought the result arrived."""
    edits = house.discord.requests_to("PATCH", f"/channels/*/messages/{message.id}")
    return [edit.received_at for edit in edits if edit.parts][-1]


async def _answers(house: House, report: Report) -> None:
    guild = house.discord.add_guild()
    room = guild.add_channel("studio")
    people = [guild.add_member(f"person{n}") for n in range(20)]
    answered = Sample()
    async with house.bot() as bot, house.comfy.set_breakpoint("KSampler") as hold:
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
