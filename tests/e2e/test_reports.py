"""Apps → Report: stored, told to the log channel, seen in `/admin`; by nobody elsewhere, and not twice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sandbox.discord import Message, SimulatedUser
from tests.e2e.admin_system import AdminSystem, open_admin_system, refusal


@pytest.fixture
async def admin(tmp_path: Path) -> AsyncIterator[AdminSystem]:
    async with open_admin_system(tmp_path) as made:
        yield made


async def reported(person: SimulatedUser, message: Message, reason: str) -> str:
    form = await person.context_menu(message, "Report")
    return (await person.submit_modal(form, {"reason": reason})).message.text()


async def test_a_report_reaches_who_manages_the_server(admin: AdminSystem) -> None:
    log_channel = admin.system.guild.add_channel("mod-log")
    async with admin.system.running():
        panel = await admin.panel("Log channel")
        await admin.owner.select(panel, "Log channel", log_channel)
        picture = await admin.system.result((await admin.draw(prompt="a secret thing")).message)
        await admin.system.until_delivered(1)
        assert "Thank you" in await reported(admin.other, picture, "It shows **my** face @everyone")
        told = await log_channel.wait_for_message(lambda message: "Report" in message.text())
        assert str(picture.id) in told.text()
        assert admin.other.mention in told.text()
        assert "secret" not in told.text(), "the log channel may be open to more people than the result"
        form = await admin.other.context_menu(picture, "Report")
        assert "already" in await refusal(await admin.other.submit_modal(form, {"reason": "again"}))
        assert "my" in (await admin.open(panel, "Reports")).text()
        own = await admin.member.send(admin.room, "hello")
        assert "INPUT_INVALID" in await refusal(await admin.other.context_menu(own, "Report"))
    rows = admin.system.rows("SELECT message_id, reporter_id FROM reports")
    assert rows == [(picture.id, admin.other.id)]
    assert len(log_channel.messages) == 1


async def test_without_a_log_channel_it_is_kept(admin: AdminSystem) -> None:
    async with admin.system.running():
        picture = await admin.system.result((await admin.draw()).message)
        await admin.system.until_delivered(1)
        assert "Thank you" in await reported(admin.other, picture, "")
        assert admin.other.mention in (await admin.panel("Reports")).text()
        # Another server sees nothing of it.
        theirs = (await admin.stranger.slash(admin.other_room, "admin")).message
        text = (await admin.stranger.select(theirs, "What to look at", "Reports")).message.text()
        assert "Nothing was reported" in text
