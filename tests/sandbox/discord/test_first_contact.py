"""discord.py logs in, receives messages and responds to commands."""

from __future__ import annotations

import io

import discord
import pytest
from discord import app_commands

from sandbox.discord import Choice, Upload
from tests.sandbox.discord.checked_discord import CheckedDiscord
from tests.sandbox.discord.clients import Probe, running


async def test_the_bot_logs_in_and_sees_its_guild() -> None:
    async with CheckedDiscord() as local:
        guild = local.add_guild("Harbour")
        channel = guild.add_channel("studio", nsfw=True)
        ada = guild.add_member("ada")
        async with running(local, Probe()) as client:
            assert client.user is not None
            assert client.user.id == local.bot.id
            found = client.get_guild(guild.id)
            assert found is not None
            assert [entry.name for entry in found.text_channels] == ["studio"]
            assert found.text_channels[0].id == channel.id
            assert found.text_channels[0].is_nsfw()
            assert {member.id for member in found.members} >= {ada.id, local.bot.id}
            assert found.me.guild_permissions.manage_webhooks
        assert local.violations == []


async def test_a_slash_command_makes_a_round_trip() -> None:
    client = Probe()

    @client.tree.command(name="imagine", description="Draw")
    @app_commands.describe(prompt="What to draw")
    async def imagine(interaction: discord.Interaction, prompt: str, seed: int | None = None) -> None:
        await interaction.response.send_message(f"drawing {prompt} with {seed}")
        message = await interaction.original_response()
        picture = discord.File(io.BytesIO(b"\x89PNG not really"), "result.png")
        channel = client.get_partial_messageable(message.channel.id)
        await channel.get_partial_message(message.id).edit(content="done", attachments=[picture])
        await interaction.followup.send("only for you", ephemeral=True)

    async with CheckedDiscord() as local:
        guild = local.add_guild()
        channel, ada, bob = guild.add_channel("studio"), guild.add_member("ada"), guild.add_member("bob")
        async with running(local, client, sync=True):
            answer = await ada.slash(channel, "imagine", prompt="a lighthouse", seed=7)
            assert answer.response.type == 4
            message = await channel.wait_for_edit(answer.message, lambda entry: entry.content == "done")
            assert message.versions[0]["content"] == "drawing a lighthouse with 7"
            assert message.attachments[0].data == b"\x89PNG not really"
            assert message.interaction_metadata is not None
            assert message.interaction_metadata["id"] == str(answer.id)
            ephemeral = await answer.wait_for_message(lambda entry: entry.ephemeral)
            assert ada.can_see(ephemeral)
            assert not bob.can_see(ephemeral)
            assert ephemeral not in channel.messages
        assert local.violations == []


async def test_autocomplete_is_answered() -> None:
    client = Probe()

    @client.tree.command(name="draw", description="Draw")
    async def draw(interaction: discord.Interaction, workflow: str) -> None:
        await interaction.response.send_message(workflow)

    @draw.autocomplete("workflow")
    async def suggest(interaction: discord.Interaction, current: str) -> list[app_commands.Choice[str]]:
        names = ["default", "portrait", "poster"]
        return [app_commands.Choice(name=name, value=name) for name in names if name.startswith(current)]

    async with CheckedDiscord() as local:
        guild = local.add_guild()
        channel, ada = guild.add_channel("studio"), guild.add_member("ada")
        async with running(local, client, sync=True):
            found = await ada.autocomplete(channel, "draw", "workflow", "po")
            assert found == [Choice("portrait", "portrait"), Choice("poster", "poster")]
        assert local.violations == []


async def test_the_bot_receives_messages_and_replies() -> None:
    class Parrot(Probe):
        async def on_message(self, message: discord.Message) -> None:
            await super().on_message(message)
            if message.author != self.user and self.user in message.mentions:
                await message.reply(f"{message.content} @everyone {message.author.mention}")

    async with CheckedDiscord() as local:
        guild = local.add_guild()
        channel, ada = guild.add_channel("lounge"), guild.add_member("ada")
        async with running(local, Parrot()) as client:
            picture = Upload("cat.png", b"miau", "image/png")
            said = await ada.send(channel, f"hello {local.bot.mention}", attachments=[picture])
            reply = await channel.wait_for_message(lambda entry: entry.reply_to is said)
            assert not reply.pings
            heard = client.heard[0]
            assert await heard.attachments[0].read() == b"miau"
            assert isinstance(heard.author, discord.Member)
            assert heard.author.id == ada.id
        assert local.violations == []


async def test_a_wrong_token_is_refused() -> None:
    async with CheckedDiscord(token="right") as local:
        with pytest.raises(discord.LoginFailure):
            async with running(local, Probe(), token="wrong"):
                pass
        assert [entry.status for entry in local.requests] == [401]
