"""The client itself: what it serves, what it tells Discord, what does not end it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import discord
import pytest
from discord.ext import commands

from bot.domain.job_updates import Progress
from bot.policy import Policy
from tests.cogs.harness import Harness, open_harness

SYNCS = ("PUT", "/applications/*/commands")
GUILD_SYNCS = ("PUT", "/applications/*/guilds/*/commands")


async def test_commands_are_sent_once_and_again_when_they_change(harness: Harness) -> None:
    async with harness.running():
        assert {command.name for command in harness.discord.commands} >= {"imagine", "queue"}
    async with harness.running():
        assert len(harness.discord.requests_to(*SYNCS)) == 1
    async with harness.running() as bot:
        bot.tree.add_command(a_command())
        from bot.discord_client.command_sync import CommandSync  # noqa: PLC0415

        await CommandSync(bot, bot.services.settings).run()
    assert len(harness.discord.requests_to(*SYNCS)) == 2


def a_command() -> Any:
    @discord.app_commands.command(name="another", description="One more")
    async def another(interaction: discord.Interaction[discord.Client]) -> None:
        await interaction.response.send_message("hello")

    return cast("Any", another)


@pytest.mark.setting("discord.guild_ids")
async def test_named_guilds_get_their_own_commands_and_others_are_not_served(tmp_path: Path) -> None:
    async with open_harness(tmp_path) as harness:
        elsewhere = harness.discord.add_guild("Elsewhere")
        settings = harness.settings
        chosen = settings.discord.model_copy(update={"guild_ids": (harness.guild.id,)})
        harness.settings = settings.model_copy(update={"discord": chosen})
        async with harness.running():
            (sync,) = harness.discord.requests_to(*GUILD_SYNCS)
            assert f"/guilds/{harness.guild.id}/" in sync.path
            assert harness.discord.requests_to(*SYNCS) == []
            assert {command.guild_id for command in harness.discord.commands} == {harness.guild.id}
            assert elsewhere.id not in {command.guild_id for command in harness.discord.commands}


async def test_when_guild_ids_change_nobody_is_offered_a_command_twice(harness: Harness) -> None:
    everywhere = harness.settings
    named = everywhere.discord.model_copy(update={"guild_ids": (harness.guild.id,)})
    for settings, place in (
        (everywhere, None),
        (everywhere.model_copy(update={"discord": named}), harness.guild.id),
        (everywhere, None),
    ):
        harness.settings = settings
        async with harness.running():
            assert {command.guild_id for command in harness.discord.commands} == {place}


async def test_in_a_server_that_is_not_served_a_command_is_told_so(harness: Harness) -> None:
    async with harness.running() as bot:
        object.__setattr__(bot.services, "policy", Policy(guild_ids=(1,)))
        answer = await harness.ada.slash(harness.room, "imagine", prompt="x")
    assert answer.message.ephemeral
    assert "do not serve this server" in answer.message.text()
    assert harness.script.jobs == {}


@pytest.mark.parametrize("allowed", [True, False])
async def test_direct_messages_are_for_those_who_allow_them(tmp_path: Path, allowed: bool) -> None:
    async with open_harness(tmp_path, allow_dms=allowed) as harness, harness.running():
        (sync,) = harness.discord.requests_to(*SYNCS)
        contexts = {tuple(command["contexts"]) for command in sync.body or [] if isinstance(command, dict)}
        assert contexts == {(0, 1) if allowed else (0,)}
        if allowed:
            room = harness.ada.dm_channel
            message = await harness.imagine(room=room)
            harness.script.finish(harness.script.only.id, harness.picture())
            await harness.shown(harness.script.only.id)
            assert len(message.attachments) == 1


async def test_an_exception_in_a_listener_does_not_end_the_client(harness: Harness) -> None:
    class Clumsy(commands.Cog):
        @commands.Cog.listener()
        async def on_message(self, message: discord.Message) -> None:
            raise ZeroDivisionError(message.content)

    async with harness.running() as bot:
        await bot.add_cog(Clumsy())
        await harness.ada.send(harness.room, "hello")
        await harness.imagine()
        assert not bot.is_closed()


async def test_an_event_that_cannot_be_read_does_not_end_the_client(harness: Harness) -> None:
    async with harness.running() as bot:
        for event in ("MESSAGE_CREATE", "INTERACTION_CREATE", "GUILD_CREATE", "THREAD_UPDATE"):
            harness.discord.gateway.send(event, {"nonsense": True}, guild=harness.guild.guild)
        await harness.imagine()
        assert not bot.is_closed()


async def test_a_dropped_gateway_comes_back_and_the_job_goes_on(harness: Harness) -> None:
    async with harness.running():
        message = await harness.imagine()
        job = harness.script.only
        harness.discord.gateway.drop_connections()
        harness.script.say(job.id, Progress(fraction=0.5, node_title="KSampler", elapsed_seconds=5))
        await harness.room.wait_for_edit(message, lambda shown: "50 %" in shown.text())
        harness.script.finish(job.id, harness.picture())
        await harness.shown(job.id)
        await harness.discord.wait_until_bot_ready()
        await harness.imagine()
    assert len(message.attachments) == 1


async def test_nothing_pings_by_default(harness: Harness) -> None:
    async with harness.running():
        message = await harness.imagine(prompt=f"@everyone {harness.bob.mention}")
        harness.script.finish(harness.script.only.id, harness.picture())
        await harness.shown(harness.script.only.id)
    assert not message.pings
    for request in harness.discord.requests:
        mentions = (request.json.get("data") or request.json).get("allowed_mentions")
        assert mentions is None or mentions.get("parse") == []


@pytest.mark.setting("discord.progress_interval_seconds")
async def test_edits_keep_their_distance_and_the_result_waits_for_none(tmp_path: Path) -> None:
    interval = 2.5
    async with open_harness(tmp_path, progress_interval_seconds=interval) as harness, harness.running():
        message = await harness.imagine()
        job = harness.script.only
        for percent in (1, 2):
            update = Progress(fraction=percent / 100, node_title="KSampler", elapsed_seconds=percent)
            harness.script.say(job.id, update)
            await harness.room.wait_for_edit(message, lambda shown, percent=percent: f" {percent} %" in shown.text())
        harness.script.finish(job.id, harness.picture())
        await harness.shown(job.id)
        times = [edit.received_at for edit in harness.discord.requests_to("PATCH", "/channels/*/messages/*")]
    first, second, result = times
    assert second - first >= interval, "longer than the default"
    assert result - second < interval


async def test_the_queue_shows_what_waits_and_not_other_servers_people(harness: Harness) -> None:
    other = harness.discord.add_guild("Other")
    there = other.add_channel("studio")
    other.add_member(harness.bob)
    async with harness.running():
        await harness.imagine()
        await harness.imagine(harness.bob, there)
        answer = await harness.ada.slash(harness.room, "queue")
    text = answer.message.text()
    assert answer.message.ephemeral
    assert "for you" in text
    assert "somebody elsewhere" in text
    assert harness.bob.mention not in text
