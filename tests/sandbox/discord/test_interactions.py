"""Components, modals, context menus, deferrals, deadlines and tokens."""

from __future__ import annotations

import asyncio
import re
from typing import Any, Self

import aiohttp
import discord
import pytest
from discord import app_commands
from discord.http import Route

from sandbox.discord import Limits, NoResponseError, NotOfferedError, Upload
from tests.sandbox.discord.checked_discord import CheckedDiscord
from tests.sandbox.discord.clients import Probe, running


class Counter(discord.ui.DynamicItem[discord.ui.Button[Any]], template=r"count:(?P<n>\d+)"):
    def __init__(self, number: int) -> None:
        super().__init__(discord.ui.Button(label=f"Count {number}", custom_id=f"count:{number}"))
        self.number = number

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction, item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        return cls(int(match["n"]))

    async def callback(self, interaction: discord.Interaction) -> None:
        view = discord.ui.View(timeout=None)
        view.add_item(Counter(self.number + 1))
        await interaction.response.edit_message(content=f"counted {self.number}", view=view)


class Counting(Probe):
    def __init__(self) -> None:
        super().__init__()
        self.add_dynamic_items(Counter)

        @self.tree.command(name="count", description="Start counting")
        async def count(interaction: discord.Interaction) -> None:
            view = discord.ui.View(timeout=None)
            view.add_item(Counter(1))
            await interaction.response.send_message("counted 0", view=view)

        assert self.tree.get_command("count") is count


async def test_a_button_works_after_the_bot_was_restarted() -> None:
    async with CheckedDiscord() as local:
        guild = local.add_guild()
        channel, ada, bob = guild.add_channel("studio"), guild.add_member("ada"), guild.add_member("bob")
        async with running(local, Counting(), sync=True):
            answer = await ada.slash(channel, "count")
            message = answer.message
            await ada.press(message, "Count 1")
            assert message.content == "counted 1"
        await local.wait_until_bot_disconnected()
        gone = await bob.press(message, "count:2", wait=False)
        with pytest.raises(NoResponseError):
            await gone.wait_for_response(timeout=0.05)
        assert gone.failed
        async with running(local, Counting()):
            pressed = await bob.press(message, "count:2")
            assert pressed.response.type == 7
            assert message.content == "counted 2"
            with pytest.raises(NotOfferedError, match="has no 'Count 2'"):
                await ada.press(message, "Count 2")
        assert local.violations == []


class Form(discord.ui.Modal, title="Remix"):
    positive = discord.ui.TextInput[Any](label="Prompt", default="a lighthouse", max_length=200)
    note = discord.ui.TextInput[Any](label="Note", required=False)

    async def on_submit(self, interaction: discord.Interaction) -> None:
        await interaction.response.send_message(f"{self.positive.value}|{self.note.value}")


class Labelled(discord.ui.Modal, title="Sample"):
    choice = discord.ui.Label[Any](
        text="Voice",
        component=discord.ui.Select(options=[discord.SelectOption(label="Low", value="low")]),
    )
    file = discord.ui.Label[Any](text="File", component=discord.ui.FileUpload())

    async def on_submit(self, interaction: discord.Interaction) -> None:
        assert isinstance(self.choice.component, discord.ui.Select)
        assert isinstance(self.file.component, discord.ui.FileUpload)
        data = await self.file.component.values[0].read()
        await interaction.response.send_message(f"{self.choice.component.values[0]} {data!r}")


async def test_modals_of_both_kinds_are_filled_in() -> None:
    client = Probe()

    @client.tree.command(name="remix", description="Change it")
    async def remix(interaction: discord.Interaction) -> None:
        await interaction.response.send_modal(Form())

    @client.tree.command(name="sample", description="Add a sample")
    async def sample(interaction: discord.Interaction) -> None:
        await interaction.response.send_modal(Labelled())

    async with CheckedDiscord() as local:
        guild = local.add_guild()
        channel, ada = guild.add_channel("studio"), guild.add_member("ada")
        async with running(local, client, sync=True):
            opened = await ada.slash(channel, "remix")
            assert opened.modal["title"] == "Remix"
            sent = await ada.submit_modal(opened, {"Note": "dusk"})
            assert sent.message.content == "a lighthouse|dusk"
            with pytest.raises(NotOfferedError, match="1 to 200"):
                await ada.submit_modal(opened, {"Prompt": "x" * 201})
            opened = await ada.slash(channel, "sample")
            sent = await ada.submit_modal(opened, {"Voice": ["Low"], "File": [Upload("a.wav", b"RIFF")]})
            assert sent.message.content == "low b'RIFF'"
            with pytest.raises(NotOfferedError, match="1 to 1 values"):
                await ada.submit_modal(opened, {"File": [Upload("a.wav", b"RIFF")]})
        assert local.violations == []


