"""Messages, files, reactions, webhooks, threads and DMs through discord.py."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import aiohttp
import discord
import pytest
from discord.http import Route

from sandbox.discord import NotAllowedError, Upload
from tests.sandbox.discord.checked_discord import CheckedDiscord
from tests.sandbox.discord.clients import Probe, running

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)


async def text_channel(client: Probe, channel_id: int) -> discord.TextChannel:
    found = client.get_channel(channel_id)
    assert isinstance(found, discord.TextChannel)
    return found


async def test_history_can_be_read_from_anywhere() -> None:
    async with CheckedDiscord() as local:
        guild = local.add_guild()
        lounge, ada = guild.add_channel("lounge"), guild.add_member("ada")
        async with running(local, Probe()) as client:
            channel = await text_channel(client, lounge.id)
            said = [await ada.send(lounge, str(n)) for n in range(7)]
            assert [m.content async for m in channel.history(limit=3)] == ["6", "5", "4"]
            assert [m.content async for m in channel.history(after=said[3])] == ["4", "5", "6"]
            assert [m.content async for m in channel.history(before=said[2])] == ["1", "0"]
            assert sorted([m.content async for m in channel.history(around=said[3], limit=3)]) == ["2", "3", "4"]
            ada_alone = await channel.fetch_message(said[0].id)
            assert ada_alone.author.name == "ada"


async def test_a_nonce_makes_sending_idempotent() -> None:
    async with CheckedDiscord() as local:
        guild = local.add_guild()
        lounge = guild.add_channel("lounge")
        async with running(local, Probe()) as client:
            channel = await text_channel(client, lounge.id)
            first = await channel.send("one", nonce="job-1")
            again = await channel.send("one", nonce="job-1")
            assert first.id == again.id
            assert len(lounge.messages) == 1
            local.clock.advance(3600)
            assert (await channel.send("one", nonce="job-1")).id != first.id


async def test_files_live_on_the_cdn_until_their_link_expires() -> None:
    async with CheckedDiscord() as local:
        guild = local.add_guild(attachment_limit=1000)
        lounge = guild.add_channel("lounge")
        async with running(local, Probe()) as client, aiohttp.ClientSession() as session:
            channel = await text_channel(client, lounge.id)
            sent = await channel.send(file=discord.File(io.BytesIO(PIXEL), "a picture.png", description="a dot"))
            file = sent.attachments[0]
            assert (file.filename, file.width, file.height, file.description) == ("a_picture.png", 1, 1, "a dot")
            assert await file.read() == PIXEL
            local.clock.advance(25 * 3600)
            async with session.get(file.url) as reply:
                assert reply.status == 404
            with pytest.raises(discord.HTTPException) as refusal:
                await channel.send(file=discord.File(io.BytesIO(b"x" * 1001), "big.bin"))
            assert (refusal.value.status, refusal.value.code) == (413, 40005)
            assert local.violations == []


async def test_an_edit_replaces_files_and_keeps_what_it_lists() -> None:
    async with CheckedDiscord() as local:
        guild = local.add_guild()
        lounge = guild.add_channel("lounge")
        async with running(local, Probe()) as client:
            channel = await text_channel(client, lounge.id)
            files = [discord.File(io.BytesIO(name.encode()), f"{name}.txt") for name in ("a", "b")]
            sent = await channel.send("files", files=files)
            kept = sent.attachments[1]
            await sent.edit(attachments=[kept, discord.File(io.BytesIO(b"c"), "c.txt")])
            message = local.messages[0]
            assert [file.filename for file in message.attachments] == ["b.txt", "c.txt"]
            await sent.edit(content="no files", attachments=[])
            assert message.attachments == []
            assert local.violations == []


async def test_a_file_shown_in_an_embed_is_not_listed_as_attachment() -> None:
    async with CheckedDiscord() as local:
        guild = local.add_guild()
        lounge = guild.add_channel("lounge")
        async with running(local, Probe()) as client:
            channel = await text_channel(client, lounge.id)
            embed = discord.Embed(title="picture").set_image(url="attachment://dot.png")
            sent = await channel.send(embed=embed, file=discord.File(io.BytesIO(PIXEL), "dot.png"))
            assert sent.attachments == []
            assert sent.embeds[0].image.url is not None
            assert sent.embeds[0].image.url.startswith(local.url + "/cdn/attachments/")
            await sent.edit(embed=None)
            assert [file.filename for file in (await channel.fetch_message(sent.id)).attachments] == ["dot.png"]


async def test_reactions_and_their_events() -> None:
    async with CheckedDiscord() as local:
        guild = local.add_guild()
        lounge, ada = guild.add_channel("lounge"), guild.add_member("ada")
        async with running(local, Probe()) as client:
            channel = await text_channel(client, lounge.id)
            sent = await channel.send("react to me")
            message = local.messages[0]
            await sent.add_reaction("🔁")
            await ada.add_reaction(message, "✉️")
            await local.wait_until(lambda: len(client.reactions) == 2)
            assert [(event.user_id, str(event.emoji)) for event in client.reactions] == [
                (local.bot.id, "🔁"),
                (ada.id, "✉️"),
            ]
            assert [(str(r.emoji), r.count, r.me) for r in (await channel.fetch_message(sent.id)).reactions] == [
                ("🔁", 1, True),
                ("✉️", 1, False),
            ]
            await ada.remove_reaction(message, "✉️")
            await sent.remove_reaction("🔁", local_me(client))
            assert message.reactions == []
            for number in range(20):
                await ada.add_reaction(message, chr(0x1F600 + number))
            with pytest.raises(discord.HTTPException) as refusal:
                await sent.add_reaction("🔁")
            assert refusal.value.code == 30010
            with pytest.raises(discord.HTTPException) as refusal:
                await sent.add_reaction("thumbsup")
            assert refusal.value.code == 10014


def local_me(client: Probe) -> discord.ClientUser:
    assert client.user is not None
    return client.user


async def test_webhook_messages_have_the_author_of_the_webhook() -> None:
    async with CheckedDiscord() as local:
        guild = local.add_guild()
        lounge, ada = guild.add_channel("lounge"), guild.add_member("ada")
        async with running(local, Probe()) as client, aiohttp.ClientSession() as session:
            channel = await text_channel(client, lounge.id)
            made = await channel.create_webhook(name="Nova", avatar=PIXEL)
            assert made.avatar is not None
            async with session.get(made.avatar.url) as reply:
                assert await reply.read() == PIXEL
            hook = discord.Webhook.partial(made.id, made.token or "", client=client)
            view = discord.ui.View()
            view.add_item(discord.ui.Button[Any](label="Again", custom_id="again"))
            sent = await hook.send("hello @everyone", wait=True, view=view)
            message = local.messages[0]
            assert (message.author.name, message.webhook_id, bool(message.pings)) == ("Nova", made.id, False)
            await hook.edit_message(sent.id, content="edited")
            assert message.content == "edited"
            thread = await ada.create_thread(lounge, "aside")
            inside = await hook.send("in the thread", wait=True, thread=discord.Object(thread.id))
            assert thread.messages[0].content == "in the thread"
            await hook.delete_message(inside.id, thread=discord.Object(thread.id))
            assert thread.messages == []
            assert [found.name for found in await channel.webhooks()] == ["Nova"]
            for number in range(14):
                await channel.create_webhook(name=f"Character {number}")
            with pytest.raises(discord.HTTPException) as refusal:
                await channel.create_webhook(name="one too many")
            assert refusal.value.code == 30007
            assert local.violations == []
            with pytest.raises(discord.HTTPException) as refusal:
                await made.edit(name="not discord")
            assert refusal.value.code == 50035
            with pytest.raises(discord.HTTPException) as refusal:
                await discord.Webhook.partial(made.id, "wrong", client=client).send("hello")
            assert refusal.value.code == 50027


async def test_direct_messages_and_users_who_refuse_them() -> None:
    async with CheckedDiscord() as local:
        guild = local.add_guild()
        ada, hermit = guild.add_member("ada"), local.add_user("hermit", accepts_dms=False)
        async with running(local, Probe()) as client:
            friend = await client.fetch_user(ada.id)
            await friend.send("a letter")
            assert ada.dm_channel.messages[0].content == "a letter"
            with pytest.raises(discord.Forbidden) as refusal:
                await (await client.fetch_user(hermit.id)).send("a letter")
            assert refusal.value.code == 50007
            assert local.violations == []


async def test_pings_are_the_mentions_that_are_allowed() -> None:
    async with CheckedDiscord() as local:
        guild = local.add_guild()
        lounge, ada, bob = guild.add_channel("lounge"), guild.add_member("ada"), guild.add_member("bob")
        role = guild.add_role("Painters", mentionable=True, to=[bob])
        async with running(local, Probe()) as client:
            channel = await text_channel(client, lounge.id)
            text = f"{ada.mention} {role.id} <@&{role.id}> @everyone `{bob.mention}`"
            everything = discord.AllowedMentions.all()
            await channel.send(text)
            await channel.send(text, allowed_mentions=discord.AllowedMentions(users=[discord.Object(ada.id)]))
            await channel.send(text, allowed_mentions=everything)
            guild.add_bot_permissions("mention_everyone")
            await channel.send(text, allowed_mentions=everything)
            silent, one, some, full = [message.pings for message in lounge.messages]
            assert not silent
            assert (one.users, one.roles) == ({ada.id}, set())
            assert (some.users, some.roles, some.everyone) == ({ada.id}, {role.id}, False)
            assert full.everyone
            assert ada.is_pinged_by(lounge.messages[1])
            assert bob.is_pinged_by(lounge.messages[2])
            said = await ada.send(lounge, "hello")
            reply = await channel.get_partial_message(said.id).reply("yes", mention_author=True)
            assert ada.is_pinged_by(lounge.messages[-1])
            await reply.edit(content=f"yes {bob.mention}", allowed_mentions=everything)
            assert not bob.is_pinged_by(lounge.messages[-1])


@pytest.mark.parametrize(
    ("denied", "files"), [(["send_messages"], False), (["attach_files"], True), (["view_channel"], False)]
)
async def test_the_bot_lacks_a_permission(denied: list[str], files: bool) -> None:
    async with CheckedDiscord() as local:
        guild = local.add_guild()
        lounge = guild.add_channel("lounge")
        async with running(local, Probe()) as client:
            channel = await text_channel(client, lounge.id)
            guild.remove_bot_permissions(*denied)
            with pytest.raises(discord.Forbidden) as refusal:
                await channel.send("hello", files=[discord.File(io.BytesIO(b"x"), "x.txt")] if files else [])
            assert refusal.value.code == (50001 if denied == ["view_channel"] else 50013)
            assert local.violations == []


async def test_users_need_permissions_too() -> None:
    async with CheckedDiscord() as local:
        guild = local.add_guild()
        lounge, ada, boss = (
            guild.add_channel("lounge"),
            guild.add_member("ada"),
            guild.add_member("boss", permissions=["manage_messages"]),
        )
        said = await ada.send(lounge, "mine", attachments=[Upload("x.txt", b"x")])
        lounge.set_permissions(ada, deny=["send_messages", "add_reactions"])
        with pytest.raises(NotAllowedError):
            await ada.send(lounge, "more")
        with pytest.raises(NotAllowedError):
            await ada.add_reaction(said, "🔁")
        with pytest.raises(NotAllowedError):
            await boss.edit(said, "changed")
        await boss.delete(said)
        assert said.deleted


def voice_form(channel: int, *, flags: int = 8192, content: str = "", kind: str = "audio/ogg", **meta: Any) -> Any:
    payload = {
        "flags": flags,
        "attachments": [{"id": "0", "filename": "voice-message.ogg", **meta}],
    } | ({"content": content} if content else {})
    form = [
        {"name": "payload_json", "value": json.dumps(payload)},
        {"name": "files[0]", "value": b"OggS", "filename": "voice-message.ogg", "content_type": kind},
    ]
    return Route("POST", "/channels/{channel_id}/messages", channel_id=channel), form


WAVE: dict[str, Any] = {"duration_secs": 1.5, "waveform": base64.b64encode(bytes(range(50))).decode()}


async def test_a_voice_message_obeys_its_rules() -> None:
    async with CheckedDiscord() as local:
        guild = local.add_guild()
        lounge = guild.add_channel("lounge")
        async with running(local, Probe()) as client:
            route, form = voice_form(lounge.id, **WAVE)
            sent = await client.http.request(route, form=form)
            message = lounge.messages[0]
            assert (message.is_voice, message.attachments[0].duration_secs) == (True, 1.5)
            assert sent["attachments"][0]["waveform"] == WAVE["waveform"]
            broken: dict[int, dict[str, Any]] = {
                50159: {"content": "listen"},
                50160: {"kind": "application/octet-stream"},
                50161: {"waveform": None},
            }
            for code, changes in broken.items():
                route, form = voice_form(lounge.id, **(WAVE | changes))
                with pytest.raises(discord.HTTPException) as refusal:
                    await client.http.request(route, form=form)
                assert refusal.value.code == code
            assert [violation.code for violation in local.violations] == [50159, 50160, 50161]
            with pytest.raises(discord.HTTPException) as refusal:
                await client.get_partial_messageable(lounge.id).get_partial_message(message.id).edit(content="x")
            assert refusal.value.code == 50162
            guild.remove_bot_permissions("send_voice_messages")
            route, form = voice_form(lounge.id, **WAVE)
            with pytest.raises(discord.Forbidden) as refusal:
                await client.http.request(route, form=form)
            assert refusal.value.code == 50173
