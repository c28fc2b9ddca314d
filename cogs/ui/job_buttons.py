"""The buttons under messages of jobs and turns. What each does is handled in `cogs.results` and `cogs.chat`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import discord

from bot.domain.jobs import JobKind, JobState
from cogs.ui.components import JOB_ID, TURN_ID, Button, button, job_button, stateless_view

if TYPE_CHECKING:
    from bot.domain.conversations import Message
    from bot.domain.jobs import Job
    from bot.settings.discord_section import Reactions

MOST_PICTURES: Final = 25
"""Buttons in one message."""

PICTURE_CHOICE: Final = rf"chorus:(?P<action>vary|upscale|wider|region|animate):{JOB_ID}:(?P<n>\d{{1,3}})"
SPEAK_TURN: Final = rf"chorus:speak:{TURN_ID}"
SHOW_ALTERNATIVE: Final = rf"chorus:alternative:{TURN_ID}:(?P<n>\d{{1,4}})"
_COUNTER: Final = 9999
"""The alternative in the custom id of the disabled counter: Discord refuses two components with the same custom id."""


def progress_view(job: Job) -> discord.ui.View:
    """While the job waits or runs."""
    return stateless_view(job_button("cancel", job.id, "Cancel", style=discord.ButtonStyle.danger))


@dataclass(frozen=True, slots=True)
class Offers:
    """What can be made of a result.

    Attributes:
        vary: From its picture or its prompt.
        upscale: The character has an `upscale` workflow.
        wider: The character has an `outpaint` workflow.
        region: The character has an `inpaint` workflow.
        animate: The character has a video workflow that begins with a picture.

    """

    vary: bool = True
    upscale: bool = False
    wider: bool = False
    region: bool = False
    animate: bool = False


def result_view(job: Job, reactions: Reactions, offers: Offers = Offers()) -> discord.ui.View | None:
    """Under a result or an error; None: no buttons.

    Args:
        job: As it ended.
        reactions: Again and Delete bear the emoji of the reactions that do the same.
        offers: What can be made of it.

    """
    again = job_button("again", job.id, "Again", emoji=reactions.regenerate)
    if job.state is JobState.FAILED:
        return stateless_view(job_button("details", job.id, "Details"), again)
    if job.state not in {JobState.GENERATED, JobState.DELIVERED}:
        return None
    info = job_button("info", job.id, "Info", emoji="ℹ️")  # noqa: RUF001 - the emoji is that character
    delete = job_button("delete", job.id, "Delete", emoji=reactions.delete)
    if job.request.kind is JobKind.AUDIO:
        return stateless_view(again, info, delete)
    vary = [job_button("vary", job.id, "Vary", emoji="🎲")] if offers.vary else []
    remix = job_button("remix", job.id, "Remix", emoji="✏️")
    configure = _configure(job)
    upscale = [job_button("upscale", job.id, "Upscale", emoji="🔍")] if offers.upscale else []
    wider = [job_button("wider", job.id, "Wider", emoji="↔️")] if offers.wider else []
    region = [job_button("region", job.id, "Region", emoji="🖌️")] if offers.region else []
    animate = [job_button("animate", job.id, "Animate", emoji="🎬")] if offers.animate else []
    return stateless_view(again, *vary, remix, configure, *upscale, *wider, *region, *animate, info, delete)


def picture_choice(job: Job, action: str, numbers: Sequence[int]) -> discord.ui.View:
    """Asks which of several pictures a button is about; `numbers` count artifacts from 0."""
    return stateless_view(*(button(f"chorus:{action}:{job.id}:{n}", str(n + 1)) for n in numbers[:MOST_PICTURES]))


def info_view(job: Job) -> discord.ui.View:
    """Under Info."""
    repeat = job_button("repeat", job.id, "Repeat exactly")
    return stateless_view(repeat) if job.request.kind is JobKind.AUDIO else stateless_view(repeat, _configure(job))


def _configure(job: Job) -> Button:
    return job_button("configure", job.id, "Configure", emoji="🎛️")


def repeat_choice(job: Job) -> discord.ui.View:
    """Where the workflow has changed since the job."""
    return stateless_view(
        job_button("repeat_then", job.id, "As it was then", style=discord.ButtonStyle.primary),
        job_button("repeat_now", job.id, "With the workflow of today"),
    )


def turn_view(turn: Message, reactions: Reactions, *, can_speak: bool = False) -> discord.ui.View | None:
    """`◀ 2 / 3 ▶` under a turn with more than one alternative, and Speak if its character has a voice.

    A turn with one answer has no buttons, so that a conversation looks like one.
    """
    numbers = [alternative.n for alternative in turn.alternatives]
    if len(numbers) < 2:
        return None
    place = numbers.index(turn.shown_alternative)
    last = len(numbers) - 1
    speak = [button(f"chorus:speak:{turn.id}", "Speak", emoji=reactions.speak)] if can_speak else []
    return stateless_view(
        _alternative(turn, numbers[max(place - 1, 0)], "◀", disabled=place == 0),
        _alternative(turn, _COUNTER, f"{place + 1} / {len(numbers)}", disabled=True),
        _alternative(turn, numbers[min(place + 1, last)], "▶", disabled=place == last),
        *speak,
    )


def _alternative(turn: Message, n: int, label: str, *, disabled: bool) -> Button:
    return button(f"chorus:alternative:{turn.id}:{n}", label, disabled=disabled)
