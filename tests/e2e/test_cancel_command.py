"""/cancel from end to end, and what /queue says about one's own jobs."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sandbox.discord import Message, SimulatedUser
from tests.e2e.drawing_system import DrawingSystem, open_drawing_system


def digest_of(message: Message) -> str:
    return message.text().split()[-1]


@asynccontextmanager
async def waiting_jobs(tmp_path: Path) -> AsyncGenerator[tuple[DrawingSystem, list[Message]]]:
    """The stranger's job runs; two of the requester's and one more of the stranger's wait."""
    async with (
        open_drawing_system(tmp_path) as made,
        made.system.running(),
        made.system.comfy.set_breakpoint("KSampler") as hold,
    ):
        messages = [await made.system.imagine(made.stranger)]
        await hold.reached.wait()
        messages += [await made.system.imagine(one) for one in (made.requester, made.requester, made.stranger)]
        yield made, messages
        hold.release()
        await made.system.until_rows("SELECT count(*) FROM jobs WHERE delivered_at IS NULL", (0,))


async def told(made: DrawingSystem, person: SimulatedUser, command: str, job: str | None = None) -> str:
    """What the command says to the person alone."""
    values: dict[str, Any] = {} if job is None else {"job": job}
    answer = await person.slash(made.room, command, **values)
    message = await answer.wait_for_message(lambda shown: shown.ephemeral and not shown.loading, timeout=60)
    return message.text()


async def test_the_queue_names_ones_own_jobs_and_cancel_ends_one(tmp_path: Path) -> None:
    async with waiting_jobs(tmp_path) as (made, messages):
        first, second = digest_of(messages[1]), digest_of(messages[2])
        queue = await told(made, made.requester, "queue")
        assert (first in queue, second in queue, digest_of(messages[3]) in queue) == (True, True, False)
        several = await told(made, made.requester, "cancel")
        assert "2 jobs of yours" in several
        assert await told(made, made.requester, "cancel", job=first) == "Cancelled."
        assert "already over" in await told(made, made.requester, "cancel", job=first)
        assert await told(made, made.requester, "cancel") == "Cancelled."
    assert [row[0] for row in made.jobs("state")] == ["delivered", "cancelled", "cancelled", "delivered"]


async def test_all_are_ones_own_and_moderators_may_end_any(tmp_path: Path) -> None:
    async with waiting_jobs(tmp_path) as (made, messages):
        refused = await told(made, made.stranger, "cancel", job=digest_of(messages[1]))
        assert "NOT_ALLOWED" in refused
        assert await told(made, made.requester, "cancel", job="all") == "Cancelled 2 jobs."
        assert "Nothing of yours" in await told(made, made.requester, "cancel", job="all")
        assert await told(made, made.moderator, "cancel", job=digest_of(messages[3])) == "Cancelled."
    assert [row[0] for row in made.jobs("state")] == ["delivered", "cancelled", "cancelled", "cancelled"]


async def test_all_stops_a_batch_as_a_whole(tmp_path: Path) -> None:
    async with waiting_jobs(tmp_path) as (made, _):
        await made.requester.slash(made.room, "imagine", prompt="a boat", count=4)
        await made.system.until_rows("SELECT count(*) FROM jobs", (8,))
        assert await told(made, made.requester, "cancel", job="all") == "Cancelled 6 jobs."
    assert [row[0] for row in made.jobs("state")][4:] == ["cancelled"] * 4
