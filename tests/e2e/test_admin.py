"""`/admin`: features open to some people and places, blocked people, the record of changes; also after a restart."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.discord import Message, SimulatedInteraction, SimulatedUser, interactions
from tests.e2e.admin_system import AdminSystem, accepted, open_admin_system, refusal


@pytest.fixture
async def admin(tmp_path: Path) -> AsyncIterator[AdminSystem]:
    async with open_admin_system(tmp_path) as made:
        yield made


async def test_roles_people_and_channels_of_a_feature(admin: AdminSystem) -> None:
    painters = admin.system.guild.add_role("painters", to=[admin.other])
    atelier = admin.system.guild.add_channel("atelier")
    async with admin.system.running():
        panel = await admin.panel("Pictures")
        await admin.owner.select(panel, "Roles", painters)
        told = await refusal(await admin.draw())
        assert "NOT_ALLOWED" in told
        assert f"<@&{painters.id}>" in told
        assert "Rule: Pictures" in told
        assert accepted(await admin.draw(admin.other))
        assert accepted(await admin.draw(admin.owner)), "who manages the server could change the rule"
        # People besides the role.
        panel = (await admin.owner.select(panel, "People", admin.member)).message
        assert accepted(await admin.draw())
        # Only in a channel and its threads.
        await admin.owner.select(panel, "Channels", atelier)
        assert f"<#{atelier.id}>" in await refusal(await admin.draw())
        assert accepted(await admin.draw(room=atelier))
        assert accepted(await admin.draw(room=await admin.member.create_thread(atelier, "aside")))
        await admin.system.until_delivered(5)


async def test_a_feature_that_is_switched_off_is_off_for_everybody(admin: AdminSystem) -> None:
    async with admin.system.running():
        panel = await admin.panel("Pictures")
        panel = (await admin.owner.press(panel, "Switch off")).message
        for person in (admin.member, admin.owner):
            assert "switched off" in await refusal(await admin.draw(person))
        elsewhere = await admin.draw(admin.stranger, admin.other_room)
        assert accepted(elsewhere), "the rules of a server hold in it alone"
        await admin.owner.press(panel, "Switch on")
        assert accepted(await admin.draw())
        await admin.system.until_delivered(2)


async def test_batches_can_be_kept_from_people_who_may_draw(admin: AdminSystem) -> None:
    async with admin.system.running():
        await admin.owner.press(await admin.panel("Batches"), "Switch off")
        assert "Batches" in await refusal(await admin.draw(count=2))
        assert accepted(await admin.draw())
        await admin.system.until_delivered(1)


async def test_blocked_people_are_not_served_and_can_be_let_in_again(admin: AdminSystem) -> None:
    async with admin.system.running():
        shown = await admin.draw()
        await admin.system.until_delivered(1)
        panel = (
            await admin.owner.select(await admin.panel("Blocked people"), "Block, or let in again", admin.member)
        ).message
        assert admin.member.mention in panel.text()
        assert "blocked" in await refusal(await admin.draw())
        assert "blocked" in await refusal(await admin.member.slash(admin.room, "gallery"))
        assert "blocked" in await refusal(await admin.member.press(shown.message, "Again"))
        assert accepted(await admin.draw(admin.other))
        await admin.system.until_delivered(2)
        await admin.owner.select(panel, "Block, or let in again", admin.member)
        assert accepted(await admin.draw())
        await admin.system.until_delivered(3)


async def test_nobody_blocks_themselves(admin: AdminSystem) -> None:
    async with admin.system.running():
        answer = await admin.owner.select(await admin.panel("Blocked people"), "Block, or let in again", admin.owner)
        assert "INPUT_INVALID" in await refusal(answer)


async def forged(
    admin: AdminSystem, person: SimulatedUser, message: Message, custom_id: str, *values: str
) -> SimulatedInteraction:
    """A press of something that the person was never shown, as altered clients can."""
    context = admin.system.discord.context
    data: dict[str, Any] = {"custom_id": custom_id, "component_type": 6 if values else 2}
    if values:
        data["values"] = list(values)
    kind = interactions.COMPONENT
    started = interactions.start(context, person.user, message.channel, kind, data, source=message)
    answer = SimulatedInteraction(context, started)
    await answer.wait_settled()
    return answer


async def test_members_and_strangers_see_and_change_nothing(admin: AdminSystem) -> None:
    async with admin.system.running():
        own = await admin.member.send(admin.room, "hello")
        theirs = (await admin.stranger.slash(admin.other_room, "admin")).message
        for custom_id in ("chorus:admin:switch:draw", "chorus:admin:page"):
            assert "Manage Server" in await refusal(await forged(admin, admin.member, own, custom_id))
        ids = ("chorus:admin:roles:draw", "chorus:admin:block", "chorus:admin:log")
        for custom_id in ids:
            answer = await forged(admin, admin.member, own, custom_id, str(admin.other.id))
            assert "Manage Server" in await refusal(answer)
        # A manager of another server changes that server alone.
        await forged(admin, admin.stranger, theirs, "chorus:admin:switch:draw")
        assert accepted(await admin.draw())
        await admin.system.until_delivered(1)
        rows = admin.system.rows("SELECT guild_id, key FROM setting_changes")
        assert rows == [(admin.other_room.channel.guild.id, "access:draw")]  # pyright: ignore[reportOptionalMemberAccess]
        hostile = await forged(admin, admin.owner, own, "chorus:admin:roles:draw", "1; DROP TABLE jobs")
        assert "INPUT_INVALID" in await refusal(hostile)


async def test_every_change_is_recorded_and_shown_and_survives_a_restart(admin: AdminSystem) -> None:
    painters = admin.system.guild.add_role("painters")
    async with admin.system.running():
        panel = await admin.panel("Films")
        await admin.owner.select(panel, "Roles", painters)
        await admin.owner.press(panel, "Switch off")
        await admin.owner.select(await admin.open(panel, "Log channel"), "Log channel", admin.room)
    rows = admin.system.rows('SELECT key, "before", "after", changed_by FROM setting_changes ORDER BY id')
    of_role = f'"role_ids": [{painters.id}]'
    assert rows == [
        ("access:film", "null", f"{{{of_role}}}", admin.owner.id),
        ("access:film", f"{{{of_role}}}", f'{{"enabled": false, {of_role}}}', admin.owner.id),
        ("log_channel_id", "null", admin.room.id, admin.owner.id),
    ]  # fmt: skip
    async with admin.system.running():
        # The old panel goes on.
        text = (await admin.open(panel, "Last changes")).text()
        assert text.count(admin.owner.mention) == 3
        assert f"none → {admin.room.mention}" in text
        overview = (await admin.open(panel, "Overview")).text()
        assert "**Films**: switched off" in overview
        assert f"Log channel: {admin.room.mention}" in overview


async def test_roles_may_be_given_what_needs_manage_server(admin: AdminSystem) -> None:
    curators = admin.system.guild.add_role("curators", to=[admin.member])
    async with admin.system.running():
        assert "NOT_ALLOWED" in await refusal(await admin.member.slash(admin.room, "workflow default", name="default"))
        await admin.owner.select(await admin.panel("Workflows of the server"), "Roles", curators)
        assert "NOT_ALLOWED" not in await refusal(
            await admin.member.slash(admin.room, "workflow default", name="default")
        )
        assert "NOT_ALLOWED" in await refusal(await admin.other.slash(admin.room, "workflow default", name="default"))


@pytest.mark.setting("access.disabled", "access.roles", "access.users", "access.channels", "access.blocked_users")
async def test_the_owner_s_rules_hold_in_every_server(tmp_path: Path) -> None:
    async with open_admin_system(tmp_path) as admin:
        painters = admin.system.guild.add_role("painters", to=[admin.other])
        config = admin.system.config
        before = config.read_text()

        async def drawn(access: str, person: SimulatedUser, **values: Any) -> str:
            config.write_text(f"{before}\naccess: {access}\n")
            async with admin.system.running():
                answer = await admin.draw(person, **values)
                return "" if accepted(answer) else await refusal(answer)

        assert "owner of this bot has switched off" in await drawn("{disabled: [draw]}", admin.owner)
        of_role = f"{{roles: {{draw: [{painters.id}]}}}}"
        assert f"<@&{painters.id}>" in await drawn(of_role, admin.owner), "Manage Server does not go before the owner"
        assert await drawn(of_role, admin.other) == ""
        assert await drawn(f"{{users: {{draw: [{admin.member.id}]}}}}", admin.member) == ""
        assert "some people only" in await drawn(f"{{users: {{draw: [{admin.member.id}]}}}}", admin.other)
        assert "some channels only" in await drawn(f"{{channels: {{draw: [{admin.other_room.id}]}}}}", admin.member)
        assert await drawn(f"{{channels: {{draw: [{admin.room.id}]}}}}", admin.member) == ""
        assert "owner of this bot has blocked you" in await drawn(
            f"{{blocked_users: [{admin.member.id}]}}", admin.member
        )
        assert await drawn(f"{{blocked_users: [{admin.member.id}]}}", admin.other) == ""
