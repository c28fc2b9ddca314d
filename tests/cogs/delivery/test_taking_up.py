"""What an earlier life left is taken up before anybody can ask for more."""

from __future__ import annotations

import pytest

from bot.domain.jobs import Job
from tests.cogs.harness import Harness, Script


class Observed(Script):
    """Sees whether Discord could have sent a command while jobs were still being taken up."""

    def __init__(self, harness: Harness) -> None:
        super().__init__()
        self._stage = harness
        self.connected_early = False

    async def recover(self) -> list[Job]:
        try:
            await self._stage.discord.wait_until_bot_ready(timeout=0.5)
        except (TimeoutError, AssertionError):
            return await super().recover()
        self.connected_early = True
        return await super().recover()


async def test_no_command_can_come_before_old_jobs_are_taken_up(harness: Harness) -> None:
    harness.script = script = Observed(harness)
    async with harness.running():
        pass
    assert not script.connected_early


async def test_a_bot_that_cannot_take_up_old_jobs_still_serves(
    harness: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Script):
        async def recover(self) -> list[Job]:
            raise OSError("the database is gone")

    harness.script = Broken()
    async with harness.running():
        message = await harness.imagine()
        harness.script.finish(harness.script.only.id, harness.picture())
        await harness.shown(harness.script.only.id)
    assert len(message.attachments) == 1
    assert "could not be taken up" in caplog.text
