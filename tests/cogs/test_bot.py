"""The client itself: what it serves, what it tells Discord, what does not end it."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any, cast

import discord
import pytest
from discord.ext import commands

from bot.domain.job_updates import Progress
from bot.policy import Policy
from tests.cogs.stage import Stage, staged

SYNCS = ("PUT", "/applications/*/commands")
GUILD_SYNCS = ("PUT", "/applications/*/guilds/*/commands")


async def test_commands_are_sent_once_and_again_when_they_change(stage: Stage) -> None:
    async with stage.running():
        assert {command.name for command in stage.discord.commands} >= {"imagine", "queue"}
    async with stage.running():
        assert len(stage.discord.requests_to(*SYNCS)) == 1
    async with stage.running() as bot:
        bot.tree.add_command(a_command())
        from bot.discord_client.command_sync import CommandSync  # noqa: PLC0415

        await CommandSync(bot, bot.services.settings).run()
    assert len(stage.discord.requests_to(*SYNCS)) == 2


def a_command() -> Any:
    @discord.app_commands.command(name="another", description="One more")
    async def another(interaction: discord.Interaction[discord.Client]) -> None:
        await interaction.response.send_message("hello")

    return cast("Any", another)


@pytest.mark.setting("discord.guild_ids")
async def test_named_guilds_get_their_own_commands_and_others_are_not_served(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        elsewhere = stage.discord.add_guild("Elsewhere")
        settings = stage.settings
        chosen = settings.discord.model_copy(update={"guild_ids": (stage.guild.id,)})
        stage.settings = settings.model_copy(update={"discord": chosen})
        async with stage.running():
            (sync,) = stage.discord.requests_to(*GUILD_SYNCS)
            assert f"/guilds/{stage.guild.id}/" in sync.path
            assert stage.discord.requests_to(*SYNCS) == []
            assert {command.guild_id for command in stage.discord.commands} == {stage.guild.id}
            assert elsewhere.id not in {command.guild_id for command in stage.discord.commands}


async def test_when_guild_ids_change_nobody_is_offered_a_command_twice(stage: Stage) -> None:
    everywhere = stage.settings
    named = everywhere.discord.model_copy(update={"guild_ids": (stage.guild.id,)})
    for settings, place in (
        (everywhere, None),
        (everywhere.model_copy(update={"discord": named}), stage.guild.id),
        (everywhere, None),
    ):
        stage.settings = settings
        async with stage.running():
            assert {command.guild_id for command in stage.discord.commands} == {place}


async def test_in_a_server_that_is_not_served_a_command_is_told_so(stage: Stage) -> None:
    async with stage.running() as bot:
        object.__setattr__(bot.services, "policy", Policy(guild_ids=(1,)))
        answer = await stage.ada.slash(stage.room, "imagine", prompt="x")
    assert answer.message.ephemeral
    assert "do not serve this server" in answer.message.text()
    assert stage.script.jobs == {}


@pytest.mark.parametrize("allowed", [True, False])
async def test_direct_messages_are_for_those_who_allow_them(tmp_path: Path, allowed: bool) -> None:
    async with staged(tmp_path, allow_dms=allowed) as stage, stage.running():
        (sync,) = stage.discord.requests_to(*SYNCS)
        contexts = {tuple(command["contexts"]) for command in sync.body or [] if isinstance(command, dict)}
        assert contexts == {(0, 1) if allowed else (0,)}
        if allowed:
            room = stage.ada.dm_channel
            message = await stage.imagine(room=room)
            stage.script.finish(stage.script.only.id, stage.picture())
            await stage.shown(stage.script.only.id)
            assert len(message.attachments) == 1


async def test_an_exception_in_a_listener_does_not_end_the_client(stage: Stage) -> None:
    class Clumsy(commands.Cog):
        @commands.Cog.listener()
        async def on_message(self, message: discord.Message) -> None:
            raise ZeroDivisionError(message.content)

    async with stage.running() as bot:
        await bot.add_cog(Clumsy())
        await stage.ada.send(stage.room, "hello")
        await stage.imagine()
        assert not bot.is_closed()


async def test_an_event_that_cannot_be_read_does_not_end_the_client(stage: Stage) -> None:
    async with stage.running() as bot:
        for event in ("MESSAGE_CREATE", "INTERACTION_CREATE", "GUILD_CREATE", "THREAD_UPDATE"):
            stage.discord.gateway.send(event, {"nonsense": True}, guild=stage.guild.guild)
        await stage.imagine()
        assert not bot.is_closed()


async def test_a_dropped_gateway_comes_back_and_the_job_goes_on(stage: Stage) -> None:
    async with stage.running():
        message = await stage.imagine()
        job = stage.script.only
        stage.discord.gateway.drop_connections()
        stage.script.say(job.id, Progress(fraction=0.5, node_title="KSampler", elapsed_seconds=5))
        await stage.room.wait_for_edit(message, lambda shown: "50 %" in shown.text())
        stage.script.finish(job.id, stage.picture())
        await stage.shown(job.id)
        await stage.discord.wait_until_bot_ready()
        await stage.imagine()
    assert len(message.attachments) == 1


async def test_nothing_pings_by_default(stage: Stage) -> None:
    async with stage.running():
        message = await stage.imagine(prompt=f"@everyone {stage.bob.mention}")
        stage.script.finish(stage.script.only.id, stage.picture())
        await stage.shown(stage.script.only.id)
    assert not message.pings
    for request in stage.discord.requests:
        mentions = (request.json.get("data") or request.json).get("allowed_mentions")
        assert mentions is None or mentions.get("parse") == []


@pytest.mark.setting("discord.progress_interval_seconds")
async def test_edits_keep_their_distance_up_to_the_result(tmp_path: Path) -> None:
    interval = 0.25
    async with staged(tmp_path, progress_interval_seconds=interval) as stage, stage.running():
        message = await stage.imagine()
        job = stage.script.only
        for percent in (1, 2, 3):
            update = Progress(fraction=percent / 100, node_title="KSampler", elapsed_seconds=percent)
            stage.script.say(job.id, update)
            await stage.room.wait_for_edit(message, lambda shown, percent=percent: f" {percent} %" in shown.text())
        stage.script.finish(job.id, stage.picture())
        await stage.shown(job.id)
        times = [edit.received_at for edit in stage.discord.requests_to("PATCH", "/channels/*/messages/*")]
        assert len(times) == 4
        assert all(after - before >= interval for before, after in itertools.pairwise(times))
        assert times[-1] - times[0] < 3 * 1.5, "the default interval would have taken this long at least"


async def test_the_queue_shows_what_waits_and_not_other_servers_people(stage: Stage) -> None:
    other = stage.discord.add_guild("Other")
    there = other.add_channel("studio")
    other.add_member(stage.bob)
    async with stage.running():
        await stage.imagine()
        await stage.imagine(stage.bob, there)
        answer = await stage.ada.slash(stage.room, "queue")
    text = answer.message.text()
    assert answer.message.ephemeral
    assert "for you" in text
    assert "somebody elsewhere" in text
    assert stage.bob.mention not in text