async def test_options_of_every_type_arrive() -> None:
    client = Probe()
    group = app_commands.Group(name="voice", description="Voices")
    inner = app_commands.Group(name="sample", description="Samples", parent=group)

    @inner.command(name="add", description="Add one")
    async def add(  # noqa: PLR0917 - discord.py reads the options from the signature
        interaction: discord.Interaction,
        file: discord.Attachment,
        who: discord.Member,
        where: discord.TextChannel,
        role: discord.Role,
        loud: bool,
        gain: app_commands.Range[float, 0.0, 2.0],
        take: app_commands.Range[int, 1, 9],
    ) -> None:
        data = await file.read()
        parts = (data.decode(), who.name, where.name, role.name, loud, gain, take, interaction.filesize_limit)
        await interaction.response.send_message("|".join(map(str, parts)))

    client.tree.add_command(group)
    async with CheckedDiscord() as local:
        guild = local.add_guild(attachment_limit=5_000_000)
        channel, ada = guild.add_channel("studio"), guild.add_member("ada")
        role = guild.add_role("Painters", to=[ada])
        async with running(local, client, sync=True):
            sample = Upload("my voice.wav", b"RIFF...", "audio/wav")
            answer = await ada.slash(
                channel, "voice sample add", file=sample, who=ada, where=channel, role=role, loud=True, gain=0.5, take=3
            )
            assert answer.message.content == "RIFF...|ada|studio|Painters|True|0.5|3|5000000"
            with pytest.raises(NotOfferedError, match="needs"):
                await ada.slash(channel, "voice sample add", take=3)
            with pytest.raises(NotOfferedError, match="1 to 9"):
                await ada.slash(
                    channel,
                    "voice sample add",
                    file=sample,
                    who=ada,
                    where=channel,
                    role=role,
                    loud=True,
                    gain=1.0,
                    take=10,
                )
            with pytest.raises(NotOfferedError, match="needs a subcommand"):
                await ada.slash(channel, "voice")
            with pytest.raises(NotOfferedError, match="there are: voice"):
                await ada.slash(channel, "imagine")
        assert local.violations == []


async def test_a_context_menu_gets_its_message_with_content() -> None:
    intents = discord.Intents.all()
    intents.message_content = False
    client = Probe(intents)

    @client.tree.context_menu(name="Speak")
    async def speak(interaction: discord.Interaction, message: discord.Message) -> None:
        await interaction.response.send_message(f"> {message.content}")

    async with CheckedDiscord() as local:
        guild = local.add_guild()
        channel, ada = guild.add_channel("studio"), guild.add_member("ada")
        async with running(local, client, sync=True):
            said = await ada.send(channel, "read me")
            answer = await ada.context_menu(said, "Speak")
            assert answer.message.content == "> read me"
        assert local.violations == []


