"""What people do meanwhile, and what they were promised."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field

from bench._house import System, shows_result
from bot.errors import ERRORS_BY_CODE
from sandbox.discord import Message, SimulatedInteraction, SimulatedUser
from sandbox.discord.command_options import NotOfferedError
from sandbox.discord.simulated_account import NotAllowedError
from sandbox.discord.simulated_interaction import NoResponseError
from soak.plan import Planned

PEOPLE = 6
EVERYTHING = ["view_channel", "send_messages", "manage_channels", "manage_guild", "manage_messages"]


@dataclass
class People:
    """Six people in two channels, one of which Nova has.

    Attributes:
        system: The stand-ins.
        accepted: Public answers to what asked for a job: each is a promise.
        refused: The codes of errors that only they saw, and how often.
        unanswered: How many interactions the bot did not answer in time ("The application did not respond").
        said: What was said to Nova.

    """

    system: System
    accepted: list[Message] = field(default_factory=list[Message])
    refused: Counter[str] = field(default_factory=Counter[str])
    unanswered: int = 0
    said: int = 0

    def __post_init__(self) -> None:
        guild = self.system.discord.add_guild("Harbour")
        guild.add_bot_permissions("manage_webhooks")
        self.studio, self.parlour = guild.add_channel("studio"), guild.add_channel("parlour")
        self._people = [guild.add_member(f"person{n}") for n in range(PEOPLE)]
        self._owner = guild.add_member("owner", permissions=EVERYTHING)

    async def move_in(self) -> None:
        """Give Nova her channel."""
        await self._owner.slash(self.parlour, "character use", name="nova")

    async def do(self, deed: Planned) -> None:
        """One deed, as the plan says."""
        person = self._people[int(deed.choice * 1e6) % PEOPLE]
        try:
            await self._do(deed, person)
        except (NotOfferedError, NotAllowedError):  # the bot has just registered its commands anew, or a button is gone
            self.unanswered += 1

    async def _do(self, deed: Planned, person: SimulatedUser) -> None:
        words = f"boat {deed.at:.3f}"
        match deed.name:
            case "say":
                self.said += 1
                await person.send(self.parlour, f"question {deed.at:.3f}")
            case "imagine":
                self._count(await person.slash(self.studio, "imagine", prompt=words))
            case "batch":
                self._count(await person.slash(self.studio, "imagine", prompt=words, count=3))
            case "film":
                self._count(await person.slash(self.studio, "animate", prompt=words))
            case "queue":
                await person.slash(self.studio, "queue")
            case "again":
                shown = [message for message in self.accepted if shows_result(message) and not message.deleted]
                if shown:
                    self._count(await person.press(shown[int(deed.choice * len(shown))], "Again"))
            case _:
                waiting = [message for message in self.accepted if "Cancel" in labels(message)]
                if waiting:
                    await person.press(waiting[int(deed.choice * len(waiting))], "Cancel")

    def _count(self, answer: SimulatedInteraction) -> None:
        try:
            message = answer.message
        except NoResponseError:
            # As a person sees it, this has failed: an answer that is still on its way comes too late.
            self.unanswered += 1
            return
        if message.ephemeral:
            self.refused[next((code for code in ERRORS_BY_CODE if code in message.text()), "another answer")] += 1
        else:
            self.accepted.append(message)

    async def until(self, deeds: list[Planned], started: float) -> None:
        """Do everything at its time, whatever the bot does; returns when all were answered or given up."""
        doing: set[asyncio.Task[None]] = set()
        loop = asyncio.get_running_loop()
        for deed in deeds:
            await asyncio.sleep(max(0.0, started + deed.at - loop.time()))
            task = asyncio.create_task(self.do(deed), name=f"deed {deed.name}")
            doing.add(task)
        await asyncio.gather(*doing)


def labels(message: Message) -> list[str]:
    """The buttons under a message."""
    return [str(entry.get("label")) for entry in message.flat_components() if entry.get("type") == 2]