async def test_select_menus_give_their_values() -> None:
    class Menu(discord.ui.View):
        @discord.ui.select(placeholder="Workflow", options=[discord.SelectOption(label="Poster", value="poster")])
        async def choose(self, interaction: discord.Interaction, select: discord.ui.Select[Any]) -> None:
            await interaction.response.edit_message(content=select.values[0], view=None)

        @discord.ui.select(cls=discord.ui.UserSelect, placeholder="Who")
        async def who(self, interaction: discord.Interaction, select: discord.ui.UserSelect[Any]) -> None:
            await interaction.response.send_message(select.values[0].name, ephemeral=True)

    client = Probe()

    @client.tree.command(name="menu", description="Choose")
    async def menu(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("choose", view=Menu())

    async with CheckedDiscord() as local:
        guild = local.add_guild()
        channel, ada, bob = guild.add_channel("studio"), guild.add_member("ada"), guild.add_member("bob")
        async with running(local, client, sync=True):
            answer = await ada.slash(channel, "menu")
            ephemeral = await ada.select(answer.message, "Who", bob)
            assert ephemeral.message.content == "bob"
            await ada.select(answer.message, "Workflow", "Poster")
            assert answer.message.content == "poster"
            assert answer.message.components == []
        assert local.violations == []


async def test_a_deferred_answer_thinks_then_comes_as_a_followup() -> None:
    client = Probe()
    go = asyncio.Event()

    @client.tree.command(name="slow", description="Slowly")
    async def slow(interaction: discord.Interaction) -> None:
        await interaction.response.defer(thinking=True)
        await go.wait()
        await interaction.followup.send("here")
        await interaction.followup.send("and more")

    async with CheckedDiscord() as local:
        guild = local.add_guild()
        channel, ada = guild.add_channel("studio"), guild.add_member("ada")
        async with running(local, client, sync=True):
            answer = await ada.slash(channel, "slow")
            assert answer.message.loading
            go.set()
            assert (await answer.wait_for_message()).content == "here"
            more = await answer.wait_for_message(lambda message: message.content == "and more")
            assert more.reply_to is answer.message
            assert [message.content for message in channel.messages] == ["here", "and more"]
        assert local.violations == []


async def test_a_late_acknowledgement_is_unknown_and_a_second_one_refused() -> None:
    client = Probe()
    codes: list[int] = []
    go = asyncio.Event()

    @client.tree.command(name="late", description="Late")
    async def late(interaction: discord.Interaction) -> None:
        await go.wait()
        try:
            await interaction.response.send_message("too late")
        except discord.NotFound as gone:
            codes.append(gone.code)

    @client.tree.command(name="twice", description="Twice")
    async def twice(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("once")
        url = f"{Route.BASE}/interactions/{interaction.id}/{interaction.token}/callback"
        body = {"type": 4, "data": {"content": "twice"}}
        async with aiohttp.ClientSession() as session, session.post(url, json=body) as reply:
            codes.append((await reply.json())["code"])
        await interaction.followup.send("done")

    async with CheckedDiscord(limits=Limits(callback_seconds=0.2)) as local:
        guild = local.add_guild()
        channel, ada = guild.add_channel("studio"), guild.add_member("ada")
        async with running(local, client, sync=True):
            answer = await ada.slash(channel, "late")
            assert answer.failed
            go.set()
            await local.wait_until(lambda: codes == [10062])
            answer = await ada.slash(channel, "twice")
            await answer.wait_for_message(lambda message: message.content == "done")
            assert codes == [10062, 40060]


async def test_a_token_expires_after_fifteen_minutes_but_the_message_can_be_edited() -> None:
    client = Probe()
    kept: list[discord.Interaction] = []

    @client.tree.command(name="hold", description="Hold")
    async def hold(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("first")
        kept.append(interaction)

    async with CheckedDiscord() as local:
        guild = local.add_guild()
        channel, ada = guild.add_channel("studio"), guild.add_member("ada")
        async with running(local, client, sync=True):
            answer = await ada.slash(channel, "hold")
            await local.wait_until(lambda: kept)
            local.clock.advance(901)
            with pytest.raises(discord.HTTPException) as refusal:
                await kept[0].edit_original_response(content="second")
            assert (refusal.value.status, refusal.value.code) == (401, 50027)
            await (
                client.get_partial_messageable(channel.id).get_partial_message(answer.message.id).edit(content="third")
            )
            assert answer.message.content == "third"


async def test_where_the_bot_is_no_member_only_the_token_serves() -> None:
    client = Probe()

    @client.tree.command(name="hello", description="Hello")
    @app_commands.allowed_installs(guilds=True, users=True)
    async def hello(interaction: discord.Interaction) -> None:
        permissions = interaction.app_permissions
        await interaction.response.send_message(f"{permissions.send_messages} {permissions.attach_files}")
        await interaction.edit_original_response(content="edited through the token")

    async with CheckedDiscord() as local:
        guild = local.add_guild(with_bot=False)
        channel, ada = guild.add_channel("studio"), guild.add_member("ada")
        async with running(local, client, sync=True):
            answer = await ada.slash(channel, "hello")
            await channel.wait_for_edit(answer.message, lambda message: message.content.startswith("edited"))
            assert answer.message.versions[0]["content"] == "False True"
            with pytest.raises(discord.Forbidden):
                await client.get_partial_messageable(channel.id).send("hello")


async def test_commands_are_offered_to_those_who_may() -> None:
    client = Probe()

    @client.tree.command(name="admin", description="Admin")
    @app_commands.default_permissions(manage_guild=True)
    @app_commands.guild_only()
    async def admin(interaction: discord.Interaction) -> None:
        await interaction.response.send_message(str(interaction.permissions.manage_guild), ephemeral=True)

    async with CheckedDiscord() as local:
        guild = local.add_guild()
        channel, ada = guild.add_channel("studio"), guild.add_member("ada")
        boss = guild.add_member("boss", permissions=["manage_guild"])
        async with running(local, client, sync=True):
            with pytest.raises(NotOfferedError, match="lacks"):
                await ada.slash(channel, "admin")
            with pytest.raises(NotOfferedError, match="kind of channel"):
                await boss.slash(boss.dm_channel, "admin")
            assert (await boss.slash(channel, "admin")).message.content == "True"


async def test_commands_work_in_direct_messages() -> None:
    client = Probe()

    @client.tree.command(name="hello", description="Hello")
    async def hello(interaction: discord.Interaction) -> None:
        await interaction.response.send_message(
            f"{interaction.guild} {interaction.user.name} {interaction.filesize_limit}"
        )

    async with CheckedDiscord() as local:
        local.add_guild()
        ada = local.add_user("ada")
        async with running(local, client, sync=True):
            answer = await ada.slash(ada.dm_channel, "hello")
            assert answer.message.content == "None ada 10485760"
            assert ada.dm_channel.messages == [answer.message]
        assert local.violations == []
